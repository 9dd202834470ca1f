"""One visit of a disruption: cover it, hold another place for it, and note what the call ended with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from scheduling.access import Action, Actor
from scheduling.core.planner import Place
from scheduling.core.words import CANCELLED, CallState, Resolution, Status
from scheduling.forms.changes import MoveForm, place_text
from scheduling.forms.disruptions import AddedShiftForm, CallForm, RaiseForm
from scheduling.models import Chair, DisruptedVisit, Disruption, StaffMember
from scheduling.services.call_lists import is_to_call, record_call
from scheduling.services.covering import could_take_one_more, cover_by_raise, cover_by_shift, shift_for
from scheduling.services.faults import Refused
from scheduling.services.late import as_booked, same_time_places
from scheduling.services.other_places import hold_other_place, let_place_go, other_places
from scheduling.services.reassigning import reassign
from scheduling.services.running import run

from .entrance import staff_page
from .plan_cards import Namer
from .refusals import show_refusal

CALLED = {
    CallState.AGREED: gettext_lazy("%(patient)s agreed; the held place is booked."),
    CallState.OTHER_TIME: gettext_lazy("%(patient)s wants another time; the held place is free again."),
    CallState.NOT_REACHED: gettext_lazy("%(patient)s was not reached; call again."),
    CallState.NONE: gettext_lazy("%(patient)s is told."),
}


@dataclass(frozen=True, slots=True)
class HeldPlace:
    """What is kept for a call: the start in the visit's zone, names, and until when (in that zone)."""

    start: datetime
    chair: str
    nurse: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One visit of a disruption as its page lists it."""

    row: DisruptedVisit
    held: HeldPlace | None
    to_call: bool
    is_lost: bool
    """No place was found for it yet, so that one can be."""


def lines_of(disruption: Disruption, now: datetime) -> list[Line]:
    """The visits of a disruption by start; three queries however many there are."""
    rows = disruption.visits.select_related(
        *("appointment__patient", "appointment__chair", "appointment__nurse"),
        *("told_by", "called_by", "hold"),
    ).order_by("was_at", "pk")
    return _lines(list(rows), now)


def _lines(rows: list[DisruptedVisit], now: datetime) -> list[Line]:
    kept = [row.hold.places[0] for row in rows if row.hold]
    chairs = Chair.objects.in_bulk({place["chair"] for place in kept})
    nurses = StaffMember.objects.in_bulk({place["nurse"] for place in kept})

    def held(row: DisruptedVisit) -> HeldPlace | None:
        if row.hold is None or row.hold.expires_at <= now:
            return None
        (place,) = row.hold.places
        return HeldPlace(
            datetime.fromisoformat(place["starts_at"]).astimezone(row.appointment.tz),
            str(chairs[place["chair"]]),
            str(nurses[place["nurse"]]),
            row.hold.expires_at.astimezone(row.appointment.tz),
        )

    return [Line(row, held(row), is_to_call(row, now), _is_lost(row)) for row in rows]


def _is_lost(row: DisruptedVisit) -> bool:
    is_cancelled = row.resolution == Resolution.CANCELLED and row.appointment.status in CANCELLED
    return is_cancelled or _is_open(row)


def _is_open(row: DisruptedVisit) -> bool:
    return row.resolution == Resolution.OPEN and row.appointment.status == Status.BOOKED


def _row(pk: int) -> DisruptedVisit:
    rows = DisruptedVisit.objects.select_related(
        *("disruption__location", "disruption__staff", "disruption__chair", "hold", "told_by", "called_by"),
        *("appointment__patient", "appointment__location", "appointment__chair", "appointment__nurse"),
        *("appointment__protocol", "appointment__series__order__protocol"),
    )
    return get_object_or_404(rows.prefetch_related("appointment__protocol__phases"), pk=pk)


@require_POST
@staff_page(Action.COVER)
def disruption_call(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """What a call ended with."""
    row, form = _row(pk), CallForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what the call ended with."))
        return redirect("disruption_detail", row.disruption_id)
    outcome = form.cleaned_data["outcome"]
    try:
        run(record_call, by=by, now=timezone.now(), row=row, outcome=outcome)
        messages.success(request, CALLED[outcome] % {"patient": row.appointment.patient})
    except Refused as refused:
        messages.error(request, " ".join([str(refused), *map(str, refused.details)]))
        return redirect("disrupted_visit", pk)
    if outcome == CallState.OTHER_TIME:
        return redirect("disrupted_visit", pk)
    return redirect("disruption_detail", row.disruption_id)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@staff_page(Action.COVER)
def disrupted_visit(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Cover one visit where it is, or hold another place for it; whatever comes first on the page is best."""
    row, now = _row(pk), timezone.now()
    action = request.POST.get("action", "")
    forms = _forms(row, now, {action: request.POST} if action else {})
    if request.method == "POST":
        words = _done(by, now, row, action, forms)
        if words and action in IN_PLACE:
            messages.success(request, words % {"patient": row.appointment.patient})
            return redirect("disruption_detail", row.disruption_id)
        if words:
            messages.success(request, words % {"patient": row.appointment.patient})
            return redirect("disrupted_visit", pk)
    return render(request, "staff/disrupted_visit.html", _context(row, now, forms))


