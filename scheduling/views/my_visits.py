"""The patient's own pages."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from scheduling.core.words import CalendarWay, LinkPurpose
from scheduling.forms.calendar_ways import CalendarWayForm
from scheduling.models import AccessLink
from scheduling.services.calendar_ways import choose_calendar_way, was_invited
from scheduling.services.check_in_list import to_answer
from scheduling.services.faults import Refused
from scheduling.services.ledger import may_write_to
from scheduling.services.links import feed_url, link_for, link_in_force
from scheduling.services.my_visits import instructions_for, visits_of
from scheduling.services.running import run
from scheduling.services.waitlist_view import offers_to

from .patient_entry import link_actor, patient_page
from .refusals import show_refusal


@require_safe
@patient_page
def my_visits(request: HttpRequest, link: AccessLink, now: datetime) -> HttpResponse:
    """Show the next visit with its instructions, then the others."""
    return visits_page(request, link, now)


def visits_page(
    request: HttpRequest, link: AccessLink, now: datetime, *, way_form: CalendarWayForm | None = None
) -> HttpResponse:
    """The patient's visits, with a form that could not be accepted in its place."""
    visits = visits_of(link.patient, now)
    way = link.patient.way_of_calendar
    feed = link_in_force(link.patient, LinkPurpose.FEED) if way is CalendarWay.FEED else None
    address = feed_url(feed) if feed else ""
    may_write = may_write_to(link.patient)
    return render(
        request,
        "patient/my_visits.html",
        {
            "patient": link.patient,
            "visits": visits,
            "open_check_ins": to_answer(link.patient, now),
            "offers": offers_to(link.patient, now),
            "next_visit": visits.next,
            "place": visits.next.location if visits.next else link.patient.home_location,
            "instructions": instructions_for(visits.upcoming[:1], link.patient.language),
            "feed_url": address,
            "webcal_url": address.replace(address.partition(":")[0], "webcal", 1),
            "way": way,
            "way_form": way_form or CalendarWayForm(initial={"way": way}),
            "may_write": may_write,
            "calendar_stays": not may_write and was_invited(link.patient),
            "is_saved": request.GET.get("calendar") == "saved",
        },
    )


@require_POST
@patient_page
def my_calendar(request: HttpRequest, link: AccessLink, now: datetime) -> HttpResponse:
    """Keep how the patient's calendar learns of visits; a calendar to subscribe to gets its address at once."""
    by, form = link_actor(request, link), CalendarWayForm(request.POST)
    if not form.is_valid():
        return visits_page(request, link, now, way_form=form)
    way = form.cleaned_data["way"]
    try:
        run(choose_calendar_way, by=by, now=now, patient=link.patient, way=way)
    except Refused as refused:
        show_refusal(form, refused)
        return visits_page(request, link, now, way_form=form)
    if way is CalendarWay.FEED:
        run(link_for, by=by, now=now, patient=link.patient, purpose=LinkPurpose.FEED)
    return redirect(f"{reverse('my_visits')}?calendar=saved#calendar")


@require_POST
@patient_page
def my_feed(request: HttpRequest, link: AccessLink, now: datetime) -> HttpResponse:
    """Make the patient's calendar address; pressing twice makes one."""
    by = link_actor(request, link)
    run(link_for, by=by, now=now, patient=link.patient, purpose=LinkPurpose.FEED)
    return redirect("my_visits")
