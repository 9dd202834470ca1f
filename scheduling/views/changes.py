"""Changing one booked visit: move it to an offered or typed place, or cancel it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from scheduling.access import Action, Actor
from scheduling.core.planner import Place
from scheduling.core.words import CourseAct, Status
from scheduling.forms.changes import CancelForm, MoveForm, TypedPlaceForm, place_text
from scheduling.models import Appointment, CourseChange
from scheduling.services.appointments import Canceller, cancel_appointment, is_in_time
from scheduling.services.changes import undo_change
from scheduling.services.faults import Refused
from scheduling.services.offers import Answer, check_typed, offer_places
from scheduling.services.plan_words import day_words, zone_line
from scheduling.services.rest_holds import hold_key
from scheduling.services.rest_plans import Asked
from scheduling.services.running import run

from .courses import course_weeks
from .entrance import staff_page
from .patients import opened_patient
from .plan_cards import Namer, PlannedVisit
from .refusals import show_refusal
from .rest_changes import rest_page


def _visit(request: HttpRequest, by: Actor, pk: int) -> Appointment:
    rows = Appointment.objects.with_places().select_related("series__order__protocol", "series__location")
    visit = get_object_or_404(rows, pk=pk)
    opened_patient(request, by, visit.patient_id)
    return visit


@dataclass(frozen=True, slots=True)
class Offer:
    """One other place and the value of its button."""

    visit: PlannedVisit
    text: str


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.MOVE)
def appointment_move(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Offer other places, judge a typed one, show what moving there means for the course."""
    visit, now = _visit(request, by, pk), timezone.now()
    if request.method == "POST" and request.POST.get("action") == "check":
        return _check(request, by, visit, now)
    if request.method == "POST" and request.POST.get("action") == "preview":
        return _preview(request, by, visit, now)
    return _move_page(request, by, visit, now)


def _check(request: HttpRequest, by: Actor, visit: Appointment, now: datetime) -> HttpResponse:
    typed = TypedPlaceForm(request.POST)
    answer = None
    if typed.is_valid():
        day, wall = typed.cleaned_data["day"], typed.cleaned_data["wall"]
        answer = check_typed(appointment=visit, now=now, day=day, wall=wall, holding=hold_key(visit))
    return _move_page(request, by, visit, now, typed=typed, answer=answer)


def _preview(request: HttpRequest, by: Actor, visit: Appointment, now: datetime) -> HttpResponse:
    """What the move means for the course, to be confirmed there."""
    form = MoveForm(request.POST)
    if not form.is_valid():
        return _move_page(request, by, visit, now, form=form)
    return rest_page(request, by, visit, Asked(visit.pk, CourseAct.MOVE, form.cleaned_data["place"]), now)


def _when(visit: Appointment) -> str:
    return f"{day_words(visit.local_date)} {visit.local_time:%H:%M}"


def _move_page(
    request: HttpRequest,
    by: Actor,
    visit: Appointment,
    now: datetime,
    *,
    typed: TypedPlaceForm | None = None,
    answer: Answer | None = None,
    form: MoveForm | None = None,
) -> HttpResponse:
    """The visit where it is, its course, and where it could be instead."""
    namer = Namer.of(visit.series.order, visit.location)

    def offer(place: Place) -> Offer:
        return Offer(namer.visit(place), place_text(place))

    can_move = visit.status == Status.BOOKED
    offers = offer_places(appointment=visit, now=now, holding=hold_key(visit)) if can_move else None
    course = list(Appointment.objects.filter(series=visit.series_id).order_by("starts_at"))
    checked = answer.place if answer else None
    shown = [offer(place) for place in offers.places] if offers else []
    starts = [visit.local_start, *(one.visit.start for one in shown)]
    context: dict[str, Any] = {
        "visit": visit,
        "patient": visit.patient,
        "can_move": can_move,
        "offers": shown,
        "beside_wishes": offers is not None and offers.beside_wishes,
        "typed": typed or TypedPlaceForm(),
        "answer": answer,
        "checked": offer(checked) if checked else None,
        "form": form or MoveForm(),
        "weeks": course_weeks(course, visit.series, now.astimezone(visit.tz).date(), visit.pk),
        "zone": zone_line(starts, visit.zone),
    }
    return render(request, "staff/appointment_move.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.CANCEL)
def appointment_cancel(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Ask on whose wish, say what it means, cancel one visit or show what else could change with it."""
    visit, now = _visit(request, by, pk), timezone.now()
    form = CancelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        canceller = Canceller(values["canceller"])
        if request.POST.get("action") == "preview":
            asked = Asked(visit.pk, CourseAct.CANCEL, canceller=canceller, reason=values["reason"])
            return rest_page(request, by, visit, asked, now)
        try:
            cancelled = run(
                cancel_appointment,
                by=by,
                now=now,
                appointment=visit,
                canceller=canceller,
                reason=values["reason"],
            )
        except Refused as refused:
            show_refusal(form, refused)
        else:
            words = _("Visit %(number)d on %(day)s is %(status)s.")
            said = {"number": visit.number, "day": _when(visit), "status": cancelled.get_status_display()}
            messages.success(request, words % said)
            return redirect("series_detail", visit.series_id)
    context = {
        "visit": visit,
        "patient": visit.patient,
        "form": form,
        "can_cancel": visit.status == Status.BOOKED,
        "is_in_time": is_in_time(visit, now),
        "zone": zone_line([visit.local_start], visit.zone),
    }
    return render(request, "staff/appointment_cancel.html", context)


@require_POST
@staff_page(Action.MOVE)
def change_undo(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Take the last change of a course back, before its messages leave."""
    change = get_object_or_404(CourseChange, pk=pk)
    try:
        run(undo_change, by=by, now=timezone.now(), change=change)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Everything is as it was. The patient was not told of the change."))
    return redirect("series_detail", change.series_id)
