"""Every kind of bad input that the issue lists, once, through the page: a clear answer, and nothing changed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from scheduling.access import SYSTEM
from scheduling.core.timeline import to_step
from scheduling.core.words import LinkPurpose, Role
from scheduling.models import Appointment, Chair, Order, Patient
from scheduling.services.links import link_for, token
from scheduling.services.proposals import signed, unsigned
from tests.admin.pages import errors, row, send
from tests.factories import NOW, add_shifts, make_location, make_patient, make_staff
from tests.services.clinics import COURSE, Clinic
from tests.unchanged import nothing_changes
from tests.views.booking.pages import address, asked, book, propose
from tests.views.clients import HUGE, logged_in

pytestmark = pytest.mark.django_db

TEN_MEGABYTES = "x" * 10_000_000
ADMIN = "/admin/scheduling"


@pytest.fixture(autouse=True)
def _at_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def desk() -> Client:
    return logged_in(Role.FRONT_DESK)


@pytest.fixture
def manager() -> Client:
    return logged_in(Role.MANAGER)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return make_patient(clinic.location)


@pytest.fixture
def order(clinic: Clinic, patient: Patient) -> Order:
    return clinic.order(patient)


@pytest.fixture
def visit(clinic: Clinic, order: Order) -> Appointment:
    return clinic.book(order).appointments.get(number=3)


def visits_page(patient: Patient) -> Client:
    """A browser that came in by the patient's link."""
    client = Client()
    link = link_for(by=SYSTEM, now=NOW, patient=patient, purpose=LinkPurpose.VISITS)
    assert client.get(f"/v/{token(link)}/").status_code == 302
    return client


def move(client: Client, visit: Appointment, start: datetime, chair: int | None = None) -> list[str]:
    """Send a place to move to, as the page would write it; what the page says is wrong."""
    place = f"{to_step(start)}-{chair or visit.chair_id}-{visit.nurse_id}"
    page = client.post(f"/appointments/{visit.pk}/move/", {"action": "preview", "place": place})
    chosen = page.context["preview"].cards[0].text
    page = client.post(f"/appointments/{visit.pk}/rest/", {"way": chosen})
    refused = page.context["refused"]
    return [refused.words, *refused.details]


def check(client: Client, visit: Appointment, day: str, wall: str) -> tuple[str, ...]:
    """Type a time for a visit; the words of the verdict."""
    typed = {"action": "check", "day": day, "wall": wall}
    reasons: tuple[str, ...] = client.post(f"/appointments/{visit.pk}/move/", typed).context["answer"].reasons
    return reasons


def question_errors(page: Any) -> dict[str, list[str]]:
    """What the question to the planner is told, by field."""
    assert page.status_code == 200
    return dict(page.context["form"].errors)


# --- days and times ---


def test_a_past_date_is_refused(desk: Client, order: Order, visit: Appointment) -> None:
    with nothing_changes():
        page = desk.post(address(order.patient), asked(order, sessions="1", earliest="2026-01-04"))
        moved = move(desk, visit, NOW - timedelta(days=1))
        typed = check(desk, visit, "2026-01-04", "09:00")
    assert question_errors(page)["earliest"] == ["This day is in the past."]
    assert moved == ["A visit cannot start in the past."]
    assert typed == ("A visit cannot start in the past.",)


def test_a_day_beyond_the_horizon_is_refused(desk: Client, order: Order, visit: Appointment) -> None:
    with nothing_changes():
        page = desk.post(address(order.patient), asked(order, sessions="1", earliest="2026-05-06"))
        moved = move(desk, visit, datetime(2026, 5, 6, 13, tzinfo=UTC))
        typed = check(desk, visit, "2026-05-06", "09:00")
    said = "Wed 6 May 09:00–11:00: bookings are possible until Tue 5 May."
    assert question_errors(page)["earliest"] == ["Bookings are possible until 2026-05-05."]
    assert said in moved
    assert said in typed


