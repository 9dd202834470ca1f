"""A visit that runs into the next one raises an alert that names whom it keeps waiting; it goes when that is over."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction

from scheduling.access import SYSTEM, Actor
from scheduling.core.words import UNDER_WAY, AlertKind
from scheduling.models import Alert, Appointment, Location

from .alerts import raise_again, raise_alert, settle
from .audit import record
from .overruns import Overrun, overruns
from .running import run

RECENT = timedelta(hours=24)
"""Conflicts are of one day; an alert older than this is history."""


def follow_conflicts(visit: Appointment, now: datetime) -> int:
    """Bring the alerts of the visit's day and location in line with what is recorded; how many changed.

    The caller writes the audit entry.
    """
    return _follow(visit.location, visit.local_date, now)


def watch_conflicts(now: datetime) -> int:
    """Duty: the same as time goes by, wherever somebody is under way or an alert is open; how many changed."""
    busy = Appointment.objects.filter(
        status__in=UNDER_WAY, starts_at__gt=now - RECENT, starts_at__lte=now + RECENT
    )
    open_ones = Alert.objects.open().filter(kind=AlertKind.OVERRUN, appointment__isnull=False)
    days = {
        *busy.values_list("location_id", "local_date"),
        *open_ones.values_list("appointment__location_id", "appointment__local_date"),
    }
    places = Location.objects.in_bulk({location_id for location_id, _day in days})
    return sum(
        run(_watch_one, by=SYSTEM, now=now, location=places[pk], day=day)
        for pk, day in sorted(days, key=lambda one: (one[1], one[0]))
    )


@transaction.atomic
def _watch_one(*, by: Actor, now: datetime, location: Location, day: date) -> int:
    changed = _follow(location, day, now)
    if changed:
        record(
            by=by, now=now, action="follow_conflicts", subject=location, day=day.isoformat(), count=changed
        )
    return changed


def _follow(location: Location, day: date, now: datetime) -> int:
    visits = list(
        Appointment.objects.with_places()
        .filter(location=location, local_date=day)
        .prefetch_related("protocol__phases")
    )
    found = {_key(one): one for one in _pressing(visits, now)}
    changed = sum(_raise(key, one, now) for key, one in found.items())
    ids = [visit.pk for visit in visits]
    over = Alert.objects.filter(kind=AlertKind.OVERRUN, appointment__in=ids).exclude(key__in=found)
    return changed + settle(over, now)


def _pressing(visits: Sequence[Appointment], now: datetime) -> list[Overrun]:
    """Conflicts of which the one who is kept waiting has not started yet: afterwards there is nothing to do."""
    return [one for one in overruns(visits, now) if one.following.started_at is None]


def _key(one: Overrun) -> str:
    return f"overrun:{one.visit.pk}:{one.following.pk}:{one.shared}"


def _raise(key: str, one: Overrun, now: datetime) -> int:
    facts = {
        "until": one.until.isoformat(),
        "next": one.following.pk,
        "next_patient": str(one.following.patient),
        "next_at": one.following.starts_at.isoformat(),
        "shared": one.shared.value,
    }
    alert = raise_alert(
        kind=AlertKind.OVERRUN,
        key=key,
        patient=one.visit.patient,
        location=one.visit.location,
        now=now,
        appointment=one.visit,
        due_at=one.following.starts_at,
        facts=facts,
    )
    if alert:
        return 1
    again = raise_again(Alert.objects.filter(key=key), now)
    Alert.objects.open().filter(key=key).update(facts=facts)
    return again
