"""The waiting list: who waits, what is offered, whom to call, and what is due but not booked."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from scheduling.access import Action, Actor
from scheduling.core.wishes import Wishes
from scheduling.core.words import CallState
from scheduling.forms.waitlist import OfferCallForm, WaitForm
from scheduling.forms.wishes import initial_wishes
from scheduling.models import Appointment, Offer, Order, Patient, WaitlistEntry
from scheduling.services.better import wishes_of
from scheduling.services.due_unbooked import due_unbooked
from scheduling.services.faults import Refused
from scheduling.services.offer_answers import record_offer_call, withdraw_offer
from scheduling.services.running import run
from scheduling.services.waitlist import change_wait, leave_waitlist, wait_for_better, wait_for_session
from scheduling.services.waitlist_view import waiting_list
from scheduling.services.wishes import wishes_from_json, wishes_to_json

from .entrance import staff_page
from .patients import opened_patient
from .refusals import show_refusal

GET_OR_POST = ["GET", "HEAD", "POST"]
CALLED = {
    CallState.AGREED: gettext_lazy("%(patient)s agreed; the place is booked."),
    CallState.OTHER_TIME: gettext_lazy("%(patient)s does not want this place; the next patient gets it."),
    CallState.NOT_REACHED: gettext_lazy("%(patient)s was not reached; call again."),
}


@require_safe
@never_cache
@staff_page(Action.SEE_PATIENTS)
def waitlist(request: HttpRequest, by: Actor) -> HttpResponse:
    """Everybody who waits, most urgent first; the calls to make; what is due but not booked."""
    now = timezone.now()
    waiting = waiting_list(now)
    context = {"rows": waiting.rows, "calls": waiting.calls, "due": due_unbooked(now), "now": now}
    return render(request, "staff/waitlist.html", context)


@require_http_methods(GET_OR_POST)
@staff_page(Action.MOVE)
def wait_join(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Put the patient of a booked visit on the list."""
    rows = Appointment.objects.with_places()
    visit = get_object_or_404(rows, pk=pk)
    opened_patient(request, by, visit.patient_id)
    known = WaitlistEntry.objects.open().filter(appointment=visit).first()
    if known:
        return redirect("wait_change", known.pk)
    wishes = wishes_from_json(visit.series.wishes)
    about = {"visit": visit, "patient": visit.patient}
    return _answer(request, by, wait_for_better, {"appointment": visit}, about, wishes)


@require_http_methods(GET_OR_POST)
@staff_page(Action.MOVE)
def wait_join_session(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Put the patient of a signed order on the list for its next session."""
    order = get_object_or_404(Order.objects.select_related("patient", "protocol"), pk=pk)
    opened_patient(request, by, order.patient_id)
    known = WaitlistEntry.objects.open().filter(order=order, appointment=None).first()
    if known:
        return redirect("wait_change", known.pk)
    about = {"order": order, "patient": order.patient}
    return _answer(request, by, wait_for_session, {"order": order}, about, Wishes())


@require_http_methods(GET_OR_POST)
@staff_page(Action.MOVE)
def wait_change(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Change what somebody waits for; the turn stays."""
    entry = _entry(pk)
    opened_patient(request, by, entry.patient_id)
    if entry.ended_at is not None:
        words = _("This patient no longer waits: %(why)s.")
        messages.error(request, words % {"why": entry.get_why_display()})
        return redirect("waitlist")
    about = {"entry": entry, "visit": entry.appointment, "order": entry.order, "patient": entry.patient}
    initial = {"kind": entry.kind, "note": entry.note}
    wishes = wishes_of(entry)
    return _answer(request, by, change_wait, {"entry": entry}, about, wishes, initial)


def _answer(
    request: HttpRequest,
    by: Actor,
    service: Callable[..., WaitlistEntry],
    subject: Mapping[str, Any],
    about: Mapping[str, Any],
    wishes: Wishes,
    initial: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The form about ``subject``: kept, or shown again with what is wrong beside where it is wrong."""
    data = request.POST if request.method == "POST" else None
    form = WaitForm(data, initial={**initial_wishes(wishes), **(initial or {})})
    if request.method == "POST" and form.is_valid():
        values = {
            "kind": form.cleaned_data["kind"],
            "wishes": wishes_to_json(form.wishes()),
            "note": form.cleaned_data["note"],
        }
        try:
            run(service, by=by, now=timezone.now(), **subject, **values)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            words = _("%(patient)s waits. A place that fits is offered by itself.")
            messages.success(request, words % {"patient": about["patient"]})
            return redirect("waitlist")
    return render(request, "staff/wait_form.html", {"form": form, **about})


@require_POST
@staff_page(Action.MOVE)
def wait_leave(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Take somebody off the list."""
    entry = _entry(pk)
    run(leave_waitlist, by=by, now=timezone.now(), entry=entry)
    messages.success(request, _("%(patient)s no longer waits.") % {"patient": entry.patient})
    if request.POST.get("back") == "visit" and entry.appointment_id:
        return redirect("appointment_detail", entry.appointment_id)
    return redirect("waitlist")


@require_POST
@staff_page(Action.MOVE)
def offer_withdraw(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Take an offered place back."""
    offer = _offer(pk)
    run(withdraw_offer, by=by, now=timezone.now(), offer=offer)
    messages.success(request, _("The place is no longer kept for %(patient)s.") % _named(offer.entry.patient))
    return redirect("waitlist")


@require_POST
@staff_page(Action.MOVE)
def offer_call(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """What a call about an offered place ended with."""
    offer, form = _offer(pk), OfferCallForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what the call ended with."))
        return redirect("waitlist")
    outcome = form.cleaned_data["outcome"]
    try:
        run(record_offer_call, by=by, now=timezone.now(), offer=offer, outcome=outcome)
        messages.success(request, CALLED[outcome] % _named(offer.entry.patient))
    except Refused as refused:
        messages.error(request, f"{offer.entry.patient}: {refused}")
    return redirect("waitlist")


def _named(patient: Patient) -> dict[str, Patient]:
    return {"patient": patient}


def _entry(pk: int) -> WaitlistEntry:
    rows = WaitlistEntry.objects.select_related(
        "patient", "order__protocol", "appointment__series", "location"
    )
    return get_object_or_404(rows, pk=pk)


def _offer(pk: int) -> Offer:
    return get_object_or_404(Offer.objects.select_related("entry__patient"), pk=pk)
