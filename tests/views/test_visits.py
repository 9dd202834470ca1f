import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from scheduling.access import SYSTEM
from scheduling.core.words import Role, Status, StopReason
from scheduling.models import Appointment, AuditEntry, Order
from scheduling.services.amending import amend_order
from scheduling.services.doses import record_dose
from scheduling.services.missing import record_missed
from scheduling.services.reassigning import reassign
from scheduling.services.uncovered_watch import notice_uncovered
from scheduling.services.uncovering import settle_covered
from scheduling.services.visits import discharge, record_step
from tests.factories import (
    NOW,
    actor,
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
from tests.views.clients import HUGE, LONG, logged_in, queries, said

pytestmark = pytest.mark.django_db

START = NOW + timedelta(hours=2)
"""10:00 in New York; planned: treatment 10:30-11:10, discharge until 12:00."""
HTMX = {"HX-Request": "true"}


def after(number: int) -> datetime:
    """So many minutes after the planned start."""
    return START + timedelta(minutes=number)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(after(0), tick=False) as travelled:
        yield travelled


@pytest.fixture
def visit(clock: time_machine.Traveller) -> Appointment:
    location = make_location("Riverside")
    order = make_order(make_patient(location, last_name="Okafor"), make_protocol())
    chair, nurse = make_chair(location, "Chair 1"), make_nurse(location, name="Nora")
    return book(order, location, chair, nurse, [START]).appointments.get()


@pytest.fixture
def nurse() -> Client:
    return logged_in(Role.NURSE)


def recorded(visit: Appointment, **times: int) -> None:
    """Record steps so many minutes after START."""
    for field, at in times.items():
        if field == "discharged_at":
            discharge(by=SYSTEM, now=after(at), appointment=visit, escort="Sam")
        else:
            record_step(by=SYSTEM, now=after(at), appointment=visit, field=field)


def page(client: Client, visit: Appointment) -> str:
    answer = client.get(f"/appointments/{visit.pk}/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def posts(text: str) -> set[str]:
    """Where the forms of a page lead, without the log-out."""
    return {way for way in re.findall(r'method="post" action="([^"]+)"', text) if "logout" not in way}


def test_the_page_shows_the_plan_beside_what_happened(
    visit: Appointment, nurse: Client, clock: time_machine.Traveller
) -> None:
    recorded(visit, arrived_at=0)
    recorded(visit, started_at=40)
    clock.move_to(after(60))
    text = page(nurse, visit)
    rows = [
        " ".join(re.sub(r"<details.*?</details>|<[^>]+>", " ", row).split())
        for row in re.findall(r"<tr>.*?</tr>", text)
    ]
    assert rows == [
        "Step Planned As it was Difference Correct",
        "Arrival 10:00 10:00 on time",
        "Start of treatment 10:30 10:40 10 min later",
        "End of treatment 11:10 – –",
        "Discharge 12:00 – –",
    ]
    assert "Monday 5 January 2026, 10:00–12:00" in text
    assert "Chair 1, Nora" in text


def test_opening_the_page_is_recorded_as_a_reading(visit: Appointment, nurse: Client) -> None:
    page(nurse, visit)
    entry = AuditEntry.objects.get(action="read_patient")
    assert (entry.patient_id, entry.at) == (visit.patient_id, START)


@pytest.mark.parametrize(
    ("times", "role", "ways"),
    [
        ({}, Role.FRONT_DESK, {"step/arrived_at", "missed"}),
        ({}, Role.NURSE, {"step/arrived_at", "missed"}),
        ({}, Role.MANAGER, set()),
        ({"arrived_at": 0}, Role.FRONT_DESK, {"undo"}),
        ({"arrived_at": 0}, Role.NURSE, {"step/started_at", "undo", "correct/arrived_at", "pressures/add"}),
        ({"arrived_at": 0, "started_at": 9}, Role.FRONT_DESK, set()),
        ({"arrived_at": 0}, Role.MANAGER, set()),
    ],
)
def test_only_what_one_may_do_is_offered(
    visit: Appointment,
    clock: time_machine.Traveller,
    times: dict[str, int],
    role: Role,
    ways: set[str],
) -> None:
    recorded(visit, **times)
    clock.move_to(after(20))
    assert posts(page(logged_in(role), visit)) == {f"/appointments/{visit.pk}/{way}/" for way in ways}


REFUSED = [
    ("step/arrived_at", {Role.MANAGER}),
    ("step/started_at", {Role.MANAGER, Role.FRONT_DESK}),
    ("step/treatment_ended_at", {Role.MANAGER, Role.FRONT_DESK}),
    ("discharge", {Role.MANAGER, Role.FRONT_DESK}),
    ("missed", {Role.MANAGER}),
    ("undo", {Role.MANAGER}),
    ("correct/arrived_at", {Role.MANAGER, Role.FRONT_DESK}),
]


@pytest.mark.parametrize(("way", "roles"), REFUSED)
@pytest.mark.parametrize("role", list(Role))
def test_the_server_refuses_what_one_may_not_do(
    visit: Appointment, way: str, roles: set[Role], role: Role
) -> None:
    answer = logged_in(role).post(f"/appointments/{visit.pk}/{way}/", {"back": "board"})
    assert (answer.status_code == 403) is (role in roles)


@pytest.mark.parametrize(("way", "roles"), REFUSED)
def test_nobody_unknown_does_anything(visit: Appointment, way: str, roles: set[Role]) -> None:
    answer = Client().post(f"/appointments/{visit.pk}/{way}/")
    assert (answer.status_code, answer.headers["Location"][:17]) == (302, "/accounts/login/?")
    visit.refresh_from_db()
    assert visit.status == Status.BOOKED


@pytest.mark.parametrize(("way", "roles"), REFUSED)
def test_a_look_changes_nothing(visit: Appointment, nurse: Client, way: str, roles: set[Role]) -> None:
    assert nurse.get(f"/appointments/{visit.pk}/{way}/").status_code == (200 if way == "discharge" else 405)


@pytest.mark.parametrize(
    "way",
    ["", "step/arrived_at/", "discharge/", "missed/", "undo/", "correct/arrived_at/"],
)
@pytest.mark.parametrize("pk", [0, 99, HUGE])
def test_a_visit_that_is_none_is_not_found(nurse: Client, way: str, pk: int) -> None:
    answer = nurse.get(f"/appointments/{pk}/") if not way else nurse.post(f"/appointments/{pk}/{way}")
    assert answer.status_code == 404


@pytest.mark.parametrize("way", ["step/discharged_at", "step/status", "correct/status"])
def test_a_step_that_is_none_is_not_found(visit: Appointment, nurse: Client, way: str) -> None:
    assert nurse.post(f"/appointments/{visit.pk}/{way}/", {"reason": "x"}).status_code == 404


def test_a_button_of_the_board_leads_back_to_the_board(visit: Appointment, nurse: Client) -> None:
    answer = nurse.post(f"/appointments/{visit.pk}/step/arrived_at/", {"back": "board"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/board/2026-01-05/?location={visit.location_id}"
    assert said(answer) == ["Okafor, Ada has arrived."]
    visit.refresh_from_db()
    assert (visit.status, visit.arrived_at) == (Status.ARRIVED, START)


def test_with_htmx_the_answer_is_the_new_board_with_its_message(visit: Appointment, nurse: Client) -> None:
    answer = nurse.post(
        f"/appointments/{visit.pk}/step/arrived_at/", {"back": "board"}, headers=HTMX, follow=True
    )
    text = answer.content.decode()
    assert text.lstrip().startswith('<div id="board"')
    assert "Okafor, Ada has arrived." in text
    assert "Start treatment" in text


def test_where_to_go_back_is_no_open_redirect(visit: Appointment, nurse: Client) -> None:
    answer = nurse.post(f"/appointments/{visit.pk}/undo/", {"back": "https://evil.example/"})
    assert answer.headers["Location"] == f"/appointments/{visit.pk}/"


def test_a_second_press_on_the_board_says_what_the_first_did(visit: Appointment, nurse: Client) -> None:
    way = f"/appointments/{visit.pk}/step/arrived_at/"
    nurse.get(nurse.post(way, {"back": "board"}).headers["Location"])
    answer = nurse.post(way, {"back": "board"})
    assert said(answer) == ["Okafor, Ada: This visit is arrived by now; nothing was changed."]


def test_a_step_may_be_recorded_at_an_earlier_wall_time(visit: Appointment, nurse: Client) -> None:
    answer = nurse.post(f"/appointments/{visit.pk}/step/arrived_at/", {"at": "09:50"})
    assert answer.headers["Location"] == f"/appointments/{visit.pk}/"
    visit.refresh_from_db()
    assert visit.arrived_at == after(-10)


def test_the_wall_time_is_that_of_the_visit_s_zone(clock: time_machine.Traveller, nurse: Client) -> None:
    location = make_location(zone="America/Vancouver")
    order = make_order(make_patient(location), make_protocol())
    start = NOW + timedelta(hours=5)
    visit = book(order, location, make_chair(location), make_nurse(location), [start]).appointments.get()
    clock.move_to(start)
    nurse.post(f"/appointments/{visit.pk}/step/arrived_at/", {"at": "09:55"})
    visit.refresh_from_db()
    assert visit.arrived_at == start - timedelta(minutes=5)
    assert "09:55" in page(nurse, visit)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("25:00", "Enter a valid time."),
        ("soon", "Enter a valid time."),
        (LONG, "Enter a valid time."),
        ("11:00", "This time is still to come."),
    ],
)
def test_a_time_that_cannot_be_is_refused_beside_the_field_and_kept(
    visit: Appointment, nurse: Client, typed: str, words: str
) -> None:
    answer = nurse.post(f"/appointments/{visit.pk}/step/arrived_at/", {"at": typed})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert f'<p class="field-words" id="at-error" role="alert">{words}</p>' in text
    assert f'value="{typed}"' in text
    visit.refresh_from_db()
    assert visit.status == Status.BOOKED


@pytest.mark.parametrize(
    ("day", "wall", "words"),
    [
        (date(2026, 3, 8), "02:30", "The clocks go forward on that day: 02:30 does not exist."),
        (date(2026, 11, 1), "01:30", "The clocks go back on that day: 01:30 comes twice."),
    ],
)
def test_a_wall_time_in_a_clock_change_is_refused_with_words(
    clock: time_machine.Traveller, day: date, wall: str, words: str
) -> None:
    location = make_location()
    start = datetime.combine(day, time(0, 30), location.tz).astimezone(UTC)
    visit = make_visits(make_order(make_patient(location), make_protocol()), [start]).appointments.get()
    clock.move_to(start + timedelta(hours=6))
    nurse = logged_in(Role.NURSE)
    answer = nurse.post(f"/appointments/{visit.pk}/step/arrived_at/", {"at": wall})
    assert words in answer.content.decode()
    visit.refresh_from_db()
    assert visit.arrived_at is None


def test_a_time_after_midnight_belongs_to_the_next_day(clock: time_machine.Traveller) -> None:
    location = make_location()
    start = datetime(2026, 1, 6, 22, 30, tzinfo=location.tz).astimezone(UTC)
    visit = make_visits(make_order(make_patient(location), make_protocol()), [start]).appointments.get()
    visit.refresh_from_db()
    for field, hours in (("arrived_at", 0), ("started_at", 1)):
        moment = start + timedelta(hours=hours)
        record_step(by=SYSTEM, now=moment, appointment=visit, field=field)
    clock.move_to(start + timedelta(hours=3))
    logged_in(Role.NURSE).post(f"/appointments/{visit.pk}/step/treatment_ended_at/", {"at": "00:15"})
    visit.refresh_from_db()
    assert visit.treatment_ended_at == start + timedelta(minutes=105)


def test_a_visit_of_yesterday_is_recorded_with_a_time_of_its_day(
    visit: Appointment, clock: time_machine.Traveller
) -> None:
    clock.move_to(START + timedelta(days=1))
    nurse = logged_in(Role.NURSE)
    way = f"/appointments/{visit.pk}/step/arrived_at/"
    assert "This visit is on Jan. 5, 2026. Give a time of that day." in nurse.post(way).content.decode()
    nurse.post(way, {"at": "10:05"})
    visit.refresh_from_db()
    assert visit.arrived_at == after(5)
    board = " ".join(nurse.get("/board/2026-01-05/").content.decode().split())
    assert "what happened is not recorded for" in board


def ready_to_leave(visit: Appointment, clock: time_machine.Traveller) -> str:
    recorded(visit, arrived_at=0, started_at=30, treatment_ended_at=70)
    clock.move_to(after(120))
    return f"/appointments/{visit.pk}/discharge/"


def test_discharge_asks_who_the_patient_leaves_with(
    visit: Appointment, nurse: Client, clock: time_machine.Traveller
) -> None:
    visit.patient.escort_name = "Sam Okafor"
    visit.patient.save()
    way = ready_to_leave(visit, clock)
    assert "Usually Sam Okafor." in nurse.get(way).content.decode()
    answer = nurse.post(way, {"escort": "Sam Okafor", "back": "board"})
    assert answer.headers["Location"] == f"/board/2026-01-05/?location={visit.location_id}"
    visit.refresh_from_db()
    assert (visit.status, visit.escort, visit.discharged_at) == (Status.DONE, "Sam Okafor", after(120))


def test_discharge_alone_needs_a_reason(
    visit: Appointment, nurse: Client, clock: time_machine.Traveller
) -> None:
    way = ready_to_leave(visit, clock)
    answer = nurse.post(way, {"at": "11:58", "back": "board"})
    text = answer.content.decode()
    assert "Record who the patient leaves with, or give a reason why alone." in text
    assert 'value="11:58"' in text
    assert '<input type="hidden" name="back" value="board">' in text
    nurse.post(way, {"no_escort_reason": "Lives next door", "at": "11:58"})
    visit.refresh_from_db()
    assert (visit.no_escort_reason, visit.discharged_at) == ("Lives next door", after(118))


def test_escort_and_override_at_once_are_refused(
    visit: Appointment, nurse: Client, clock: time_machine.Traveller
) -> None:
    way = ready_to_leave(visit, clock)
    answer = nurse.post(way, {"escort": "Sam", "no_escort_reason": "Lives next door"})
    assert "Give the escort or the reason, not both." in answer.content.decode()


@pytest.mark.parametrize("field", ["escort", "no_escort_reason"])
def test_words_that_are_too_long_are_refused(
    visit: Appointment, nurse: Client, clock: time_machine.Traveller, field: str
) -> None:
    answer = nurse.post(ready_to_leave(visit, clock), {field: LONG})
    assert "Ensure this value has at most" in answer.content.decode()
    visit.refresh_from_db()
    assert visit.status == Status.RECOVERING


def test_a_miss_is_recorded_and_taken_back(
    visit: Appointment, nurse: Client, clock: time_machine.Traveller
) -> None:
    clock.move_to(after(20))
    answer = nurse.post(f"/appointments/{visit.pk}/missed/", {"back": "board"})
    assert said(answer) == ["Okafor, Ada is recorded as missed; the places are free again."]
    visit.refresh_from_db()
    assert visit.status == Status.MISSED
    nurse.post(f"/appointments/{visit.pk}/undo/")
    visit.refresh_from_db()
    assert visit.status == Status.BOOKED


def test_a_miss_too_early_is_refused_with_words(visit: Appointment, nurse: Client) -> None:
    answer = nurse.post(f"/appointments/{visit.pk}/missed/")
    assert said(answer) == ["Okafor, Ada: A visit counts as missed 15 minutes after its start."]


def test_a_correction_shows_in_the_visit_s_history(visit: Appointment, clock: time_machine.Traveller) -> None:
    recorded(visit, arrived_at=0)
    clock.move_to(after(30))
    nurse = logged_in(Role.NURSE)
    answer = nurse.post(
        f"/appointments/{visit.pk}/correct/arrived_at/", {"at": "09:55", "reason": "Typed wrongly"}
    )
    assert said(answer) == ["The time is corrected."]
    text = page(nurse, visit)
    assert "Arrival corrected from 10:00 to <strong>09:55</strong>: Typed wrongly" in text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"at": "09:55", "reason": ""}, "This field is required."),
        ({"at": "", "reason": "x"}, "This field is required."),
        ({"at": "23:00", "reason": "Because"}, "This time is still to come."),
        ({"at": "09:55", "reason": "y" * 201}, "Ensure this value has at most 200 characters"),
    ],
)
def test_a_correction_that_cannot_be_keeps_what_was_typed(
    visit: Appointment, nurse: Client, typed: dict[str, str], words: str
) -> None:
    recorded(visit, arrived_at=0)
    answer = nurse.post(f"/appointments/{visit.pk}/correct/arrived_at/", typed)
    text = answer.content.decode()
    assert words in text
    assert "<details open>" in text
    assert all(f'value="{value}"' in text for value in typed.values() if value)
    visit.refresh_from_db()
    assert visit.arrived_at == START


