"""A course goes on at another location: old and new times side by side, then the countersignature there."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from scheduling.access import Action, Actor
from scheduling.core.zones import zone_words
from scheduling.forms.standing import TransferForm
from scheduling.models import Chair, Location, Series, SeriesTransfer, StaffMember
from scheduling.services.countersigning import countersign, works_there
from scheduling.services.faults import Refused
from scheduling.services.reads import read_patient
from scheduling.services.running import run
from scheduling.services.transfer_plans import TransferPlan, propose_transfer
from scheduling.services.transfers import transfer_series

from .courses import course_of
from .entrance import staff_page
from .refusals import show_refusal

GET_OR_POST = ["GET", "HEAD", "POST"]


@require_http_methods(GET_OR_POST)
@staff_page(Action.TRANSFER)
def series_transfer(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Choose where and from when; look at old and new times; then let the course go on there."""
    series, now = course_of(pk), timezone.now()
    if request.method != "POST":
        run(read_patient, by=by, now=now, patient=series.patient)
    form, plan = _form(request, series, now), None
    if request.method == "POST" and form.is_valid():
        try:
            if "seen" in request.POST:
                return _transfer(request, by, now, series, form)
            plan = _plan(series, form, now)
        except Refused as refused:
            show_refusal(form, refused)
            if refused.code == "times_changed":
                plan = _plan(series, form, now)
    context = {"series": series, "patient": series.patient, "form": form, "plan": plan}
    return render(request, "staff/series_transfer.html", context | _lines(plan))


def _form(request: HttpRequest, series: Series, now: datetime) -> TransferForm:
    others = Location.objects.filter(is_active=True).exclude(pk=series.location_id)
    initial = {"earliest": now.astimezone(series.location.tz).date()}
    data = request.POST if request.method == "POST" else None
    return TransferForm(data, initial=initial, locations=list(others.values_list("pk", flat=True)))


def _plan(series: Series, form: TransferForm, now: datetime) -> TransferPlan:
    values = form.cleaned_data
    return propose_transfer(series=series, location=values["location"], now=now, earliest=values["earliest"])


def _lines(plan: TransferPlan | None) -> dict[str, Any]:
    """Each visit with its new local start, chair and nurse, and the zone there; one query for each kind."""
    if plan is None:
        return {}
    chairs = Chair.objects.in_bulk([move.place.chair for move in plan.moves])
    nurses = StaffMember.objects.in_bulk([move.place.nurse for move in plan.moves])
    lines = []
    for move in plan.moves:
        start = move.starts_at.astimezone(plan.location.tz)
        lines.append(
            {
                "visit": move.visit,
                "day": start.date(),
                "time": start.time(),
                "zone": zone_words(start, plan.location.zone),
                "chair": chairs[move.place.chair],
                "nurse": nurses[move.place.nurse],
            }
        )
    return {"lines": lines}


def _transfer(
    request: HttpRequest, by: Actor, now: datetime, series: Series, form: TransferForm
) -> HttpResponse:
    done = run(transfer_series, by=by, now=now, series=series, seen=request.POST["seen"], **form.cleaned_data)
    words = _("The course goes on at %(place)s. The patient is told.") % {"place": done.to_location}
    if done.countersigned_at is None:
        words = _("The course goes on at %(place)s; a prescriber there has to countersign.") % {
            "place": done.to_location
        }
    messages.success(request, words)
    return redirect("series_detail", series.pk)


@require_http_methods(GET_OR_POST)
@staff_page(Action.SIGN_ORDER)
def transfer_countersign(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Show what was signed and where the course came from, then sign it a second time."""
    rows = SeriesTransfer.objects.select_related(
        "series__patient__home_location",
        "series__location",
        "order__protocol",
        "order__signed_by",
        "order__drafted_by",
        "from_location",
        "to_location",
        "made_by",
        "countersigned_by",
    )
    transfer, now = get_object_or_404(rows, pk=pk), timezone.now()
    if request.method == "POST":
        try:
            run(countersign, by=by, now=now, transfer=transfer)
            messages.success(request, _("The order is countersigned. Treatment can start there."))
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("series_detail", transfer.series_id)
    run(read_patient, by=by, now=now, patient=transfer.series.patient)
    context = {
        "transfer": transfer,
        "order": transfer.order,
        "patient": transfer.series.patient,
        "may_sign": works_there(by.staff_id, transfer.to_location, now),
    }
    return render(request, "staff/transfer_countersign.html", context)
