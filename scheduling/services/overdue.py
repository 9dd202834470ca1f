"""Patients whose next infusion is overdue: relapse comes 18-19 days after the last one (facts, source 14)."""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from scheduling.access import SYSTEM, Actor
from scheduling.core.plan_steps import windows
from scheduling.core.words import OPEN, USED, AlertKind, PlanState, Standing
from scheduling.models import Alert, Appointment, FollowUpPlan

from .alerts import raise_alert, settle
from .audit import record
from .plan_blocks import steps_of
from .running import run

WITHOUT_PLAN = timedelta(days=14)
BEYOND_STEP = timedelta(days=7)
"""So long after the interval of the plan's step (DESIGN)."""
SOONEST = timedelta(days=7)
"""No interval of a plan makes a patient overdue before this; keeps the query small."""


def find_overdue(now: datetime) -> int:
    """Duty: raise one alert per last infusion of active patients who are overdue with nothing booked, and settle
    those of patients who were booked or treated since; how many of both.
    """
    done = sum(run(_settle_one, by=SYSTEM, now=now, pk=pk) for pk in _answered())
    late = [visit.pk for visit in _last_infusions(now) if is_overdue(visit, now)]
    return done + sum(run(_raise_one, by=SYSTEM, now=now, pk=pk) for pk in late)


def _last_infusions(now: datetime) -> "QuerySet[Appointment]":
    """The last visit given of each active patient with nothing booked, unless it raised an alert already."""
    noticed = Alert.objects.filter(appointment=OuterRef("pk"), kind=AlertKind.OVERDUE)
    return unbooked(last_infusions(now)).exclude(Exists(noticed)).order_by("pk")


def last_infusions(now: datetime) -> "QuerySet[Appointment]":
    """The last visit given of each active patient, where it is long enough ago to make them overdue."""
    others = Appointment.objects.filter(patient=OuterRef("patient"))
    later = others.filter(status__in=USED, started_at__gt=OuterRef("started_at"))
    rows = Appointment.objects.filter(
        status__in=USED, started_at__lt=now - SOONEST, patient__standing=Standing.ACTIVE
    )
    return rows.exclude(Exists(later))


def unbooked(visits: "QuerySet[Appointment]") -> "QuerySet[Appointment]":
    """Those of ``visits`` whose patient has nothing booked."""
    others = Appointment.objects.filter(patient=OuterRef("patient"), status__in=OPEN)
    return visits.exclude(Exists(others))


def is_overdue(visit: Appointment, now: datetime) -> bool:
    """Whether the infusion after ``visit`` should have come by the local date of ``now``."""
    plan = FollowUpPlan.objects.filter(patient=visit.patient_id, state=PlanState.ACTIVE).first()
    return now.astimezone(visit.tz).date() > due_by(visit, plan, now)


def due_by(visit: Appointment, plan: FollowUpPlan | None, now: datetime) -> date:
    """The last local date by which the infusion after ``visit`` is not overdue yet, by the patient's active plan."""
    today = now.astimezone(visit.tz).date()
    return visit.local_date + (step_interval(plan, today) + BEYOND_STEP if plan else WITHOUT_PLAN)


def overdue_since(visits: "QuerySet[Appointment]", now: datetime) -> dict[int, date]:
    """Of the last infusions ``visits`` those that are overdue: patient to the last date that was not; three queries."""
    active = FollowUpPlan.objects.filter(state=PlanState.ACTIVE).prefetch_related("steps")
    plans = {plan.patient_id: plan for plan in active.filter(patient__in=visits.values("patient"))}
    dates = {visit: due_by(visit, plans.get(visit.patient_id), now) for visit in visits}
    return {visit.patient_id: day for visit, day in dates.items() if now.astimezone(visit.tz).date() > day}


def step_interval(plan: FollowUpPlan, today: date) -> timedelta:
    """The days from one infusion to the next in the step that ``today`` lies in; after the last step, in that."""
    steps = list(windows(steps_of(plan), plan.starts_after))
    now = next((one for one in steps if one.last is None or today <= one.last), steps[-1])
    return now.step.after(1)


def _answered() -> list[int]:
    """Open alerts whose patient has a visit booked or was treated after the infusion they are about."""
    visits = Appointment.objects.filter(patient=OuterRef("patient"))
    since = visits.filter(
        Q(status__in=OPEN) | Q(status__in=USED, started_at__gt=OuterRef("appointment__started_at"))
    )
    rows = Alert.objects.open().filter(kind=AlertKind.OVERDUE)
    gone = rows.filter(Exists(since) | ~Q(patient__standing=Standing.ACTIVE))
    return list(gone.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _settle_one(*, by: Actor, now: datetime, pk: int) -> bool:
    alert = Alert.objects.select_for_update(no_key=True).get(pk=pk)
    if not settle(Alert.objects.filter(pk=pk), now):
        return False
    record(by=by, now=now, action="settle_overdue", subject=alert, patient_id=alert.patient_id)
    return True


@transaction.atomic
def _raise_one(*, by: Actor, now: datetime, pk: int) -> bool:
    """One infusion, looked at again: a visit may have been booked meanwhile; one booked now is settled next."""
    visit = _last_infusions(now).filter(pk=pk).select_related("patient", "location").first()
    if visit is None:
        return False
    alert = raise_alert(
        kind=AlertKind.OVERDUE,
        key=f"overdue:{visit.pk}",
        patient=visit.patient,
        location=visit.location,
        now=now,
        appointment=visit,
        facts={"last": visit.local_date.isoformat()},
    )
    if alert is None:
        return False
    record(by=by, now=now, action="notice_overdue", subject=alert, patient_id=visit.patient_id)
    return True
