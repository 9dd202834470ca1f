"""The waiting list: who would come earlier, or at a better time, and how they join, change and leave."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor, NotAllowed
from scheduling.core.words import LinkPurpose, OfferState, OrderState, Status, WaitEnd, WaitKind
from scheduling.models import AccessLink, Appointment, Hold, Message, Offer, Order, Series, WaitlistEntry

from .audit import author, record
from .better import better_places, suits, wishes_of
from .booking import locked_order, require_room
from .faults import Refused
from .ledger import drop
from .links import is_own_link
from .locks import locked_visit
from .treated import require_treated

NOTE_LENGTH = 200
"""Characters a note may have."""


@transaction.atomic
def wait_for_better(
    *,
    by: Actor,
    now: datetime,
    appointment: Appointment,
    kind: WaitKind,
    wishes: Mapping[str, Any] | None = None,
    note: str = "",
) -> WaitlistEntry:
    """Put the patient of a booked visit on the waiting list; the visit stays booked.

    Staff may, and the patient's own link. Raises Refused for a visit that has begun, is over or off, for a patient
    who is not treated here, for a second entry, and for wishes that say nothing, are met already or exclude all.
    """
    _require_may(by, appointment.patient_id)
    visit = locked_visit(appointment.pk)
    require_treated(visit.patient)
    if visit.status != Status.BOOKED or visit.starts_at <= now:
        raise Refused("not_booked", _("This visit has begun, is over or was cancelled."))
    _require_first(WaitlistEntry.objects.open().filter(appointment=visit).exists())
    entry = WaitlistEntry(
        patient=visit.patient,
        order=visit.series.order,
        appointment=visit,
        location=visit.location,
        kind=kind,
        wishes=_said(wishes),
        note=note.strip()[:NOTE_LENGTH],
        since=now,
        made_by_id=by.staff_id,
    )
    return _join(by, now, entry)


@transaction.atomic
def wait_for_session(
    *,
    by: Actor,
    now: datetime,
    order: Order,
    kind: WaitKind,
    wishes: Mapping[str, Any] | None = None,
    note: str = "",
) -> WaitlistEntry:
    """Put the patient of a signed order on the waiting list for its next session, which is not booked yet.

    Raises Refused for an order that is not signed or has no infusion left, and as ``wait_for_better``.
    """
    by.require(Action.MOVE)
    order = locked_order(order.pk)
    if order.state != OrderState.SIGNED:
        raise Refused("order_unsigned", _("A prescriber has to sign this order first."))
    course = Series.objects.select_related("location").filter(order=order).first()
    location = course.location if course else order.patient.home_location
    require_room(order, 1, location, now)
    _require_first(WaitlistEntry.objects.open().filter(order=order, appointment=None).exists())
    entry = WaitlistEntry(
        patient=order.patient,
        order=order,
        location=location,
        kind=kind,
        wishes=_said(wishes),
        note=note.strip()[:NOTE_LENGTH],
        since=now,
        made_by_id=author(by),
    )
    return _join(by, now, entry)


@transaction.atomic
def change_wait(
    *,
    by: Actor,
    now: datetime,
    entry: WaitlistEntry,
    kind: WaitKind,
    wishes: Mapping[str, Any] | None = None,
    note: str = "",
) -> WaitlistEntry:
    """Keep other wishes; whoever waited keeps their turn, and what was offered by the old wishes is taken back.

    Raises Refused for somebody who no longer waits, and for wishes as ``wait_for_better``.
    """
    _require_may(by, entry.patient_id)
    entry = locked_entry(entry.pk)
    require_waiting(entry)
    entry.kind, entry.wishes, entry.note = kind, _said(wishes), note.strip()[:NOTE_LENGTH]
    _require_possible(entry, now)
    take_offers_back(entry, now)
    entry.save(update_fields=["kind", "wishes", "note"])
    record(by=by, now=now, action="change_wait", subject=entry, patient_id=entry.patient_id, kind=kind)
    return entry


@transaction.atomic
def leave_waitlist(*, by: Actor, now: datetime, entry: WaitlistEntry) -> WaitlistEntry:
    """The patient no longer waits; a place offered to them is free for the next. Doing it twice changes nothing."""
    _require_may(by, entry.patient_id)
    entry = locked_entry(entry.pk)
    if entry.ended_at is None:
        end_wait(entry, WaitEnd.WITHDRAWN, now)
        record(by=by, now=now, action="leave_waitlist", subject=entry, patient_id=entry.patient_id)
    return entry


def locked_entry(pk: int) -> WaitlistEntry:
    """One entry behind its order, course and visit, locked in that order."""
    visit_id, order_id = WaitlistEntry.objects.values_list("appointment_id", "order_id").get(pk=pk)
    visit = locked_visit(visit_id) if visit_id else None
    order = visit.series.order if visit else locked_order(order_id)
    rows = WaitlistEntry.objects.select_for_update(no_key=True, of=("self",))
    entry = rows.select_related("location", "patient").get(pk=pk)
    entry.appointment, entry.order = visit, order
    return entry


def end_wait(entry: WaitlistEntry, why: WaitEnd, now: datetime) -> None:
    """End a locked entry and take back what is offered to it; the caller writes the audit entry."""
    take_offers_back(entry, now)
    entry.ended_at, entry.why = now, why
    entry.save(update_fields=["ended_at", "why"])


def take_offers_back(entry: WaitlistEntry, now: datetime) -> int:
    """Close the open offer of a locked entry, free its place and drop its message; how many."""
    offers = Offer.objects.filter(entry=entry, state=OfferState.OPEN)
    ids = list(offers.select_for_update(no_key=True).values_list("pk", flat=True))
    if ids:
        close_offers(ids, OfferState.WITHDRAWN, now)
    return len(ids)


def close_offers(ids: list[int], state: OfferState, now: datetime) -> None:
    """Bring locked offers to an end without an answer: their places are free, what was not sent yet is dropped."""
    Hold.objects.filter(waitlist_offer__in=ids).delete()
    Offer.objects.filter(pk__in=ids).update(state=state)
    drop(Message.objects.filter(offer__in=ids), now, _("The offered place is no longer kept."))


def require_waiting(entry: WaitlistEntry) -> None:
    """Raise Refused for somebody who no longer waits."""
    if entry.ended_at is not None:
        raise Refused("not_waiting", _("This patient is no longer on the waiting list."))


def is_offer_link(by: Actor, patient_id: int) -> bool:
    """Whether ``by`` is the patient's link to the places offered to them, not revoked."""
    mine = AccessLink.objects.filter(pk=by.link_id or 0, patient=patient_id, purpose=LinkPurpose.OFFER)
    return mine.filter(revoked_at=None).exists()


