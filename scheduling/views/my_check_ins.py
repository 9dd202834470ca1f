"""A patient answers a check-in."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from scheduling.core.check_ins import red_flags
from scheduling.core.words import AlertKind
from scheduling.forms.check_ins import AnswerForm
from scheduling.models import AccessLink, CheckIn
from scheduling.services.answers import answer_check_in, answer_of, came_at, is_amendable
from scheduling.services.escalation import notice_of
from scheduling.services.faults import Refused
from scheduling.services.on_call import nurses_on_shift, seen_from
from scheduling.services.running import run

from .patient_entry import link_actor, patient_page
from .refusals import show_refusal


@require_http_methods(["GET", "HEAD", "POST"])
@patient_page
def my_check_in(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """Ask, keep the answer, and say in the same response what to do about a red flag and who was told."""
    rows = CheckIn.objects.select_related("appointment__location").prefetch_related("reports")
    check_in = get_object_or_404(rows, pk=pk, patient=link.patient)
    if request.method != "POST" and not is_amendable(check_in, now):
        return render(request, "patient/check_in_closed.html", _context(check_in, now))
    form = _form(check_in, request, now)
    if request.method == "POST" and form.is_valid():
        by, values = link_actor(request, link), form.cleaned_data["answer"]
        try:
            run(answer_check_in, by=by, now=now, check_in=check_in, values=values)
        except Refused as refused:
            show_refusal(form, refused)
        else:
            return _thanks(request, rows.get(pk=pk), now)
    return render(request, "patient/check_in.html", _context(check_in, now) | {"form": form})


def _form(check_in: CheckIn, request: HttpRequest, now: datetime) -> AnswerForm:
    visit = check_in.appointment
    return AnswerForm(
        request.POST if request.method == "POST" else None,
        since=came_at(visit),
        now=now,
        zone=visit.tz,
        former=answer_of(check_in) if check_in.answered_at else None,
    )


def _context(check_in: CheckIn, now: datetime) -> dict[str, Any]:
    """The place's numbers come before the first question, and until when nobody reads an answer."""
    place = check_in.appointment.location
    is_unread = not nurses_on_shift(place, now)
    return {
        "check_in": check_in,
        "visit": check_in.appointment,
        "place": place,
        "is_unread": is_unread,
        "unread_until": seen_from(place, now) if is_unread else None,
    }


def _thanks(request: HttpRequest, check_in: CheckIn, now: datetime) -> HttpResponse:
    alert = check_in.alerts.filter(kind=AlertKind.RED_FLAG).order_by("-raised_at", "-pk").first()
    is_red = bool(red_flags(answer_of(check_in), check_in.offset_hours))
    context = _context(check_in, now) | {
        "is_red": is_red,
        "notice": notice_of(alert) if alert and is_red else None,
        "can_change": is_amendable(check_in, now),
    }
    return render(request, "patient/check_in_sent.html", context)
