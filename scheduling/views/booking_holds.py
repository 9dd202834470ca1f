"""Booking keeps the places of what is on screen: of all proposals, then of the one that was chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from scheduling.models import Hold, Location, Order
from scheduling.services.booking import BookedPlace
from scheduling.services.faults import Refused
from scheduling.services.offers import Review, firm_places, review
from scheduling.services.proposal_holds import hold_proposals
from scheduling.services.proposals import Proposal
from scheduling.services.running import run

from .booking_desk import Desk

TRIES = 2
"""Somebody may take a place between the look and the hold: then everything is looked at once more."""


@dataclass(frozen=True, slots=True)
class OnHold:
    """Until when the places on screen are held, as a clock at the location shows it and in seconds from now."""

    until: str
    seconds: int


def hold_shown(
    desk: Desk,
    order: Order,
    location: Location,
    key: str,
    places_of_each: Sequence[Sequence[BookedPlace]],
) -> OnHold | None:
    """Hold the places of everything shown; None where somebody was faster or nothing of it can be held."""
    try:
        hold = run(
            hold_proposals,
            by=desk.by,
            now=desk.now,
            order=order,
            location=location,
            places_of_each=places_of_each,
            key=key,
        )
    except Refused:
        return None
    return on_hold(hold, location, desk.now) if hold else None


def on_hold(hold: Hold, location: Location, now: datetime) -> OnHold:
    """A hold as the page of a location says it."""
    seconds = int((hold.expires_at - now).total_seconds())
    return OnHold(f"{hold.expires_at.astimezone(location.tz):%H:%M}", seconds)


def review_of(desk: Desk, proposal: Proposal, reach: date | None = None) -> Review:
    """The proposal held against what is true now."""
    order, location = asked(desk, proposal)
    return review(proposal=proposal, order=order, location=location, now=desk.now, reach=reach)


def held_review(desk: Desk, proposal: Proposal) -> tuple[Review, OnHold | None]:
    """The same, with the places of all sessions held that can still be had."""
    order, location = asked(desk, proposal)
    for _turn in range(TRIES):
        found = review(proposal=proposal, order=order, location=location, now=desk.now)
        firm = firm_places(proposal, found)
        held = hold_shown(desk, order, location, proposal.question.request_key, [firm])
        if held or not firm:
            break
    return found, held


def asked(desk: Desk, proposal: Proposal) -> tuple[Order, Location]:
    """What the proposal is about."""
    question = proposal.question
    return desk.order(question.order_id), Location.objects.get(pk=question.location_id)
