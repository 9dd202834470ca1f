"""Forms about an order: the draft and the signature."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from crispy_forms.bootstrap import AppendedText
from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Row
from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import DoseUnit, OrderState, Stage
from scheduling.models import Order, Protocol

from .patients import DayInput, plain_helper

VALID_DAYS = 90


def _bare(number: Decimal) -> str:
    return f"{number.normalize():f}"


class OrderForm(forms.ModelForm):
    """A draft under one protocol, which decides unit and fields of the dose. Nothing is computed from it."""

    dose_amount = forms.DecimalField(
        label=_("Dose"), min_value=Decimal("0.01"), max_digits=6, decimal_places=2
    )
    sessions = forms.IntegerField(label=_("Number of infusions"), min_value=1, max_value=100)

    class Meta:
        model = Order
        fields = ("stage", "dose_amount", "weight_kg", "sessions", "valid_from", "valid_until", "note")
        widgets = {"valid_from": DayInput(), "valid_until": DayInput()}

    def __init__(self, *args: Any, protocol: Protocol, today: date, **kwargs: Any) -> None:
        """``today`` is the local date at the patient's home location; a new order is valid from then on."""
        super().__init__(*args, **kwargs)
        self.protocol = protocol
        if self.instance.pk is None:
            defaults = {
                "stage": self._next_stage(),
                "sessions": protocol.induction_count,
                "valid_from": today,
                "valid_until": today + timedelta(days=VALID_DAYS),
            }
            self.initial.update(defaults)
        elif self.instance.dose_unit == protocol.dose_unit:
            self.initial["dose_amount"] = _bare(self.instance.dose_amount)
        else:
            self.initial["dose_amount"] = None
        self.instance.protocol, self.instance.dose_unit = protocol, protocol.dose_unit
        if protocol.dose_unit == DoseUnit.MG:
            self._choose_from_list()
        else:
            self._ask_for_weight()

    def _next_stage(self) -> Stage:
        first = self.instance.patient.orders.filter(
            regimen=self.protocol.code,
            stage=Stage.INDUCTION,
            state__in=(OrderState.SIGNED, OrderState.USED_UP),
        )
        return Stage.FOLLOW_UP if first.exists() else Stage.INDUCTION

    def _choose_from_list(self) -> None:
        choices = [(_bare(dose), f"{_bare(dose)} mg") for dose in self.protocol.listed_doses()]
        self.fields["dose_amount"] = forms.TypedChoiceField(
            label=_("Dose"), choices=[("", _("Choose a dose")), *choices], coerce=Decimal
        )
        del self.fields["weight_kg"]
        self.instance.weight_kg = None

    def _ask_for_weight(self) -> None:
        self.fields["weight_kg"] = forms.DecimalField(
            label=_("Weight"), min_value=1, max_value=500, max_digits=5, decimal_places=1
        )
        if self.protocol.usual_dose:
            self.fields["dose_amount"].help_text = _(
                "Usual here: %(range)s. Outside it the prescriber confirms a second time."
            ) % {"range": self.protocol.usual_dose}

    @property
    def helper(self) -> FormHelper:
        """The layout, with the unit written beside the dose."""
        dose = "dose_amount"
        weight = []
        if "weight_kg" in self.fields:
            dose = AppendedText("dose_amount", "mg/kg")
            weight = [Column(AppendedText("weight_kg", "kg"), css_class="col-sm-6")]
        return plain_helper(
            Row(Column("stage", css_class="col-sm-6"), Column("sessions", css_class="col-sm-6")),
            Row(Column(dose, css_class="col-sm-6"), *weight),
            Row(Column("valid_from", css_class="col-sm-6"), Column("valid_until", css_class="col-sm-6")),
            "note",
        )

    def clean(self) -> dict[str, Any]:
        """Refuse an end before the beginning."""
        cleaned = super().clean() or self.cleaned_data
        start, end = cleaned.get("valid_from"), cleaned.get("valid_until")
        if start and end and end < start:
            self.add_error("valid_until", _("The order ends before it starts."))
        return cleaned


class SignForm(forms.Form):
    """The signature of what was ``seen``; a dose outside the protocol's range is confirmed a second time."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    confirmed = forms.BooleanField(
        label=_("I have checked this order and sign it."),
        error_messages={"required": _("Confirm that you have checked the order.")},
    )
    unusual_dose_confirmed = forms.BooleanField(
        label=_("The dose is meant as written."),
        error_messages={"required": _("The dose is outside the protocol's usual range. Confirm it to sign.")},
    )

    def __init__(self, *args: Any, unusual: bool, **kwargs: Any) -> None:
        """``unusual`` asks the second question."""
        super().__init__(*args, **kwargs)
        if not unusual:
            del self.fields["unusual_dose_confirmed"]
        self.helper = plain_helper("seen", *(["unusual_dose_confirmed"] if unusual else []), "confirmed")


class BookHeldForm(forms.Form):
    """The key of the one booking that may follow a hold."""

    request_key = forms.CharField(max_length=64, widget=forms.HiddenInput)
