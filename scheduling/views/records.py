"""What is on record for a patient: consents, medicines tried before, prerequisites, and the access link."""

import segno
from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from scheduling.access import Action, Actor
from scheduling.core.words import Channel, LinkPurpose
from scheduling.forms.patients import ConsentForm, MedicationTrialForm, PrerequisiteForm
from scheduling.models import Consent, MedicationTrial, Patient
from scheduling.services.calendar_ways import was_invited
from scheduling.services.faults import Refused
from scheduling.services.links import expires_at, hand_out_link, visits_url
from scheduling.services.patients import (
    add_medication_trial,
    give_consent,
    record_prerequisite,
    remove_medication_trial,
    revoke_consent,
)
from scheduling.services.running import run
from scheduling.views.refusals import show_refusal

from .entrance import staff_page


def _patient(pk: int) -> Patient:
    return get_object_or_404(Patient.objects.select_related("home_location"), pk=pk)


def _form_page(request: HttpRequest, patient: Patient, form: BaseForm, template: str) -> HttpResponse:
    return render(request, f"staff/{template}.html", {"form": form, "patient": patient})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.RECORD_CONSENT)
def consent_give(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Read the warning to the patient, then record the consent."""
    patient = _patient(pk)
    form = ConsentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            channel = form.cleaned_data["channel"]
            run(give_consent, by=by, now=timezone.now(), patient=patient, channel=channel)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The consent is on record."))
            return redirect("patient_detail", patient.pk)
    return _form_page(request, patient, form, "consent_form")


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.RECORD_CONSENT)
def consent_revoke(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Ask, then end a consent; it stays on record."""
    consent = get_object_or_404(Consent.objects.select_related("patient"), pk=pk)
    if request.method == "POST":
        run(revoke_consent, by=by, now=timezone.now(), consent=consent)
        messages.success(request, _("The consent is revoked. Nothing more is sent this way."))
        return redirect("patient_detail", consent.patient_id)
    is_email = consent.channel == Channel.EMAIL
    context = {
        "consent": consent,
        "patient": consent.patient,
        "was_invited": is_email and was_invited(consent.patient),
    }
    return render(request, "staff/consent_revoke.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.EDIT_PATIENTS)
def medication_add(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Record a medicine the patient tried before."""
    patient, now = _patient(pk), timezone.now()
    form = MedicationTrialForm(
        request.POST or None,
        instance=MedicationTrial(patient=patient),
        today=now.astimezone(patient.home_location.tz).date(),
    )
    if request.method == "POST" and form.is_valid():
        try:
            run(add_medication_trial, by=by, now=now, trial=form.save(commit=False))
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The medicine is on the list."))
            return redirect("patient_detail", patient.pk)
    return _form_page(request, patient, form, "medication_form")


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.EDIT_PATIENTS)
def medication_remove(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Ask, then take a wrongly recorded medicine off the list."""
    trial = get_object_or_404(MedicationTrial.objects.select_related("patient"), pk=pk)
    if request.method == "POST":
        run(remove_medication_trial, by=by, now=timezone.now(), trial=trial)
        messages.success(request, _("The medicine is off the list."))
        return redirect("patient_detail", trial.patient_id)
    return render(request, "staff/medication_remove.html", {"trial": trial, "patient": trial.patient})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.RECORD_PREREQUISITE)
def prerequisite_record(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Record that a prerequisite is met; ``?prerequisite=`` chooses it beforehand."""
    patient = _patient(pk)
    form = PrerequisiteForm(request.POST or None, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid():
        try:
            run(record_prerequisite, by=by, now=timezone.now(), patient=patient, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The prerequisite is on record."))
            return redirect("patient_detail", patient.pk)
    return _form_page(request, patient, form, "prerequisite_form")


@require_POST
@never_cache
@staff_page(Action.ISSUE_LINK)
def patient_link(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Show the address of the patient's pages to hand over; ``rotate`` makes every earlier one worthless.

    Answered without a redirect: the address stands in no URL, no session and no cache.
    """
    patient = _patient(pk)
    rotate, now = "rotate" in request.POST, timezone.now()
    try:
        link = run(hand_out_link, by=by, now=now, patient=patient, purpose=LinkPurpose.VISITS, rotate=rotate)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("patient_detail", pk)
    url = visits_url(link)
    context = {
        "patient": patient,
        "url": url,
        "picture": segno.make(url, error="m").svg_data_uri(scale=5, border=4, light="white"),
        "works_until": expires_at(link).astimezone(patient.home_location.tz).date(),
        "rotated": rotate,
    }
    return render(request, "staff/patient_link.html", context)
