import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from scheduling.core.words import Role
from scheduling.models import Appointment, Closure, Location
from scheduling.services.visits import record_step
from tests.factories import (
    NOW,
    actor,
    add_shifts,
    book,
    make_chair,
    make_location,
    make_nurse,
    make_order,
    make_patient,
    make_protocol,
    make_staff,
    make_visits,
)
from tests.views.clients import logged_in, queries

pytestmark = pytest.mark.django_db

START = NOW + timedelta(hours=2)
"""10:00 in New York, on the Monday of NOW."""
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def location() -> Location:
    return make_location("Riverside")


@pytest.fixture
def visit(location: Location) -> Appointment:
    order = make_order(make_patient(location, last_name="Okafor"), make_protocol())
    return book(
        order, location, make_chair(location, "Chair 1"), make_nurse(location, name="Nora"), [START]
    ).appointments.get()


def page(client: Client, address: str = "/", **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def hours(text: str) -> list[tuple[float, str]]:
    """The labels of the time axis with their places in percent."""
    found = re.findall(r'<text class="(?:even|odd)"\s+x="([\d.]+)%"[^>]*>([\d:]+)</text>', text)
    return [(float(place), label) for place, label in found]


def bars(text: str) -> list[tuple[float, float]]:
    """Place and width in percent of every visit on the chart."""
    found = re.findall(r'<foreignObject x="([\d.]+)%" width="([\d.]+)%"', text)
    return [(float(place), float(width)) for place, width in found]


@pytest.mark.parametrize("address", ["/", "/week/", "/board/2026-01-05/", "/week/2026-01-05/"])
def test_the_board_is_for_staff(location: Location, address: str) -> None:
    answer = Client().get(address)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/accounts/login/?next={address}")


@pytest.mark.parametrize("role", list(Role))
def test_everybody_of_the_staff_sees_the_day(visit: Appointment, role: Role) -> None:
    text = page(logged_in(role))
    assert "Today, " in " ".join(text.split())
    assert f"/appointments/{visit.pk}/" in text


@pytest.mark.parametrize(
    "day", ["today", "2026-02-30", "20260105", "2026-1-5", "2026-01-05x", "1999-12-31", "2026-W02-1"]
)
@pytest.mark.parametrize("kind", ["board", "week"])
def test_a_day_that_is_none_is_not_found(location: Location, kind: str, day: str) -> None:
    assert logged_in(Role.NURSE).get(f"/{kind}/{day}/").status_code == 404


@pytest.mark.parametrize("chosen", ["0", "x", "1e9", "-1", "9" * 40])
@pytest.mark.parametrize("address", ["/", "/week/", "/board/2026-01-05/"])
def test_a_location_that_is_none_is_not_found(location: Location, address: str, chosen: str) -> None:
    assert logged_in(Role.NURSE).get(f"{address}?location={chosen}").status_code == 404


@pytest.mark.parametrize("address", ["/", "/week/"])
def test_without_any_location_the_page_says_who_adds_one(address: str) -> None:
    assert "A manager adds the first location." in page(logged_in(Role.NURSE), address)
    assert "/admin/scheduling/location/add/" in page(logged_in(Role.MANAGER), address)


def test_the_last_and_the_first_day_of_the_century_are_drawn(location: Location) -> None:
    for day in ("2000-01-01", "2099-12-31"):
        assert logged_in(Role.NURSE).get(f"/board/{day}/").status_code == 200
        assert logged_in(Role.NURSE).get(f"/week/{day}/").status_code == 200


def test_a_typed_day_leads_to_its_board(location: Location) -> None:
    answer = logged_in(Role.NURSE).get(f"/?day=2026-02-03&location={location.pk}")
    assert answer.headers["Location"] == f"/board/2026-02-03/?location={location.pk}"
    assert logged_in(Role.NURSE).get("/?day=rubbish").status_code == 404


def test_today_is_that_of_the_location_s_zone(visit: Appointment) -> None:
    auckland = make_location("Auckland", zone="Pacific/Auckland")
    make_chair(auckland)
    text = page(logged_in(Role.NURSE), f"/?location={auckland.pk}")
    assert "Tuesday 6 January" in text
    assert "as of 02:00" in text


def test_the_chosen_location_is_remembered(location: Location) -> None:
    other = make_location("Zebra Lane")
    client = logged_in(Role.NURSE)
    assert "Riverside" in client.get("/").context["place"].here.name
    client.get(f"/?location={other.pk}")
    assert client.get("/").context["place"].here == other
    assert client.get("/week/").context["place"].here == other


def test_until_one_is_chosen_it_is_where_the_person_works(location: Location) -> None:
    other = make_location("Zebra Lane")
    staff = make_staff(Role.NURSE)
    add_shifts(staff, other, Role.NURSE)
    client = Client()
    client.force_login(staff.user)
    assert client.get("/").context["place"].here == other


def test_a_location_that_was_closed_down_is_no_longer_shown(location: Location) -> None:
    other = make_location("Zebra Lane")
    client = logged_in(Role.NURSE)
    client.get(f"/?location={other.pk}")
    Location.objects.filter(pk=other.pk).update(is_active=False)
    assert client.get("/").context["place"].here == location


def test_the_board_refreshes_only_itself_and_keeps_no_session_alive(visit: Appointment) -> None:
    other = make_location("Zebra Lane")
    client = logged_in(Role.NURSE)
    whole = page(client)
    address = re.search(r'hx-get="([^"]+)"\s+hx-trigger="every 60s"', whole)
    assert address
    before = Session.objects.values("session_data", "expire_date").get()
    for polled in (address[1], f"/?location={other.pk}"):
        answer = client.get(polled, headers=HTMX)
        assert answer.status_code == 200
        assert answer.content.decode().lstrip().startswith('<div id="board"')
        assert "sessionid" not in answer.cookies
    assert Session.objects.values("session_data", "expire_date").get() == before


def test_another_day_does_not_refresh_itself(visit: Appointment) -> None:
    assert "hx-trigger" not in page(logged_in(Role.NURSE), "/board/2026-01-06/")


def test_the_page_and_its_fragment_are_not_taken_for_each_other(location: Location) -> None:
    answer = logged_in(Role.NURSE).get("/")
    assert "HX-Request" in answer.headers["Vary"]
    assert "no-store" in answer.headers["Cache-Control"]


def test_no_inline_style_or_script_stands_on_the_pages(visit: Appointment) -> None:
    client = logged_in(Role.NURSE)
    for address in ("/", "/week/", f"/appointments/{visit.pk}/", f"/appointments/{visit.pk}/discharge/"):
        text = page(client, address)
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script>", text)


def test_visits_are_drawn_to_scale(visit: Appointment) -> None:
    text = page(logged_in(Role.NURSE))
    assert hours(text) == [(10.0 * number, f"{8 + number:02d}:00") for number in range(10)]
    assert bars(text) == [(20.0, 22.5)]  # 10:00 to 12:15 of 08:00 to 18:00


def visit_on(day: date, wall: time, zone: str = "America/New_York") -> Appointment:
    """A visit on a day with a clock change, at a location open around the clock."""
    location = make_location(zone=zone)
    location.opening_hours.update(opens=time(0), closes=time(23, 55))
    order = make_order(make_patient(location), make_protocol())
    return make_visits(order, [datetime.combine(day, wall, location.tz).astimezone(UTC)]).appointments.get()


@pytest.mark.parametrize(
    ("day", "length", "first"),
    [
        (date(2026, 3, 8), 23, ["00:00", "01:00", "03:00", "04:00"]),
        (date(2026, 11, 1), 25, ["00:00", "01:00", "01:00", "02:00"]),
    ],
)
def test_a_day_of_23_or_25_hours_is_drawn_as_long_as_it_is(day: date, length: int, first: list[str]) -> None:
    visit = visit_on(day, time(12))
    text = page(logged_in(Role.NURSE), f"/board/{day}/?location={visit.location_id}")
    labels = hours(text)
    assert [label for _place, label in labels][:4] == first
    assert [place for place, _label in labels] == pytest.approx(
        [100 * number / length for number in range(length)], abs=0.001
    )
    noon = next(place for place, label in labels if label == "12:00")
    assert bars(text) == [pytest.approx((noon, 100 * 2.25 / length), abs=0.002)]


def test_a_closed_day_says_why(location: Location) -> None:
    day = date(2026, 1, 7)
    Closure.objects.create(location=location, first_day=day, last_day=day, reason="Stocktaking")
    text = page(logged_in(Role.NURSE), "/board/2026-01-07/")
    assert "<p>Stocktaking</p>" in text
    assert bars(text) == []


def test_visits_on_a_closed_day_are_shown_with_a_warning(visit: Appointment, location: Location) -> None:
    Closure.objects.create(
        location=location, first_day=visit.local_date, last_day=visit.local_date, reason="Flood"
    )
    text = page(logged_in(Role.NURSE))
    assert "Closed on this day</strong> (Flood), but visits are booked." in text
    assert len(bars(text)) == 1


def test_a_day_without_hours_says_so(location: Location) -> None:
    location.opening_hours.filter(weekday=5).delete()
    make_chair(location)
    text = page(logged_in(Role.NURSE), "/board/2026-01-10/")
    assert "no opening hours on this weekday" in text


def test_a_location_without_chairs_says_so(location: Location) -> None:
    assert "No chairs yet" in page(logged_in(Role.NURSE))
    assert "No chairs yet" in page(logged_in(Role.NURSE), "/week/")


def test_an_overrun_names_both_visits(visit: Appointment, location: Location) -> None:
    order = make_order(make_patient(location, last_name="Byrne"), make_protocol())
    book(order, location, visit.chair, make_nurse(location), [START + timedelta(minutes=135)])
    by = actor(make_staff(Role.NURSE))
    for field, minutes in (("arrived_at", 0), ("started_at", 30), ("treatment_ended_at", 70)):
        now = START + timedelta(minutes=minutes)
        record_step(by=by, now=now, appointment=visit, field=field)
    with time_machine.travel(START + timedelta(minutes=140), tick=False):
        text = page(logged_in(Role.NURSE))
    notice = re.search(r'<section class="alert alert-danger.*?</section>', text, re.DOTALL)
    assert notice
    words = " ".join(re.sub(r"<[^>]+>", " ", notice[0]).split())
    assert words == (
        "Okafor, Ada is still here (planned until 12:00 ) – Chair 1 is promised to Byrne, Ada at 12:15 . What now?"
    )


def test_somebody_late_is_named_with_the_telephone(visit: Appointment) -> None:
    visit.patient.phone = "+12125550123"
    visit.patient.save()
    with time_machine.travel(START + timedelta(minutes=20), tick=False):
        text = page(logged_in(Role.FRONT_DESK))
    assert 'href="tel:+1-212-555-0123"' in text
    assert "20 min ago." in text
    assert "Did not come" in text


@pytest.mark.parametrize(("address", "number"), [("/", 17), ("/week/", 11)])
def test_a_page_asks_as_often_for_forty_visits_as_for_one(address: str, number: int) -> None:
    small, large = make_location(), make_location()
    for location, visits in ((small, 1), (large, 40)):
        make_nurse(location)
        for index in range(visits):
            order = make_order(make_patient(location), make_protocol())
            make_visits(order, [START + timedelta(minutes=5 * index)])
    client = logged_in(Role.NURSE)
    counted = [queries(client, f"{address}?location={one.pk}") for one in (small, large)]
    assert counted == [number, number]


def test_the_week_links_every_day_to_its_board(visit: Appointment, location: Location) -> None:
    text = page(logged_in(Role.NURSE), "/week/2026-01-08/")
    for number in range(5, 12):
        assert f"/board/2026-01-{number:02d}/?location={location.pk}" in text
    assert "1 visit" in text
    assert "7:45 h free" in text


def test_the_week_says_why_a_day_is_closed(location: Location) -> None:
    make_chair(location)
    day = date(2026, 1, 7)
    Closure.objects.create(location=location, first_day=day, last_day=day, reason="Stocktaking")
    text = " ".join(page(logged_in(Role.NURSE), "/week/").split())
    assert "<strong>Wed 7 Jan</strong> closed: Stocktaking" in text


def test_the_board_is_read_only(location: Location) -> None:
    client = logged_in(Role.NURSE)
    for address in ("/", "/week/", "/board/2026-01-05/", "/week/2026-01-05/"):
        assert client.post(address).status_code == 405
