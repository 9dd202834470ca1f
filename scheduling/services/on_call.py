"""Who sees a red flag at a location at an instant, and from when somebody does. Nothing here writes."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db.models import Q

from scheduling.core.on_call import covers
from scheduling.core.words import DisruptionKind, Role
from scheduling.models import Disruption, Location, OnCallShift, Shift, ShiftException, StaffMember

from .frame import closures
from .opening import OpenDay, OpenDays, open_days

LOOK_AHEAD = timedelta(days=21)
"""A clinic closed for longer than this has other worries than its opening time."""


def nurses_on_shift(location: Location, at: datetime, first: StaffMember | None = None) -> list[StaffMember]:
    """The nurses working at ``at`` (UTC), ``first`` at the head where she is one of them; breaks count as work.

    On a closed day only extra shifts count. Whoever is reported missing is left out.
    """
    local = at.astimezone(location.tz)
    day, wall = local.date(), local.time()
    ids = set() if closures(location, day, day) else _weekly(location, day, at)
    dated = ShiftException.objects.filter(day__gte=day - timedelta(days=1), day__lte=day + timedelta(days=1))
    extra = dated.filter(
        location=location, kind=ShiftException.Kind.EXTRA, role=Role.NURSE, day=day, starts__lte=wall
    )
    ids |= set(extra.filter(ends__gt=wall).values_list("staff_id", flat=True))
    absences = dated.filter(staff__in=ids, kind=ShiftException.Kind.ABSENCE).select_related("location")
    ids -= {row.staff_id for row in absences if _is_during(row, at)}
    ill = Disruption.objects.in_force().filter(kind=DisruptionKind.NURSE, starts_at__lte=at, ends_at__gt=at)
    ids -= set(ill.filter(staff__in=ids).values_list("staff_id", flat=True))
    nurses = StaffMember.objects.filter(pk__in=ids, is_active=True, is_nurse=True).select_related("user")
    return sorted(nurses, key=lambda one: (one != first, one.name, one.pk))


def _weekly(location: Location, day: date, at: datetime) -> set[int]:
    wall = at.astimezone(location.tz).time()
    rows = Shift.objects.filter(
        location=location, role=Role.NURSE, weekday=day.weekday(), valid_from__lte=day
    )
    rows = rows.filter(Q(valid_until=None) | Q(valid_until__gte=day), starts__lte=wall, ends__gt=wall)
    return set(rows.values_list("staff_id", flat=True))


def _is_during(row: ShiftException, at: datetime) -> bool:
    """An absence counts wherever it was noted, in the wall time of that location."""
    local = at.astimezone(row.location.tz)
    return row.day == local.date() and row.starts <= local.time() < row.ends


def on_call(location: Location, at: datetime) -> list[StaffMember]:
    """The contacts whose on-call hours hold ``at``, by position, each once."""
    rows = OnCallShift.objects.filter(location=location, staff__is_active=True)
    rows = rows.select_related("staff__user").order_by("position", "pk")
    return _once(row.staff for row in rows if covers(row.weekday, row.starts, row.ends, at, location.tz))


def contacts(location: Location, at: datetime, first: StaffMember | None = None) -> list[StaffMember]:
    """Everybody to be told one after the other: nurses on shift, then on-call contacts, then managers.

    Empty where there is neither a nurse nor a contact; whoever has no e-mail address is left out.
    """
    called = [*nurses_on_shift(location, at, first), *on_call(location, at)]
    if called:
        managers = StaffMember.objects.filter(is_manager=True, is_active=True).select_related("user")
        called += managers.order_by("name", "pk")
    return [one for one in _once(called) if one.user.email]


def _once(staff: Iterable[StaffMember]) -> list[StaffMember]:
    return list({one.pk: one for one in staff}.values())


def seen_from(location: Location, at: datetime) -> datetime | None:
    """The next time (UTC) after ``at`` at which the location opens with a nurse; without any, at which it opens."""
    today = at.astimezone(location.tz).date()
    found = open_days(location, today, today + LOOK_AHEAD)
    opened = [start for day in found.days for start in _staffed(day, found)] or [
        start for day in found.days for start, _end in day.intervals
    ]
    return min((start for start in opened if start > at), default=None)


def _staffed(day: OpenDay, days: OpenDays) -> list[datetime]:
    """From when on that day a nurse works while the location is open."""
    shifts = [one for spans in days.shifts.values() for one in spans]
    return [
        max(opens, begins)
        for opens, closes in day.intervals
        for begins, ends in shifts
        if max(opens, begins) < min(closes, ends)
    ]
