"""Forms about one visit beside its times: why it stops, what its start needs, blood pressure and dose given."""

from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any, cast

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Row
from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import StopReason, VitalMoment
from scheduling.models import STOP_LABELS, Appointment, BloodPressure, StaffMember
from scheduling.models.appointments import MOMENT_LABELS

from .patients import plain_helper
from .visits import StepForm, WallTimeInput, instant_of


class StopForm(StepForm):
    """Why a visit is stopped and, during the drug, when."""

    reason = forms.TypedChoiceField(
        label=_("Why"), choices=STOP_LABELS, coerce=StopReason, widget=forms.RadioSelect
    )
    note = forms.CharField(
        label=_("Note"), max_length=200, required=False, help_text=_("What staff should know; stays here.")
    )
    field_order = ("reason", "note", "at")

    @property
    def helper(self) -> FormHelper:
        """The fields alone."""
        return plain_helper("reason", "note", *(["at"] if "at" in self.fields else []))


class StartForm(StepForm):
    """A start, with what it needs: the prescriber on site, and a reason where something is not on record."""

    prescriber = forms.ModelChoiceField(
        label=_("Prescriber on site"), queryset=StaffMember.objects.none(), required=False
    )
    override_reason = forms.CharField(label=_("Start nevertheless, because"), max_length=200, required=False)
    field_order = ("prescriber", "override_reason", "at")

    def __init__(
        self, *args: Any, visit: Appointment, here: Sequence[StaffMember], missing: bool, **kwargs: Any
    ) -> None:
        """``here``: the prescribers on site; ``missing``: something required is not on record."""
        super().__init__(*args, visit=visit, **kwargs)
        people = cast(forms.ModelChoiceField, self.fields["prescriber"])
        people.queryset = StaffMember.objects.filter(pk__in=[one.pk for one in here]).order_by("name")
        if len(here) == 1:
            people.initial = here[0]
        if not visit.protocol.prescriber_on_site:
            del self.fields["prescriber"]
        if not (missing and visit.protocol.may_override_prerequisites):
            del self.fields["override_reason"]


class PressureForm(forms.Form):
    """One blood pressure."""

    moment = forms.TypedChoiceField(label=_("When"), choices=MOMENT_LABELS, coerce=VitalMoment)
    systolic = forms.IntegerField(label=_("Systolic"), min_value=40, max_value=300)
    diastolic = forms.IntegerField(label=_("Diastolic"), min_value=20, max_value=299)
    pulse = forms.IntegerField(label=_("Pulse"), min_value=20, max_value=300, required=False)
    at = forms.TimeField(label=_("Taken at"), required=False, widget=WallTimeInput, input_formats=["%H:%M"])

    def __init__(self, data: QueryDict | None = None, *, visit: Appointment) -> None:
        """``visit`` says in which zone and on which day a time is meant."""
        super().__init__(data, auto_id="bp-%s")
        self.visit = visit

    @property
    def helper(self) -> FormHelper:
        """In one row."""
        return plain_helper(
            Row(
                Column("moment", css_class="col-6 col-md-3"),
                Column("at", css_class="col-6 col-md-3"),
                Column("systolic", css_class="col-4 col-md-2"),
                Column("diastolic", css_class="col-4 col-md-2"),
                Column("pulse", css_class="col-4 col-md-2"),
            )
        )

    def clean_at(self) -> datetime | None:
        """The UTC instant, or None for now."""
        wall: time | None = self.cleaned_data["at"]
        return None if wall is None else instant_of(self.visit, wall)

    def clean(self) -> dict[str, Any]:
        """Systolic is the higher value."""
        cleaned = super().clean() or self.cleaned_data
        high, low = cleaned.get("systolic"), cleaned.get("diastolic")
        if high is not None and low is not None and low >= high:
            self.add_error("diastolic", _("The diastolic value is the lower one."))
        return cleaned


class PressureRemovalForm(forms.Form):
    """Why an entry is wrong; several stand on a page, so ``pk`` keeps their fields apart."""

    reason = forms.CharField(label=_("Why is it wrong?"), max_length=200)

    def __init__(self, data: QueryDict | None = None, *, pressure: BloodPressure) -> None:
        """``pressure``: the entry."""
        super().__init__(data, auto_id=f"bp-{pressure.pk}-%s")


class DoseForm(forms.Form):
    """The dose given, in the unit of the order."""

    amount = forms.DecimalField(
        label=_("Dose given"), min_value=Decimal("0.01"), max_digits=6, decimal_places=2
    )

    def __init__(self, data: QueryDict | None = None, *, visit: Appointment) -> None:
        """Starts empty: what was ordered is not what was given."""
        super().__init__(data, auto_id="dose-%s")
        self.unit = visit.order.get_dose_unit_display()
