"""What a plan that is about to be set asks for: checked, with the field of the form that is wrong."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from scheduling.core.plan_steps import Step, StepError, check_steps
from scheduling.core.words import USED, OrderState, PlanState, Stage
from scheduling.models import Appointment, Location, Order, Patient
from scheduling.models.plans import STEP_WORDS

from .faults import Refused
from .frame import last_day
from .plan_blocks import Ask
from .planning import cadence_of
from .treated import require_treated
from .wishes import wishes_from_json

LAST_REVIEW = timedelta(days=2 * 366)
LOOK_BACK = timedelta(days=7)
"""Steps are never counted from a date further back, or the first would be over before it begins (DESIGN)."""


def step_words(error: StepError) -> str:
    """What is wrong with the steps, in a sentence."""
    return str(STEP_WORDS[error.code])


def plan_orders(patient: Patient, today: date) -> list[Order]:
    """The signed follow-up orders that a plan can be set under on the local date ``today``, the newest first."""
    rows = Order.objects.filter(
        patient=patient, stage=Stage.FOLLOW_UP, state=OrderState.SIGNED, valid_until__gte=today
    )
    return list(rows.select_related("protocol").prefetch_related("protocol__taper").order_by("-pk"))


def counted_from(patient: Patient, today: date) -> date | None:
    """The local date a new plan counts from: the last visit booked or given, at most a week ago.

    While visits of the first stage are booked it is the last of them. None where nothing was ever given or booked.
    """
    rows = Appointment.objects.filter(patient=patient)
    booked = rows.open().filter(series__stage=Stage.INDUCTION).order_by("-local_date")
    given = rows.filter(status__in=USED).order_by("-local_date")
    days = [visits.values_list("local_date", flat=True).first() for visits in (booked, given)]
    known = [day for day in days if day is not None]
    return max(*known, today - LOOK_BACK) if known else None


def checked_ask(
    *,
    order: Order,
    location: Location,
    steps: Sequence[Step],
    reviews: Sequence[date],
    wishes: Mapping[str, Any] | None,
    starts_after: date | None,
    now: datetime,
) -> Ask:
    """The question of a plan that is about to be set. Raises Refused with the field that is wrong."""
    today = now.astimezone(location.tz).date()
    require_treated(order.patient)
    _require_order(order)
    starts_after = starts_after or counted_from(order.patient, today)
    if starts_after is None:
        raise Refused(
            "no_infusion_yet",
            _("No infusion was given or booked yet. Give the date from which the plan counts."),
            field="starts_after",
        )
    if starts_after < today - LOOK_BACK and not _goes_on(order.patient, starts_after):
        words = _("The plan counts from at most a week ago: %(day)s or later.")
        day = (today - LOOK_BACK).isoformat()
        raise Refused("starts_long_ago", words % {"day": day}, field="starts_after")
    if starts_after > last_day(location, now):
        words = _("Bookings are possible until %(day)s.")
        day = last_day(location, now).isoformat()
        raise Refused("starts_too_late", words % {"day": day}, field="starts_after")
    try:
        check_steps(steps, cadence_of(order.protocol))
    except StepError as error:
        where = "" if error.index is None else _("Step %(number)d: ") % {"number": error.index + 1}
        raise Refused(error.code, where + step_words(error), field="steps") from error
    for day_due in reviews:
        require_review(day_due, today, "reviews")
    if list(reviews) != sorted(set(reviews)):
        raise Refused("review_order", _("Each review is later than the one before."), field="reviews")
    return Ask(
        order=order,
        location=location,
        steps=tuple(steps),
        starts_after=starts_after,
        wishes=wishes_from_json(wishes or {}),
        review_on=min(reviews, default=None),
    )


def _goes_on(patient: Patient, starts_after: date) -> bool:
    """Whether the plan in force counts from that date: a changed plan may go on counting."""
    return patient.plans.filter(state=PlanState.ACTIVE, starts_after=starts_after).exists()


def _require_order(order: Order) -> None:
    if order.stage != Stage.FOLLOW_UP:
        raise Refused("order_not_follow_up", _("The weekly plan needs a follow-up order."), field="order")
    if order.state != OrderState.SIGNED:
        words = _("This order is %(state)s. The weekly plan needs a signed one.")
        raise Refused("order_not_signed", words % {"state": order.get_state_display()}, field="order")


def require_review(day: date, today: date, field: str) -> None:
    """Raise Refused at ``field`` unless a review lies in the future, within LAST_REVIEW."""
    if day <= today:
        raise Refused("review_past", _("A review lies in the future."), field=field)
    if day > today + LAST_REVIEW:
        raise Refused("review_far", _("A review lies within the next two years."), field=field)
