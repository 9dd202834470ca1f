"""Forms that change booked or proposed visits: a typed time, a move, a cancellation."""

import re
from typing import Any

from crispy_forms.layout import Column, Row
from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling.core.planner import Place
from scheduling.core.words import CalendarWay
from scheduling.models import Patient

from .patients import DayInput, plain_helper
from .wishes import TimeInput

PLACE = re.compile(r"(\d{1,8})-(\d{1,18})-(\d{1,18})", re.ASCII)


def place_text(place: Place) -> str:
    """A place as the value of a button: start step, chair and nurse."""
    return f"{place.start}-{place.chair}-{place.nurse}"


class TypedPlaceForm(forms.Form):
    """A local date and time typed by hand."""

    day = forms.DateField(label=_("Date"), widget=DayInput())
    wall = forms.TimeField(label=_("Time"), widget=TimeInput())


class OverrideForm(forms.Form):
    """Why a rule is overridden."""

    override_reason = forms.CharField(
        label=_("Reason for overriding"),
        max_length=200,
        required=False,
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class BookForm(OverrideForm):
    """What goes with a booking beside its places: a reason for overriding, and the patient's calendar way."""

    way = forms.TypedChoiceField(
        label=_("The patient's calendar learns of the visits by"),
        choices=Patient._meta.get_field("calendar_way").flatchoices,
        coerce=CalendarWay,
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )


class MoveForm(OverrideForm):
    """Where a visit moves to: an offered or checked place, and a reason where a rule is overridden."""

    place = forms.CharField(widget=forms.HiddenInput, max_length=50)

    def clean_place(self) -> Place:
        """The place that ``place_text`` wrote."""
        found = PLACE.fullmatch(self.cleaned_data["place"])
        if found is None:
            raise forms.ValidationError(_("Choose one of the offered times."), code="place")
        return Place(*map(int, found.groups()))


class CancelForm(forms.Form):
    """On whose wish visits are cancelled, and why."""

    canceller = forms.ChoiceField(
        label=_("On whose wish"),
        choices=[("patient", _("the patient")), ("clinic", _("the clinic"))],
        widget=forms.RadioSelect,
        initial="patient",
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=200, required=False, help_text=_("For the staff alone.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Only a layout."""
        super().__init__(*args, **kwargs)
        self.helper = plain_helper(Row(Column("canceller")), Row(Column("reason")))