def _require_may(by: Actor, patient_id: int) -> None:
    """Staff by their roles; a patient's link for the patient alone."""
    if by.link_id is None:
        by.require(Action.MOVE)
    elif not is_own_link(by, patient_id):
        raise NotAllowed(Action.MOVE)


def _said(wishes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Only what was wished for: no wish at all means the course's."""
    return {name: wish for name, wish in (wishes or {}).items() if wish}


def _require_first(is_waiting: bool) -> None:
    if is_waiting:
        raise Refused("waiting_already", _("This visit is on the waiting list already."))


def _join(by: Actor, now: datetime, entry: WaitlistEntry) -> WaitlistEntry:
    _require_possible(entry, now)
    entry.save()
    record(
        by=by,
        now=now,
        action="join_waitlist",
        subject=entry,
        patient_id=entry.patient_id,
        kind=entry.kind,
        appointment=entry.appointment_id,
        order=entry.order_id,
    )
    return entry


def _require_possible(entry: WaitlistEntry, now: datetime) -> None:
    """Raise Refused where no place could ever be offered, were nobody else booked."""
    if entry.kind == WaitKind.BETTER_TIME:
        if not entry.wishes:
            raise Refused("no_wish", _("Choose the days or times that would suit better."), field="kind")
        if entry.appointment and suits(entry.appointment, wishes_of(entry)):
            raise Refused("suits_already", _("The visit is at such a time already."), field="kind")
    if better_places(entry, now, with_claims=False):
        return
    if entry.kind == WaitKind.BETTER_TIME or entry.wishes:
        words = _("At these days and times nothing can ever be offered. Leave more of them open.")
        raise Refused("wishes_exclude_all", words, field="kind")
    words = _("Nothing earlier is possible: opening hours and the days between visits leave no earlier time.")
    raise Refused("nothing_earlier", words, field="kind")


def locked_offer(pk: int) -> Offer:
    """One offer behind its entry with order, course and visit, locked in that order."""
    entry = locked_entry(Offer.objects.values_list("entry_id", flat=True).get(pk=pk))
    offer = Offer.objects.select_for_update(no_key=True, of=("self",)).get(pk=pk)
    offer.entry = entry
    return offer
