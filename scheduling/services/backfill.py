"""Freed places go to whoever waits: one patient at a time, most urgent first, kept for them until they answer."""

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from scheduling.access import SYSTEM, Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.quiet import next_waking, waking_later
from scheduling.core.timeline import from_step
from scheduling.core.words import (
    MessageKind,
    OfferState,
    OfferWay,
    WaitKind,
)
from scheduling.models import Appointment, Hold, Offer, Series, WaitlistEntry

from .audit import record
from .better import better_places, suits, wishes_of
from .booking import BookedPlace, new_visit, put, require_room
from .claims import claims_of, keep_places
from .faults import Refused
from .ledger import may_write_to, write
from .links import offer_link
from .offer_ends import end_met
from .other_places import closing_time
from .overdue import last_infusions, overdue_since
from .rules import require_rules
from .running import run
from .uncovering import CALL_WITHIN
from .waitlist import locked_entry

logger = logging.getLogger(__name__)

A_DAY = 3
"""So many places at most are offered to one patient within 24 hours."""
TO_READ = timedelta(minutes=30)
"""Whoever has less time than this to answer a message is called."""


def offer_freed_places(now: datetime) -> int:
    """Duty: offer free places to patients who wait, each to one of them; how many. One query where nobody waits."""
    waiting = _unoffered(now)
    if not waiting:
        return 0
    refused, lately = _earlier_answers(waiting, now)
    done = 0
    for entry in by_urgency(waiting, now):
        if lately[entry.pk] < A_DAY:
            done += _offer_one(entry, refused[entry.patient_id], now)
    return done


def by_urgency(entries: Sequence[WaitlistEntry], now: datetime) -> list[WaitlistEntry]:
    """Those whose follow-up is overdue first, longest overdue foremost; then whoever waits longest."""
    overdue = overdue_of(entries, now)
    return sorted(
        entries,
        key=lambda entry: (overdue.get(entry.patient_id, date.max), entry.since, entry.pk),
    )


def overdue_of(entries: Sequence[WaitlistEntry], now: datetime) -> dict[int, date]:
    """Of these patients who is overdue: patient to the last local date that was in time."""
    patients = {entry.patient_id for entry in entries}
    return overdue_since(last_infusions(now).filter(patient__in=patients), now)


def _unoffered(now: datetime) -> list[WaitlistEntry]:
    """Who waits with nothing offered; not while a prescriber was asked whether the course goes on."""
    under_review = Series.objects.filter(patient=OuterRef("patient"), review_asked_at__isnull=False)
    offered = Offer.objects.filter(entry=OuterRef("pk"), state=OfferState.OPEN)
    rows = WaitlistEntry.objects.live(now).exclude(Exists(offered)).exclude(Exists(under_review))
    return list(
        rows.select_related(
            "patient",
            "location",
            "order__protocol",
            "appointment__series__order__protocol",
            "appointment__location",
        ).prefetch_related("order__protocol__phases", "appointment__series__order__protocol__phases")
    )


def _earlier_answers(
    entries: Sequence[WaitlistEntry], now: datetime
) -> tuple[dict[int, set[datetime]], dict[int, int]]:
    """By patient the starts that were declined or left to expire; by entry how many offers there were lately."""
    refused: dict[int, set[datetime]] = defaultdict(set)
    lately: dict[int, int] = defaultdict(int)
    offers = Offer.objects.filter(entry__patient__in={entry.patient_id for entry in entries})
    rows = offers.values_list("entry", "entry__patient", "starts_at", "state", "made_at")
    for entry, patient, start, state, made_at in rows:
        if state in (OfferState.DECLINED, OfferState.EXPIRED):
            refused[patient].add(start)
            lately[entry] += made_at > now - timedelta(days=1)
    return refused, lately


def _offer_one(entry: WaitlistEntry, refused: Collection[datetime], now: datetime) -> int:
    """The best place that can be kept for one patient. A fault must not keep the others waiting."""
    try:
        if (
            entry.appointment
            and entry.kind == WaitKind.BETTER_TIME
            and suits(entry.appointment, wishes_of(entry))
        ):
            return run(end_met, by=SYSTEM, now=now, pk=entry.pk)
        for place in _best_first(entry, refused, now):
            try:
                run(make_offer, by=SYSTEM, now=now, entry=entry, place=place)
            except Refused:
                # Kept for somebody's undo, or taken a moment ago.
                continue
            return 1
    except Exception:
        logger.exception("Nothing could be offered to waiting entry %d.", entry.pk)
    return 0


