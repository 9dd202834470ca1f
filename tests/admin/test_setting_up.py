"""From nothing to a booked course, through the admin alone."""

from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.test import Client

from scheduling.core.words import SeatKind
from scheduling.models import AuditEntry, Chair, Location, Protocol, Seat, StaffMember
from tests.admin.pages import errors, send
from tests.factories import book, make_order, make_patient

ADMIN = "/admin/scheduling"


def make_location(manager: Client) -> Location:
    answer = send(
        manager,
        f"{ADMIN}/location/add/",
        name="Riverside",
        address="1 Made-up Street",
        zone="America/New_York",
        calendar_label="Riverside Clinic",
        phone="+12125550100",
        holiday_country="US",
        chairs__0__name="Chair 1",
        chairs__1__name="Chair 2",
    )
    assert answer.status_code == 302, errors(answer)
    return Location.objects.get()


def make_nurse(manager: Client, location: Location) -> StaffMember:
    week = {
        f"shifts__{day}__{field}": value
        for day in range(5)
        for field, value in {
            "location": location.pk,
            "weekday": day,
            "starts": "08:00",
            "ends": "17:00",
            "valid_from": "2026-01-01",
        }.items()
    }
    answer = send(
        manager,
        f"{ADMIN}/staffmember/add/",
        name="Nina Nurse",
        username="nina",
        password="made-up-pass-1",
        is_nurse="on",
        monitoring_capacity=3,
        **week,
    )
    assert answer.status_code == 302, errors(answer)
    return StaffMember.objects.get(name="Nina Nurse")


def make_protocol(manager: Client) -> Protocol:
    answer = send(
        manager,
        f"{ADMIN}/protocol/add/",
        code="iv",
        name="IV infusion",
        route="iv",
        dose_unit="mg_per_kg",
        dose_low="0.1",
        dose_high="1",
        text_en="Nothing to eat for two hours.",
    )
    assert answer.status_code == 302, errors(answer)
    return Protocol.objects.get()


def test_a_location_stands_with_hours_chairs_and_their_seats(manager: Client, boss: StaffMember) -> None:
    location = make_location(manager)

    assert [str(hours) for hours in location.opening_hours.all()] == [
        "Monday 08:00-17:00",
        "Tuesday 08:00-17:00",
        "Wednesday 08:00-17:00",
        "Thursday 08:00-17:00",
        "Friday 08:00-17:00",
    ]
    assert [chair.seat.kind for chair in location.chairs.all()] == [SeatKind.CHAIR, SeatKind.CHAIR]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.subject_id, entry.staff, entry.facts["act"]) == (
        "configure", "location", location.pk, boss, "add",
    )  # fmt: skip


def test_a_nurse_stands_with_account_shifts_and_seats(manager: Client) -> None:
    nurse = make_nurse(manager, make_location(manager))

    assert nurse.user.username == "nina"
    assert nurse.user.check_password("made-up-pass-1")
    assert nurse.shifts.count() == 5
    assert sorted(Seat.objects.filter(nurse=nurse).values_list("kind", flat=True)) == [
        SeatKind.HANDS_ON, SeatKind.MONITORING, SeatKind.MONITORING, SeatKind.MONITORING,
    ]  # fmt: skip


def test_a_protocol_stands_with_phases_and_instructions(manager: Client) -> None:
    protocol = make_protocol(manager)

    assert (protocol.version, protocol.is_current) == (1, True)
    assert [(phase.kind, phase.minutes) for phase in protocol.phases.all()] == [
        ("check_in", 15),
        ("preparation", 15),
        ("treatment", 40),
        ("recovery", 45),
        ("discharge", 5),
        ("turnover", 15),
    ]
    assert [(row.language, row.text) for row in protocol.instructions.all()] == [
        ("en", "Nothing to eat for two hours.")
    ]


def test_what_was_made_can_be_booked_at_once(manager: Client) -> None:
    location = make_location(manager)
    nurse, protocol = make_nurse(manager, location), make_protocol(manager)
    order = make_order(make_patient(location), protocol)
    chair = location.chairs.get(name="Chair 1")
    starts = [datetime(2026, 1, 6, 14, tzinfo=UTC) + timedelta(days=day) for day in (0, 2, 7, 9, 14, 16)]

    series = book(order, location, chair, nurse, starts)

    assert [(visit.number, str(visit.local_time)) for visit in series.appointments.all()] == [
        (number, "09:00:00") for number in range(1, 7)
    ]


def test_a_person_may_take_an_account_that_nobody_uses(manager: Client) -> None:
    account = User.objects.create_user("old", password="made-up-pass-1")
    send(manager, f"{ADMIN}/staffmember/add/", name="Olga", user=account.pk, is_front_desk="on")

    assert StaffMember.objects.get(name="Olga").user == account


def test_a_new_chair_gets_its_seat_on_its_own_page_too(manager: Client) -> None:
    location = make_location(manager)
    send(manager, f"{ADMIN}/chair/add/", location=location.pk, name="Chair 9")

    assert Chair.objects.get(name="Chair 9").seat.kind == SeatKind.CHAIR


def test_a_new_role_or_capacity_changes_the_seats(manager: Client) -> None:
    nurse = make_nurse(manager, make_location(manager))
    send(manager, f"{ADMIN}/staffmember/{nurse.pk}/change/", monitoring_capacity=1)

    seats = Seat.objects.filter(nurse=nurse, kind=SeatKind.MONITORING, retired_at=None)
    assert [seat.number for seat in seats] == [1]


def test_saving_without_a_change_writes_no_trail(manager: Client) -> None:
    location = make_location(manager)
    AuditEntry.objects.all().delete()
    answer = send(manager, f"{ADMIN}/location/{location.pk}/change/")

    assert answer.status_code == 302
    assert AuditEntry.objects.count() == 0
