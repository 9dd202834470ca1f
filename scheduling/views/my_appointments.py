"""One visit on the patient's own pages, and what patients do about it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from scheduling.forms.my_requests import MyWaitForm, OtherTimeForm
from scheduling.models import AccessLink, Appointment
from scheduling.services.changes import undo_change
from scheduling.services.faults import Refused
from scheduling.services.my_requests import (
    ask_other_time,
    cancel_my_visit,
    choices_of,
    confirm_my_visit,
    withdraw_wish,
)
from scheduling.services.my_visits import instructions_for, visits_of
from scheduling.services.running import run
from scheduling.services.waitlist_view import offers_to, wait_of

from .patient_entry import link_actor, patient_page
from .refusals import show_refusal


def own_visit(link: AccessLink, pk: int) -> Appointment:
    """The patient's visit; 404 for anybody else's."""
    rows = link.patient.appointments.select_related("location", "series")
    return get_object_or_404(rows, pk=pk)


def visit_page(
    request: HttpRequest,
    link: AccessLink,
    now: datetime,
    visit: Appointment,
    *,
    form: OtherTimeForm | None = None,
    refused: Refused | None = None,
    wait_form: MyWaitForm | None = None,
    wait_refused: Refused | None = None,
) -> HttpResponse:
    """The visit with a form that could not be accepted, or with why something was not done."""
    choices = choices_of(visit, now)
    leaves_at = choices.change.leaves_at.astimezone(visit.tz) if choices.change else None
    wait = wait_of(visit) if choices.is_ahead else None
    context = {
        "visit": visit,
        "place": visit.location,
        "is_to_come": visit in visits_of(link.patient, now).upcoming,
        "instructions": instructions_for([visit], link.patient.language),
        "choices": choices,
        "take_back_until": leaves_at.time() if leaves_at else None,
        "form": form or OtherTimeForm(initial=choices.asked.facts if choices.asked else None),
        "refused": refused,
        "wait": wait,
        "offers": [one for one in offers_to(link.patient, now) if wait and one.entry_id == wait.pk],
        "wait_form": wait_form or MyWaitForm(),
        "wait_refused": wait_refused,
    }
    return render(request, "patient/my_appointment.html", context)


@require_safe
@patient_page
def my_appointment(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """Show one visit, its place, its instructions and what the patient can do about it."""
    return visit_page(request, link, now, own_visit(link, pk))


def _press(
    request: HttpRequest, link: AccessLink, now: datetime, pk: int, service: Callable[..., Any]
) -> HttpResponse:
    """A button about one visit: do it and show the visit, or say why not."""
    visit = own_visit(link, pk)
    try:
        run(service, by=link_actor(request, link), now=now, appointment=visit)
    except Refused as refused:
        return visit_page(request, link, now, visit, refused=refused)
    return redirect("my_appointment", pk)


@require_POST
@patient_page
def my_confirm(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """The patient will come."""
    return _press(request, link, now, pk, confirm_my_visit)


@require_POST
@patient_page
def my_keep(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """The patient takes the wish for another time back."""
    return _press(request, link, now, pk, withdraw_wish)


@require_POST
@patient_page
def my_other_time(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """The patient wishes for another time; nothing is released."""
    visit, form = own_visit(link, pk), OtherTimeForm(request.POST)
    if form.is_valid():
        by, wish = link_actor(request, link), form.cleaned_data["wish"]
        try:
            run(ask_other_time, by=by, now=now, appointment=visit, wish=wish)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            return redirect("my_appointment", pk)
    return visit_page(request, link, now, visit, form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@patient_page
def my_cancel(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """Ask once more, then cancel; too near to the visit the page gives the phone number instead."""
    if request.method == "POST":
        return _press(request, link, now, pk, cancel_my_visit)
    visit = own_visit(link, pk)
    if not choices_of(visit, now).is_in_time:
        return visit_page(request, link, now, visit)
    return render(request, "patient/my_cancel.html", {"visit": visit, "place": visit.location})


@require_POST
@patient_page
def my_take_back(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """The patient takes the own cancellation back, as long as nobody was told of it."""
    visit = own_visit(link, pk)
    change = choices_of(visit, now).change
    if change is None:
        return redirect("my_appointment", pk)
    try:
        run(undo_change, by=link_actor(request, link), now=now, change=change)
    except Refused as refused:
        return visit_page(request, link, now, visit, refused=refused)
    return redirect("my_appointment", pk)