def _best_first(entry: WaitlistEntry, refused: Collection[datetime], now: datetime) -> list[BookedPlace]:
    """Better places; those near enough for a call last: nobody is phoned while a message can do."""
    found = [
        BookedPlace(from_step(place.start), place.chair, place.nurse)
        for place in better_places(entry, now, without=refused)
    ]
    near = next_waking(now, entry.location.tz) + TO_READ + CALL_WITHIN
    return sorted(found, key=lambda place: place.starts_at < near)


@transaction.atomic
def make_offer(*, by: Actor, now: datetime, entry: WaitlistEntry, place: BookedPlace) -> Offer:
    """Keep ``place`` for a waiting patient and write the message about it, or put it on the call list.

    Raises Refused for who no longer waits, for a second offer, a broken rule and a place that is taken.
    """
    by.require(Action.MOVE)
    entry = locked_entry(entry.pk)
    if not WaitlistEntry.objects.live(now).filter(pk=entry.pk).exists():
        raise Refused("not_waiting", "This patient no longer waits.")
    way, leaves, until = _terms(entry, place.starts_at, now)
    offer = Offer.objects.create(
        entry=entry,
        hold=_keep(by, now, entry, place, until),
        starts_at=place.starts_at,
        chair_id=place.chair_id,
        nurse_id=place.nurse_id,
        made_at=now,
        expires_at=until,
        way=way,
    )
    if way is OfferWay.LINK:
        offer_link(by=by, now=now, patient=entry.patient)
        write(
            kind=MessageKind.OFFER,
            patient=entry.patient,
            subject=offer,
            revision=0,
            now=now,
            due_at=leaves,
            by_mail=True,
            offer=offer,
        )
    record(
        by=by,
        now=now,
        action="make_offer",
        subject=offer,
        patient_id=entry.patient_id,
        way=way,
        start=place.starts_at.isoformat(),
        until=until.isoformat(),
    )
    return offer


def _terms(entry: WaitlistEntry, start: datetime, now: datetime) -> tuple[OfferWay, datetime, datetime]:
    """How the patient learns of a place at ``start``, from when on, and until when it is kept (UTC).

    Nobody is woken, and the time to answer counts from the morning. Too near for a message: a call.
    """
    location = entry.location
    leaves = next_waking(now, location.tz)
    until = waking_later(leaves, timedelta(minutes=location.offer_minutes), location.tz)
    until = min(until, start - CALL_WITHIN)
    if until - leaves >= TO_READ and may_write_to(entry.patient):
        return OfferWay.LINK, leaves, until
    return OfferWay.CALL, now, min(closing_time(location, now), start)


def _keep(by: Actor, now: datetime, entry: WaitlistEntry, place: BookedPlace, until: datetime) -> Hold:
    """Hold a place as the patient's course would take it. Raises Refused for a broken rule or a taken place."""
    visit, order = entry.appointment, entry.order
    pattern = Pattern.of((visit or order).protocol.pattern_phases())
    if visit:
        wanted = Appointment.objects.select_related("series__order", "protocol", "patient").get(pk=visit.pk)
        put(wanted, visit.location, pattern, place, now)
    else:
        require_room(order, 1, entry.location, now)
        course = Series.objects.filter(order=order).first()
        course = course or Series(patient=order.patient, order=order, stage=order.stage)
        course.location = entry.location
        wanted = new_visit(course, pattern, place, 1, now)
    require_rules(by=by, now=now, series=wanted.series, visits=[wanted], override_reason="")
    hold = Hold.objects.create(
        expires_at=until,
        made_at=now,
        places=[{"starts_at": place.starts_at.isoformat(), "chair": place.chair_id, "nurse": place.nurse_id}],
    )
    keep_places(hold, [wanted], pattern, now, claims_of([visit]) if visit else ())
    return hold
