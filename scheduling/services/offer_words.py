"""When an offered place is, and where the offer stands; for its message and its pages."""

from datetime import datetime

from scheduling.core.pattern import Pattern
from scheduling.core.words import OfferState
from scheduling.models import Offer

from .visit_words import span_words


def offered_end(offer: Offer) -> datetime:
    """When the patient would leave (UTC)."""
    entry = offer.entry
    protocol = entry.appointment.protocol if entry.appointment else entry.order.protocol
    return offer.starts_at + Pattern.of(protocol.pattern_phases()).stay


def offered_words(offer: Offer) -> str:
    """Day, hours and zone of the place on one line, in the active language."""
    return span_words(offer.starts_at, offered_end(offer), offer.chair.location.zone)


def state_of(offer: Offer, now: datetime) -> OfferState:
    """Where an offer stands at ``now``, also before the worker has noticed."""
    if offer.state != OfferState.OPEN:
        return OfferState(offer.state)
    if now >= offer.expires_at:
        return OfferState.EXPIRED
    return OfferState.OPEN if offer.hold_id else OfferState.WITHDRAWN
