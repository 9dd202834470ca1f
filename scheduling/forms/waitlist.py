"""What a patient on the waiting list would like, and what a call about an offered place ended with."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Div, Field, Fieldset
from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling.core.wishes import Wishes
from scheduling.core.words import CallState, WaitKind

from .patients import plain_helper
from .wishes import WishesForm

NOTE_LENGTH = 200
"""Characters, as the service takes them."""
OUTCOMES = (CallState.AGREED, CallState.OTHER_TIME, CallState.NOT_REACHED)


class WaitForm(WishesForm):
    """What a patient waits for. All days and times are the location's; without any the course's wishes count."""

    kind = forms.TypedChoiceField(
        label=_("Waits for"),
        choices=[
            (WaitKind.EARLIER.value, _("an earlier time")),
            (WaitKind.BETTER_TIME.value, _("a better day or time")),
        ],
        initial=WaitKind.EARLIER.value,
        coerce=WaitKind,
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        label=_("Note"), max_length=NOTE_LENGTH, required=False, help_text=_("For the staff alone.")
    )

    @property
    def helper(self) -> FormHelper:
        """Two columns: what for, and when the patient can come."""
        return plain_helper(
            Div(
                Div(Field("kind"), Field("note"), css_class="book-what"),
                Div(
                    Fieldset(_("Days"), HTML('{% include "staff/book_days.html" %}')),
                    Fieldset(_("Times"), HTML('{% include "staff/book_windows.html" %}')),
                    Fieldset(_("Away"), HTML('{% include "staff/book_absences.html" %}')),
                    css_class="book-when",
                ),
                css_class="book-form",
            )
        )

    def clean(self) -> dict[str, Any]:
        """A better day or time says which."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == WaitKind.BETTER_TIME and not self.errors and self.wishes() == Wishes():
            self.add_error("kind", _("Choose the days or times that would suit better."))
        return cleaned


class OfferCallForm(forms.Form):
    """What a call about an offered place ended with."""

    outcome = forms.TypedChoiceField(choices=[(one.value, one.value) for one in OUTCOMES], coerce=CallState)
