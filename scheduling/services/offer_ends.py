"""Offered places and waiting entries that are over: not answered in time, no longer true, met by themselves."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from scheduling.access import SYSTEM, Actor
from scheduling.core.words import (
    CANCELLED,
    LinkPurpose,
    MessageState,
    OfferState,
    OfferWay,
    OrderState,
    WaitEnd,
)
from scheduling.models import Hold, Offer, WaitlistEntry

from .audit import record
from .changes import GRACE
from .faults import Refused
from .links import link_in_force
from .other_places import closing_time
from .running import run
from .waitlist import close_offers, end_wait, locked_entry, locked_offer


def end_offers(now: datetime) -> int:
    """Duty: close offers that nobody answered in time or that are no longer true, and entries that are over.

    How many of both. One query where nobody waits.
    """
    entries = list(WaitlistEntry.objects.open().select_related("appointment", "order"))
    if not entries:
        return 0
    live = set(WaitlistEntry.objects.live(now).values_list("pk", flat=True))
    over = [entry.pk for entry in entries if entry.pk not in live and not _may_come_back(entry, now)]
    offers = Offer.objects.filter(entry__in=entries, state=OfferState.OPEN).values_list("pk", "entry_id")
    done = sum(run(_end_offer, by=SYSTEM, now=now, pk=pk, is_live=entry in live) for pk, entry in offers)
    _drop_untold(entries, now)
    return done + sum(run(_end_over, by=SYSTEM, now=now, pk=pk) for pk in over)


def _may_come_back(entry: WaitlistEntry, now: datetime) -> bool:
    """Whether the visit was cancelled so lately that this may still be taken back."""
    visit = entry.appointment
    if visit is None or visit.status not in CANCELLED or visit.starts_at <= now:
        return False
    return now < visit.changed_at + timedelta(minutes=settings.UNDO_MINUTES) + GRACE


def _drop_untold(entries: Sequence[WaitlistEntry], now: datetime) -> None:
    """Messages about offers that a move or a cancellation took back."""
    closed = Offer.objects.filter(
        entry__in=entries, state=OfferState.WITHDRAWN, messages__state=MessageState.WAITING
    )
    ids = list(closed.values_list("pk", flat=True))
    if ids:
        close_offers(ids, OfferState.WITHDRAWN, now)


@transaction.atomic
def _end_offer(*, by: Actor, now: datetime, pk: int, is_live: bool) -> int:
    """Close one open offer whose time or truth is over; one whose message cannot go becomes a call."""
    offer = locked_offer(pk)
    if offer.state != OfferState.OPEN:
        return 0
    if is_live and offer.hold_id and now < offer.expires_at:
        return _call_instead(by, now, offer)
    state = OfferState.EXPIRED if now >= offer.expires_at else OfferState.WITHDRAWN
    close_offers([offer.pk], state, now)
    record(by=by, now=now, action="end_offer", subject=offer, patient_id=offer.entry.patient_id, state=state)
    return 1


def _call_instead(by: Actor, now: datetime, offer: Offer) -> int:
    """Where the message failed, or its link was revoked with the address it went to, the front desk calls."""
    failed = offer.messages.filter(state__in=(MessageState.DROPPED, MessageState.FAILED))
    is_cut_off = failed.exists() or link_in_force(offer.entry.patient, LinkPurpose.OFFER) is None
    if offer.way != OfferWay.LINK or offer.hold is None or not is_cut_off:
        return 0
    try:
        closes = closing_time(offer.entry.location, now)
    except Refused:
        # No open day ahead: somebody may still be there to call until it would have ended.
        closes = offer.expires_at
    until = max(offer.expires_at, min(closes, offer.starts_at))
    Hold.objects.filter(pk=offer.hold.pk).update(expires_at=until)
    offer.way, offer.expires_at = OfferWay.CALL, until
    offer.save(update_fields=["way", "expires_at"])
    record(by=by, now=now, action="call_instead", subject=offer, patient_id=offer.entry.patient_id)
    return 1


@transaction.atomic
def _end_over(*, by: Actor, now: datetime, pk: int) -> int:
    """End an entry whose visit is over or off, or whose order is closed."""
    entry = locked_entry(pk)
    if entry.ended_at is not None or WaitlistEntry.objects.live(now).filter(pk=pk).exists():
        return 0
    is_closed = entry.appointment is None and entry.order.state != OrderState.SIGNED
    end_wait(entry, WaitEnd.ORDER_CLOSED if is_closed else WaitEnd.VISIT_OVER, now)
    record(by=by, now=now, action="end_wait", subject=entry, patient_id=entry.patient_id, why=entry.why)
    return 1


@transaction.atomic
def end_met(*, by: Actor, now: datetime, pk: int) -> int:
    """The visit was brought to a time as wished for: nobody waits any more."""
    entry = locked_entry(pk)
    if entry.ended_at is not None:
        return 0
    end_wait(entry, WaitEnd.PLACED, now)
    record(by=by, now=now, action="end_wait", subject=entry, patient_id=entry.patient_id, why=entry.why)
    return 1
