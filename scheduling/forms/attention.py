"""Acknowledging an alert."""

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _


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
