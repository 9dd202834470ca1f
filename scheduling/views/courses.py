"""One course: all its visits as one thing, and cancelling what is left of it."""

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from scheduling.access import Action, Actor
from scheduling.core.words import CANCELLED, COUNTED, OrderState, Status
from scheduling.forms.changes import CancelForm
from scheduling.models import Appointment, Series
from scheduling.services.appointments import Canceller, cancel_rest, is_in_time
from scheduling.services.changes import undoable
from scheduling.services.faults import Refused
from scheduling.services.frame import closures
from scheduling.services.plan_words import wish_words, zone_line
from scheduling.services.reads import read_patient
from scheduling.services.running import run
from scheduling.services.wishes import wishes_from_json

from .entrance import staff_page
from .month import Mark, Weeks, week_rows
from .plan_cards import booked_mark
from .plan_links import plan_words
from .refusals import show_refusal


def course_of(pk: int) -> Series:
    """One course with everything its pages show; 404 where there is none."""
    rows = Series.objects.select_related(
        "patient", "location", "order__protocol", "order__signed_by", "booked_by"
    )
    return get_object_or_404(rows, pk=pk)


@require_safe
@staff_page(Action.SEE_PATIENTS)
def series_detail(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Order, visits and calendar of a course; opening it is recorded as a reading."""
    series, now = course_of(pk), timezone.now()
    run(read_patient, by=by, now=now, patient=series.patient)
    visits = list(series.appointments.with_places().order_by("starts_at"))
    today = now.astimezone(series.location.tz).date()
    order = series.order
    context = {
        "series": series,
        "order": order,
        "patient": series.patient,
        "visits": visits,
        "weeks": course_weeks(visits, series, today) if visits else [],
        "zone": _zone_of(series, visits),
        "wishes": wish_words(wishes_from_json(series.wishes)),
        **_undo_words(series, now),
        **plan_words(series.patient, now),
        "given": sum(visit.status in (Status.DONE, Status.STOPPED_EARLY) for visit in visits),
        "ahead": sum(visit.status == Status.BOOKED and visit.starts_at > now for visit in visits),
        "transfers": series.transfers.select_related(
            "from_location", "to_location", "made_by", "countersigned_by"
        ),
        "can_book": series.patient.is_active
        and order.state == OrderState.SIGNED
        and order.left
        and order.valid_until >= today,
    }
    return render(request, "staff/series_detail.html", context)


def _zone_of(series: Series, visits: list[Appointment]) -> str:
    """The zone at the course's location, as its visits there have it; empty where there is none."""
    starts = [visit.local_start for visit in visits if visit.location_id == series.location_id]
    return zone_line(starts, series.location.zone) if starts else ""


def _undo_words(series: Series, now: datetime) -> dict[str, Any]:
    """The change that can still be taken back, with its times at the location."""
    change = undoable(series, now)
    if change is None:
        return {"change": None}
    made, leaves = (at.astimezone(series.location.tz) for at in (change.made_at, change.leaves_at))
    return {"change": change, "change_made": f"{made:%H:%M}", "change_leaves": f"{leaves:%H:%M}"}


def course_weeks(visits: list[Appointment], series: Series, today: date, chosen: int | None = None) -> Weeks:
    """The calendar of a course; the visit with the key ``chosen`` stands out."""
    marks: dict[date, list[Mark]] = defaultdict(list)
    for visit in visits:
        kind = "done" if visit.status in COUNTED and visit.status != Status.BOOKED else "visit"
        if visit.status in CANCELLED or visit.status not in COUNTED:
            kind = "gone"
        marks[visit.local_date].append(booked_mark(visit, "visit changed" if visit.pk == chosen else kind))
    shut = closures(series.location, min(marks), max(marks))
    return week_rows(marks=marks, today=today, shut=shut)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.CANCEL)
def series_cancel_rest(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Ask on whose wish, then cancel every visit that is still to come."""
    series, now = course_of(pk), timezone.now()
    form = CancelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = _cancel_rest(request, by, now, series, form)
        if done:
            return done
    visits = list(series.appointments.with_places().filter(status=Status.BOOKED, starts_at__gt=now))
    context = {
        "series": series,
        "patient": series.patient,
        "form": form,
        "visits": [(visit, is_in_time(visit, now)) for visit in visits],
        "zone": _zone_of(series, visits),
    }
    return render(request, "staff/series_cancel_rest.html", context)


def _cancel_rest(
    request: HttpRequest, by: Actor, now: datetime, series: Series, form: CancelForm
) -> HttpResponse | None:
    values = form.cleaned_data
    try:
        cancelled = run(
            cancel_rest,
            by=by,
            now=now,
            series=series,
            canceller=Canceller(values["canceller"]),
            reason=values["reason"],
        )
    except Refused as refused:
        show_refusal(form, refused)
        return None
    count = len(cancelled)
    words = ngettext("%(count)d visit is cancelled.", "%(count)d visits are cancelled.", count)
    messages.success(request, words % {"count": count})
    return redirect("series_detail", series.pk)
