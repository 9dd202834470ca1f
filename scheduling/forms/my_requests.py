"""What patients write about their own visits."""

from django import forms
from django.utils.translation import gettext_lazy as _

WISH_LENGTH = 300
"""Characters, as the service takes them."""


class OtherTimeForm(forms.Form):
    """What would suit the patient better, in their own words."""

    wish = forms.CharField(
        label=_("What would suit you better?"),
        max_length=WISH_LENGTH,
        error_messages={"required": _("Tell us what would suit you.")},
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control", "maxlength": WISH_LENGTH}),
    )
