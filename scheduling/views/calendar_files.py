"""Calendar files to download, and the feed that calendars subscribe to."""

from datetime import datetime

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from scheduling.core.words import LinkPurpose
from scheduling.models import AccessLink
from scheduling.services.calendar_files import feed_etag, feed_file, series_file, visit_file
from scheduling.services.links import is_open, read_token

from .patient_entry import patient_page

CALENDAR = "text/calendar; charset=utf-8"


def _calendar(content: bytes, name: str, *, disposition: str = "attachment") -> HttpResponse:
    return HttpResponse(
        content,
        content_type=CALENDAR,
        headers={"Content-Disposition": f'{disposition}; filename="{name}.ics"'},
    )


@require_safe
@patient_page
def my_appointment_ics(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """Download one visit of the patient."""
    visit = get_object_or_404(link.patient.appointments.select_related("patient"), pk=pk)
    return _calendar(visit_file(visit), f"appointment-{visit.local_date:%Y-%m-%d}")


@require_safe
@patient_page
def my_series_ics(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """Download a whole course of the patient."""
    series = get_object_or_404(link.patient.series.select_related("patient"), pk=pk)
    return _calendar(series_file(series), "appointments")


@login_not_required
@csrf_exempt
@require_safe
@cache_control(private=True, no_cache=True)
def patient_feed(request: HttpRequest, token: str) -> HttpResponseBase:
    """The patient's calendar, whatever the client accepts; 304 without building while nothing changed.

    Exempt from CSRF checks, so that a calendar that tries to write is told 405 and not "forbidden".
    """
    link = read_token(token, LinkPurpose.FEED)
    if link is None or not is_open(link, timezone.now()):
        raise Http404
    etag = feed_etag(link.patient)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = _calendar(feed_file(link.patient), "appointments", disposition="inline")
    response["ETag"] = etag
    response["Referrer-Policy"] = "no-referrer"
    return response