def test_a_wall_time_in_a_clock_gap_is_refused(desk: Client, visit: Appointment) -> None:
    with nothing_changes():
        said = check(desk, visit, "2026-03-08", "02:30")
    assert said == ("On 2026-03-08 clocks are set forward and 02:30 does not exist. Choose another time.",)


def test_a_wall_time_that_comes_twice_is_refused(desk: Client, visit: Appointment) -> None:
    with nothing_changes():
        said = check(desk, visit, "2026-11-01", "01:30")
    assert said == ("On 2026-11-01 clocks are set back and 01:30 happens twice. Choose another time.",)


# --- orders ---


def test_more_sessions_than_the_order_allows_are_refused(desk: Client, order: Order) -> None:
    proposal = propose(desk, order)[0]
    Order.objects.filter(pk=order.pk).update(taken=3)
    with nothing_changes():
        page = desk.post(address(order.patient), asked(order, sessions="4"))
        answer = book(desk, order.patient, proposal)
    assert question_errors(page)["sessions"] == ["The order has 3 left."]
    assert str(answer.context["refused"]) == "The order has 3 infusions left; 6 were chosen."


def test_an_unsigned_order_may_hold_places_but_is_not_booked(
    desk: Client, clinic: Clinic, patient: Patient
) -> None:
    proposal = propose(desk, clinic.order(patient, signed=False))[0]
    with nothing_changes():
        answer = book(desk, patient, proposal)
    assert str(answer.context["refused"]) == "A prescriber has to sign this order first."


def test_an_expired_order_is_refused(desk: Client, order: Order) -> None:
    proposal = propose(desk, order)[0]
    Order.objects.update(valid_from=date(2025, 12, 1), valid_until=date(2026, 1, 4))
    with nothing_changes():
        answer = book(desk, order.patient, proposal)
        page = desk.post(address(order.patient), asked(order))
    assert str(answer.context["refused"]) == "This order ended on 2026-01-04."
    assert "order" in question_errors(page)


def test_a_booking_sent_twice_is_one_course(desk: Client, order: Order) -> None:
    proposal = propose(desk, order)[0]
    first = book(desk, order.patient, proposal)
    with nothing_changes():
        second = book(desk, order.patient, proposal)
    assert (first.status_code, second.status_code) == (302, 302)
    assert first["Location"] == second["Location"]
    assert Appointment.objects.count() == 6


# --- places ---


def test_overlapping_shifts_at_two_places_are_refused(manager: Client, clinic: Clinic) -> None:
    other, somebody = make_location("Hillside"), make_staff(Role.NURSE)
    add_shifts(somebody, clinic.location, Role.NURSE)
    late = {
        "location": other.pk,
        "weekday": 0,
        "starts": "17:55",
        "ends": "20:00",
        "valid_from": "2026-01-01",
    }
    with nothing_changes():
        page = send(manager, f"{ADMIN}/staffmember/{somebody.pk}/change/", **row("shifts", 7, **late))
    assert errors(page) == ["Overlaps the shift Monday 08:00-18:00, Riverside."]


def test_zero_capacity_is_refused(manager: Client, clinic: Clinic) -> None:
    with nothing_changes():
        page = send(manager, f"{ADMIN}/staffmember/{clinic.nurse.pk}/change/", monitoring_capacity="0")
    assert errors(page) == ["Ensure this value is greater than or equal to 1."]


def test_an_inactive_chair_is_refused(desk: Client, clinic: Clinic, visit: Appointment) -> None:
    waiting = clinic.order()
    proposal = propose(desk, waiting)[0]
    broken = Chair.objects.create(location=clinic.location, name="Broken", is_active=False)
    with nothing_changes():
        moved = move(desk, visit, visit.starts_at, chair=broken.pk)
    Chair.objects.update(is_active=False)
    with nothing_changes():
        answer = book(desk, waiting.patient, proposal)
    words = "A chosen chair is not in use at Riverside."
    assert moved == [words]
    assert (answer.status_code, str(answer.context["refused"])) == (200, words)


