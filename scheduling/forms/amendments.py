"""The form of a replacement for a signed order."""

from datetime import date
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout
from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling.models import Order

from .orders import OrderForm


class AmendForm(OrderForm):
    """Starts from the old order; the number counts what is still to be given. Signing is part of it."""

    unusual_dose_confirmed = forms.BooleanField(
        label=_("The dose is meant as written."),
        required=False,
        help_text=_("Needed where the dose is outside the protocol's usual range."),
    )
    confirmed = forms.BooleanField(
        label=_("I have checked this replacement and sign it."),
        error_messages={"required": _("Confirm that you have checked the order.")},
    )

    def __init__(self, *args: Any, old: Order, sessions: int, today: date, **kwargs: Any) -> None:
        """``old`` is replaced; ``sessions`` of it are neither used nor under way."""
        super().__init__(*args, today=today, **kwargs)
        del self.fields["stage"]
        self.fields["sessions"].label = _("Infusions still to be given")
        kept: dict[str, Any] = {
            "sessions": max(1, sessions),
            "valid_from": min(old.valid_from, today),
            "valid_until": old.valid_until,
            "note": old.note,
        }
        self.initial.update(kept)
        if "weight_kg" in self.fields and old.weight_kg:
            self.initial["weight_kg"] = f"{old.weight_kg.normalize():f}"
        if old.dose_unit == self.protocol.dose_unit:
            self.initial["dose_amount"] = f"{old.dose_amount.normalize():f}"

    @property
    def helper(self) -> FormHelper:
        """As a draft's, without the stage and with the signature."""
        helper = super().helper
        rest = helper.layout.fields[1:]
        helper.layout = Layout("sessions", *rest, "unusual_dose_confirmed", "confirmed")
        return helper
