"""A patient on the waiting list: waits for a better time, and accepts or declines a place that is offered."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from scheduling.core.words import LinkPurpose, OfferState, WaitKind
from scheduling.forms.my_requests import MyWaitForm
from scheduling.models import AccessLink, Offer
from scheduling.services.faults import Refused
from scheduling.services.links import is_open, read_token
from scheduling.services.offer_answers import accept_offer, decline_offer
from scheduling.services.offer_words import offered_words, state_of
from scheduling.services.running import run
from scheduling.services.visit_words import moment_words
from scheduling.services.waitlist import leave_waitlist, wait_for_better
from scheduling.services.waitlist_view import wait_of
from scheduling.services.wishes import wishes_from_json, wishes_to_json

from .my_appointments import own_visit, visit_page
from .patient_entry import (
    OFFER_COOKIE,
    closed_page,
    let_in_to_offers,
    link_actor,
    link_of_cookie,
    patient_page,
    private,
)
from .refusals import show_refusal

ANSWERS: Mapping[str, Callable[..., object]] = {"accept": accept_offer, "decline": decline_offer}


@login_not_required
@require_safe
@private
def offer_enter(request: HttpRequest, token: str, pk: int) -> HttpResponse:
    """Swap the link to an offered place for a cookie of its own; nothing in the database changes."""
    link = read_token(token, LinkPurpose.OFFER)
    if link is None or not is_open(link, timezone.now()):
        response = closed_page(request, status=404)
    else:
        response = redirect("my_offer", pk)
        let_in_to_offers(response, link)
    response["Referrer-Policy"] = "no-referrer"
    return response


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@private
def my_offer(request: HttpRequest, pk: int) -> HttpResponse:
    """One offered place: accept or decline it, once; afterwards what became of it. By either link of the patient."""
    now = timezone.now()
    link = _own_link(request, now, pk)
    if link is None:
        return closed_page(request, status=403)
    with translation.override(link.patient.language):
        rows = Offer.objects.select_related(
            "entry__patient__home_location", "chair__location", "entry__order", "entry__appointment__protocol"
        )
        offer = rows.filter(pk=pk, entry__patient=link.patient).first()
        if offer is None:
            return render(request, "patient/not_found.html", status=404)
        return _offer_page(request, link, now, offer)


def _own_link(request: HttpRequest, now: datetime, pk: int) -> AccessLink | None:
    """The open link whose cookie the browser has; of two people's the one whom the place is offered to."""
    found = [link_of_cookie(request), link_of_cookie(request, LinkPurpose.OFFER, OFFER_COOKIE)]
    links = [link for link in found if link and is_open(link, now)]
    own = [link for link in links if Offer.objects.filter(pk=pk, entry__patient=link.patient_id).exists()]
    return next(iter([*own, *links]), None)


def _offer_page(request: HttpRequest, link: AccessLink, now: datetime, offer: Offer) -> HttpResponse:
    refused = None
    service = ANSWERS.get(request.POST.get("answer", ""))
    if request.method == "POST" and service:
        try:
            run(service, by=link_actor(request, link), now=now, offer=offer)
            return redirect("my_offer", offer.pk)
        except Refused as error:
            refused = error
            offer.refresh_from_db(fields=["state", "hold"])
    entry, state, place = offer.entry, state_of(offer, now), offer.chair.location
    context = {
        "offer": offer,
        "state": state.value,
        "place": place,
        "when": offered_words(offer),
        "visit": entry.appointment,
        "until": moment_words(offer.expires_at.astimezone(place.tz)),
        "is_waiting": entry.ended_at is None and state is not OfferState.OPEN,
        "has_pages": link.purpose == LinkPurpose.VISITS,
        "refused": refused,
    }
    return render(request, "patient/my_offer.html", context)


@require_POST
@patient_page
def my_wait(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """The patient would come earlier, or on other days or at other times; the visit stays booked."""
    visit = own_visit(link, pk)
    values: dict[str, Any] = {"kind": WaitKind.EARLIER}
    form = MyWaitForm()
    if request.POST.get("kind") == WaitKind.BETTER_TIME:
        form = MyWaitForm(request.POST)
        if not form.is_valid():
            return visit_page(request, link, now, visit, wait_form=form)
        usual = wishes_from_json(visit.series.wishes)
        values = {"kind": WaitKind.BETTER_TIME, "wishes": wishes_to_json(form.wishes(usual))}
    try:
        run(wait_for_better, by=link_actor(request, link), now=now, appointment=visit, **values)
    except Refused as refused:
        if not form.is_bound:
            return visit_page(request, link, now, visit, wait_refused=refused)
        show_refusal(form, refused)
        return visit_page(request, link, now, visit, wait_form=form)
    return redirect("my_appointment", pk)


@require_POST
@patient_page
def my_wait_leave(request: HttpRequest, link: AccessLink, now: datetime, pk: int) -> HttpResponse:
    """The patient no longer waits; twice changes nothing."""
    visit = own_visit(link, pk)
    entry = wait_of(visit)
    if entry:
        run(leave_waitlist, by=link_actor(request, link), now=now, entry=entry)
    return redirect("my_appointment", pk)
