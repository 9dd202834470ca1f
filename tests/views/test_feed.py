from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import perf_counter
from unittest.mock import patch

import pytest
import time_machine
from django.test import Client
from icalendar import Calendar
from pytest_django.fixtures import DjangoAssertNumQueries

from scheduling.access import SYSTEM
from scheduling.core.words import LinkPurpose, Role
from scheduling.models import AccessLink, Appointment, Location, Patient, Series
from scheduling.services.appointments import Canceller, cancel_appointment, move_appointment
from scheduling.services.booking import BookedPlace
from scheduling.services.links import feed_url, link_for, revoke_link, rotate_link, token
from tests.factories import NOW, actor, book_one_course, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def series() -> Series:
    return book_one_course()


@pytest.fixture
def link(series: Series) -> AccessLink:
    return link_for(by=SYSTEM, now=NOW, patient=series.patient, purpose=LinkPurpose.FEED)


@pytest.fixture(autouse=True)
def _at_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def address(link: AccessLink) -> str:
    return f"/feed/{token(link)}.ics"


def test_the_feed_is_a_calendar_whatever_the_client_accepts(link: AccessLink, client: Client) -> None:
    for accept in ("*/*", "text/calendar", "application/json", "image/png;q=0.1"):
        answer = client.get(address(link), headers={"accept": accept})
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/calendar; charset=utf-8"
        assert answer["Content-Disposition"] == 'inline; filename="appointments.ics"'
        assert answer["Cache-Control"] == "private, no-cache"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert not answer.cookies
    calendar = Calendar.from_ical(answer.content)
    assert "UID" not in calendar
    assert "METHOD" not in calendar
    assert calendar["X-WR-CALNAME"] == "Appointments"
    events = calendar.events
    assert len(events) == 6
    assert b"VALARM" not in answer.content
    assert "Changes may take up to a day" in str(events[0]["DESCRIPTION"])
    assert "Tuesday, January 6, 2026, 9 a.m. to 11 a.m. (New York, UTC-5)" in str(events[0]["DESCRIPTION"])


def test_the_address_ends_in_ics_and_is_built_from_the_configured_one(link: AccessLink) -> None:
    assert feed_url(link) == f"http://127.0.0.1:8000/feed/{token(link)}.ics"


def test_the_same_state_gives_the_same_bytes_and_etag_at_any_time(link: AccessLink, client: Client) -> None:
    first = client.get(address(link))
    with time_machine.travel(NOW + timedelta(days=3), tick=False):
        second = client.get(address(link))
    assert (first.content, first["ETag"]) == (second.content, second["ETag"])


def test_an_unchanged_feed_is_304_without_building(link: AccessLink, client: Client) -> None:
    etag = client.get(address(link))["ETag"]
    with patch("scheduling.views.calendar_files.feed_file") as build:
        answer = client.get(address(link), headers={"if-none-match": etag})
        head = client.head(address(link), headers={"if-none-match": f'"other", {etag}'})
    assert (answer.status_code, head.status_code) == (304, 304)
    assert answer.content == b""
    assert answer["ETag"] == etag
    build.assert_not_called()


def test_a_304_is_quick(link: AccessLink, client: Client) -> None:
    etag = client.get(address(link))["ETag"]
    tries = []
    for _ in range(20):
        start = perf_counter()
        client.get(address(link), headers={"if-none-match": etag})
        tries.append(perf_counter() - start)
    assert min(tries) < 0.02


def test_any_change_changes_bytes_and_etag(link: AccessLink, series: Series, client: Client) -> None:
    seen = set()

    def look() -> None:
        answer = client.get(address(link))
        seen.add((answer["ETag"], answer.content))
        again = client.get(address(link), headers={"if-none-match": answer["ETag"]})
        assert again.status_code == 304

    look()
    visit, second = series.appointments.all()[:2]
    by = actor(make_staff(Role.FRONT_DESK))
    later = BookedPlace(visit.starts_at + timedelta(hours=1), visit.chair_id, visit.nurse_id)
    # Both at the very moment of booking: SEQUENCE alone tells them apart.
    move_appointment(by=by, now=NOW, appointment=visit, place=later)
    look()
    cancel_appointment(by=by, now=NOW, appointment=second, canceller=Canceller.CLINIC)
    look()
    Location.objects.update(calendar_label="Lakeside Clinic")
    look()
    Location.objects.update(address="2 Made-up Street")
    look()
    Location.objects.update(phone="+12125550199")
    look()
    Patient.objects.update(language="es")
    look()
    assert len({etag for etag, _ in seen}) == len({content for _, content in seen}) == 7


