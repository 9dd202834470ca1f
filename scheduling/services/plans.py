"""Follow-up plans: set, ended and reviewed by a prescriber. The worker keeps them booked (plan_extension)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.plan_steps import Step, Stuck
from scheduling.core.words import AlertKind, PlanState
from scheduling.models import (
    Alert,
    FollowUpPlan,
    Location,
    Order,
    PlanReview,
    PlanStep,
    Series,
)

from .alerts import settle
from .audit import author, record
from .faults import Refused
from .plan_asks import checked_ask, require_review
from .plan_blocks import Block, propose_block
from .plan_booking import book_block


@transaction.atomic
def set_plan(
    *,
    by: Actor,
    now: datetime,
    order: Order,
    location: Location,
    steps: Sequence[Step],
    reviews: Sequence[date] = (),
    wishes: Mapping[str, Any] | None = None,
    starts_after: date | None = None,
    seen: str | None = None,
) -> FollowUpPlan:
    """Set the weekly plan of the order's patient and book its first block.

    A plan that was active is replaced; its booked visits stay and count. ``seen`` is the ``fingerprint`` of the
    block that was looked at. Where no place is free the plan is set all the same, with an alert to the front desk.

    Raises Refused with the field that is wrong, ``block_changed`` where the dates are others than those seen, and
    whatever booking refuses.
    """
    by.require(Action.SET_PLAN)
    order = locked_order(order.pk)
    ask = checked_ask(
        order=order,
        location=location,
        steps=steps,
        reviews=reviews,
        wishes=wishes,
        starts_after=starts_after,
        now=now,
    )
    replaced = _replace(order, now)
    block = propose_block(ask, now)
    if seen is not None and seen != fingerprint(block):
        raise Refused("block_changed", _("The dates changed meanwhile. Look at the new ones below."))
    plan = FollowUpPlan.objects.create(
        patient=order.patient,
        order=order,
        location=location,
        series=Series.objects.filter(order=order).first(),
        starts_after=ask.starts_after,
        wishes=dict(wishes or {}),
        set_by_id=author(by),
        set_at=now,
    )
    PlanStep.objects.bulk_create(
        PlanStep(plan=plan, position=position, **_fields(step)) for position, step in enumerate(steps, 1)
    )
    PlanReview.objects.bulk_create(PlanReview(plan=plan, due_on=day) for day in reviews)
    book_block(by=by, now=now, plan=plan, ask=ask, block=block)
    record(
        by=by,
        now=now,
        action="set_plan",
        subject=plan,
        patient_id=plan.patient_id,
        order=order.pk,
        replaces=replaced,
        steps=[_fields(step) for step in steps],
        visits=len(block.places),
    )
    return plan


def _fields(step: Step) -> dict[str, int | None]:
    return {"per_week": step.per_week, "every_weeks": step.every_weeks, "weeks": step.weeks}


def fingerprint(block: Block) -> str:
    """A digest of the places of a block: what was looked at is what gets booked."""
    return sha256(repr(block.places).encode()).hexdigest()[:16]


def locked_order(pk: int) -> Order:
    """The order, locked, with what planning reads of it."""
    return (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("patient__home_location", "protocol")
        .prefetch_related("protocol__phases")
        .get(pk=pk)
    )


def locked_plan(pk: int) -> FollowUpPlan:
    """An active plan, locked behind its order. Raises Refused where it is over or its order changed meanwhile."""
    order = locked_order(FollowUpPlan.objects.values_list("order_id", flat=True).get(pk=pk))
    plan = (
        FollowUpPlan.objects.select_for_update(no_key=True, of=("self",))
        .select_related("patient__home_location", "location", "series")
        .prefetch_related("steps", "reviews")
        .get(pk=pk)
    )
    if plan.state != PlanState.ACTIVE:
        raise Refused("plan_over", _("This plan is no longer in force: %(state)s.") % _state(plan))
    if plan.order_id != order.pk:
        raise Refused("plan_changed", _("Somebody changed this plan a moment ago. Look at it again."))
    plan.order = order
    return plan


def _state(plan: FollowUpPlan) -> dict[str, str]:
    return {"state": plan.get_state_display()}


def _replace(order: Order, now: datetime) -> int | None:
    """Close the patient's active plan; its course is handed on where the order stays the same."""
    old = (
        FollowUpPlan.objects.select_for_update(no_key=True)
        .filter(patient=order.patient_id, state=PlanState.ACTIVE)
        .first()
    )
    if old is None:
        FollowUpPlan.objects.filter(series__order=order).update(series=None)
        return None
    close_plan(old, PlanState.REPLACED, now)
    FollowUpPlan.objects.filter(series__order=order).update(series=None)
    return old.pk


