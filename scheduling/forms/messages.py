"""Forms of the ledger: what to look for, a note to what was done by hand, why something is not sent."""

from django import forms
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import MessageState
from scheduling.models import Message, Patient

from .patients import plain_helper

TABS = (MessageState.TO_DO, MessageState.WAITING, MessageState.FAILED)
"""The states that want a look; every other is found under All."""
ALL = "all"
NOT_LISTED = {"invalid_choice": _("Choose one of the list.")}
LABELS = {
    "state": Message._meta.get_field("state").flatchoices,
    "kind": Message._meta.get_field("kind").flatchoices,
}


class MessageFilterForm(forms.Form):
    """Which messages to show; nothing given means those to be done by hand."""

    q = forms.CharField(label=_("Patient"), max_length=100, required=False)
    patient = forms.ModelChoiceField(
        queryset=Patient.objects.all(),
        required=False,
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("This patient is not there.")},
    )
    state = forms.ChoiceField(label=_("State"), required=False, error_messages=NOT_LISTED)
    kind = forms.ChoiceField(label=_("What"), required=False, error_messages=NOT_LISTED)
    tab = forms.ChoiceField(
        required=False, choices=[(tab, tab) for tab in (*TABS, ALL)], error_messages=NOT_LISTED
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        """The choices are those of the ledger."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for name, labels in LABELS.items():
            choices = [("", _("all")), *((value, str(label).capitalize()) for value, label in labels)]
            self.fields[name].choices = choices  # type: ignore[attr-defined]

    def open_tab(self) -> str:
        """The tab of a valid form: the one asked for, else All where something is searched for."""
        values = self.cleaned_data
        if values["tab"]:
            return str(values["tab"])
        is_search = any(values[name] for name in ("q", "patient", "state", "kind"))
        return ALL if is_search else MessageState.TO_DO.value

    def open_state(self) -> str:
        """The state to show: that of the tab; under All the one chosen, empty for every state."""
        tab = self.open_tab()
        return str(self.cleaned_data["state"]) if tab == ALL else tab


class DoneForm(forms.Form):
    """A call was made or a print handed over."""

    note = forms.CharField(
        label=_("Note"),
        max_length=200,
        required=False,
        widget=forms.TextInput({"autocomplete": "off"}),
        help_text=_("For the staff: whom you reached, or where the paper went."),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Only a layout."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.helper = plain_helper("note")


class DropForm(forms.Form):
    """Why a message is not to be sent or told."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        widget=forms.TextInput({"autocomplete": "off"}),
        error_messages={"required": _("Say why it is not to be sent.")},
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Only a layout."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.helper = plain_helper("reason")
