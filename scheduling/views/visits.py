"""One visit: its page, and recording how it really went."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from scheduling.access import Action, Actor
from scheduling.core.words import Status
from scheduling.forms.visit_records import DoseForm, PressureForm, PressureRemovalForm, StartForm
from scheduling.forms.visits import CorrectionForm, DischargeForm, StepForm
from scheduling.models import Appointment
from scheduling.services.check_in_list import lines_of_visit
from scheduling.services.faults import Refused
from scheduling.services.missing import may_be_missed, record_missed
from scheduling.services.plan_next import NextVisit, next_visit
from scheduling.services.presence import present_at
from scheduling.services.reads import read_patient
from scheduling.services.running import run
from scheduling.services.starting import Readiness, readiness
from scheduling.services.undoing import undo_needs, undo_step
from scheduling.services.visit_history import acts, step_times
from scheduling.services.visits import (
    STEP_FIELDS,
    correct_time,
    discharge,
    may_leave_at,
    next_step,
    record_step,
    step_needs,
)
from scheduling.services.waitlist_view import wait_of

from .board import board_url
from .entrance import staff_page
from .refusals import show_refusal
from .visit_parts import records_of

RECORDED = {
    "arrived_at": gettext_lazy("%(patient)s has arrived."),
    "started_at": gettext_lazy("The treatment of %(patient)s has started."),
    "treatment_ended_at": gettext_lazy("The treatment of %(patient)s has ended."),
}


NOT_READY = ("prerequisites_open", "no_prescriber_here", "not_countersigned")


def visit_of(pk: int) -> Appointment:
    """One visit with everything its page shows; 404 where there is none."""
    rows = Appointment.objects.with_places().prefetch_related("protocol__phases")
    return get_object_or_404(rows, pk=pk)


@require_safe
@staff_page(Action.SEE_PATIENTS)
def appointment_detail(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Plan and reality of one visit, and what to do next; opening it is recorded as a reading."""
    visit = visit_of(pk)
    run(read_patient, by=by, now=timezone.now(), patient=visit.patient)
    return visit_page(request, visit)


def visit_page(
    request: HttpRequest,
    visit: Appointment,
    *,
    step_form: StepForm | None = None,
    wrong: CorrectionForm | None = None,
    pressure_form: PressureForm | None = None,
    removal: tuple[int, PressureRemovalForm] | None = None,
    dose_form: DoseForm | None = None,
) -> HttpResponse:
    """The visit's page, with a form that could not be accepted in its place."""
    today = timezone.now().astimezone(visit.tz).date()
    step = next_step(visit) if visit.local_date <= today else ""
    ready = readiness(visit)
    forms = {field: CorrectionForm(visit=visit, step=field) for field in STEP_FIELDS if getattr(visit, field)}
    if wrong is not None:
        forms[wrong.step] = wrong
    context = {
        "visit": visit,
        "patient": visit.patient,
        "steps": [(step, forms.get(step.field)) for step in step_times(visit)],
        "next_step": step,
        "next_needs": step_needs(step),
        "undo_needs": undo_needs(visit) or "",
        "may_be_missed": may_be_missed(visit, timezone.now()),
        "step_form": step_form or _step_form(visit, step, ready),
        "readiness": ready,
        **records_of(visit, pressure_form, removal, dose_form),
        "acts": acts(visit),
        "check_ins": lines_of_visit(visit),
        "next": _next_after(visit),
        "wait": wait_of(visit) if visit.status == Status.BOOKED else None,
    }
    return render(request, "staff/appointment_detail.html", context)


def _step_form(
    visit: Appointment, step: str, ready: Sequence[Readiness], data: QueryDict | None = None
) -> StepForm:
    """The form of the next step; a start asks for the prescriber on site and for a reason where one is needed."""
    if step != "started_at":
        return StepForm(data, visit=visit)
    here = [row.staff for row in present_at(visit.location, timezone.now())]
    return StartForm(data, visit=visit, here=here, missing=any(one.is_open for one in ready))


