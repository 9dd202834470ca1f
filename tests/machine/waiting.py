"""Who would come earlier or at a better time: joins, leaves, and answers what is offered."""

from hypothesis import strategies as st

from scheduling.core.wishes import Wishes
from scheduling.core.words import CallState, OfferState, OrderState, WaitKind
from scheduling.models import Offer, Order, WaitlistEntry
from scheduling.services.backfill import offer_freed_places
from scheduling.services.offer_answers import (
    accept_offer,
    decline_offer,
    record_offer_call,
    withdraw_offer,
)
from scheduling.services.waitlist import change_wait, leave_waitlist, wait_for_better, wait_for_session
from scheduling.services.wishes import wishes_to_json

from .world import Draw, World, one_of

OUTCOMES = (CallState.AGREED, CallState.OTHER_TIME, CallState.NOT_REACHED)


def _wish(draw: Draw) -> dict[str, object]:
    days = draw(st.frozensets(st.integers(0, 6), min_size=1, max_size=3))
    return {"kind": draw(st.sampled_from(WaitKind)), "wishes": wishes_to_json(Wishes(only_weekdays=days))}


def join(world: World, draw: Draw) -> None:
    """A patient with a visit to come, by the clerk or the own link; places are looked for at once."""
    visit = one_of(draw, world.booked())
    if visit is None or visit.patient not in world.active():
        return
    by = world.clerk if draw(st.booleans()) else world.link_of(visit.patient)
    wish = _wish(draw) if draw(st.booleans()) else {"kind": WaitKind.EARLIER}
    world.do(wait_for_better, by=by, appointment=visit, **wish)
    offer_freed_places(world.now)


def join_for_a_session(world: World, draw: Draw) -> None:
    """One that is not booked yet."""
    order = one_of(draw, list(Order.objects.filter(state=OrderState.SIGNED).order_by("pk")))
    if order:
        world.do(wait_for_session, by=world.clerk, order=order, kind=WaitKind.EARLIER)
        offer_freed_places(world.now)


def wish_otherwise_or_leave(world: World, draw: Draw) -> None:
    """Whoever waits, or waited."""
    entry = one_of(draw, list(WaitlistEntry.objects.order_by("-pk")[:3]))
    if entry and draw(st.booleans()):
        world.do(change_wait, by=world.clerk, entry=entry, **_wish(draw))
    elif entry:
        world.do(leave_waitlist, by=world.clerk, entry=entry)


def answer(world: World, draw: Draw) -> None:
    """An offer that is open, else one that is over: by link, by a call, or taken back."""
    if not Offer.objects.filter(state=OfferState.OPEN).exists():
        join(world, draw)
    offers = Offer.objects.select_related("entry__patient").order_by("-pk")
    offer = one_of(draw, list(offers.filter(state=OfferState.OPEN)) or list(offers[:2]))
    if offer is None:
        return
    way = draw(st.sampled_from(("decline", "accept", "call", "withdraw", "accept", "accept")))
    if way == "withdraw":
        world.do(withdraw_offer, by=world.clerk, offer=offer)
    elif way == "call" or offer.entry.patient not in world.active():
        world.do(record_offer_call, by=world.clerk, offer=offer, outcome=draw(st.sampled_from(OUTCOMES)))
    else:
        by = world.link_of(offer.entry.patient)
        world.do(accept_offer if way == "accept" else decline_offer, by=by, offer=offer)
