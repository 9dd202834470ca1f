"""Choosing how a patient's calendar learns of visits."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import CalendarWay
from scheduling.models import Patient

LABELS = Patient._meta.get_field("calendar_way").flatchoices
EXPLAINED = {
    CalendarWay.INVITATIONS: _(
        "We e-mail an invitation for each visit, and an update or a cancellation when something changes."
    ),
    CalendarWay.FEED: _(
        "Your calendar program reads your visits by itself. Changes may take up to a day to appear there."
    ),
    CalendarWay.FILES: _(
        "You download your visits once. A file does not change by itself: download it again after a change."
    ),
}
"""One line for the patient about each way."""


class CalendarWayForm(forms.Form):
    """One of the three ways."""

    way = forms.TypedChoiceField(
        label=_("How your calendar learns of your visits"),
        choices=LABELS,
        coerce=CalendarWay,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose one of the three ways.")),
    )

    def options(self) -> list[dict[str, Any]]:
        """Each way with its label, its line and whether it is chosen, for the template."""
        chosen = str(self["way"].value() or "")
        return [
            {
                "value": value,
                "label": label,
                "words": EXPLAINED[CalendarWay(value)],
                "is_chosen": value == chosen,
            }
            for value, label in LABELS
        ]
