"""Forms of bad days: what is missing from when until when, and closing a day."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Row
from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.walltime import WallTimeError, resolve
from scheduling.core.words import CALL_OUTCOMES, CallState, DisruptionKind
from scheduling.models import Chair, Location, StaffMember
from scheduling.models.disruptions import DISRUPTION_LABELS

from .patients import DayInput, plain_helper
from .visits import CLOCK_WORDS, WallTimeInput


class DisruptionForm(forms.Form):
    """Who or what is missing; times are wall times of the location."""

    kind = forms.TypedChoiceField(
        label=_("What is missing"), choices=DISRUPTION_LABELS, coerce=DisruptionKind
    )
    location = forms.ModelChoiceField(
        label=_("Location"), queryset=Location.objects.filter(is_active=True), empty_label=None
    )
    staff = forms.ModelChoiceField(
        label=_("Who, for a nurse or prescriber"),
        queryset=StaffMember.objects.filter(Q(is_nurse=True) | Q(is_prescriber=True), is_active=True),
        required=False,
    )
    chair = forms.ModelChoiceField(
        label=_("Which chair, for a chair"),
        queryset=Chair.objects.filter(is_active=True).select_related("location"),
        required=False,
    )
    first_day = forms.DateField(label=_("From"), widget=DayInput())
    first_time = forms.TimeField(label=_("at"), widget=WallTimeInput, input_formats=["%H:%M"])
    last_day = forms.DateField(label=_("Until"), widget=DayInput())
    last_time = forms.TimeField(label=_("at"), widget=WallTimeInput, input_formats=["%H:%M"])
    reason = forms.CharField(
        label=_("Reason"), max_length=200, required=False, help_text=_("For the staff alone.")
    )

    @property
    def helper(self) -> FormHelper:
        """Dates beside their times."""
        return plain_helper(
            Row(Column("kind", css_class="col-sm-6"), Column("location", css_class="col-sm-6")),
            Row(Column("staff", css_class="col-sm-6"), Column("chair", css_class="col-sm-6")),
            Row(*(Column(name, css_class="col-6 col-sm-3") for name in ("first_day", "first_time"))),
            Row(*(Column(name, css_class="col-6 col-sm-3") for name in ("last_day", "last_time"))),
            "reason",
        )

    def clean(self) -> dict[str, Any]:
        """Both ends as UTC instants, ``starts_at`` and ``ends_at``."""
        cleaned = super().clean() or self.cleaned_data
        location = cleaned.get("location")
        for name, end in (("first", "starts_at"), ("last", "ends_at")):
            day, wall = cleaned.get(f"{name}_day"), cleaned.get(f"{name}_time")
            if location and day and wall is not None:
                cleaned[end] = self._instant(name, day, wall, location)
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("last_time", _("It ends after it starts."))
        return cleaned

    def _instant(self, name: str, day: date, wall: Any, location: Location) -> datetime | None:
        try:
            return resolve(day, wall, location.tz)
        except WallTimeError as error:
            self.add_error(f"{name}_time", CLOCK_WORDS[error.kind] % {"time": wall.strftime("%H:%M")})
        except OverflowError:
            self.add_error(f"{name}_day", _("Choose a date between 2000 and 2100."))
        return None

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        names = ("kind", "location", "staff", "chair", "starts_at", "ends_at", "reason")
        return {name: self.cleaned_data[name] for name in names}


class RaiseForm(forms.Form):
    """Which nurse looks after one patient more, and why."""

    prefix = "raise"
    nurse = forms.ModelChoiceField(
        label=_("Nurse"),
        queryset=StaffMember.objects.none(),
        empty_label=None,
        error_messages={"invalid_choice": _("This nurse cannot take the visit even so. Choose again.")},
    )
    reason = forms.CharField(label=_("Reason"), max_length=200)

    def __init__(self, *args: Any, nurses: Sequence[int], **kwargs: Any) -> None:
        """``nurses`` by primary key: those who are full only in number."""
        super().__init__(*args, **kwargs)
        self.fields["nurse"].queryset = StaffMember.objects.filter(pk__in=nurses)  # type: ignore[attr-defined]

    @property
    def helper(self) -> FormHelper:
        """Side by side."""
        return plain_helper(
            Row(Column("nurse", css_class="col-sm-5"), Column("reason", css_class="col-sm-7"))
        )


class AddedShiftForm(forms.Form):
    """Who works an extra shift on the visit's day; times are wall times of the location."""

    prefix = "shift"
    nurse = forms.ModelChoiceField(
        label=_("Nurse"), queryset=StaffMember.objects.filter(is_nurse=True, is_active=True)
    )
    starts = forms.TimeField(label=_("From"), widget=WallTimeInput, input_formats=["%H:%M"])
    ends = forms.TimeField(label=_("Until"), widget=WallTimeInput, input_formats=["%H:%M"])
    reason = forms.CharField(label=_("Note"), max_length=80, required=False)

    @property
    def helper(self) -> FormHelper:
        """Side by side."""
        return plain_helper(
            Row(
                Column("nurse", css_class="col-sm-6"),
                Column("starts", css_class="col-6 col-sm-3"),
                Column("ends", css_class="col-6 col-sm-3"),
            ),
            "reason",
        )


class CallForm(forms.Form):
    """What a call ended with."""

    outcome = forms.TypedChoiceField(
        choices=[(one.value, one.value) for one in CALL_OUTCOMES], coerce=CallState
    )


class ClosingForm(forms.Form):
    """Which day a location closes, why, and what becomes of the visits; confirmed, since everybody is told at once."""

    location = forms.ModelChoiceField(
        label=_("Location"), queryset=Location.objects.filter(is_active=True), empty_label=None
    )
    day = forms.DateField(label=_("Day"), widget=DayInput())
    reason = forms.CharField(label=_("Reason"), max_length=200, help_text=_("For the staff alone."))
    find_other_times = forms.ChoiceField(
        label=_("The visits of that day"),
        choices=[
            ("", _("are cancelled; staff book them again later")),
            (
                "yes",
                _(
                    "get the best other time: moved at once where they start in more than 24 hours; "
                    "else cancelled, with a place held until closing for the call"
                ),
            ),
        ],
        required=False,
        widget=forms.RadioSelect,
        initial="",
    )
    confirmed = forms.BooleanField(
        label=_("Close the day and tell every patient at once."),
        error_messages={"required": _("Confirm that the day is to be closed.")},
    )

    def clean_find_other_times(self) -> bool:
        """As the service takes it."""
        return bool(self.cleaned_data["find_other_times"])

    @property
    def helper(self) -> FormHelper:
        """One under the other."""
        return plain_helper("location", "day", "reason", "find_other_times", "confirmed")
