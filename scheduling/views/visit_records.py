"""What is put on record on a visit's page: prerequisites, blood pressures, the dose given."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from scheduling.access import Action, Actor
from scheduling.forms.visit_records import DoseForm, PressureForm, PressureRemovalForm
from scheduling.models import BloodPressure, Prerequisite
from scheduling.services.doses import differs, record_dose
from scheduling.services.faults import Refused
from scheduling.services.patients import record_prerequisite
from scheduling.services.pressures import beyond_limits, record_pressure, remove_pressure
from scheduling.services.running import run

from .entrance import staff_page
from .refusals import show_refusal
from .visits import visit_of, visit_page


@require_POST
@staff_page(Action.RECORD_PREREQUISITE)
def visit_prerequisite(request: HttpRequest, by: Actor, pk: int, prerequisite: int) -> HttpResponse:
    """Put one prerequisite of this visit on record, by name and time of who presses."""
    visit = visit_of(pk)
    wanted = get_object_or_404(Prerequisite, pk=prerequisite, protocols=visit.protocol_id)
    reference = request.POST.get("reference", "")[:80]
    try:
        run(
            record_prerequisite,
            by=by,
            now=timezone.now(),
            patient=visit.patient,
            prerequisite=wanted,
            appointment=visit,
            reference=reference,
        )
        messages.success(request, _("“%(name)s” is on record.") % {"name": wanted})
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("appointment_detail", visit.pk)


@require_POST
@staff_page(Action.RECORD_VISIT)
def visit_pressure(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Keep one blood pressure; beyond the protocol's limits the page warns."""
    visit = visit_of(pk)
    form = PressureForm(request.POST, visit=visit)
    if form.is_valid():
        try:
            row = run(record_pressure, by=by, now=timezone.now(), appointment=visit, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            if beyond_limits(row, visit.protocol):
                words = _("%(value)s is beyond the limits of this protocol.")
                messages.warning(request, words % {"value": row})
            else:
                messages.success(request, _("%(value)s is on record.") % {"value": row})
            return redirect("appointment_detail", visit.pk)
    return visit_page(request, visit, pressure_form=form)


@require_POST
@staff_page(Action.RECORD_VISIT)
def pressure_remove(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Take a wrong entry away, with a reason."""
    pressure = get_object_or_404(BloodPressure, pk=pk)
    form = PressureRemovalForm(request.POST, pressure=pressure)
    if form.is_valid():
        try:
            run(remove_pressure, by=by, now=timezone.now(), pressure=pressure, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The entry is removed; the audit trail keeps it."))
            return redirect("appointment_detail", pressure.appointment_id)
    return visit_page(request, visit_of(pressure.appointment_id), removal=(pressure.pk, form))


@require_POST
@staff_page(Action.RECORD_VISIT)
def visit_dose(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Keep the dose given; another one than ordered is flagged."""
    visit = visit_of(pk)
    form = DoseForm(request.POST, visit=visit)
    if form.is_valid():
        try:
            done = run(record_dose, by=by, now=timezone.now(), appointment=visit, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            if differs(done):
                messages.warning(
                    request, _("The dose given differs from the order; a prescriber looks at it.")
                )
            else:
                messages.success(request, _("The dose given is on record."))
            return redirect("appointment_detail", visit.pk)
    return visit_page(request, visit, dose_form=form)