def test_a_moved_visit_keeps_its_uid_and_raises_its_sequence(
    link: AccessLink, series: Series, client: Client
) -> None:
    visit = series.appointments.all()[0]
    place = BookedPlace(visit.starts_at + timedelta(hours=1), visit.chair_id, visit.nurse_id)
    moment = NOW + timedelta(minutes=5)
    move_appointment(by=actor(make_staff(Role.FRONT_DESK)), now=moment, appointment=visit, place=place)
    event = Calendar.from_ical(client.get(address(link)).content).events[0]
    assert (event.uid, event.sequence) == (visit.uid, 1)
    assert event.DTSTAMP == event.LAST_MODIFIED == moment
    assert event.start == place.starts_at


def test_a_cancelled_visit_stays_in_the_feed_as_cancelled(
    link: AccessLink, series: Series, client: Client
) -> None:
    visit = series.appointments.all()[0]
    by = actor(make_staff(Role.FRONT_DESK))
    cancel_appointment(by=by, now=NOW, appointment=visit, canceller=Canceller.CLINIC)
    event = Calendar.from_ical(client.get(address(link)).content).events[0]
    assert event["STATUS"] == "CANCELLED"
    assert event["SUMMARY"] == "Cancelled: appointment – Riverside Clinic"
    assert event.sequence == 1


@pytest.mark.parametrize("method", ["put", "post", "delete", "patch", "options"])
def test_a_calendar_that_tries_to_write_is_told_405(link: AccessLink, method: str) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = getattr(client, method)(address(link))
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"


def test_rotated_revoked_expired_and_made_up_feeds_are_404(link: AccessLink, client: Client) -> None:
    by = actor(make_staff(Role.NURSE))
    old = address(link)
    rotate_link(by=by, now=NOW, link=link)
    assert client.get(old).status_code == 404
    assert client.get(address(link)).status_code == 200
    with time_machine.travel(NOW + timedelta(days=400), tick=False):
        assert client.get(address(link)).status_code == 404
    revoke_link(by=by, now=NOW, link=link)
    assert client.get(address(link)).status_code == 404
    assert client.get("/feed/rubbish.ics").status_code == 404
    visits = AccessLink.objects.get(patient=link.patient, purpose=LinkPurpose.VISITS)
    assert client.get(address(visits)).status_code == 404


def test_polling_writes_no_row(
    link: AccessLink, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    etag = client.get(address(link))["ETag"]
    with django_assert_num_queries(2) as asked:
        client.get(address(link), headers={"if-none-match": etag})
    with django_assert_num_queries(5) as built:
        client.get(address(link))
    assert all(query["sql"].startswith("SELECT") for query in (*asked, *built))


def test_page_feed_and_wall_time_agree_over_a_clock_change(client: Client) -> None:
    # New York sets its clocks forward on 2026-03-08.
    starts = [datetime(2026, 3, 6, 14, tzinfo=UTC), datetime(2026, 3, 10, 13, tzinfo=UTC)]
    series = book_one_course(starts=starts)
    link = link_for(by=SYSTEM, now=NOW, patient=series.patient, purpose=LinkPurpose.FEED)
    events = Calendar.from_ical(client.get(address(link)).content).events
    assert [event.start for event in events] == starts
    assert ["9 a.m. to 11 a.m." in str(event["DESCRIPTION"]) for event in events] == [True, True]
    assert [visit.local_time.hour for visit in Appointment.objects.filter(series=series)] == [9, 9]
    assert "UTC-5" in str(events[0]["DESCRIPTION"])
    assert "UTC-4" in str(events[1]["DESCRIPTION"])
