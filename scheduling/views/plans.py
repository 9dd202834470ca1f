"""The weekly plan of a patient: set with a look at its first dates, shown, ended, reviewed."""

from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from scheduling.access import Action, Actor
from scheduling.core.plan_steps import PRESETS
from scheduling.core.words import PlanState
from scheduling.forms.plan_steps import STEP_NAMES, initial_steps
from scheduling.forms.plans import (
    PRESET_LABELS,
    REVIEW_NAMES,
    EndPlanForm,
    PlanForm,
    ReviewForm,
    initial_reviews,
    kept_reviews,
)
from scheduling.forms.wishes import initial_wishes
from scheduling.models import FollowUpPlan, Location, Order, Patient, PlanReview
from scheduling.models.plans import step_text
from scheduling.services.faults import Refused
from scheduling.services.plan_asks import checked_ask, counted_from, plan_orders
from scheduling.services.plan_blocks import propose_block
from scheduling.services.plan_view import plan_page
from scheduling.services.plans import end_plan, mark_reviewed, set_plan
from scheduling.services.reads import read_patient
from scheduling.services.running import run
from scheduling.services.wishes import wishes_from_json, wishes_to_json

from .entrance import staff_page
from .patients import opened_patient
from .plan_preview import block_card
from .refusals import show_refusal

GET_OR_POST = ["GET", "HEAD", "POST"]
FIELDS = {"steps": STEP_NAMES[0][0], "reviews": REVIEW_NAMES[0]}
"""Where a refusal about several rows appears."""


