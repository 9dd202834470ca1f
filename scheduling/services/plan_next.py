"""When a patient comes next, or why there is no date: for the discharge, the visit's and the patient's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from scheduling.core.plan_steps import Stuck
from scheduling.core.words import OPEN, USED, OrderState, PlanState, Stage
from scheduling.models import Appointment, FollowUpPlan, Order, Patient

LAST_VISITS = 1
"""With so many visits of the first stage left its end is near."""
IN_FORCE = (OrderState.SIGNED, OrderState.USED_UP)
WHY_NONE: dict[str, str | Promise] = {
    Stuck.ORDER_USED_UP: _("all infusions of the order are used or booked; a prescriber has to renew it"),
    Stuck.ORDER_ENDS: _("the order has ended or ends before the next visit; a prescriber has to renew it"),
    Stuck.REVIEW_OVERDUE: _(
        "a review is due before the next visit; a prescriber has to look at the reaction"
    ),
    Stuck.NO_PLACE: _("no place is free that fits the plan; the front desk looks for one"),
    Stuck.REFUSED: _("booking was refused, for example because something is missing on record"),
    Stuck.OVER: _("the plan is over; a prescriber decides how to go on"),
    "to_be_booked": _("the plan is booked further by itself in a moment"),
    "plan_ended": _("the weekly plan was ended"),
    "course_complete": _("the course is complete; no weekly plan was set"),
    "not_booked": _("infusions of the order are left but not booked"),
    "no_order": _("there is no open order"),
}
"""Why there is no next visit: a plan that is stuck, then all without one."""


@dataclass(frozen=True, slots=True)
class NextVisit:
    """The next visit, or the code and words of why there is none; ``plan`` where one is or was in force.

    ``orders``: all of the patient's, the newest first.
    """

    visit: Appointment | None
    why: str = ""
    plan: FollowUpPlan | None = None
    orders: tuple[Order, ...] = ()

    @property
    def words(self) -> str:
        """Why there is no visit, as the rest of a sentence."""
        return str(WHY_NONE.get(self.why, ""))

    @property
    def is_planned(self) -> bool:
        """Whether a weekly plan is in force."""
        return self.plan is not None and self.plan.state == PlanState.ACTIVE


def next_visit(patient: Patient, now: datetime, *, besides: Appointment | None = None) -> NextVisit:
    """The first visit that starts after ``now``, or why there is none; three queries.

    ``besides`` is the visit that is being looked at: the next one is another.
    """
    plan = patient.plans.order_by("-set_at").first()
    ahead = Appointment.objects.with_places().filter(patient=patient, status__in=OPEN, starts_at__gt=now)
    if besides is not None:
        ahead = ahead.exclude(pk=besides.pk)
    visit = ahead.order_by("starts_at").first()
    orders = tuple(Order.objects.filter(patient=patient).order_by("-drafted_at", "-pk"))
    return NextVisit(visit, "" if visit else _why_none(plan, orders), plan, orders)


def _why_none(plan: FollowUpPlan | None, orders: Sequence[Order]) -> str:
    if plan is not None and plan.state == PlanState.ACTIVE:
        return plan.stuck or "to_be_booked"
    if any(order.state == OrderState.SIGNED and order.left for order in orders):
        return "not_booked"
    if plan is not None and plan.state == PlanState.ENDED:
        return "plan_ended"
    if any(order.state in IN_FORCE for order in orders):
        return "course_complete"
    return "no_order"


def wants_plan(patient: Patient, found: NextVisit) -> bool:
    """Whether a weekly plan should be set: none is in force, and the first stage is at or near its last visit.

    Or a follow-up order is signed already. One query at most.
    """
    if found.is_planned:
        return False
    rows = Appointment.objects.filter(patient=patient, series__stage=Stage.INDUCTION)
    visits = list(rows.values_list("series__order", "status"))
    orders = [order for order in found.orders if order.state in IN_FORCE]
    if any(order.stage == Stage.FOLLOW_UP and order.state == OrderState.SIGNED for order in orders):
        return True
    first = next((order for order in orders if order.stage == Stage.INDUCTION), None)
    if first is None:
        return False
    statuses = [status for order, status in visits if order == first.pk]
    given = any(status in USED for status in statuses)
    return given and first.left + sum(status in OPEN for status in statuses) <= LAST_VISITS
