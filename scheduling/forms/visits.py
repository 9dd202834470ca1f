"""Forms about one visit: when a step happened, how the patient leaves, what is corrected."""

from datetime import datetime, time, timedelta
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Field, Row
from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from scheduling.core.walltime import WallTimeError, resolve
from scheduling.models import Appointment

from .patients import plain_helper

HALF_A_DAY = timedelta(hours=12)
CLOCK_WORDS = {
    "nonexistent": _("The clocks go forward on that day: %(time)s does not exist. Type another time."),
    "ambiguous": _("The clocks go back on that day: %(time)s comes twice. Type a time outside that hour."),
}


class WallTimeInput(forms.TimeInput):
    """The browser's own time field."""

    input_type = "time"

    def __init__(self) -> None:
        """Hours and minutes, 24 h."""
        super().__init__(format="%H:%M")


def instant_of(visit: Appointment, wall: time) -> datetime:
    """The UTC instant a clock in the visit's zone means by ``wall`` on the visit's day.

    A time more than half a day before the planned start belongs to the day after: the visit passed midnight.
    Raises ValidationError for a time that a clock change leaves out or repeats.
    """
    day = visit.local_date
    if datetime.combine(day, wall) < datetime.combine(day, visit.local_time) - HALF_A_DAY:
        day += timedelta(days=1)
    try:
        return resolve(day, wall, visit.tz)
    except WallTimeError as error:
        raise forms.ValidationError(
            CLOCK_WORDS[error.kind], code=error.kind, params={"time": wall.strftime("%H:%M")}
        ) from error


class StepForm(forms.Form):
    """When a step happened; empty means now."""

    at = forms.TimeField(
        label=_("Happened at"),
        required=False,
        widget=WallTimeInput,
        help_text=_("Empty means now."),
        input_formats=["%H:%M"],
    )

    def __init__(self, *args: Any, visit: Appointment, **kwargs: Any) -> None:
        """``visit`` says in which zone and on which day a time is meant."""
        super().__init__(*args, **kwargs)
        self.visit = visit

    @property
    def helper(self) -> FormHelper:
        """The fields alone."""
        return plain_helper()

    def clean_at(self) -> datetime | None:
        """The UTC instant, or None for now."""
        wall: time | None = self.cleaned_data["at"]
        return None if wall is None else instant_of(self.visit, wall)


class DischargeForm(StepForm):
    """Who the patient leaves with, or why alone, where the protocol asks for it."""

    escort = forms.CharField(label=_("Leaves with"), max_length=80, required=False)
    no_escort_reason = forms.CharField(
        label=_("Or leaves alone, because"),
        max_length=200,
        required=False,
        help_text=_("This overrides the escort and goes to the audit trail."),
    )
    observation_reason = forms.CharField(label=_("Leaves sooner, because"), max_length=200, required=False)
    field_order = ("escort", "no_escort_reason", "at", "observation_reason")

    def __init__(
        self, *args: Any, visit: Appointment, observed_until: datetime | None = None, **kwargs: Any
    ) -> None:
        """Suggest the patient's usual escort; ``observed_until`` (UTC) is when the observation is over."""
        super().__init__(*args, visit=visit, **kwargs)
        if observed_until is None:
            del self.fields["observation_reason"]
        else:
            self.fields["observation_reason"].help_text = _(
                "The observation lasts until %(time)s; leaving sooner needs a reason."
            ) % {"time": observed_until.astimezone(visit.tz).strftime("%H:%M")}
        if visit.patient.escort_name:
            self.fields["escort"].help_text = _("Usually %(name)s.") % {"name": visit.patient.escort_name}

    def clean(self) -> dict[str, Any]:
        """Refuse both answers at once: an override is no footnote."""
        cleaned = super().clean() or {}
        if cleaned.get("escort") and cleaned.get("no_escort_reason"):
            self.add_error("no_escort_reason", _("Give the escort or the reason, not both."))
        return cleaned


class CorrectionForm(forms.Form):
    """Another time for a recorded step, and why."""

    at = forms.TimeField(label=_("Right time"), widget=WallTimeInput, input_formats=["%H:%M"])
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_(
            "Goes to the audit trail with the former time; write nothing about the patient's health."
        ),
    )

    def __init__(self, data: QueryDict | None = None, *, visit: Appointment, step: str) -> None:
        """``visit`` says in which zone and on which day the time of ``step`` is meant."""
        recorded: datetime | None = getattr(visit, step)
        initial = {"at": recorded.astimezone(visit.tz).time()} if recorded else {}
        super().__init__(data, initial=initial, auto_id=f"{step}_%s")
        self.visit, self.step = visit, step

    @property
    def helper(self) -> FormHelper:
        """Time and reason side by side."""
        return plain_helper(
            Row(Column(Field("at"), css_class="col-sm-4"), Column(Field("reason"), css_class="col-sm-8"))
        )

    def clean_at(self) -> datetime:
        """The UTC instant."""
        return instant_of(self.visit, self.cleaned_data["at"])
