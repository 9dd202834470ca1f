"""What the admin refuses of shifts, and that it says why where it is wrong, keeping what was typed."""

from datetime import date, time

import pytest
from django.test import Client

from scheduling.models import (
    Location,
    Shift,
    ShiftException,
    StaffMember,
)
from tests import factories
from tests.admin.pages import errors, row, send
from tests.admin.test_setting_up import ADMIN


def shift(staff: StaffMember, location: Location, **fields: object) -> Shift:
    defaults = {"weekday": 0, "starts": time(8), "ends": time(12), "valid_from": date(2026, 1, 1)}
    return Shift.objects.create(staff=staff, location=location, **(defaults | fields))


def test_two_new_shifts_that_overlap_at_two_places_are_refused(
    manager: Client, boss: StaffMember, location: Location
) -> None:
    other = factories.make_location("Hillside")
    page = send(
        manager,
        f"{ADMIN}/staffmember/{boss.pk}/change/",
        shifts__TOTAL_FORMS=2,
        **row(
            "shifts",
            0,
            location=location.pk,
            weekday=0,
            starts="08:00",
            ends="12:00",
            valid_from="2026-01-01",
        ),
        **row(
            "shifts", 1, location=other.pk, weekday=0, starts="11:00", ends="15:00", valid_from="2026-01-01"
        ),
    )

    assert errors(page) == ["Overlaps the shift Monday 08:00-12:00, Riverside."]
    assert Shift.objects.count() == 0


def test_a_new_shift_that_overlaps_a_saved_one_is_refused(
    manager: Client, boss: StaffMember, location: Location
) -> None:
    shift(boss, location)
    page = send(
        manager,
        f"{ADMIN}/staffmember/{boss.pk}/change/",
        **row(
            "shifts",
            1,
            location=location.pk,
            weekday=0,
            starts="11:55",
            ends="15:00",
            valid_from="2026-06-01",
        ),
    )

    assert errors(page) == ["Overlaps the shift Monday 08:00-12:00, Riverside."]


def test_shifts_swapped_in_one_go_are_taken(manager: Client, boss: StaffMember, location: Location) -> None:
    shift(boss, location)
    shift(boss, location, starts=time(12), ends=time(16))
    send(
        manager,
        f"{ADMIN}/staffmember/{boss.pk}/change/",
        **row("shifts", 0, starts="12:00", ends="16:00"),
        **row("shifts", 1, starts="08:00", ends="12:00"),
    )

    assert [str(row.starts) for row in Shift.objects.order_by("pk")] == ["12:00:00", "08:00:00"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("valid_from", "9999-12-31", "Choose a date between 2000 and 2100."),
        ("valid_from", "2026-02-30", "Enter a valid date."),
        ("ends", "07:00", "A shift ends after it starts; split one that passes midnight."),
        ("break_starts", "09:00", "The break lies inside the shift and has a start and an end."),
        ("valid_until", "2025-12-31", "The last day is before the first."),
    ],
)
def test_a_broken_shift_is_refused(
    manager: Client, boss: StaffMember, location: Location, field: str, value: str, words: str
) -> None:
    shift(boss, location)
    page = send(manager, f"{ADMIN}/staffmember/{boss.pk}/change/", **row("shifts", 0, **{field: value}))

    assert errors(page) == [words]


def extra(manager: Client, boss: StaffMember, place: Location, *more: dict[str, object]) -> object:
    rows = ({"kind": "extra", "location": place.pk, "starts": "10:00", "ends": "14:00"}, *more)
    typed: dict[str, object] = {"shift_exceptions__TOTAL_FORMS": len(rows)}
    for number, fields in enumerate(rows):
        typed |= row("shift_exceptions", number, day="2026-01-12", **fields)
    return send(manager, f"{ADMIN}/staffmember/{boss.pk}/change/", **typed)


def test_an_extra_shift_elsewhere_during_the_weekly_one_is_refused(
    manager: Client, boss: StaffMember, location: Location
) -> None:
    shift(boss, location)
    page = extra(manager, boss, factories.make_location("Hillside"))

    assert errors(page) == [
        "The extra shift on 2026-01-12 at Hillside overlaps the weekly shift Monday 08:00-12:00, Riverside. "
        "Record an absence there too."
    ]
    assert ShiftException.objects.count() == 0


def test_with_an_absence_it_is_taken(manager: Client, boss: StaffMember, location: Location) -> None:
    shift(boss, location)
    away = {"kind": "absence", "location": location.pk, "starts": "08:00", "ends": "12:00"}
    extra(manager, boss, factories.make_location("Hillside"), away)

    assert ShiftException.objects.count() == 2


def test_two_extra_shifts_that_overlap_are_refused(
    manager: Client, boss: StaffMember, location: Location
) -> None:
    second = {"kind": "extra", "location": location.pk, "starts": "13:00", "ends": "17:00"}
    page = extra(manager, boss, location, second)

    assert errors(page) == ["Overlaps extra shift: 2026-01-12 10:00-14:00."]
