"""A follow-up plan as its page shows it: steps with their dates, visits, how far it is booked, reviews."""

from dataclasses import dataclass
from datetime import date, datetime

from scheduling.core.plan_steps import windows
from scheduling.core.words import PlanState
from scheduling.models import Appointment, FollowUpPlan, PlanReview
from scheduling.models.plans import step_text

from .plan_blocks import REVIEW_GRACE, ask_of, following, standing
from .plan_next import WHY_NONE
from .plan_orders import next_orders


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step in words with its local dates; ``last`` is None for an open one."""

    words: str
    first: date
    last: date | None
    is_in_force: bool
    is_over: bool


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """One review; ``is_due`` once its date has come, ``stops_on`` the last date booked while nobody notes it."""

    review: PlanReview
    is_due: bool
    stops_on: date


@dataclass(frozen=True, slots=True)
class PlanPage:
    """What the page of a plan shows. Dates are the location's.

    ``ahead``: visits still to come. ``booked_until``: the last of them. ``following``: the ideal date of the visit
    behind it; None where the steps are over or the plan is. ``why``: why nothing more is booked, in words.
    """

    steps: list[StepLine]
    visits: list[Appointment]
    reviews: list[ReviewLine]
    ahead: int
    booked_until: date | None
    following: date | None
    why: str
    is_active: bool
    can_continue: bool


def plan_page(plan: FollowUpPlan, now: datetime) -> PlanPage:
    """Everything about one plan; six queries at most, however many visits."""
    today = now.astimezone(plan.location.tz).date()
    ask = ask_of(plan)
    found = standing(ask, now)
    active = plan.state == PlanState.ACTIVE
    rows = Appointment.objects.with_places().filter(
        patient=plan.patient_id, local_date__gt=plan.starts_after, series__stage=plan.order.stage
    )
    return PlanPage(
        steps=[
            StepLine(
                step_text(window.step),
                window.first,
                window.last,
                is_in_force=active
                and window.first <= today
                and (window.last is None or today <= window.last),
                is_over=window.last is not None and window.last < today,
            )
            for window in windows(ask.steps, plan.starts_after)
        ],
        visits=list(rows.order_by("starts_at")),
        reviews=[
            ReviewLine(
                review, review.done_at is None and review.due_on <= today, review.due_on + REVIEW_GRACE
            )
            for review in plan.reviews.all()
        ],
        ahead=found.ahead,
        booked_until=found.last if found.ahead else None,
        following=following(ask, found, today) if active else None,
        why=str(WHY_NONE.get(plan.stuck, "")),
        is_active=active,
        can_continue=active and bool(next_orders(plan, today)),
    )
