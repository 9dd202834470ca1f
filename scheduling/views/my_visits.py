"""The patient's own pages."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from scheduling.core.words import LinkPurpose
from scheduling.models import AccessLink
from scheduling.services.links import feed_url, link_for, link_in_force
from scheduling.services.my_visits import instructions_for, visits_of
from scheduling.services.running import run

from .patient_entry import link_actor, patient_page


@require_safe
@patient_page
def my_visits(request: HttpRequest, link: AccessLink, now: datetime) -> HttpResponse:
    """Show the next visit with its instructions, then the others."""
    visits = visits_of(link.patient, now)
    feed = link_in_force(link.patient, LinkPurpose.FEED)
    address = feed_url(feed) if feed else ""
    return render(
        request,
        "patient/my_visits.html",
        {
            "patient": link.patient,
            "visits": visits,
            "next_visit": visits.next,
            "place": visits.next.location if visits.next else link.patient.home_location,
            "instructions": instructions_for(visits.upcoming[:1], link.patient.language),
            "feed_url": address,
            "webcal_url": address.replace(address.partition(":")[0], "webcal", 1),
        },
    )


@require_safe
@patient_page
def my_appointment(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """Show one visit, its place and its instructions."""
    visit = get_object_or_404(link.patient.appointments.select_related("location"), pk=pk)
    return render(
        request,
        "patient/my_appointment.html",
        {
            "visit": visit,
            "place": visit.location,
            "is_to_come": visit in visits_of(link.patient, now).upcoming,
            "instructions": instructions_for([visit], link.patient.language),
        },
    )


@require_POST
@patient_page
def my_feed(request: HttpRequest, link: AccessLink, now: datetime) -> HttpResponse:
    """Make the patient's calendar address; pressing twice makes one."""
    by = link_actor(request, link)
    run(link_for, by=by, now=now, patient=link.patient, purpose=LinkPurpose.FEED)
    return redirect("my_visits")
