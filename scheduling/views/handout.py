"""A course on one page of paper, to be given to the patient."""

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from scheduling.access import Action, Actor
from scheduling.core.words import LinkPurpose
from scheduling.models import Series
from scheduling.services.faults import Refused
from scheduling.services.links import is_open, link_for, link_in_force, renew_link, visits_url
from scheduling.services.my_visits import instructions_for
from scheduling.services.running import run

from .entrance import staff_page


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(Action.SEE_PATIENTS)
def series_print(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Show the course for printing, in the patient's language; POST makes a link where none works."""
    series = get_object_or_404(Series.objects.select_related("patient", "location"), pk=pk)
    now = timezone.now()
    link = link_in_force(series.patient, LinkPurpose.VISITS)
    if request.method == "POST":
        by.require(Action.ISSUE_LINK)
        try:
            link = run(link_for, by=by, now=now, patient=series.patient, purpose=LinkPurpose.VISITS)
            if not is_open(link, now):
                run(renew_link, by=by, now=now, link=link)
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("series_print", pk)
    url = visits_url(link) if link and is_open(link, now) else ""
    visits = list(series.appointments.upcoming(now))
    words = {
        "series": series,
        "visits": visits,
        "instructions": instructions_for(visits, series.patient.language),
        "link_url": url,
        "qr_code": _qr_code(url) if url else "",
        "may_issue": by.may(Action.ISSUE_LINK) and series.patient.is_active,
    }
    return render(request, "staff/series_print.html", words)


def _qr_code(url: str) -> str:
    """A QR code as the data URI of an SVG image, on white so that it reads in the dark setting too."""
    return segno.make(url, error="m", micro=False).svg_data_uri(scale=4, border=4, light="#fff")
