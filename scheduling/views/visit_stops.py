"""A visit goes off plan: stop it, or find another place for a patient who is late."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from scheduling.access import Action, Actor
from scheduling.core.planner import Place
from scheduling.core.words import Status
from scheduling.forms.changes import MoveForm, place_text
from scheduling.forms.visit_records import StopForm
from scheduling.models import Appointment
from scheduling.services.faults import Refused
from scheduling.services.late import as_booked, late_offers, start_later
from scheduling.services.reassigning import STILL_TO_START, reassign
from scheduling.services.running import run
from scheduling.services.stopping import stop_visit

from .entrance import staff_page
from .plan_cards import Namer
from .refusals import show_refusal
from .visits import visit_of


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.RECORD_VISIT)
def visit_stop(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Ask why, say what it means, stop the visit."""
    visit = visit_of(pk)
    form = StopForm(request.POST or None, visit=visit)
    if visit.status != Status.IN_TREATMENT:
        del form.fields["at"]
    if request.method == "POST" and form.is_valid():
        try:
            stopped = run(stop_visit, by=by, now=timezone.now(), appointment=visit, **form.cleaned_data)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, _stopped_words(stopped))
            return redirect("appointment_detail", visit.pk)
    can_stop = visit.status in (Status.ARRIVED, Status.IN_TREATMENT)
    context = {"form": form, "visit": visit, "patient": visit.patient, "can_stop": can_stop}
    return render(request, "staff/visit_stop.html", context)


def _stopped_words(visit: Appointment) -> str:
    if visit.status == Status.NOT_GIVEN:
        words = _("%(patient)s was not given anything; the places are free and the infusion is not used.")
    else:
        words = _(
            "The treatment of %(patient)s is stopped. Observe as usual; the prescriber decides on a make-up."
        )
    return words % {"patient": visit.patient}


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.MOVE)
def visit_late(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Another chair or nurse at the same time, a later start today, or another day."""
    visit, now = visit_of(pk), timezone.now()
    form = MoveForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        place: Place = form.cleaned_data["place"]
        try:
            words = _take(by, visit, place)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, words)
            return redirect("appointment_detail", visit.pk)
    can_change = visit.status in STILL_TO_START and visit.local_date == now.astimezone(visit.tz).date()
    context = {
        "visit": visit,
        "patient": visit.patient,
        "form": form,
        "can_change": can_change,
        **(_offers(visit) if can_change else {}),
    }
    return render(request, "staff/visit_late.html", context)


def _take(by: Actor, visit: Appointment, place: Place) -> str:
    """Take an offered place; what to say about it."""
    now, wanted = timezone.now(), as_booked(place)
    if wanted.starts_at == visit.starts_at:
        seats = {"chair_id": place.chair, "nurse_id": place.nurse}
        run(reassign, by=by, now=now, appointment=visit, **seats)
        return _("%(patient)s has another place at the same time.") % {"patient": visit.patient}
    moved = run(start_later, by=by, now=now, appointment=visit, place=wanted)
    words = _("%(patient)s starts at %(time)s today.")
    return words % {"patient": visit.patient, "time": f"{moved.local_time:%H:%M}"}


def _offers(visit: Appointment) -> dict[str, object]:
    """Every offer with its words and the value of its button."""
    found = late_offers(visit, timezone.now())
    namer = Namer.of(visit.series.order, visit.location)
    return {
        "same_time": [(namer.visit(place), place_text(place)) for place in found.same_time],
        "start_now": found.now,
        "later": [(namer.visit(place), place_text(place)) for place in found.later],
    }
