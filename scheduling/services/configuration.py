"""Rules of the configuration: what may not be switched off or deleted, and which hours and shifts collide."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import combinations
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import CASCADE, PROTECT, ManyToOneRel, Model, QuerySet
from django.utils.translation import gettext as _

from scheduling.models import Appointment, OpeningHours, Shift, ShiftException, StaffMember

from .faults import Refused

NAMED = 10
"""So many visits are named in a refusal; the rest is counted."""

LONGEST_LOOK = timedelta(days=371)
"""Two weekly patterns that do not meet within a year and a week never do."""

Interval = tuple[datetime, datetime]


def require_no_visits(*, now: datetime, field: str, **place: Model) -> None:
    """Raise Refused, naming the visits, while any open visit ends after ``now`` in this place.

    ``place`` says which, as in ``location=``; ``field`` is where the form shows the words.
    """
    visits = Appointment.objects.upcoming(now).filter(**place).select_related("patient")
    count = visits.count()
    if not count:
        return
    details = [str(visit) for visit in visits[:NAMED]]
    if count > NAMED:
        details.append(_("and %(number)d more") % {"number": count - NAMED})
    words = _("Visits are still booked here. Move or cancel them first.")
    raise Refused("visits_ahead", words, field=field, details=details)


def require_no_history(thing: Model) -> None:
    """Raise Refused, naming what kinds of record point at it, where deleting ``thing`` would lose history."""
    kinds = sorted(set(_history(thing._meta.model._base_manager.filter(pk=thing.pk))))
    if not kinds:
        return
    words = _("“%(thing)s” cannot be deleted: it is used by %(kinds)s.") % {
        "thing": thing,
        "kinds": ", ".join(kinds),
    }
    raise Refused("has_history", words, details=[_instead(thing)])


def _instead(thing: Model) -> str:
    try:
        field = thing._meta.get_field("is_active")
    except FieldDoesNotExist:
        return _("Remove it from there first.")
    return _("Untick “%(field)s” instead: it is then no longer offered, and its history stays.") % {
        "field": field.verbose_name  # type: ignore[union-attr]
    }


def _history(rows: QuerySet[Model]) -> Iterator[str]:
    """The names of what protects ``rows``, directly or through what would be deleted with them."""
    for relation in rows.model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ManyToOneRel):
            continue
        model: type[Model] = relation.field.model
        related = model._base_manager.filter(**{f"{relation.field.name}__in": rows})
        if relation.on_delete is PROTECT and related.exists():
            yield str(model._meta.verbose_name_plural)
        elif relation.on_delete is CASCADE:
            yield from _history(related)
    for link in rows.model._meta.many_to_many:
        through: Any = link.remote_field.through
        if through._base_manager.filter(**{f"{link.m2m_field_name()}__in": rows}).exists():
            yield str(link.remote_field.model._meta.verbose_name_plural)


def hours_clashes(hours: Sequence[OpeningHours]) -> list[tuple[OpeningHours, OpeningHours]]:
    """Pairs of one location's opening hours, saved or not, that overlap on a weekday."""
    return [
        (one, other)
        for one, other in combinations(hours, 2)
        if one.weekday == other.weekday and one.opens < other.closes and other.opens < one.closes
    ]


def shift_clashes(shifts: Sequence[Shift]) -> list[tuple[Shift, Shift]]:
    """Pairs of one person's shifts, saved or not, that ever overlap in real time, whatever their zones."""
    return [(one, other) for one, other in combinations(shifts, 2) if _ever_meet(one, other)]


def extra_clashes(extras: Sequence[ShiftException]) -> list[tuple[ShiftException, ShiftException]]:
    """Pairs of one person's extra shifts, saved or not, that overlap in real time."""
    added = [extra for extra in extras if extra.kind == ShiftException.Kind.EXTRA]
    pairs = combinations(added, 2)
    return [(one, other) for one, other in pairs if _meet([_instant(one)], [_instant(other)])]


def require_one_place_at_a_time(staff: StaffMember) -> None:
    """Raise Refused where an extra shift meets a weekly shift at another place and no absence covers it."""
    exceptions = list(staff.shift_exceptions.select_related("location"))
    shifts = list(staff.shifts.select_related("location"))
    absences = [_instant(row) for row in exceptions if row.kind == ShiftException.Kind.ABSENCE]
    for extra in exceptions:
        if extra.kind != ShiftException.Kind.EXTRA:
            continue
        for shift in shifts:
            if shift.location_id != extra.location_id and _unexcused(extra, shift, absences):
                raise Refused(
                    "two_places",
                    _(
                        "The extra shift on %(day)s at %(place)s overlaps the weekly shift %(shift)s. "
                        "Record an absence there too."
                    )
                    % {"day": extra.day.isoformat(), "place": extra.location, "shift": shift},
                )


def _unexcused(extra: ShiftException, shift: Shift, absences: Sequence[Interval]) -> bool:
    start, end = _instant(extra)
    day = timedelta(days=1)
    for first, last in _occurrences(shift, extra.day - day, extra.day + day):
        both = max(start, first), min(end, last)
        if both[0] < both[1] and not any(since <= both[0] and both[1] <= until for since, until in absences):
            return True
    return False


def _ever_meet(one: Shift, other: Shift) -> bool:
    apart = (one.weekday - other.weekday) % 7
    if apart in ({0} if one.location.zone == other.location.zone else {0, 1, 6}):
        first = max(one.valid_from, other.valid_from) - timedelta(days=1)
        last = first + LONGEST_LOOK
        return _meet(_occurrences(one, first, last), _occurrences(other, first, last))
    return False


def _meet(these: Iterable[Interval], those: Iterable[Interval]) -> bool:
    those = list(those)
    return any(start < until and since < end for start, end in these for since, until in those)


def _occurrences(shift: Shift, first: date, last: date) -> list[Interval]:
    """The shift's UTC intervals on its weekdays from ``first`` to ``last``, both included."""
    first, last = max(first, shift.valid_from), min(last, shift.valid_until or last)
    first += timedelta(days=(shift.weekday - first.weekday()) % 7)
    days = (first + timedelta(days=offset) for offset in range(0, (last - first).days + 1, 7))
    return [_on(day, shift.starts, shift.ends, shift) for day in days]


def _instant(row: ShiftException) -> Interval:
    return _on(row.day, row.starts, row.ends, row)


def _on(day: date, starts: time, ends: time, row: Shift | ShiftException) -> Interval:
    zone = row.location.tz
    return datetime.combine(day, starts, zone), datetime.combine(day, ends, zone)
