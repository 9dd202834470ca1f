"""Forms about how a patient is treated here: a pause or an end, and a course that goes on elsewhere."""

from collections.abc import Collection
from typing import Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import Standing
from scheduling.models import Location

from .patients import DayInput, plain_helper

CHOICES = [
    (Standing.PAUSED.value, _("Pause until a date")),
    (Standing.FINISHED.value, _("Treatment finished")),
    (Standing.STOPPED.value, _("Treatment stopped")),
    (Standing.MOVED.value, _("Moved away")),
    (Standing.DIED.value, _("Died")),
]


class StandingForm(forms.Form):
    """How the treatment goes on; a death is confirmed a second time, once it was chosen."""

    standing = forms.ChoiceField(label=_("What is to be recorded"), widget=forms.RadioSelect)
    until = forms.DateField(
        label=_("Paused until"),
        widget=DayInput(),
        required=False,
        help_text=_("For a pause alone: at most a year ahead. A prescriber is reminded on that day."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=200, required=False, help_text=_("For the staff alone.")
    )
    died_confirmed = forms.BooleanField(
        label=_("The death of this patient is certain: record it"), required=False
    )

    def __init__(self, *args: Any, standings: Collection[Standing], **kwargs: Any) -> None:
        """``standings`` are those that may follow the present one."""
        super().__init__(*args, **kwargs)
        field = cast(forms.ChoiceField, self.fields["standing"])
        field.choices = [choice for choice in CHOICES if choice[0] in standings]
        names = ["standing", "until", "reason"]
        if Standing.PAUSED not in standings:
            del self.fields["until"]
            names.remove("until")
        if self.data.get("standing") == Standing.DIED:
            names.append("died_confirmed")
        else:
            del self.fields["died_confirmed"]
        self.helper = plain_helper(*names)

    def clean(self) -> dict[str, Any]:
        """A pause has an end, and a death is said twice."""
        values = super().clean() or {}
        standing = values.get("standing")
        if standing == Standing.PAUSED and not values.get("until") and "until" not in self.errors:
            self.add_error("until", gettext("Until when is the treatment paused?"))
        if standing == Standing.DIED and not values.get("died_confirmed"):
            words = gettext("Nothing is recorded yet. Tick this to confirm that the patient died.")
            self.add_error("died_confirmed", words)
        return values


class TransferForm(forms.Form):
    """Where a course goes on, and from which local day."""

    location = forms.ModelChoiceField(
        label=_("Goes on at"), queryset=Location.objects.none(), empty_label=None
    )
    earliest = forms.DateField(
        label=_("From"),
        widget=DayInput(),
        help_text=_("Booked visits on or after this day move; earlier ones stay where they are."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=200, required=False, help_text=_("For the staff alone.")
    )

    def __init__(self, *args: Any, locations: Collection[int], **kwargs: Any) -> None:
        """``locations``: the keys of the other locations in use."""
        super().__init__(*args, **kwargs)
        field = cast(forms.ModelChoiceField, self.fields["location"])
        field.queryset = Location.objects.filter(pk__in=locations).order_by("name")
        self.helper = plain_helper("location", "earliest", "reason")