@pytest.mark.parametrize("action", ["choose", "offers", "check", "book"])
def test_times_at_a_location_deleted_meanwhile_are_refused(desk: Client, order: Order, action: str) -> None:
    gone = make_location("Hillside")
    made = unsigned(propose(desk, order)[0])
    proposal = signed(replace(made, question=replace(made.question, location_id=gone.pk)))
    gone.delete()
    data = {"action": action, "proposal": proposal, "session": "0", "day": "2026-01-06", "wall": "09:00"}
    with nothing_changes():
        answer = desk.post(address(order.patient), data)
    said = "The location of these times is no longer there. Find times again."
    assert str(answer.context["refused"]) == said


def test_an_unknown_zone_is_refused(manager: Client, clinic: Clinic) -> None:
    with nothing_changes():
        page = send(manager, f"{ADMIN}/location/{clinic.location.pk}/change/", zone="Mars/Olympus")
    assert errors(page) == ["“Mars/Olympus” is not a known time zone."]


# --- what cannot be read ---


def test_a_ten_megabyte_form_is_refused(desk: Client, patient: Patient) -> None:
    url, plain = f"/patients/{patient.pk}/edit/", "application/x-www-form-urlencoded"
    with nothing_changes():
        parts = desk.post(url, {"note": TEN_MEGABYTES})
        line = desk.post(url, f"note={TEN_MEGABYTES}", content_type=plain)
    assert (parts.status_code, line.status_code) == (413, 413)
    assert "This is too large" in line.content.decode()


def test_a_nul_is_refused(desk: Client, patient: Patient) -> None:
    with nothing_changes():
        form = desk.post(f"/patients/{patient.pk}/edit/", {"first_name": "A\x00da"})
        search = desk.get("/patients/?q=a%00b")
    assert (form.status_code, search.status_code) == (400, 400)
    assert "This request cannot be read" in form.content.decode()


# --- links ---


@pytest.mark.parametrize("text", ["", "x", "1", "1.", ".abc", f"{HUGE}.abc", "1.%ED%A0%80", "²." + "a" * 43])
def test_a_broken_link_is_missing_whatever_is_wrong(client: Client, clinic: Clinic, text: str) -> None:
    link = link_for(by=SYSTEM, now=NOW, patient=make_patient(clinic.location), purpose=LinkPurpose.VISITS)
    genuine = token(link)
    broken = f"/v/{genuine[:-2]}{'A' if genuine[-2] != 'A' else 'E'}{genuine[-1]}/"
    with nothing_changes():
        for page in (broken, f"/v/{text}/", f"/feed/{text}.ics"):
            answer = client.get(page)
            assert answer.status_code == 404, page
            assert "my_visits" not in answer.cookies
        assert 'href="tel:+1-212-555-0100"' in client.get(broken).content.decode()


def test_an_expired_link_offers_a_new_one(client: Client, visit: Appointment) -> None:
    link = link_for(by=SYSTEM, now=NOW, patient=visit.patient, purpose=LinkPurpose.VISITS)
    with time_machine.travel(COURSE[-1] + timedelta(days=31), tick=False), nothing_changes():
        answer = client.get(f"/v/{token(link)}/")
    assert answer.status_code == 404
    assert 'action="/my/new-link/"' in answer.content.decode()
    assert "my_visits" not in answer.cookies


def test_someone_elses_ics_is_missing(clinic: Clinic, visit: Appointment) -> None:
    stranger = visits_page(make_patient(clinic.location))
    with nothing_changes():
        for page in (f"/my/appointments/{visit.pk}.ics", f"/my/series/{visit.series_id}.ics"):
            answer = stranger.get(page)
            assert answer.status_code == 404
            assert b"BEGIN:VCALENDAR" not in answer.content
    assert visits_page(visit.patient).get(f"/my/appointments/{visit.pk}.ics").status_code == 200
