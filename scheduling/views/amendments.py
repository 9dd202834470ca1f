"""Amending a signed order, and a nurse's sign that the changed dose was seen."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from scheduling.access import Action, Actor
from scheduling.core.words import Status
from scheduling.forms.amendments import AmendForm
from scheduling.models import Order, Protocol
from scheduling.services.amending import AMENDABLE, amend_order, open_infusions, see_dose
from scheduling.services.faults import Refused
from scheduling.services.running import run

from .entrance import staff_page
from .patients import opened_patient
from .refusals import show_refusal


def _order(pk: int) -> Order:
    rows = Order.objects.select_related("patient__home_location", "protocol", "drafted_by", "signed_by")
    return get_object_or_404(rows, pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.SIGN_ORDER)
def order_amend(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Write and sign a replacement; what is booked stays where it is and the patient is not told."""
    old, now = _order(pk), timezone.now()
    opened_patient(request, by, old.patient_id)
    if old.state not in AMENDABLE or Order.objects.filter(replaces=old).exists():
        words = _("Only a signed order is amended. This one is %(state)s.")
        messages.error(request, words % {"state": old.get_state_display()})
        return redirect("patient_detail", old.patient_id)
    current = Protocol.objects.filter(code=old.regimen, is_current=True).first()
    order = Order(patient=old.patient, stage=old.stage, regimen=old.regimen)
    today = now.astimezone(old.patient.home_location.tz).date()
    form = AmendForm(
        request.POST or None,
        instance=order,
        protocol=current or old.protocol,
        old=old,
        sessions=open_infusions(old),
        today=today,
    )
    if request.method == "POST" and form.is_valid():
        values = {"unusual_dose_confirmed": form.cleaned_data["unusual_dose_confirmed"]}
        try:
            run(amend_order, by=by, now=now, old=old, order=form.save(commit=False), **values)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The replacement is signed. Booked visits stay where they are."))
            return redirect("patient_detail", old.patient_id)
    ahead = old.appointments.filter(status=Status.BOOKED).count()
    context = {"form": form, "order": old, "patient": old.patient, "ahead": ahead}
    return render(request, "staff/order_amend.html", context)


@require_POST
@staff_page(Action.RECORD_VISIT)
def order_seen(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """A nurse has seen the changed dose; back to the visit it was seen on."""
    order = _order(pk)
    try:
        run(see_dose, by=by, now=timezone.now(), order=order)
        messages.success(request, _("Noted: you have seen the changed dose."))
    except Refused as refused:
        messages.error(request, str(refused))
    visit = request.POST.get("visit", "")
    known = visit.isascii() and visit.isdigit() and len(visit) < 19
    if known and order.appointments.filter(pk=int(visit)).exists():
        return redirect("appointment_detail", int(visit))
    return redirect("patient_detail", order.patient_id)
