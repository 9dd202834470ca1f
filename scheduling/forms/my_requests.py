"""What patients write about their own visits."""

from dataclasses import replace
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from scheduling.core.wishes import DAY_MINUTES, Wishes

WISH_LENGTH = 300
"""Characters, as the service takes them."""


ANY, MORNING, AFTERNOON = "any", "morning", "afternoon"
NOON = 12 * 60


class MyWaitForm(forms.Form):
    """On which days and in which half of the day a visit would suit the patient better."""

    days = forms.TypedMultipleChoiceField(
        label=_("Days that suit you better"),
        choices=list(WEEKDAYS.items()),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    part = forms.ChoiceField(
        label=_("Time of day"),
        choices=[
            (ANY, _("any time")),
            (MORNING, _("before noon")),
            (AFTERNOON, _("in the afternoon")),
        ],
        initial=ANY,
        widget=forms.RadioSelect,
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a wish that says nothing."""
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("days") and cleaned.get("part") == ANY and not self.errors:
            self.add_error("days", _("Choose days or a time of day."))
        return cleaned

    def wishes(self, usual: Wishes) -> Wishes:
        """What a valid form asks for, beside the absences and hours kept with the course."""
        windows = {MORNING: ((0, NOON),), AFTERNOON: ((NOON, DAY_MINUTES),)}
        days = frozenset(self.cleaned_data["days"])
        return replace(
            usual,
            only_weekdays=days or usual.only_weekdays,
            never_weekdays=usual.never_weekdays - days,
            prefer_weekdays=frozenset(),
            prefer_windows=windows.get(self.cleaned_data["part"], ()),
        )


class OtherTimeForm(forms.Form):
    """What would suit the patient better, in their own words."""

    wish = forms.CharField(
        label=_("What would suit you better?"),
        max_length=WISH_LENGTH,
        error_messages={"required": _("Tell us what would suit you.")},
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control", "maxlength": WISH_LENGTH}),
    )
