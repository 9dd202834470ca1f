"""Forms about a patient: the person, and what is on record for them."""

from datetime import date
from typing import Any, cast

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Field, Fieldset, Layout, Row
from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import Channel
from scheduling.models import Consent, Location, MedicationTrial, Patient, PrerequisiteRecord

OLDEST_YEAR = 1900


def plain_helper(*parts: Any) -> FormHelper:
    """A helper for a form whose <form> tag, token and buttons stand in the template."""
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    if parts:
        helper.layout = Layout(*parts)
    return helper


class DayInput(forms.DateInput):
    """The browser's own date field, which speaks ISO dates."""

    input_type = "date"

    def __init__(self) -> None:
        """Show a stored day as the browser wants it."""
        super().__init__(format="%Y-%m-%d")


def _half(*names: str) -> Row:
    return Row(*(Column(Field(name), css_class="col-sm-6") for name in names))


class SearchForm(forms.Form):
    """The one search box above the list of patients."""

    q = forms.CharField(label=_("Name, record number or birth date"), max_length=100, required=False)


class PatientForm(forms.ModelForm):
    """One patient. Asks again where somebody with the same last name and birth date is already there."""

    save_anyway = forms.BooleanField(
        label=_("This is another person: save anyway"), required=False, help_text=_("Nothing is saved yet.")
    )

    class Meta:
        model = Patient
        fields = (
            "first_name",
            "last_name",
            "preferred_name",
            "birth_date",
            "mrn",
            "home_location",
            "email",
            "phone",
            "language",
            "calendar_way",
            "needs_interpreter",
            "escort_name",
            "escort_phone",
            "note",
        )
        widgets = {"birth_date": DayInput(), "note": forms.Textarea({"rows": 3})}
        help_texts = {
            "phone": _("With + and country code for a number from abroad."),
            "calendar_way": _("Empty: as the home location does it. Invitations need consent to e-mail."),
            "escort_name": _("Who usually takes the patient home."),
        }

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        """``today`` bounds the birth date."""
        super().__init__(*args, **kwargs)
        self.today = today
        self.twins: list[Patient] = []
        here = Location.objects.filter(Q(is_active=True) | Q(pk=self.instance.home_location_id))
        cast(forms.ModelChoiceField, self.fields["home_location"]).queryset = here
        if self.instance.pk is None:
            self.initial.setdefault("home_location", here.first())
        self.fields["birth_date"].widget.attrs |= {"min": f"{OLDEST_YEAR}-01-01", "max": today.isoformat()}

    @property
    def helper(self) -> FormHelper:
        """The layout; the second question appears only where it is asked."""
        parts = [
            Fieldset(
                _("Person"),
                _half("first_name", "last_name"),
                _half("preferred_name", "birth_date"),
                _half("mrn", "home_location"),
            ),
            Fieldset(
                _("How to reach the patient"),
                _half("email", "phone"),
                _half("language", "calendar_way"),
                "needs_interpreter",
            ),
            Fieldset(_("Going home"), _half("escort_name", "escort_phone")),
            Fieldset(_("More"), "note"),
        ]
        return plain_helper(*(["save_anyway"] if self.twins else []), *parts)

    def clean_birth_date(self) -> date:
        """Refuse a day that nobody alive was born on."""
        born: date = self.cleaned_data["birth_date"]
        if born > self.today:
            raise forms.ValidationError(_("A birth date is not in the future."), code="future")
        if born.year < OLDEST_YEAR:
            raise forms.ValidationError(_("Look at the year again."), code="past")
        return born

    def clean(self) -> dict[str, Any]:
        """Find the same record number, and who may be the same person."""
        cleaned = super().clean() or self.cleaned_data
        others = Patient.objects.exclude(pk=self.instance.pk)
        mrn, home = cleaned.get("mrn"), cleaned.get("home_location")
        if mrn and home and others.filter(mrn=mrn, home_location=home).exists():
            self.add_error("mrn", _("Another patient has this record number at this location."))
        last_name, born = cleaned.get("last_name"), cleaned.get("birth_date")
        if last_name and born and {"last_name", "birth_date"} & set(self.changed_data):
            self.twins = list(others.like(last_name, born).select_related("home_location")[:5])
        if self.twins and not cleaned.get("save_anyway"):
            self.add_error("save_anyway", _("Compare first, then confirm that this is another person."))
        return cleaned


class MedicationTrialForm(forms.ModelForm):
    """A medicine tried before."""

    class Meta:
        model = MedicationTrial
        fields = ("medicine", "dose", "started", "stopped", "outcome", "note")
        widgets = {"started": DayInput(), "stopped": DayInput()}

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        """``today`` bounds the beginning: it was tried before."""
        super().__init__(*args, **kwargs)
        self.today = today
        self.helper = plain_helper(_half("medicine", "dose"), _half("started", "stopped"), "outcome", "note")

    def clean(self) -> dict[str, Any]:
        """Refuse an end before the beginning and a beginning in the future."""
        cleaned = super().clean() or self.cleaned_data
        started, stopped = cleaned.get("started"), cleaned.get("stopped")
        if started and started > self.today:
            self.add_error("started", _("This day is in the future."))
        if started and stopped and stopped < started:
            self.add_error("stopped", _("It ends before it starts."))
        return cleaned


class PrerequisiteForm(forms.ModelForm):
    """What is now on record, and where its paper is."""

    class Meta:
        model = PrerequisiteRecord
        fields = ("prerequisite", "reference")
        help_texts = {"reference": _("Where the paper is: a number or a folder.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Only a layout."""
        super().__init__(*args, **kwargs)
        self.helper = plain_helper("prerequisite", "reference")


class ConsentForm(forms.Form):
    """The patient was warned and agrees to one channel."""

    channel = forms.TypedChoiceField(
        label=_("The patient agrees to messages by"),
        choices=Consent._meta.get_field("channel").flatchoices,
        coerce=Channel,
        widget=forms.RadioSelect,
    )
    warned = forms.BooleanField(
        label=_("I have read the warning to the patient, who still wishes this."),
        error_messages={"required": _("Read the warning to the patient first.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Only a layout."""
        super().__init__(*args, **kwargs)
        self.helper = plain_helper("channel", "warned")