def close_plan(plan: FollowUpPlan, state: PlanState, now: datetime, reason: str = "") -> None:
    """End or replace a plan whose lock the caller holds, and settle its alerts."""
    plan.state, plan.ended_at, plan.end_reason, plan.stuck = state, now, reason, ""
    plan.save(update_fields=["state", "ended_at", "end_reason", "stuck"])
    settle(Alert.objects.filter(plan=plan), now)


@transaction.atomic
def end_plan(*, by: Actor, now: datetime, plan: FollowUpPlan, reason: str) -> FollowUpPlan:
    """End a plan: nothing new is booked; what is booked stays. Raises Refused without a reason."""
    by.require(Action.SET_PLAN)
    if not reason.strip():
        raise Refused("no_reason", _("Say why the plan ends."), field="reason")
    plan = locked_plan(plan.pk)
    close_plan(plan, PlanState.ENDED, now, reason.strip())
    record(by=by, now=now, action="end_plan", subject=plan, patient_id=plan.patient_id, reason=reason.strip())
    return plan


@transaction.atomic
def mark_reviewed(
    *, by: Actor, now: datetime, review: PlanReview, note: str, next_due: date | None = None
) -> FollowUpPlan:
    """Note that a review took place and when the next one is due; the plan may go on being booked.

    Raises Refused without a note, for one that is done, and for a next one in the past or already there.
    """
    by.require(Action.SET_PLAN)
    plan = locked_plan(review.plan_id)
    review = PlanReview.objects.select_for_update(no_key=True).get(pk=review.pk)
    if review.done_at is not None:
        raise Refused("review_done", _("This review is already noted."))
    if not note.strip():
        raise Refused("no_note", _("Say what was found and decided."), field="note")
    if next_due is not None:
        _require_next(plan, next_due, now)
        PlanReview.objects.create(plan=plan, due_on=next_due)
    review.done_by_id, review.done_at, review.note = author(by), now, note.strip()
    review.save(update_fields=["done_by", "done_at", "note"])
    # The worker tries at once; until then the page does not ask for what was just done.
    plan.tried_at = None
    plan.stuck = "" if plan.stuck == Stuck.REVIEW_OVERDUE else plan.stuck
    plan.save(update_fields=["tried_at", "stuck"])
    settle(Alert.objects.filter(plan=plan, kind=AlertKind.REVIEW_DUE, key=review_key(review)), now)
    record(
        by=by,
        now=now,
        action="mark_reviewed",
        subject=plan,
        patient_id=plan.patient_id,
        review=review.pk,
        next=next_due.isoformat() if next_due else None,
    )
    return plan


def _require_next(plan: FollowUpPlan, next_due: date, now: datetime) -> None:
    require_review(next_due, now.astimezone(plan.location.tz).date(), "next_due")
    if any(review.due_on == next_due for review in plan.reviews.all()):
        raise Refused("planreview_once", _("This review date is already there."), field="next_due")


def review_key(review: PlanReview) -> str:
    """The key of the alert that a review is due."""
    return f"review:{review.pk}"