@require_http_methods(GET_OR_POST)
@staff_page(Action.SEE_PATIENTS)
def plan_set(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Choose order, steps, days and reviews; look at the first dates; then set the plan and book them."""
    if request.method == "POST":
        by.require(Action.SET_PLAN)
    patient, now = opened_patient(request, by, pk), timezone.now()
    form = _form(request, patient, now)
    card: Any = None
    if request.method == "POST" and form.is_valid():
        try:
            if "seen" in request.POST:
                return _set(request, by, now, form)
            card = _card(form, now)
        except Refused as refused:
            _show(form, refused)
            if refused.code == "block_changed":
                card = _card(form, now)
    return render(request, "staff/plan_set.html", _context(patient, form, now) | {"card": card})


def _context(patient: Patient, form: PlanForm, now: datetime) -> dict[str, Any]:
    return {
        "patient": patient,
        "form": form,
        "orders": list(form.fields["order"].queryset),  # type: ignore[attr-defined]
        "draft": patient.orders.filter(stage="follow_up", state="draft").first(),
        "active": patient.plans.filter(state=PlanState.ACTIVE).first(),
        "presets": _presets(patient, now),
    }


def _presets(patient: Patient, now: datetime) -> list[dict[str, Any]]:
    """The buttons that fill the steps in: the protocol's own proposal first."""
    orders = plan_orders(patient, _today(patient, now))
    taper = list(orders[0].protocol.taper.all()) if orders else []
    found: list[dict[str, Any]] = [{"code": "protocol", "steps": taper, "sources": ()}] if taper else []
    found += [{"code": one.code, "steps": one.steps, "sources": one.sources} for one in PRESETS]
    return [
        preset | {"label": PRESET_LABELS[preset["code"]], "words": "; ".join(map(step_text, preset["steps"]))}
        for preset in found
    ]


def _today(patient: Patient, now: datetime) -> date:
    return now.astimezone(patient.home_location.tz).date()


def _form(request: HttpRequest, patient: Patient, now: datetime) -> PlanForm:
    """The form: as posted, else with what suggests itself and the steps of ``?preset=``."""
    today = _today(patient, now)
    orders = plan_orders(patient, today)
    locations = list(Location.objects.filter(is_active=True).values_list("pk", flat=True))
    data = request.POST if request.method == "POST" else None
    return PlanForm(data, initial=_initial(request, patient, orders, now), orders=orders, locations=locations)


def _initial(request: HttpRequest, patient: Patient, orders: list[Order], now: datetime) -> dict[str, Any]:
    today = _today(patient, now)
    course = orders[0].series.first() if orders else None
    active = patient.plans.filter(state=PlanState.ACTIVE).prefetch_related("steps", "reviews").first()
    last = counted_from(patient, today)
    initial: dict[str, Any] = {
        "location": course.location_id if course else patient.home_location_id,
        "starts_after": last,
        **initial_reviews(last or today),
    }
    if active:
        wishes = wishes_from_json(active.wishes)
        initial |= initial_steps(list(active.steps.all())) | initial_wishes(wishes)
        # A change goes on counting; other steps begin anew.
        initial |= {} if "preset" in request.GET else {"starts_after": active.starts_after}
        days = [one.due_on for one in active.reviews.all() if not one.done_at and one.due_on > today]
        initial |= kept_reviews(days) if days else {}
    chosen = {preset["code"]: preset for preset in _presets(patient, now)}.get(request.GET.get("preset", ""))
    if chosen:
        initial = {name: value for name, value in initial.items() if not name.startswith("step_")}
        initial |= initial_steps(list(chosen["steps"]))
    return initial


def _asked(form: PlanForm) -> dict[str, Any]:
    """What a valid form asks for, as the services want it."""
    values = form.cleaned_data
    return {
        "order": values["order"],
        "location": values["location"],
        "steps": form.steps,
        "reviews": form.reviews(),
        "wishes": wishes_to_json(form.wishes()),
        "starts_after": values["starts_after"],
    }


def _card(form: PlanForm, now: datetime) -> Any:
    ask = checked_ask(now=now, **_asked(form))
    return block_card(ask, propose_block(ask, now), now)


def _set(request: HttpRequest, by: Actor, now: datetime, form: PlanForm) -> HttpResponse:
    plan = run(set_plan, by=by, now=now, seen=request.POST["seen"], **_asked(form))
    page = plan_page(plan, now)
    words = ngettext(
        "The plan is set; %(count)d visit is booked.",
        "The plan is set; %(count)d visits are booked.",
        page.ahead,
    )
    messages.success(request, words % {"count": page.ahead})
    return redirect("plan_detail", plan.pk)


def _show(form: PlanForm, refused: Refused) -> None:
    field = FIELDS.get(refused.field or "", refused.field)
    show_refusal(form, Refused(refused.code, refused.words, field=field, details=refused.details))


def plan_of(pk: int) -> FollowUpPlan:
    """One plan with everything its pages show; 404 where there is none."""
    rows = FollowUpPlan.objects.select_related(
        "patient__home_location", "location", "order__protocol", "set_by", "series"
    ).prefetch_related("steps", "reviews__done_by", "order__protocol__phases")
    return get_object_or_404(rows, pk=pk)


@require_safe
@staff_page(Action.SEE_PATIENTS)
def plan_detail(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Steps, visits, horizon and reviews of one plan; opening it is recorded as a reading."""
    plan, now = plan_of(pk), timezone.now()
    run(read_patient, by=by, now=now, patient=plan.patient)
    page = plan_page(plan, now)
    return render(request, "staff/plan_detail.html", {"plan": plan, "patient": plan.patient, "page": page})


@require_http_methods(GET_OR_POST)
@staff_page(Action.SET_PLAN)
def plan_end(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Ask why, then end the plan; what is booked stays."""
    plan, now = plan_of(pk), timezone.now()
    form = EndPlanForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            run(end_plan, by=by, now=now, plan=plan, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The plan has ended. What is booked stays booked."))
            return redirect("plan_detail", plan.pk)
    context = {"form": form, "plan": plan, "patient": plan.patient, "page": plan_page(plan, now)}
    return render(request, "staff/plan_end.html", context)


@require_http_methods(GET_OR_POST)
@staff_page(Action.SET_PLAN)
def plan_review(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Note what a review found and when the next one is due."""
    review = get_object_or_404(PlanReview, pk=pk)
    plan, now = plan_of(review.plan_id), timezone.now()
    form = ReviewForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            run(mark_reviewed, by=by, now=now, review=review, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _("The review is noted."))
            return redirect("plan_detail", plan.pk)
    context = {"form": form, "plan": plan, "review": review, "patient": plan.patient}
    return render(request, "staff/plan_review.html", context)
