from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from scheduling.core.words import Role
from scheduling.models import Closure, Location, OnCallShift, OpeningHours, Shift, ShiftException, StaffMember
from scheduling.services.on_call import contacts, nurses_on_shift, on_call, seen_from
from tests.factories import make_location, make_nurse, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def location() -> Location:
    """New York, open every day 08:00-18:00."""
    return make_location()


def at(location: Location, text: str) -> datetime:
    """A wall time at the location as a UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=location.tz).astimezone(UTC)


def mail(staff: StaffMember) -> StaffMember:
    """The person with an e-mail address."""
    staff.user.email = f"{staff.user.username}@example.org"
    staff.user.save()
    return staff


def contact(location: Location, weekday: int, starts: int, ends: int, **fields: Any) -> StaffMember:
    """A new person on call from hour to hour."""
    staff = mail(make_staff(Role.PRESCRIBER))
    OnCallShift.objects.create(
        location=location, staff=staff, weekday=weekday, starts=time(starts), ends=time(ends), **fields
    )
    return staff


def absence(staff: StaffMember, location: Location, starts: int, ends: int, **fields: Any) -> None:
    values = {"kind": ShiftException.Kind.ABSENCE, "day": date(2026, 1, 5)} | fields
    ShiftException.objects.create(
        staff=staff, location=location, starts=time(starts), ends=time(ends), **values
    )


MONDAY_NOON = "2026-01-05 12:00"


@pytest.mark.parametrize(
    ("wall", "there"), [("07:59", False), ("08:00", True), ("17:59", True), ("18:00", False)]
)
def test_a_nurse_is_there_during_her_shift(location: Location, wall: str, there: bool) -> None:
    nurse = make_nurse(location)
    assert nurses_on_shift(location, at(location, f"2026-01-05 {wall}")) == ([nurse] if there else [])


def test_the_visits_own_nurse_comes_first_then_by_name(location: Location) -> None:
    ana, bea, cleo = (make_nurse(location, name=name) for name in ("Ana", "Bea", "Cleo"))
    noon = at(location, MONDAY_NOON)
    assert nurses_on_shift(location, noon) == [ana, bea, cleo]
    assert nurses_on_shift(location, noon, cleo) == [cleo, ana, bea]


def test_breaks_count_as_work_and_other_places_and_roles_do_not(location: Location) -> None:
    nurse = make_nurse(location)
    Shift.objects.filter(staff=nurse).update(break_starts=time(11), break_ends=time(13))
    make_nurse(make_location())
    Shift.objects.filter(staff=make_nurse(location)).update(role=Role.PRESCRIBER)
    assert nurses_on_shift(location, at(location, MONDAY_NOON)) == [nurse]


def test_a_shift_that_is_over_or_whose_nurse_left_does_not_count(location: Location) -> None:
    Shift.objects.filter(staff=make_nurse(location)).update(valid_until=date(2026, 1, 4))
    gone = make_nurse(location)
    gone.is_active = False
    gone.save()
    assert nurses_on_shift(location, at(location, MONDAY_NOON)) == []


def test_absences_take_away_wherever_they_were_noted(location: Location) -> None:
    nurse = make_nurse(location)
    absence(nurse, make_location(zone="America/Los_Angeles"), 8, 10)
    for wall, there in (("10:59", True), ("11:00", False), ("12:59", False), ("13:00", True)):
        found = nurses_on_shift(location, at(location, f"2026-01-05 {wall}"))
        assert found == ([nurse] if there else []), wall


def test_on_a_closed_day_only_extra_shifts_count(location: Location) -> None:
    make_nurse(location)
    extra = make_staff(Role.NURSE)
    absence(extra, location, 10, 14, kind=ShiftException.Kind.EXTRA)
    Closure.objects.create(
        location=location, first_day=date(2026, 1, 5), last_day=date(2026, 1, 5), reason="x"
    )
    assert nurses_on_shift(location, at(location, MONDAY_NOON)) == [extra]
    assert nurses_on_shift(location, at(location, "2026-01-05 15:00")) == []


def test_on_call_contacts_come_by_position_through_the_night(location: Location) -> None:
    second = contact(location, 0, 18, 8, position=2)
    first = contact(location, 0, 20, 6)
    assert on_call(location, at(location, "2026-01-05 19:00")) == [second]
    assert on_call(location, at(location, "2026-01-06 05:59")) == [first, second]
    assert on_call(location, at(location, "2026-01-06 08:00")) == []


def test_on_call_around_the_clock_means_equal_hours(location: Location) -> None:
    staff = contact(location, 5, 9, 9)
    assert on_call(location, at(location, "2026-01-11 08:59")) == [staff]
    assert on_call(location, at(location, "2026-01-11 09:00")) == []


def test_nurses_are_told_before_contacts_and_managers(location: Location) -> None:
    nurse, manager = mail(make_nurse(location)), mail(make_staff(Role.MANAGER))
    staff = contact(location, 0, 8, 18)
    assert contacts(location, at(location, MONDAY_NOON)) == [nurse, staff, manager]


def test_nobody_on_shift_and_on_call_means_nobody_not_even_a_manager(location: Location) -> None:
    mail(make_staff(Role.MANAGER))
    assert contacts(location, at(location, MONDAY_NOON)) == []


def test_whoever_has_no_address_is_left_out(location: Location) -> None:
    make_nurse(location)
    manager = mail(make_staff(Role.MANAGER))
    assert contacts(location, at(location, MONDAY_NOON)) == [manager]


def test_somebody_sees_it_from_the_next_opening_with_a_nurse(location: Location) -> None:
    nurse = make_nurse(location)
    Shift.objects.filter(staff=nurse, weekday=1).update(starts=time(9, 30))
    Shift.objects.filter(staff=nurse, weekday=2).delete()
    assert seen_from(location, at(location, "2026-01-05 18:00")) == at(location, "2026-01-06 09:30")
    assert seen_from(location, at(location, "2026-01-06 18:00")) == at(location, "2026-01-08 08:00")


def test_closed_days_are_skipped(location: Location) -> None:
    make_nurse(location)
    Closure.objects.create(
        location=location, first_day=date(2026, 1, 6), last_day=date(2026, 1, 7), reason="x"
    )
    assert seen_from(location, at(location, "2026-01-05 18:00")) == at(location, "2026-01-08 08:00")


def test_without_any_nurse_the_opening_counts_and_without_hours_nothing(location: Location) -> None:
    evening = at(location, "2026-01-05 18:00")
    assert seen_from(location, evening) == at(location, "2026-01-06 08:00")
    OpeningHours.objects.filter(location=location).delete()
    assert seen_from(location, evening) is None


def test_the_morning_after_a_clock_change_is_reckoned_by_the_wall_clock(location: Location) -> None:
    make_nurse(location)
    found = seen_from(location, at(location, "2026-03-07 20:00"))
    assert found == at(location, "2026-03-08 08:00") == datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
    assert found - at(location, "2026-03-07 20:00") == timedelta(hours=11)