def _next_after(visit: Appointment) -> NextVisit | None:
    """When the patient comes next; only asked once this visit is over."""
    if visit.is_open:
        return None
    return next_visit(visit.patient, timezone.now(), besides=visit)


def _back(request: HttpRequest, visit: Appointment) -> HttpResponse:
    """To the board where the button stood there, else to the visit's page."""
    if request.POST.get("back") == "board":
        return redirect(board_url(visit.local_date, visit.location_id))
    return redirect("appointment_detail", visit.pk)


@require_POST
@staff_page(Action.RECORD_ARRIVAL)
def visit_step(request: HttpRequest, by: Actor, pk: int, field: str) -> HttpResponse:
    """Record the arrival, the start or the end of treatment."""
    if field not in RECORDED:
        raise Http404
    visit = visit_of(pk)
    form = _step_form(visit, field, readiness(visit), request.POST)
    if form.is_valid():
        try:
            given = {"appointment": visit, "field": field, **form.cleaned_data}
            run(record_step, by=by, now=timezone.now(), **given)
        except Refused as refused:
            return _refused(request, visit, form, refused)
        messages.success(request, RECORDED[field] % {"patient": visit.patient})
        return _back(request, visit)
    return visit_page(request, visit, step_form=form)


def _refused(request: HttpRequest, visit: Appointment, form: StepForm, refused: Refused) -> HttpResponse:
    """Beside the form on the visit's page; above the board, which has no form."""
    if request.POST.get("back") == "board":
        messages.error(request, f"{visit.patient}: {refused}")
        # What is missing is put on record on the visit's page.
        return (
            redirect("appointment_detail", visit.pk) if refused.code in NOT_READY else _back(request, visit)
        )
    show_refusal(form, refused)
    return visit_page(request, visit_of(visit.pk), step_form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.RECORD_VISIT)
def visit_discharge(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Ask who the patient leaves with, then end the visit."""
    visit = visit_of(pk)
    data = request.POST if request.method == "POST" else None
    form = DischargeForm(data, visit=visit, observed_until=may_leave_at(visit))
    if request.method == "POST" and form.is_valid():
        try:
            run(discharge, by=by, now=timezone.now(), appointment=visit, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("%(patient)s is discharged.") % {"patient": visit.patient})
            return _back(request, visit)
    context = {
        "form": form,
        "visit": visit,
        "patient": visit.patient,
        "back": request.POST.get("back") or request.GET.get("back", ""),
        "next": next_visit(visit.patient, timezone.now(), besides=visit),
    }
    return render(request, "staff/visit_discharge.html", context)


@require_POST
@staff_page(Action.RECORD_ARRIVAL)
def visit_missed(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Record that the patient did not come."""
    visit = visit_of(pk)
    try:
        run(record_missed, by=by, now=timezone.now(), appointment=visit)
        words = _("%(patient)s is recorded as missed; the places are free again.")
        messages.success(request, words % {"patient": visit.patient})
    except Refused as refused:
        messages.error(request, f"{visit.patient}: {refused}")
    return _back(request, visit)


@require_POST
@staff_page(Action.RECORD_ARRIVAL)
def visit_undo(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Take back the last recorded step."""
    visit = visit_of(pk)
    try:
        run(undo_step, by=by, now=timezone.now(), appointment=visit)
        messages.success(
            request, _("The last step of %(patient)s is taken back.") % {"patient": visit.patient}
        )
    except Refused as refused:
        messages.error(request, f"{visit.patient}: {refused}")
    return _back(request, visit)


@require_POST
@staff_page(Action.CORRECT_TIMES)
def visit_correct(request: HttpRequest, by: Actor, pk: int, field: str) -> HttpResponse:
    """Correct one recorded time, with a reason."""
    visit = visit_of(pk)
    if field not in STEP_FIELDS or getattr(visit, field) is None:
        raise Http404
    form = CorrectionForm(request.POST, visit=visit, step=field)
    if form.is_valid():
        try:
            run(correct_time, by=by, now=timezone.now(), appointment=visit, field=field, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The time is corrected."))
            return _back(request, visit)
    return visit_page(request, visit_of(pk), wrong=form)