def test_a_step_that_is_not_recorded_is_not_corrected(visit: Appointment, nurse: Client) -> None:
    answer = nurse.post(f"/appointments/{visit.pk}/correct/arrived_at/", {"at": "09:55", "reason": "x"})
    assert answer.status_code == 404


def test_the_page_of_a_visit_asks_as_often_whatever_its_history(
    visit: Appointment, nurse: Client, clock: time_machine.Traveller
) -> None:
    assert queries(nurse, f"/appointments/{visit.pk}/") == 9
    recorded(visit, arrived_at=0, started_at=30, treatment_ended_at=70, discharged_at=110)
    clock.move_to(after(130))
    # All check-ins together cost two more: what was answered, and their alerts. The next visit costs three.
    assert queries(nurse, f"/appointments/{visit.pk}/") == 14


def test_every_outcome_has_a_page(visit: Appointment, nurse: Client, clock: time_machine.Traveller) -> None:
    clock.move_to(after(20))
    record_missed(by=SYSTEM, now=after(20), appointment=visit)
    assert "Recorded as missed" in page(nurse, visit)
    for status in (Status.NOT_GIVEN, *(one for one in Status if one.startswith("cancelled"))):
        Appointment.objects.update(status=status, stop_reason=StopReason.UNWELL)
        ways = ("undo", "pressures/add") if status == Status.NOT_GIVEN else ()
        assert posts(page(nurse, visit)) == {f"/appointments/{visit.pk}/{way}/" for way in ways}


