"""Visits that nobody closed: noticed after an hour, and never left without check-ins."""

from datetime import datetime, time, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from scheduling.access import SYSTEM, Actor
from scheduling.core.quiet import at_wall
from scheduling.core.words import UNDER_WAY, AlertKind, CheckInState, Standing
from scheduling.models import Alert, Appointment, CheckIn

from .alerts import raise_alert, settle
from .audit import record
from .check_ins import plan_check_ins
from .locks import locked_visit
from .opening import open_days
from .running import run

MIDNIGHT = time()
PATIENCE = timedelta(minutes=60)
"""A visit open this long after its planned end was not closed, or lasts far too long (DESIGN)."""


def close_open_visits(now: datetime) -> int:
    """Duty: an alert for visits open an hour past their plan, and check-ins at closing time; how many of both."""
    seen = Alert.objects.filter(appointment=OuterRef("pk"), kind=AlertKind.VISIT_OPEN, settled_at=None)
    late = Appointment.objects.filter(status__in=UNDER_WAY, ends_at__lte=now - PATIENCE).exclude(Exists(seen))
    done = sum(run(_notice, by=SYSTEM, now=now, pk=pk) for pk in _ids(late))
    over = [visit.pk for visit in _bare(now).order_by("pk") if closing_time(visit) <= now]
    return done + sum(run(_reckon_from_plan, by=SYSTEM, now=now, pk=pk) for pk in over)


def _bare(now: datetime) -> "QuerySet[Appointment]":
    """Started visits past their plan without check-ins, or whose discharge was undone before the last was due."""
    rows = CheckIn.objects.filter(appointment=OuterRef("pk"))
    kept = rows.exclude(state=CheckInState.DROPPED)
    taken_back = rows.filter(state=CheckInState.DROPPED, due_at__gt=now)
    started = Appointment.objects.filter(started_at__isnull=False, discharged_at=None, ends_at__lte=now)
    return started.filter(
        ~Exists(kept) | Exists(taken_back), status__in=UNDER_WAY, patient__standing=Standing.ACTIVE
    ).select_related("location")


def _ids(visits: "QuerySet[Appointment]") -> list[int]:
    return list(visits.order_by("pk").values_list("pk", flat=True))


def closing_time(visit: Appointment) -> datetime:
    """When the location closes on the visit's day (UTC), or the visit's planned end where that is later.

    On a day without opening hours: midnight.
    """
    day = visit.local_date
    hours = open_days(visit.location, day, day).days[0].intervals
    closes = hours[-1][1] if hours else at_wall(day + timedelta(days=1), MIDNIGHT, visit.tz)
    return max(closes, visit.ends_at)


@transaction.atomic
def _notice(*, by: Actor, now: datetime, pk: int) -> bool:
    """Raise the alert, or open it again where the visit was closed and reopened."""
    visit = locked_visit(pk)
    if visit.status not in UNDER_WAY:
        return False
    key = f"visit_open:{visit.pk}"
    alert = raise_alert(
        kind=AlertKind.VISIT_OPEN,
        key=key,
        patient=visit.patient,
        location=visit.location,
        now=now,
        appointment=visit,
        facts={"planned_end": visit.ends_at.isoformat()},
    )
    settled = Alert.objects.filter(key=key, settled_at__isnull=False)
    if alert is None and not settled.update(settled_at=None, raised_at=now):
        return False
    record(by=by, now=now, action="notice_open_visit", subject=visit, patient_id=visit.patient_id)
    return True


@transaction.atomic
def _reckon_from_plan(*, by: Actor, now: datetime, pk: int) -> bool:
    """Give a started visit its check-ins from the planned end, marked so until the real end is recorded."""
    visit = locked_visit(pk)
    if not _bare(now).filter(pk=pk).exists():
        return False
    plan_check_ins(visit, now)
    record(by=by, now=now, action="check_ins_from_plan", subject=visit, patient_id=visit.patient_id)
    return True


def settle_open_visit(visit: Appointment, now: datetime) -> None:
    """Take the alert off the list once the visit is closed, or was taken back to before it began."""
    if visit.status not in UNDER_WAY:
        settle(Alert.objects.filter(appointment=visit, kind=AlertKind.VISIT_OPEN), now)
