"""The waiting list as staff see it: who waits for what, what is offered until when, and whom to call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from scheduling.core.words import OfferState, OfferWay
from scheduling.models import Appointment, Offer, Patient, WaitlistEntry

from .backfill import by_urgency, overdue_of
from .better import wishes_of
from .offer_words import state_of
from .plan_words import wish_words


@dataclass(frozen=True, slots=True)
class WaitRow:
    """One waiting patient; ``overdue`` is the last local date that was in time, ``offer`` what is open now."""

    entry: WaitlistEntry
    wishes: list[str]
    overdue: date | None
    offer: Offer | None


@dataclass(frozen=True, slots=True)
class WaitingList:
    """Who waits, most urgent first; ``calls`` are the open offers that the front desk calls about, by their start."""

    rows: tuple[WaitRow, ...]
    calls: tuple[Offer, ...]


def waiting_list(now: datetime) -> WaitingList:
    """Everybody who waits at ``now``; the same number of queries however many they are."""
    found = WaitlistEntry.objects.live(now).select_related(
        "patient", "location", "order__protocol", "made_by", "appointment__series", "appointment__location"
    )
    entries = list(found)
    overdue = overdue_of(entries, now) if entries else {}
    offers = {offer.entry_id: offer for offer in _open_offers(entries, now)}
    rows = tuple(
        WaitRow(entry, wish_words(wishes_of(entry)), overdue.get(entry.patient_id), offers.get(entry.pk))
        for entry in by_urgency(entries, now)
    )
    calls = sorted(
        (offer for offer in offers.values() if offer.way == OfferWay.CALL), key=lambda offer: offer.starts_at
    )
    return WaitingList(rows, tuple(calls))


def _open_offers(entries: Sequence[WaitlistEntry], now: datetime) -> list[Offer]:
    known = {entry.pk: entry for entry in entries}
    offers = Offer.objects.filter(entry__in=entries, state=OfferState.OPEN)
    found = []
    for offer in offers.select_related("chair", "nurse", "called_by"):
        offer.entry = known[offer.entry_id]
        if state_of(offer, now) is OfferState.OPEN:
            found.append(offer)
    return found


def wait_of(visit: Appointment) -> WaitlistEntry | None:
    """The open entry of one visit."""
    return WaitlistEntry.objects.open().filter(appointment=visit).first()


def offers_to(patient: Patient, now: datetime) -> list[Offer]:
    """The places a patient can accept by their own pages at ``now``, the first to end first."""
    offers = Offer.objects.filter(entry__patient=patient, state=OfferState.OPEN, expires_at__gt=now)
    rows = offers.exclude(hold=None).select_related("entry__location", "entry__appointment__protocol")
    return list(rows.order_by("expires_at"))
