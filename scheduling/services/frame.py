"""What a location offers, whoever is booked: opening hours, closures and shifts as masks over local days."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import holidays
from django.db.models import Q

from scheduling.core.timeline import STEP_MINUTES, Day, Horizon, ceil_step, floor_step, to_step
from scheduling.core.words import Role
from scheduling.models import Closure, Location, OpeningHours, Shift, ShiftException

from .lacking import Lacking, lacking

SHIFT_FIELDS = (
    *("role", "staff_id", "weekday", "starts", "ends", "break_starts", "break_ends"),
    *("valid_from", "valid_until"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a location offers over a horizon, whoever is booked: masks of hours and shifts by staff id.

    What a disruption in force takes away is not in ``open``, ``nurses`` and ``prescriber``; ``missing`` names it.
    """

    horizon: Horizon
    open: int
    closures: tuple[tuple[date, date], ...]
    nurses: Mapping[int, int]
    prescriber: int
    missing: Lacking


def last_day(location: Location, now: datetime) -> date:
    """The last local date that may be booked."""
    return now.astimezone(location.tz).date() + timedelta(days=location.horizon_days)


def load_frame(location: Location, horizon: Horizon) -> Frame:
    """Opening hours, closures, shifts and disruptions of a location, in five queries."""
    since, until = horizon.days[0].date, horizon.days[-1].date
    hours: dict[int, list[tuple[time, time]]] = defaultdict(list)
    for row in OpeningHours.objects.filter(location=location):
        hours[row.weekday].append((row.opens, row.closes))
    open_spans = [
        span(horizon, day, opens, closes)
        for day in horizon.days
        for opens, closes in hours[day.date.weekday()]
    ]
    shifts = _shifts(location, horizon, since, until)
    missing = lacking(location, horizon)
    prescriber = 0
    for staff_id, mask in shifts[Role.PRESCRIBER].items():
        prescriber |= mask & ~missing.prescribers.get(staff_id, 0)
    return Frame(
        horizon=horizon,
        open=horizon.mask(open_spans) & ~missing.location,
        closures=closures(location, since, until),
        nurses={one: mask & ~missing.nurses.get(one, 0) for one, mask in shifts[Role.NURSE].items()},
        prescriber=prescriber,
        missing=missing,
    )


def closures(location: Location, since: date, until: date) -> tuple[tuple[date, date], ...]:
    """Closed local dates, both included: the location's own and its holiday calendar's."""
    own = Closure.objects.filter(location=location, last_day__gte=since, first_day__lte=until)
    ranges = list(own.values_list("first_day", "last_day"))
    ranges += [(day, day) for day in public_holidays(location, since, until)]
    return tuple(sorted(ranges))


def public_holidays(location: Location, since: date, until: date) -> dict[date, str]:
    """The public holidays of the location's calendar and their names; none where it has chosen no calendar."""
    if not location.holiday_country:
        return {}
    years = range(since.year, until.year + 1)
    calendar = holidays.country_holidays(
        location.holiday_country, subdiv=location.holiday_subdivision or None, years=years
    )
    return {day: name for day, name in calendar.items() if since <= day <= until}


def span(horizon: Horizon, day: Day, begins: time, ends: time) -> tuple[int, int]:
    """Wall times of a local day as steps, rounded inwards; also right on days with a clock change."""
    first, last = begins.hour * 60 + begins.minute, ends.hour * 60 + ends.minute
    if day.walls is None:
        return day.first - (-first // STEP_MINUTES), day.first + last // STEP_MINUTES
    begin, end = (datetime.combine(day.date, wall, horizon.zone).astimezone(UTC) for wall in (begins, ends))
    return ceil_step(begin), to_step(end - timedelta(minutes=end.minute % STEP_MINUTES))


def _shifts(location: Location, horizon: Horizon, since: date, until: date) -> dict[str, dict[int, int]]:
    """Who works when: role -> staff id -> mask. Extra shifts add; absences take away, wherever noted."""
    weekly = (
        Shift.objects.filter(location=location, staff__is_active=True, valid_from__lte=until)
        .filter(Q(valid_until=None) | Q(valid_until__gte=since))
        .filter(Q(role=Role.NURSE, staff__is_nurse=True) | Q(role=Role.PRESCRIBER, staff__is_prescriber=True))
        .order_by()
        .values_list(*SHIFT_FIELDS)
    )
    work: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    breaks: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    by_weekday: dict[int, list[Day]] = defaultdict(list)
    for day in horizon.days:
        by_weekday[day.date.weekday()].append(day)
    for role, staff_id, weekday, starts, ends, rest_starts, rest_ends, valid_from, valid_until in weekly:
        for day in by_weekday[weekday]:
            if valid_from <= day.date and (valid_until is None or day.date <= valid_until):
                work[role, staff_id].append(span(horizon, day, starts, ends))
                if rest_starts and rest_ends:
                    breaks[role, staff_id].append(span(horizon, day, rest_starts, rest_ends))
    absent = _exceptions(location, horizon, since, until, work)
    masks: dict[str, dict[int, int]] = {Role.NURSE: {}, Role.PRESCRIBER: {}}
    for (role, staff_id), spans in work.items():
        taken = breaks[role, staff_id] + absent[staff_id]
        masks[role][staff_id] = horizon.mask(spans) & horizon.free(taken)
    return masks


def _exceptions(
    location: Location,
    horizon: Horizon,
    since: date,
    until: date,
    work: dict[tuple[str, int], list[tuple[int, int]]],
) -> dict[int, list[tuple[int, int]]]:
    """Add extra shifts to ``work``; return the absences by staff id."""
    dated = ShiftException.objects.select_related("location").filter(
        Q(location=location) | Q(kind=ShiftException.Kind.ABSENCE),
        staff__is_active=True,
        day__gte=since - timedelta(days=1),
        day__lte=until + timedelta(days=1),
    )
    absent: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row in dated:
        begin, end = (
            datetime.combine(row.day, wall, row.location.tz).astimezone(UTC)
            for wall in (row.starts, row.ends)
        )
        if row.kind == ShiftException.Kind.ABSENCE:
            absent[row.staff_id].append((floor_step(begin), ceil_step(end)))
        else:
            work[row.role, row.staff_id].append((ceil_step(begin), floor_step(end)))
    return absent
