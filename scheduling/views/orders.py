"""Orders: draft, edit, sign, withdraw."""

from datetime import date, datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from scheduling.access import Action, Actor
from scheduling.core.words import OrderState
from scheduling.forms.orders import BookHeldForm, OrderForm, SignForm
from scheduling.models import Order, Patient, Protocol
from scheduling.services.draft_holds import book_held, held_for
from scheduling.services.faults import Refused
from scheduling.services.orders import (
    draft_order,
    edit_draft,
    fingerprint,
    outside_usual_dose,
    sign_order,
    withdraw_order,
    withdrawal,
)
from scheduling.services.running import run
from scheduling.views.refusals import show_refusal

from .entrance import staff_page
from .patients import opened_patient

GET_OR_POST = ["GET", "HEAD", "POST"]


@require_http_methods(GET_OR_POST)
@staff_page(Action.DRAFT_ORDER)
def order_draft(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Choose a protocol (``?protocol=``), then write the order."""
    order = Order(patient=opened_patient(request, by, pk))
    protocol = _chosen_protocol(request)
    if protocol is None:
        return _choose_protocol(request, order.patient)
    return _order_page(request, by, order, protocol)


@require_http_methods(GET_OR_POST)
@staff_page(Action.DRAFT_ORDER)
def order_edit(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Change a draft, also its protocol."""
    order = _order(pk)
    if order.state != OrderState.DRAFT:
        messages.error(request, _("Only a draft can be changed. This order is %(state)s.") % _state(order))
        return redirect("patient_detail", order.patient_id)
    order.patient = opened_patient(request, by, order.patient_id)
    if "protocol" not in request.GET:
        return _order_page(request, by, order, order.protocol)
    protocol = _chosen_protocol(request)
    if protocol is None:
        return _choose_protocol(request, order.patient)
    return _order_page(request, by, order, protocol)


def _state(order: Order) -> dict[str, str]:
    return {"state": order.get_state_display()}


def _order(pk: int) -> Order:
    rows = Order.objects.select_related("patient__home_location", "protocol", "drafted_by")
    return get_object_or_404(rows, pk=pk)


def _chosen_protocol(request: HttpRequest) -> Protocol | None:
    """The current version of the protocol named by ``?protocol=``; the only one there is without a name."""
    orderable = Protocol.objects.orderable()
    chosen = request.GET.get("protocol")
    if chosen is None:
        only = list(orderable[:2])
        return only[0] if len(only) == 1 else None
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 19):
        return None
    named = Protocol.objects.filter(pk=int(chosen)).first()
    current = orderable.filter(code=named.code).first() if named else None
    # A form filled in while the protocol was retired is shown again with what was typed.
    return current or (named if request.method == "POST" else None)


def _choose_protocol(request: HttpRequest, patient: Patient) -> HttpResponse:
    context = {"patient": patient, "protocols": Protocol.objects.orderable()}
    return render(request, "staff/order_protocol.html", context)


def _order_page(request: HttpRequest, by: Actor, order: Order, protocol: Protocol) -> HttpResponse:
    now, is_new = timezone.now(), order.pk is None
    form = OrderForm(request.POST or None, instance=order, protocol=protocol, today=_today(order, now))
    if request.method == "POST" and form.is_valid():
        try:
            run(draft_order if is_new else edit_draft, by=by, now=now, order=form.save(commit=False))
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The draft is saved. A prescriber has to sign it before booking."))
            return redirect("patient_detail", order.patient_id)
    context = {"form": form, "patient": order.patient, "protocol": protocol, "is_new": is_new}
    return render(request, "staff/order_form.html", context)


def _today(order: Order, now: datetime) -> date:
    return now.astimezone(order.patient.home_location.tz).date()


@require_http_methods(GET_OR_POST)
@staff_page(Action.SIGN_ORDER)
def order_sign(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Show everything that is signed, then sign it."""
    order = _order(pk)
    if order.state != OrderState.DRAFT:
        messages.error(request, _("There is nothing to sign. This order is %(state)s.") % _state(order))
        return redirect("patient_detail", order.patient_id)
    unusual = outside_usual_dose(order)
    form = SignForm(request.POST or None, unusual=unusual, initial={"seen": fingerprint(order)})
    if request.method == "POST" and form.is_valid():
        confirmed = form.cleaned_data.get("unusual_dose_confirmed", False)
        try:
            seen, now = form.cleaned_data["seen"], timezone.now()
            run(sign_order, by=by, now=now, order=order, unusual_dose_confirmed=confirmed, seen=seen)
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect("order_sign", order.pk)
        messages.success(request, _("The order is signed. The visits can be booked."))
        return redirect("patient_detail", order.patient_id)
    opened_patient(request, by, order.patient_id)
    held = held_for([order], timezone.now()).get(order.pk)
    context = {"form": form, "order": order, "patient": order.patient, "unusual": unusual, "held": held}
    return render(request, "staff/order_sign.html", context)


@require_http_methods(GET_OR_POST)
@staff_page(Action.DRAFT_ORDER)
def order_withdraw(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Ask, then close a draft or a signed order that has no visit booked."""
    order = _order(pk)
    by.require(withdrawal(order))
    if request.method == "POST":
        try:
            run(withdraw_order, by=by, now=timezone.now(), order=order)
            messages.success(request, _("The order is withdrawn."))
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("patient_detail", order.patient_id)
    held = held_for([order], timezone.now()).get(order.pk)
    context = {"order": order, "patient": order.patient, "held": held}
    return render(request, "staff/order_withdraw.html", context)


@require_POST
@staff_page(Action.BOOK)
def order_book_held(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Book the places held for an order that is signed by now; the form carries the key of this one booking."""
    order = _order(pk)
    form = BookHeldForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("This form was damaged on its way here. Nothing was booked."))
        return redirect("patient_detail", order.patient_id)
    key = form.cleaned_data["request_key"]
    try:
        series = run(book_held, by=by, now=timezone.now(), order=order, request_key=key)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("patient_detail", order.patient_id)
    messages.success(request, _("The held places are booked."))
    return redirect("series_detail", series.pk)