def _forms(row: DisruptedVisit, now: datetime, sent: Mapping[str, QueryDict]) -> dict[str, Form]:
    """One form for each thing to do; the one that was sent has its data."""
    visit = row.appointment
    places = could_take_one_more(visit, now) if _is_open(row) else []
    return {
        "cover": MoveForm(sent.get("cover")),
        "raise": RaiseForm(sent.get("raise"), nurses=[place.nurse for place in places]),
        "shift": AddedShiftForm(
            sent.get("shift"), initial=dict(zip(("starts", "ends"), shift_for(visit), strict=True))
        ),
        "hold": MoveForm(sent.get("hold")),
        "release": Form(sent.get("release")),
    }


def _done(by: Actor, now: datetime, row: DisruptedVisit, action: str, forms: Mapping[str, Form]) -> str:
    """Do what a button says: what to say about it, or nothing where the form shows why not."""
    form = forms.get(action)
    if form is None or not form.is_valid():
        return ""
    try:
        return ACTIONS[action](by, now, row, form.cleaned_data)
    except Refused as refused:
        show_refusal(form, refused)
        return ""


def _context(row: DisruptedVisit, now: datetime, forms: Mapping[str, Form]) -> dict[str, Any]:
    visit, (line,) = row.appointment, _lines([row], now)
    namer = Namer.of(visit.series.order, visit.location)
    offers = other_places(row, now) if line.is_lost else None
    return {
        "row": row,
        "line": line,
        "visit": visit,
        "patient": visit.patient,
        "is_open": _is_open(row),
        "same_time": _named(namer, same_time_places(visit, now) if _is_open(row) else ()),
        "others": _named(namer, offers.places if offers else ()),
        "beside_wishes": offers is not None and offers.beside_wishes,
        "forms": forms,
        "errors": [
            error
            for name in ("cover", "hold", "release")
            for errors in forms[name].errors.values()
            for error in errors
        ],
    }


def _named(namer: Namer, places: tuple[Place, ...]) -> list[tuple[object, str]]:
    """Each place with its words and the value of its button."""
    return [(namer.visit(place), place_text(place)) for place in places]


def _cover(by: Actor, now: datetime, row: DisruptedVisit, values: Mapping[str, Any]) -> str:
    place: Place = values["place"]
    run(reassign, by=by, now=now, appointment=row.appointment, chair_id=place.chair, nurse_id=place.nurse)
    return _("%(patient)s is covered at the same time.")


def _hold(by: Actor, now: datetime, row: DisruptedVisit, values: Mapping[str, Any]) -> str:
    run(hold_other_place, by=by, now=now, row=row, place=as_booked(values["place"]))
    return _("The place is held until closing. Call %(patient)s and ask.")


def _raise(by: Actor, now: datetime, row: DisruptedVisit, values: Mapping[str, Any]) -> str:
    run(cover_by_raise, by=by, now=now, appointment=row.appointment, **values)
    return _("%(patient)s is covered: the nurse looks after one patient more.")


def _shift(by: Actor, now: datetime, row: DisruptedVisit, values: Mapping[str, Any]) -> str:
    run(cover_by_shift, by=by, now=now, appointment=row.appointment, **values)
    return _("%(patient)s is covered by the added shift.")


def _release(by: Actor, now: datetime, row: DisruptedVisit, values: Mapping[str, Any]) -> str:
    run(let_place_go, by=by, now=now, row=row)
    return _("The held place is free again.")


ACTIONS: dict[str, Callable[[Actor, datetime, DisruptedVisit, Mapping[str, Any]], str]] = {
    "cover": _cover,
    "raise": _raise,
    "shift": _shift,
    "hold": _hold,
    "release": _release,
}
"""What each button of the page does."""
IN_PLACE = ("cover", "raise", "shift", "hold")
"""After these one goes on with the list."""
