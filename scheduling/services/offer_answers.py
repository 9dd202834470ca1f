"""Answers to an offered place: the patient accepts or declines it, by link or on the phone, or staff withdraw it."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.access import SYSTEM, Action, Actor, NotAllowed
from scheduling.core.words import ActorKind, CallState, OfferState, Role, Status, WaitEnd
from scheduling.models import Appointment, Offer, WaitlistEntry

from .appointments import move_booked
from .audit import author, record
from .booking import BookedPlace, book_series
from .faults import Refused
from .links import is_own_link
from .offer_words import state_of
from .waitlist import close_offers, end_wait, is_offer_link, locked_offer

OVER = {
    OfferState.ACCEPTED: gettext_lazy("You have accepted this time already."),
    OfferState.DECLINED: gettext_lazy("You have declined this time already."),
    OfferState.EXPIRED: gettext_lazy("This offer has ended. Your visit stays as it was."),
    OfferState.WITHDRAWN: gettext_lazy("This time is no longer kept for you. Your visit stays as it was."),
}


def accept_offer(*, by: Actor, now: datetime, offer: Offer) -> Appointment:
    """Give the patient the place that is kept for them: the visit moves there, or the session is booked. Which it is.

    Staff may, who were told so on the phone, and the patient's own link, once. The change is told at once, with
    nothing to undo. Raises Refused once the offer is answered, expired or withdrawn, and where the place is no longer
    possible: then the offer is withdrawn and the visit stays as it was.
    """
    try:
        return _accept(by=by, now=now, offer=offer)
    except Refused as refused:
        if refused.code.startswith("offer_"):
            raise
        withdraw_offer(by=SYSTEM, now=now, offer=offer)
        words = _("This time is no longer possible. Your visit stays as it was.")
        raise Refused("place_gone", words) from refused


@transaction.atomic
def _accept(*, by: Actor, now: datetime, offer: Offer) -> Appointment:
    offer = _locked(by, offer)
    _require_open(offer, now)
    entry, visit = offer.entry, offer.entry.appointment
    if visit and (visit.status != Status.BOOKED or visit.starts_at <= now):
        raise Refused("offer_withdrawn", OVER[OfferState.WITHDRAWN])
    _answer(by, now, offer, OfferState.ACCEPTED)
    place = BookedPlace(offer.starts_at, offer.chair_id, offer.nurse_id)
    if visit:
        move_booked(by, visit, place, now, leaves=now)
        close_offers([offer.pk], OfferState.ACCEPTED, now)
        end_wait(entry, WaitEnd.PLACED, now)
    else:
        visit = _book(by, now, entry, offer, place)
    record(
        by=by,
        now=now,
        action="accept_offer",
        subject=offer,
        patient_id=entry.patient_id,
        appointment=visit.pk,
    )
    return visit


def _book(by: Actor, now: datetime, entry: WaitlistEntry, offer: Offer, place: BookedPlace) -> Appointment:
    """Book the session in the name of whoever put the patient on the list, where the patient's link accepts."""
    if by.staff_id is None:
        by = Actor(ActorKind.STAFF, staff_id=entry.made_by_id, roles=frozenset({Role.FRONT_DESK}))
    close_offers([offer.pk], OfferState.ACCEPTED, now)
    series = book_series(
        by=by,
        now=now,
        order=entry.order,
        location=entry.location,
        places=[place],
        request_key=f"offer:{offer.pk}",
    )
    return series.appointments.get(starts_at=place.starts_at, status=Status.BOOKED)


@transaction.atomic
def decline_offer(*, by: Actor, now: datetime, offer: Offer) -> Offer:
    """The patient does not want this place: it goes to the next, and they wait on. Raises Refused once it is over."""
    offer = _locked(by, offer)
    _require_open(offer, now)
    _answer(by, now, offer, OfferState.DECLINED)
    close_offers([offer.pk], OfferState.DECLINED, now)
    record(by=by, now=now, action="decline_offer", subject=offer, patient_id=offer.entry.patient_id)
    return offer


@transaction.atomic
def withdraw_offer(*, by: Actor, now: datetime, offer: Offer) -> Offer:
    """Take an open offer back; its place is free. One that is over stays as it ended."""
    by.require(Action.MOVE)
    offer = locked_offer(offer.pk)
    if offer.state == OfferState.OPEN:
        close_offers([offer.pk], OfferState.WITHDRAWN, now)
        offer.state = OfferState.WITHDRAWN
        record(by=by, now=now, action="withdraw_offer", subject=offer, patient_id=offer.entry.patient_id)
    return offer


def record_offer_call(*, by: Actor, now: datetime, offer: Offer, outcome: CallState) -> None:
    """Note what a call about an offered place ended with; not reached, the place stays kept and is called about again.

    ``AGREED`` accepts it, ``OTHER_TIME`` declines it. Raises Refused once it is over, and as accepting does.
    """
    by.require(Action.MOVE)
    if outcome == CallState.AGREED:
        accept_offer(by=by, now=now, offer=offer)
    elif outcome == CallState.OTHER_TIME:
        decline_offer(by=by, now=now, offer=offer)
    else:
        _not_reached(by=by, now=now, offer=offer)


@transaction.atomic
def _not_reached(*, by: Actor, now: datetime, offer: Offer) -> None:
    offer = locked_offer(offer.pk)
    _require_open(offer, now)
    offer.calls, offer.called_by_id, offer.called_at = offer.calls + 1, author(by), now
    offer.save(update_fields=["calls", "called_by", "called_at"])
    record(by=by, now=now, action="offer_not_reached", subject=offer, patient_id=offer.entry.patient_id)


def _locked(by: Actor, offer: Offer) -> Offer:
    """The offer for one of the staff who may move visits, or for the patient's own link."""
    if by.link_id is None:
        by.require(Action.MOVE)
    elif not (is_own_link(by, offer.entry.patient_id) or is_offer_link(by, offer.entry.patient_id)):
        raise NotAllowed(Action.MOVE)
    return locked_offer(offer.pk)


def _answer(by: Actor, now: datetime, offer: Offer, state: OfferState) -> None:
    offer.state, offer.answered_at, offer.answered_by_id = state, now, by.staff_id
    offer.save(update_fields=["state", "answered_at", "answered_by"])


def _require_open(offer: Offer, now: datetime) -> None:
    """Raise Refused, saying what happened, unless the place is still kept for the patient."""
    state = state_of(offer, now)
    if state is not OfferState.OPEN:
        raise Refused(f"offer_{state}", OVER[state])
