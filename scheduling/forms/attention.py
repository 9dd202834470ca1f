"""Acknowledging an alert."""

from collections.abc import Sequence

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import Decision
from scheduling.models.alerts import DECISION_LABELS

from .patients import DayInput


class AcknowledgeForm(forms.Form):
    """What was done about one alert; several stand on a page, so ``pk`` keeps their fields apart."""

    note = forms.CharField(
        label=_("What was done?"),
        max_length=500,
        error_messages={"required": _("Say what was done.")},
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
    )

    def __init__(self, data: QueryDict | None = None, *, pk: int) -> None:
        """``pk``: of the alert."""
        super().__init__(data, auto_id=f"alert-{pk}-%s")
        self.pk = pk


class DecideForm(forms.Form):
    """A prescriber's answer to one alert, why, and the last day of a pause."""

    decision = forms.TypedChoiceField(
        label=_("Answer"), coerce=Decision, error_messages={"required": _("Choose one of the answers.")}
    )
    note = forms.CharField(
        label=_("Why?"),
        max_length=500,
        error_messages={"required": _("Say why.")},
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
    )
    until = forms.DateField(label=_("Pause until"), required=False, widget=DayInput())

    def __init__(self, data: QueryDict | None = None, *, pk: int, answers: Sequence[Decision]) -> None:
        """``pk``: of the alert; ``answers``: those it takes."""
        super().__init__(data, auto_id=f"alert-{pk}-%s")
        self.pk = pk
        labels = dict(DECISION_LABELS)
        self.answers = [(answer.value, labels[answer.value]) for answer in answers]
        self.fields["decision"].choices = self.answers  # type: ignore[attr-defined]
        self.fields["until"].widget.attrs["class"] = "form-control"
        if Decision.PAUSE not in answers:
            del self.fields["until"]
