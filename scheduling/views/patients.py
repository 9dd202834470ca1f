"""The list of patients, one patient's page, and the person's own data."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from scheduling.access import Action, Actor
from scheduling.core.words import OPEN_ORDER, LinkPurpose
from scheduling.forms.patients import PatientForm, SearchForm
from scheduling.models import Patient
from scheduling.services.check_in_list import lines_of_patient
from scheduling.services.draft_holds import held_for
from scheduling.services.faults import Refused
from scheduling.services.message_list import messages_of
from scheduling.services.overview import patient_chart, patient_rows
from scheduling.services.patients import save_patient
from scheduling.services.reads import read_patient
from scheduling.services.running import run
from scheduling.views.refusals import show_refusal

from .entrance import staff_page
from .plan_links import plan_words

PAGE_SIZE = 50


def opened_patient(request: HttpRequest, by: Actor, pk: int) -> Patient:
    """The patient with the home location; 404 where there is none. A reading, but no POST, is recorded."""
    patient = get_object_or_404(Patient.objects.select_related("home_location"), pk=pk)
    if request.method != "POST":
        run(read_patient, by=by, now=timezone.now(), patient=patient)
    return patient


@require_safe
@staff_page(Action.SEE_PATIENTS)
def patient_list(request: HttpRequest, by: Actor) -> HttpResponse:
    """All patients, or those whose name, record number or birth date match ``?q=``."""
    form = SearchForm(request.GET if "q" in request.GET else None)
    patients = Patient.objects.by_name()
    if form.is_bound:
        patients = patients.matching(form.cleaned_data["q"]) if form.is_valid() else patients.none()
    page = Paginator(patients, PAGE_SIZE).get_page(request.GET.get("page"))
    rows = patient_rows(list(page), timezone.now())
    return render(request, "staff/patient_list.html", {"form": form, "page": page, "rows": rows})


@require_safe
@staff_page(Action.SEE_PATIENTS)
def patient_detail(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Everything about one patient and what to do next; opening it is recorded."""
    patient = opened_patient(request, by, pk)
    now = timezone.now()
    chart = patient_chart(patient, now)
    context = {
        "patient": patient,
        "chart": chart,
        "held": held_for((order for order in chart.orders if order.state in OPEN_ORDER), now),
        "age": patient.age_on(chart.today),
        "trials": patient.medication_trials.all(),
        "consents": patient.consents.select_related("recorded_by"),
        **plan_words(patient, now),
        "link": patient.links.filter(purpose=LinkPurpose.VISITS, revoked_at=None).first(),
        "check_ins": lines_of_patient(patient),
        "last_messages": messages_of(patient, now),
    }
    return render(request, "staff/patient_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.EDIT_PATIENTS)
def patient_add(request: HttpRequest, by: Actor) -> HttpResponse:
    """Add a patient."""
    form = PatientForm(request.POST or None, today=timezone.now().date())
    saved = _save(request, by, form)
    return saved or render(request, "staff/patient_form.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.EDIT_PATIENTS)
def patient_edit(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Change a patient's data."""
    patient = opened_patient(request, by, pk)
    form = PatientForm(request.POST or None, instance=patient, today=timezone.now().date())
    saved = _save(request, by, form)
    # The name above the form is the one on record, not the one being typed.
    context = {"form": form, "patient": get_object_or_404(Patient, pk=pk)}
    return saved or render(request, "staff/patient_form.html", context)


def _save(request: HttpRequest, by: Actor, form: PatientForm) -> HttpResponse | None:
    if request.method != "POST" or not form.is_valid():
        return None
    is_new = form.instance.pk is None
    try:
        patient = run(save_patient, by=by, now=timezone.now(), patient=form.save(commit=False))
    except Refused as refused:
        show_refusal(form, refused)
        return None
    words = _("%(name)s was added.") if is_new else _("The changes to %(name)s were saved.")
    messages.success(request, words % {"name": patient})
    return redirect("patient_detail", patient.pk)
