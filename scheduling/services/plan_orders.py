"""A plan goes on under a new order: one already signed, or the old one signed again with a new number and end."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.plan_steps import StepError, check_steps
from scheduling.core.words import AlertKind, OrderState, Stage
from scheduling.models import Alert, FollowUpPlan, Order, Series

from .alerts import settle
from .audit import record
from .faults import Refused
from .orders import draft_order, sign_order
from .plan_asks import step_words
from .plan_blocks import ask_of, propose_block, standing
from .plan_booking import book_block
from .planning import cadence_of
from .plans import locked_order, locked_plan
from .treated import require_treated


def next_orders(plan: FollowUpPlan, today: date) -> list[Order]:
    """Other signed follow-up orders of the patient under which the plan may go on, in force on ``today`` or later."""
    rows = Order.objects.bookable(today).filter(patient=plan.patient_id, stage=Stage.FOLLOW_UP)
    return list(rows.exclude(pk=plan.order_id).select_related("protocol").order_by("pk"))


@transaction.atomic
def continue_under(*, by: Actor, now: datetime, plan: FollowUpPlan, order: Order) -> FollowUpPlan:
    """Let an active plan go on under another signed follow-up order of the patient; booked visits keep theirs.

    A new order is a new course. What the plan lacks is booked at once. Raises Refused for an order that does not
    fit the plan.
    """
    by.require(Action.SET_PLAN)
    # Both orders by primary key, the lock order of everybody.
    for pk in sorted({order.pk, plan.order_id}):
        locked_order(pk)
    plan = locked_plan(plan.pk)
    _require_fitting(plan, order := locked_order(order.pk), now)
    _go_on(by, now, plan, order)
    record(by=by, now=now, action="continue_plan", subject=plan, patient_id=plan.patient_id, order=order.pk)
    return plan


@transaction.atomic
def renew_order(
    *, by: Actor, now: datetime, plan: FollowUpPlan, order: Order, unusual_dose_confirmed: bool = False
) -> FollowUpPlan:
    """Sign an unsaved ``order`` in place of the plan's; the plan goes on under it.

    The old order is replaced: its booked visits stay under it, nothing new is booked there. Raises Refused for
    all that drafting and signing refuse, and for an order that does not fit the plan.
    """
    by.require(Action.SIGN_ORDER)
    plan = locked_plan(plan.pk)
    old = plan.order
    if old.state == OrderState.SIGNED:
        old.state = OrderState.REPLACED
        old.save(update_fields=["state"])
    order.patient, order.stage = plan.patient, Stage.FOLLOW_UP
    draft_order(by=by, now=now, order=order)
    sign_order(by=by, now=now, order=order, unusual_dose_confirmed=unusual_dose_confirmed)
    _require_fitting(plan, order := locked_order(order.pk), now)
    _go_on(by, now, plan, order)
    record(
        by=by,
        now=now,
        action="renew_order",
        subject=plan,
        patient_id=plan.patient_id,
        order=order.pk,
        replaces=old.pk,
    )
    return plan


def _require_fitting(plan: FollowUpPlan, order: Order, now: datetime) -> None:
    require_treated(plan.patient)
    if order.patient_id != plan.patient_id or order.stage != Stage.FOLLOW_UP:
        raise Refused("order_not_follow_up", _("The weekly plan needs a follow-up order."), field="order")
    today = now.astimezone(plan.location.tz).date()
    if order.state != OrderState.SIGNED or not order.left or order.valid_until < today:
        words = _("This order is closed, used up or over. Sign a new one first.")
        raise Refused("order_not_signed", words, field="order")
    try:
        check_steps(ask_of(plan).steps, cadence_of(order.protocol))
    except StepError as error:
        raise Refused(error.code, step_words(error), field="order") from error


def _go_on(by: Actor, now: datetime, plan: FollowUpPlan, order: Order) -> None:
    """Hand the plan over to ``order`` and book what it lacks."""
    FollowUpPlan.objects.filter(series__order=order).exclude(pk=plan.pk).update(series=None)
    plan.order, plan.series = order, Series.objects.filter(order=order).first()
    plan.stuck = ""
    plan.save(update_fields=["order", "series", "stuck"])
    settle(Alert.objects.filter(plan=plan, kind=AlertKind.RENEW_ORDER), now)
    ask = ask_of(plan)
    if standing(ask, now).is_short(now.astimezone(plan.location.tz).date()):
        book_block(by=by, now=now, plan=plan, ask=ask, block=propose_block(ask, now))
