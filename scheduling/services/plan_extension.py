"""The worker's duty: plans that run short are booked a block further, review dates that came raise an alert."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat

from scheduling.access import SYSTEM, Action, Actor
from scheduling.core.words import OPEN, AlertKind, PlanState, Standing
from scheduling.models import Alert, Appointment, FollowUpPlan, PlanReview, Series

from .alerts import raise_alert
from .audit import record
from .faults import Refused
from .plan_blocks import AHEAD, SHORT, ask_of, propose_block, standing
from .plan_booking import book_block
from .plans import locked_plan, review_key
from .running import run

logger = logging.getLogger(__name__)

RETRY = timedelta(hours=1)
"""A plan that could not be booked is tried again after so long."""
BATCH = 25
"""So many plans are extended in one round, about a second's work: messages wait behind it."""
ZONES_AHEAD = timedelta(hours=14)
"""No place on earth is further ahead of UTC: a superset in SQL, which never computes local time."""


def extend_plans(now: datetime) -> int:
    """Book up to BATCH plans that run short a block further, each in its own transaction; how many visits and alerts.

    Twice or by two workers does no harm: under the locks a plan that is no longer short is left alone.
    """
    raised = sum(run(announce_review, by=SYSTEM, now=now, review=review) for review in due_reviews(now))
    short = list(short_plans(now).values_list("pk", flat=True)[:BATCH])
    return raised + sum(_extend(pk, now) for pk in short)


def short_plans(now: datetime) -> QuerySet[FollowUpPlan]:
    """Active plans with under two weeks or at most one visit booked, not tried within RETRY; one query.

    Not of a patient with a course under review: after two misses a prescriber says how it goes on.
    """
    booked = Appointment.objects.filter(patient=OuterRef("patient"), status__in=OPEN, starts_at__gt=now)
    last = booked.order_by("-starts_at").values("starts_at")[:1]
    ahead = booked.order_by().values("patient").annotate(count=Count("pk")).values("count")
    under_review = Series.objects.filter(patient=OuterRef("patient"), review_asked_at__isnull=False)
    # A visit later today counts by its local date below: a day more than needed is looked at here.
    return (
        FollowUpPlan.objects.filter(state=PlanState.ACTIVE, patient__standing=Standing.ACTIVE)
        .exclude(Exists(under_review))
        .filter(Q(tried_at=None) | Q(tried_at__lte=now - RETRY))
        .annotate(last=Subquery(last), ahead=Coalesce(Subquery(ahead), 0))
        .filter(Q(last=None) | Q(last__lt=now + SHORT + timedelta(days=1)) | Q(ahead__lt=AHEAD))
        .order_by(F("last").asc(nulls_first=True), "pk")
    )


def _extend(pk: int, now: datetime) -> int:
    """One plan; whoever ended or changed it a moment ago is right. A fault must not keep the others waiting."""
    try:
        return run(extend_plan, by=SYSTEM, now=now, pk=pk)
    except Refused:
        return 0
    except Exception:
        logger.exception("Plan %d could not be extended.", pk)
        FollowUpPlan.objects.filter(pk=pk).update(tried_at=now)
        return 0


@transaction.atomic
def extend_plan(*, by: Actor, now: datetime, pk: int) -> int:
    """Book the next block of one plan where it is short; how many visits. Raises Refused where it is over."""
    by.require(Action.BOOK)
    plan = locked_plan(pk)
    ask = ask_of(plan)
    if plan.patient.series.filter(review_asked_at__isnull=False).exists():
        return 0
    if not standing(ask, now).is_short(now.astimezone(ask.location.tz).date()):
        return 0
    before = plan.stuck
    count = book_block(by=by, now=now, plan=plan, ask=ask, block=propose_block(ask, now))
    if count or plan.stuck != before:
        record(
            by=by,
            now=now,
            action="extend_plan",
            subject=plan,
            patient_id=plan.patient_id,
            visits=count,
            stuck=plan.stuck,
        )
    return count


def due_reviews(now: datetime) -> list[PlanReview]:
    """Reviews of active plans whose local date has come and that raised no alert yet; one query."""
    key = Concat(Value("review:"), Cast(OuterRef("pk"), CharField()))
    rows = (
        PlanReview.objects.filter(done_at=None, plan__state=PlanState.ACTIVE)
        .filter(due_on__lte=(now + ZONES_AHEAD).date())
        .exclude(Exists(Alert.objects.filter(key=key)))
        .select_related("plan__patient", "plan__location")
    )
    return [row for row in rows if row.due_on <= now.astimezone(row.plan.location.tz).date()]


@transaction.atomic
def announce_review(*, by: Actor, now: datetime, review: PlanReview) -> int:
    """Raise the alert that a review is due, once; how many."""
    by.require(Action.BOOK)
    plan = review.plan
    alert = raise_alert(
        kind=AlertKind.REVIEW_DUE,
        key=review_key(review),
        patient=plan.patient,
        location=plan.location,
        now=now,
        plan=plan,
        facts={"due_on": review.due_on.isoformat()},
    )
    if alert is None:
        return 0
    record(by=by, now=now, action="review_due", subject=plan, patient_id=plan.patient_id, review=review.pk)
    return 1
