"""A plan goes on under another order: a signed one, or a renewal that is signed here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from scheduling.access import Action, Actor
from scheduling.core.words import Stage
from scheduling.forms.orders import OrderForm, SignForm
from scheduling.forms.plans import ContinueForm
from scheduling.models import FollowUpPlan, Order, Protocol
from scheduling.services.faults import Refused
from scheduling.services.orders import outside_usual_dose
from scheduling.services.plan_orders import continue_under, next_orders, renew_order
from scheduling.services.running import run

from .entrance import staff_page
from .plans import GET_OR_POST, plan_of
from .refusals import show_refusal


@require_http_methods(GET_OR_POST)
@staff_page(Action.SET_PLAN)
def plan_continue(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Choose another signed follow-up order under which the plan goes on."""
    plan, now = plan_of(pk), timezone.now()
    orders = next_orders(plan, now.astimezone(plan.location.tz).date())
    form = ContinueForm(request.POST if request.method == "POST" else None, plan=plan, orders=orders)
    if request.method == "POST" and form.is_valid():
        try:
            run(continue_under, by=by, now=now, plan=plan, order=form.cleaned_data["order"])
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The plan goes on under the new order."))
            return redirect("plan_detail", plan.pk)
    context = {"form": form, "plan": plan, "patient": plan.patient, "orders": orders}
    return render(request, "staff/plan_continue.html", context)


@dataclass(frozen=True, slots=True)
class Renewal:
    """The order form, and the signature below it."""

    order: OrderForm
    sign: SignForm

    def is_valid(self) -> bool:
        """Whether both are; both are asked, so that all that is wrong is shown at once."""
        return all([self.order.is_valid(), self.sign.is_valid()])


@require_http_methods(GET_OR_POST)
@staff_page(Action.SIGN_ORDER)
def plan_renew(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Write and sign the order that replaces the plan's; the plan goes on under it."""
    plan, now = plan_of(pk), timezone.now()
    forms = _renewal(request, plan, now)
    if request.method == "POST" and forms.is_valid():
        try:
            run(
                renew_order,
                by=by,
                now=now,
                plan=plan,
                order=forms.order.save(commit=False),
                unusual_dose_confirmed=forms.sign.cleaned_data.get("unusual_dose_confirmed", False),
            )
        except Refused as refused:
            at_signature = refused.field == "unusual_dose_confirmed"
            show_refusal(forms.sign if at_signature else forms.order, refused)
        else:
            messages.success(request, _("The order is signed; the plan goes on under it."))
            return redirect("plan_detail", plan.pk)
    context = {"forms": forms, "plan": plan, "patient": plan.patient}
    return render(request, "staff/plan_renew.html", context)


def _renewal(request: HttpRequest, plan: FollowUpPlan, now: datetime) -> Renewal:
    """The order as it was, with the same number and a fresh validity; unusual where the typed dose is."""
    old = plan.order
    protocol = Protocol.objects.orderable().filter(code=old.regimen).first() or old.protocol
    today = now.astimezone(plan.patient.home_location.tz).date()
    order = Order(patient=plan.patient, protocol=protocol, stage=Stage.FOLLOW_UP)
    data = request.POST if request.method == "POST" else None
    form = OrderForm(data, instance=order, protocol=protocol, today=today)
    form.initial.update(_as_before(old))
    form.fields["stage"].disabled = True
    unusual = data is not None and _is_unusual(form, order)
    return Renewal(form, SignForm(data, unusual=unusual))


def _as_before(old: Order) -> dict[str, Any]:
    return {
        "stage": Stage.FOLLOW_UP,
        "dose_amount": f"{old.dose_amount.normalize():f}",
        "weight_kg": old.weight_kg,
        "sessions": old.sessions,
        "note": old.note,
    }


def _is_unusual(form: OrderForm, order: Order) -> bool:
    return form.is_valid() and outside_usual_dose(order)