def test_whatever_was_done_to_a_visit_stands_in_its_history(
    visit: Appointment, nurse: Client, clock: time_machine.Traveller
) -> None:
    """Doses, chairs and nurses have a before and an after as times have."""
    other = make_nurse(visit.location)
    seats = {"chair_id": visit.chair_id, "nurse_id": other.pk}
    reassign(by=SYSTEM, now=after(-60), appointment=visit, **seats)
    shifts = list(other.shifts.all())
    other.shifts.all().delete()
    assert notice_uncovered(after(-60)) == 1
    for shift in shifts:
        shift.save()
    assert settle_covered(after(-60)) == 1
    recorded(visit, arrived_at=0, started_at=30)
    for amount in ("40", "42.5"):
        record_dose(by=SYSTEM, now=after(40), appointment=visit, amount=Decimal(amount))
    clock.move_to(after(40))
    text = page(nurse, visit)
    assert "Another chair or nurse at the same time" in text
    assert text.count("Dose given recorded") == 2
    assert "Noticed without its place" in text
    assert "Needs no other place any more" in text


def test_a_late_visit_is_offered_starts_by_the_clinic_s_clock(
    visit: Appointment, nurse: Client, clock: time_machine.Traveller
) -> None:
    clock.move_to(after(20))
    page = nurse.get(f"/appointments/{visit.pk}/late/").content.decode()
    assert re.findall(r'<button[^>]*value="[^"]*">\s*(\d\d:\d\d) ', page) == [
        "10:20",
        "10:30",
        "10:45",
        "11:00",
    ]


def test_an_amended_order_counts_what_is_still_booked_and_no_visit_is_one_of_fewer(
    visit: Appointment, clock: time_machine.Traveller
) -> None:
    starts = [START, START + timedelta(days=7)]
    order = make_order(make_patient(visit.location), visit.protocol)
    chair, nurse = make_chair(visit.location), make_nurse(visit.location)
    visit, second = book(order, visit.location, chair, nurse, starts).appointments.order_by("number")
    recorded(visit, arrived_at=0)
    prescriber = logged_in(Role.PRESCRIBER)
    page = prescriber.get(f"/orders/{visit.order_id}/amend/").content.decode()
    assert "The 1 booked visit keeps place and time" in " ".join(page.split())

    more = Order.objects.get(pk=order.pk)
    more.pk, more.sessions = None, 1
    amend_order(by=actor(make_staff(Role.PRESCRIBER)), now=after(5), old=order, order=more)
    page = prescriber.get(f"/appointments/{second.pk}/").content.decode()
    assert "visit 2" in page
    assert "of 1 ordered" not in page
