"""Whether a patient is treated here: pause or end the treatment, reopen the record."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from scheduling.access import Action, Actor
from scheduling.core.words import Standing
from scheduling.forms.standing import StandingForm
from scheduling.models import Patient
from scheduling.services.faults import Refused
from scheduling.services.running import run
from scheduling.services.standing import end_patient, pause_patient, reopen_patient
from scheduling.services.standing_view import following, what_ends

from .entrance import staff_page
from .patients import opened_patient
from .refusals import show_refusal

GET_OR_POST = ["GET", "HEAD", "POST"]


@require_http_methods(GET_OR_POST)
@staff_page(Action.CHANGE_STANDING)
def patient_standing(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Show what would stop and who is told; then pause or end the treatment."""
    patient, now = opened_patient(request, by, pk), timezone.now()
    data = request.POST if request.method == "POST" else None
    form = StandingForm(data, standings=following(Standing(patient.standing)))
    if request.method == "POST" and form.is_valid():
        try:
            return _change(request, by, now, patient, form)
        except Refused as refused:
            show_refusal(form, refused)
    context = {"patient": patient, "form": form, "ending": what_ends(patient, now)}
    return render(request, "staff/patient_standing.html", context)


def _change(
    request: HttpRequest, by: Actor, now: datetime, patient: Patient, form: StandingForm
) -> HttpResponse:
    values, standing = form.cleaned_data, Standing(form.cleaned_data["standing"])
    reason = values["reason"]
    if standing is Standing.PAUSED:
        run(pause_patient, by=by, now=now, patient=patient, until=values["until"], reason=reason)
    else:
        run(end_patient, by=by, now=now, patient=patient, standing=standing, reason=reason)
    messages.success(request, _("It is on record, and what was booked is cancelled."))
    return redirect("patient_detail", patient.pk)


@require_http_methods(GET_OR_POST)
@staff_page(Action.CHANGE_STANDING)
def patient_reopen(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Say what comes back and what does not, then reopen the record."""
    patient = opened_patient(request, by, pk)
    if request.method == "POST":
        try:
            run(reopen_patient, by=by, now=timezone.now(), patient=patient)
            messages.success(request, _("The record is open again. Visits can be booked."))
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("patient_detail", patient.pk)
    return render(request, "staff/patient_reopen.html", {"patient": patient})
