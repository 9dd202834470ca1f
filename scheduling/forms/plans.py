"""Forms about the weekly plan: setting it, ending it, noting a review, going on under another order."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from scheduling.core.plan_steps import Step
from scheduling.models import FollowUpPlan, Location, Order

from .booking import OrderField
from .patients import DayInput, plain_helper
from .plan_steps import STEP_NAMES, StepRows, step_fields, typed_steps
from .wishes import WishesForm, small

REVIEW_ROWS = 4
REVIEW_EVERY = timedelta(weeks=8)
"""Offered at first (facts: reassess every 4-8 weeks)."""
REVIEWS_OFFERED = 3
FRIDAY = 4
REVIEW_NAMES = tuple(f"review_{row}" for row in range(1, REVIEW_ROWS + 1))
PRESET_LABELS = {
    "weekly": _("Weekly"),
    "taper": _("Taper"),
    "esketamine": _("Esketamine"),
    "protocol": _("As the protocol proposes"),
}


class PlanForm(StepRows, WishesForm):
    """A plan to be set. Dates are the location's; empty rows are no step and no review."""

    order = OrderField(label=_("Follow-up order"), queryset=Order.objects.none(), empty_label=None)
    location = forms.ModelChoiceField(label=_("Location"), queryset=Location.objects.none(), empty_label=None)
    starts_after = forms.DateField(
        label=_("Counted from"),
        widget=DayInput(),
        required=False,
        help_text=_("The date of the last infusion, at most a week ago. Week 1 begins the day after."),
    )

    def __init__(
        self, *args: Any, orders: Collection[Order], locations: Collection[int], **kwargs: Any
    ) -> None:
        """``orders`` are signed follow-up orders of the patient; ``locations`` the keys of those in use."""
        super().__init__(*args, **kwargs)
        chosen = cast(forms.ModelChoiceField, self.fields["order"])
        keys = [order.pk for order in orders]
        chosen.queryset = Order.objects.filter(pk__in=keys).select_related("protocol").order_by("pk")
        places = cast(forms.ModelChoiceField, self.fields["location"])
        places.queryset = Location.objects.filter(pk__in=locations)
        if len(locations) == 1:
            places.widget = places.hidden_widget()
        self.fields.update(step_fields())
        for row, name in enumerate(REVIEW_NAMES, 1):
            label = gettext("Review %(number)d") % {"number": row}
            self.fields[name] = forms.DateField(label=label, widget=small(DayInput()), required=False)
        self.helper = plain_helper("order", "location", "starts_after")

    @property
    def review_rows(self) -> list[forms.BoundField]:
        """The fields of the review dates."""
        return [self[name] for name in REVIEW_NAMES]

    @property
    def step_errors(self) -> list[str]:
        """What is wrong with the steps, each sentence once, with the row it is about."""
        words = []
        for number, names in enumerate(STEP_NAMES, 1):
            said = [str(error) for name in names for error in self.errors.get(name, [])]
            where = gettext("Step %(number)d: ") % {"number": number}
            words += [one if one.startswith(where) else where + one for one in said]
        return list(dict.fromkeys(words))

    def clean(self) -> dict[str, Any]:
        """Read the rows; refuse a plan without a step and reviews out of order."""
        cleaned = super().clean()
        self.steps: list[Step] = typed_steps(self)
        if not self.steps and not any(set(names) & set(self.errors) for names in STEP_NAMES):
            self.add_error(STEP_NAMES[0][0], _("Give at least one step."))
        before: date | None = None
        for name in REVIEW_NAMES:
            day = cleaned.get(name)
            if day and before and day <= before:
                self.add_error(name, _("Each review is later than the one before."))
            before = day or before
        return cleaned

    def reviews(self) -> list[date]:
        """The dates of a valid form, rising."""
        return [self.cleaned_data[name] for name in REVIEW_NAMES if self.cleaned_data[name]]


def initial_reviews(first: date) -> dict[str, date]:
    """The review dates that are offered, counted from the local date the plan counts from; never on a weekend."""
    days = [first + REVIEW_EVERY * row for row in range(1, REVIEWS_OFFERED + 1)]
    return kept_reviews(
        [day + timedelta(days=7 - day.weekday() if day.weekday() > FRIDAY else 0) for day in days]
    )


def kept_reviews(days: Sequence[date]) -> dict[str, date]:
    """Review dates of a plan as initial values."""
    return dict(zip(REVIEW_NAMES, days, strict=False))


class EndPlanForm(forms.Form):
    """Why a plan ends."""

    reason = forms.CharField(label=_("Reason"), max_length=200, help_text=_("For the staff alone."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Only a layout."""
        super().__init__(*args, **kwargs)
        self.helper = plain_helper("reason")


class ReviewForm(forms.Form):
    """What a review found, and when the next one is due."""

    note = forms.CharField(label=_("Found and decided"), max_length=500, widget=forms.Textarea({"rows": 3}))
    next_due = forms.DateField(
        label=_("Next review"),
        widget=DayInput(),
        required=False,
        help_text=_("Leave it empty where a later review is planned already."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Only a layout."""
        super().__init__(*args, **kwargs)
        self.helper = plain_helper("note", "next_due")


class ContinueForm(forms.Form):
    """Under which other signed order a plan goes on."""

    order = OrderField(label=_("Signed follow-up order"), queryset=Order.objects.none(), empty_label=None)

    def __init__(self, *args: Any, plan: FollowUpPlan, orders: Collection[Order], **kwargs: Any) -> None:
        """``orders`` are those under which ``plan`` may go on."""
        super().__init__(*args, **kwargs)
        chosen = cast(forms.ModelChoiceField, self.fields["order"])
        keys = [order.pk for order in orders]
        chosen.queryset = (
            Order.objects.filter(pk__in=keys).exclude(pk=plan.order_id).select_related("protocol")
        )
        self.helper = plain_helper("order")
