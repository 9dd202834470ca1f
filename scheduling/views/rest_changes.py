"""A visit changes and its course with it: three ways side by side, one of them confirmed."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from scheduling.access import Action, Actor
from scheduling.core.words import CourseAct, Status
from scheduling.forms.changes import OverrideForm
from scheduling.models import Appointment
from scheduling.services.changes import undoable
from scheduling.services.course_changes import LOST, change_course
from scheduling.services.course_messages import leaves_at
from scheduling.services.faults import Refused
from scheduling.services.ledger import may_write_to
from scheduling.services.plan_words import zone_line
from scheduling.services.proposal_holds import booking_now, release_proposal
from scheduling.services.rest_holds import held_ways, hold_key
from scheduling.services.rest_plans import Asked, rest_plans
from scheduling.services.running import run
from scheduling.services.signed_ways import SignedWay

from .booking_holds import on_hold
from .entrance import staff_page
from .patients import opened_patient
from .rest_cards import moved_to, preview


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.MOVE)
def appointment_rest(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Preview what making up a visit means for its course; do what was confirmed, of moving or cancelling as well."""
    visit, now = _visit(pk), timezone.now()
    opened_patient(request, by, visit.patient_id)
    if request.method == "POST" and request.POST.get("action") == "let_go":
        return _let_go(request, by, visit, now)
    if request.method == "POST":
        return _confirm(request, by, visit, now)
    return rest_page(request, by, visit, Asked(visit.pk, CourseAct.MAKE_UP), now)


def _visit(pk: int) -> Appointment:
    rows = Appointment.objects.with_places().select_related("series__order__protocol", "series__location")
    return get_object_or_404(rows, pk=pk)


def _let_go(request: HttpRequest, by: Actor, visit: Appointment, now: datetime) -> HttpResponse:
    try:
        run(release_proposal, by=by, now=now, key=hold_key(visit))
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The places are free again. Nothing was changed."))
    return redirect("series_detail", visit.series_id)


def _confirm(request: HttpRequest, by: Actor, visit: Appointment, now: datetime) -> HttpResponse:
    """Do one way; where that is refused, say why beside fresh ways."""
    form = OverrideForm(request.POST)
    try:
        chosen = SignedWay.of(request.POST.get("way", ""))
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("appointment_detail", visit.pk)
    if chosen.asked.visit_id != visit.pk:
        raise Http404
    if not form.is_valid():
        return rest_page(request, by, visit, chosen.asked, now, form=form)
    try:
        if chosen.is_expired(now):
            words = _("This preview is more than an hour old. Nothing was changed; here is a fresh one.")
            raise Refused("preview_expired", words)
        series = run(
            change_course,
            by=by,
            now=now,
            asked=chosen.asked,
            way=chosen.way,
            revision=chosen.revision,
            holding=hold_key(visit),
            override_reason=form.cleaned_data["override_reason"],
        )
    except Refused as refused:
        return rest_page(request, by, _visit(visit.pk), chosen.asked, now, form=form, refused=refused)
    words = _("The course is changed.")
    if undoable(series, now):
        words = _("The course is changed. The patient is told once; until then it can be taken back.")
    messages.success(request, words)
    return redirect("series_detail", series.pk)


def rest_page(
    request: HttpRequest,
    by: Actor,
    visit: Appointment,
    asked: Asked,
    now: datetime,
    *,
    form: OverrideForm | None = None,
    refused: Refused | None = None,
) -> HttpResponse:
    """The ways to go on after what is asked of a visit that is not changed yet, each with its button."""
    can = visit.status in LOST if asked.act is CourseAct.MAKE_UP else visit.status == Status.BOOKED
    context: dict[str, Any] = {
        "visit": visit,
        "patient": visit.patient,
        "asked": asked,
        "to": moved_to(asked, visit),
        "can": can,
        "refused": refused,
        "form": form or OverrideForm(),
        "may_override": by.may(Action.OVERRIDE_RULES),
        "may_write": may_write_to(visit.patient),
        "undo_minutes": settings.UNDO_MINUTES,
        "others": booking_now(visit.patient, by, now),
    }
    if can:
        course = list(Appointment.objects.filter(series=visit.series_id).order_by("starts_at"))
        if request.method == "POST":
            ways, hold = held_ways(by=by, asked=asked, visit=visit, now=now)
        else:
            # Nothing is written for who only looks.
            ways, hold = rest_plans(asked=asked, visit=visit, now=now, holding=hold_key(visit)), None
        shown = preview(asked=asked, visit=visit, course=course, ways=ways, now=now)
        starts = [change.after.start for card in shown.cards for change in card.changes if change.after]
        context |= {
            "preview": shown,
            "on_hold": on_hold(hold, visit.location, now) if hold else None,
            "was_asked": request.method == "POST",
            "let_go_url": reverse("appointment_rest", args=(visit.pk,)),
            "zone": zone_line([visit.local_start, *starts], visit.zone),
            "at_once": leaves_at([visit.starts_at, *starts], now) <= now,
        }
    return render(request, "staff/rest_change.html", context, status=409 if refused else 200)
