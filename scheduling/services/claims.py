"""Taking places: locks first, then every conflict by query, then all claims; the guard is the backstop."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import attrgetter, or_

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from scheduling.core.pattern import Pattern
from scheduling.core.seating import has_room, reseat
from scheduling.core.timeline import STEP_MINUTES
from scheduling.core.words import OfferState, SeatKind
from scheduling.models import Appointment, Claim, Hold, Offer, Order, Seat, Series
from scheduling.models.seats import CLAIM_LIMIT

from .faults import Refused
from .lacking import Raise, capacity_raises
from .seats import extra_seats, replace_seats
from .taken import Taken

STEP = timedelta(minutes=STEP_MINUTES)
AT_ONCE = 100
"""So many visits are asked about in one query: SQLite reads a condition only 1000 deep."""


def release(visits: Iterable[Appointment]) -> None:
    """Delete the claims of these visits; whoever moves them inserts the new ones afterwards."""
    Claim.objects.filter(appointment__in=list(visits)).delete()


def claims_of(visits: Iterable[Appointment]) -> list[Claim]:
    """The claims of these visits as they are now, with their seats."""
    return list(Claim.objects.filter(appointment__in=list(visits)).select_related("seat"))


def let_go(series: Series) -> None:
    """Free the places kept for earlier changes of a course: a later change ends their undo."""
    Hold.objects.filter(change__series=series).delete()


def let_offers_go(visits: Iterable[Appointment]) -> None:
    """Free what is kept for these visits, for a call or as an offer: they get another place or end now."""
    ids = [visit.pk for visit in visits]
    Hold.objects.filter(
        Q(offered_to__appointment__in=ids) | Q(waitlist_offer__entry__appointment__in=ids)
    ).delete()
    # What had not been sent about it the worker drops: it is no longer true.
    Offer.objects.filter(entry__appointment__in=ids, state=OfferState.OPEN).update(state=OfferState.WITHDRAWN)


def kept_for(order: Order, request_key: str) -> "QuerySet[Hold]":
    """What a booking under ``order`` ends: places kept for it as a draft, for its proposals, offered as its session."""
    offers = Q(waitlist_offer__entry__order=order, waitlist_offer__entry__appointment=None)
    return Hold.objects.filter(Q(order=order) | Q(proposal_key=request_key) | offers)


def hold_places(hold: Hold, former: Sequence[Claim]) -> None:
    """Keep for ``hold`` what is free of the places that visits had: chairs and nurses, not the patient's time.

    Locks their seats; who took other places for the visits has locked these with them.
    """
    seats = sorted({claim.seat_id for claim in former})
    list(Seat.objects.select_for_update(no_key=True).filter(pk__in=seats).order_by("pk"))
    kept: list[Claim] = []
    for claim in former:
        if claim.seat.patient_id is None:
            kept += [Claim(seat=claim.seat, hold=hold, starts_at=a, ends_at=b) for a, b in _free_parts(claim)]
    Claim.objects.bulk_create(kept)


def _free_parts(claim: Claim) -> list[tuple[datetime, datetime]]:
    """What of a deleted claim nobody has by now, as half-open UTC intervals."""
    taken = Claim.objects.overlapping(claim.starts_at, claim.ends_at).filter(seat=claim.seat_id)
    return _outside(claim, taken.order_by("starts_at"))


def _outside(claim: Claim, taken: Iterable[Claim]) -> list[tuple[datetime, datetime]]:
    """The stretches of ``claim`` (UTC, half-open) beside ``taken``, which stand by start."""
    parts, start = [], claim.starts_at
    for other in taken:
        if start < other.starts_at:
            parts.append((start, min(other.starts_at, claim.ends_at)))
        start = max(start, other.ends_at)
        if start >= claim.ends_at:
            break
    return [*parts, (start, claim.ends_at)] if start < claim.ends_at else parts


def take_places(
    visits: Sequence[Appointment],
    pattern: Pattern,
    now: datetime,
    former: Sequence[Claim] = (),
    ending: "QuerySet[Hold] | None" = None,
) -> None:
    """Insert the claims of saved visits, which hold none, each with its chair, nurse and patient.

    Locks their seats, and those of the ``former`` claims the visits had, in sorted order, so that two courses
    never deadlock; raises Refused naming **all** that collides. Expired holds are freed first and so never
    stand in the way; the holds of ``ending`` end here, so that nobody slips between them and the visits.
    """
    holds = list(ending) if ending is not None else []
    Claim.objects.bulk_create(_free_places(visits, pattern, now, former, ending=holds))
    if holds:
        Hold.objects.filter(pk__in=[hold.pk for hold in holds]).delete()


def keep_places(
    hold: Hold,
    visits: Sequence[Appointment],
    pattern: Pattern,
    now: datetime,
    own: Sequence[Claim] = (),
    ending: "QuerySet[Hold] | None" = None,
    *,
    beside: bool = False,
) -> None:
    """Keep for ``hold`` what unsaved ``visits`` would take: chairs and nurses, not the patient's time.

    It replaces what ``hold`` kept before, unless it comes ``beside`` that. Visits of one patient that share time are
    alternatives to each other: what they share is kept once. The patient may be moved or booked meanwhile (DESIGN): a
    hold stands in the way of others only, and booking checks the patient's own time anyway. Of the ``own`` claims of
    visits that are to move it needs nothing twice. Locks and refuses as ``take_places`` does, and ends the holds of
    ``ending`` like it.
    """
    holds = list(ending) if ending is not None else []
    ended = holds if beside else [hold, *holds]
    found = _free_places(visits, pattern, now, own=own, ending=ended, alternatives=True)
    kept = [claim for claim in found if claim.seat.patient_id is None]
    for claim in kept:
        claim.appointment, claim.hold = None, hold
    Claim.objects.bulk_create(kept)
    if holds:
        Hold.objects.filter(pk__in=[one.pk for one in holds]).delete()


@transaction.atomic(savepoint=False)
def free_expired(now: datetime) -> int:
    """Free the places of holds that are over; how many holds. One made for an order stays, to say that it is over."""
    # Locked, as somebody may be renewing one that looks expired.
    expired = Hold.objects.select_for_update(no_key=True).filter(expires_at__lte=now).order_by("pk")
    over = dict(expired.values_list("pk", "order_id"))
    if not over:
        return 0
    for_orders = [pk for pk, order_id in over.items() if order_id]
    count = Claim.objects.filter(hold__in=for_orders).values("hold").distinct().count()
    Claim.objects.filter(hold__in=list(over)).delete()
    others = Hold.objects.filter(pk__in=over.keys() - set(for_orders))
    return count + others.delete()[1].get("scheduling.Hold", 0)


def _free_places(
    visits: Sequence[Appointment],
    pattern: Pattern,
    now: datetime,
    former: Sequence[Claim] = (),
    own: Sequence[Claim] = (),
    ending: Sequence[Hold] = (),
    *,
    alternatives: bool = False,
) -> list[Claim]:
    """Unsaved claims of these visits on locked seats; monitoring places of others change where they have to.

    The claims of the holds of ``ending`` are deleted. ``alternatives`` of one patient need what they share once.
    """
    free_expired(now)
    ended = Claim.objects.filter(hold__in=ending)
    seats = _lock_seats(visits, [*former, *ended.select_related("seat")] if ending else former)
    if ending:
        ended.delete()
    fixed = [
        (visit, part)
        for visit, claim in _fixed_claims(visits, pattern, seats)
        for part in _without(claim, own)
    ]
    if alternatives:
        fixed = _shared_once(fixed)
    held = _claims_near(visits, pattern, seats)
    taken = _collisions(fixed, held)
    needs = _monitoring_needs(visits, pattern, seats, own)
    if alternatives:
        needs = _shared_once(needs)
    monitoring, moved, full = _monitoring_claims(needs, seats, held, _raises(visits, pattern), now)
    if taken or full:
        clashes = sorted([*taken, *full], key=lambda clash: (clash.starts_at, clash.seat.pk))
        raise Refused(
            "places_taken",
            _("Some of these places are taken. Nothing was changed."),
            details=[str(clash) for clash in clashes],
        )
    replace_seats(moved)
    return [claim for _visit, claim in fixed] + monitoring


def _shared_once(wanted: Sequence[tuple[Appointment, Claim]]) -> list[tuple[Appointment, Claim]]:
    """Claims on each seat joined where they share time, as long as a claim may be; each with its first visit."""
    joined: list[tuple[Appointment, Claim]] = []
    for visit, claim in sorted(wanted, key=lambda one: (one[1].seat_id, one[1].starts_at, one[1].ends_at)):
        last = joined[-1][1] if joined else None
        if last is None or last.seat_id != claim.seat_id or last.ends_at <= claim.starts_at:
            joined.append((visit, claim))
            continue
        ends_at = max(last.ends_at, claim.ends_at)
        last.ends_at = min(ends_at, last.starts_at + CLAIM_LIMIT)
        if last.ends_at < ends_at:
            joined.append((visit, Claim(seat=claim.seat, starts_at=last.ends_at, ends_at=ends_at)))
    return joined


def _lock_seats(visits: Sequence[Appointment], former: Sequence[Claim]) -> dict[tuple[str, int], list[Seat]]:
    chairs = {visit.chair_id for visit in visits}
    # A former claim of a nurse may have changed to another of her places since it was read.
    nurses = {visit.nurse_id for visit in visits} | {claim.seat.nurse_id for claim in former}
    patients = {visit.patient_id for visit in visits}
    rows = (
        Seat.objects.select_for_update(no_key=True, of=("self",))
        .select_related("chair", "nurse", "patient")
        .filter(
            Q(chair__in=chairs)
            | Q(patient__in=patients)
            # Her retired places count too: who still sits there is one of her patients.
            | Q(nurse__in=nurses - {None})
            | Q(pk__in={claim.seat_id for claim in former}),
        )
        .order_by("pk")
    )
    found: dict[tuple[str, int], list[Seat]] = defaultdict(list)
    for seat in rows:
        found[seat.kind, seat.chair_id or seat.patient_id or seat.nurse_id or 0].append(seat)
    return found


def _fixed_claims(
    visits: Sequence[Appointment], pattern: Pattern, seats: dict[tuple[str, int], list[Seat]]
) -> list[tuple[Appointment, Claim]]:
    """Claims on seats there is only one of: the chair, the patient and the nurse's hands."""
    claims = []
    for visit in visits:
        spans = [
            (SeatKind.CHAIR, visit.chair_id, (0, pattern.chair)),
            (SeatKind.PATIENT, visit.patient_id, (0, pattern.patient)),
            *((SeatKind.HANDS_ON, visit.nurse_id, span) for span in pattern.hands_on),
        ]
        claims += [
            (visit, _claim(visit, _seats_of(seats, kind, owner)[0], first, last))
            for kind, owner, (first, last) in spans
        ]
    return claims


def _seats_of(seats: dict[tuple[str, int], list[Seat]], kind: SeatKind, owner: int) -> list[Seat]:
    """The seats of one owner. Raises Refused where there is none, such as a retired nurse's."""
    found = seats.get((kind, owner))
    if not found:
        raise Refused("no_seat", _("This chair or nurse cannot take a patient. Look at fresh proposals."))
    return found


def _claim(visit: Appointment, seat: Seat, first: int, last: int) -> Claim:
    return Claim(
        seat=seat,
        appointment=visit,
        starts_at=visit.starts_at + first * STEP,
        ends_at=visit.starts_at + last * STEP,
    )


def _without(claim: Claim, own: Sequence[Claim]) -> list[Claim]:
    """The parts of an unsaved claim beside ``own`` ones of the same kind and owner."""

    def whose(one: Claim) -> tuple[str, int | None, int | None, int | None]:
        return one.seat.kind, one.seat.chair_id, one.seat.nurse_id, one.seat.patient_id

    there = [one for one in own if whose(one) == whose(claim)]
    if not there:
        return [claim]
    parts = _outside(claim, sorted(there, key=attrgetter("starts_at")))
    return [Claim(seat=claim.seat, appointment=claim.appointment, starts_at=a, ends_at=b) for a, b in parts]


def _collisions(
    wanted: Sequence[tuple[Appointment, Claim]], held: Mapping[int, Sequence[Claim]]
) -> list[Taken]:
    return [
        Taken(
            visit, claim.seat, max(claim.starts_at, other.starts_at), min(claim.ends_at, other.ends_at), other
        )
        for visit, claim in wanted
        for other in held.get(claim.seat_id, ())
        if other.starts_at < claim.ends_at and claim.starts_at < other.ends_at
    ]


def _claims_near(
    visits: Sequence[Appointment], pattern: Pattern, seats: dict[tuple[str, int], list[Seat]]
) -> dict[int, list[Claim]]:
    """Claims by seat that bind these visits, in one indexed query for every AT_ONCE of them.

    Of a nurse's monitoring seats also those of a day before and after: they may have to change seats.
    """
    nears = []
    for visit in visits:
        start, end = visit.starts_at, visit.starts_at + pattern.chair * STEP
        owners = (
            (SeatKind.CHAIR, visit.chair_id),
            (SeatKind.PATIENT, visit.patient_id),
            (SeatKind.HANDS_ON, visit.nurse_id),
        )
        single = [seat.pk for kind, owner in owners for seat in _seats_of(seats, kind, owner)]
        hers = [seat.pk for seat in _seats_of(seats, SeatKind.MONITORING, visit.nurse_id)]
        nears.append(
            Q(seat__in=single, starts_at__gt=start - CLAIM_LIMIT, starts_at__lt=end)
            | Q(seat__in=hers, starts_at__gt=start - 2 * CLAIM_LIMIT, starts_at__lt=end + CLAIM_LIMIT)
        )
    # One claim may bind visits of several questions.
    claims: dict[int, Claim] = {}
    for first in range(0, len(nears), AT_ONCE):
        claims |= Claim.objects.filter(reduce(or_, nears[first : first + AT_ONCE])).in_bulk()
    found: dict[int, list[Claim]] = defaultdict(list)
    for claim in claims.values():
        found[claim.seat_id].append(claim)
    return found


def _monitoring_needs(
    visits: Sequence[Appointment],
    pattern: Pattern,
    seats: dict[tuple[str, int], list[Seat]],
    own: Sequence[Claim],
) -> list[tuple[Appointment, Claim]]:
    """When each visit needs its nurse beside its ``own`` claims, all on her first place until it is given one."""
    return [
        (visit, part)
        for visit in visits
        for first in _seats_of(seats, SeatKind.MONITORING, visit.nurse_id)[:1]
        for part in _without(_claim(visit, first, *pattern.nurse), own)
    ]


def _monitoring_claims(
    needs: Sequence[tuple[Appointment, Claim]],
    seats: dict[tuple[str, int], list[Seat]],
    held: Mapping[int, Sequence[Claim]],
    raises: Mapping[int, Sequence[Raise]],
    now: datetime,
) -> tuple[list[Claim], list[tuple[Claim, int]], list[Taken]]:
    """New monitoring claims; claims of other visits with the seat they change to; and all that is full."""
    new: list[Claim] = []
    full: list[Taken] = []
    moved: dict[int, tuple[Claim, int]] = {}
    for nurse_id in sorted({visit.nurse_id for visit, _claim in needs}):
        more = raises.get(nurse_id, ())
        places, capacity = _places(_seats_of(seats, SeatKind.MONITORING, nurse_id), more, now)
        row = [(claim, index) for index, seat in enumerate(places) for claim in held.get(seat.pk, ())]
        for visit, claim in [need for need in needs if need[0].nurse_id == nurse_id]:
            first, last = claim.starts_at, claim.ends_at
            taken = [(claim.starts_at, claim.ends_at, index) for claim, index in row]
            seated = None
            if has_room([one[:2] for one in taken], first, last, capacity, more):
                # The usual places first; the others only where a raise or a lowered number needs them.
                seated = reseat(taken, first, last, capacity) or reseat(taken, first, last, len(places))
            if seated is None:
                crowd = [other for other, _index in row if other.starts_at < last and first < other.ends_at]
                full += [Taken(visit, other.seat, first, last, other) for other in crowd]
                continue
            place, changes = seated
            row = [(other, changes.get(at, index)) for at, (other, index) in enumerate(row)]
            row.append((claim, place))
        for claim, index in row:
            if claim.pk is None:
                claim.seat = places[index]
                new.append(claim)
            elif claim.seat_id != places[index].pk:
                moved[claim.pk] = claim, places[index].pk
    return new, list(moved.values()), full


def _raises(visits: Sequence[Appointment], pattern: Pattern) -> dict[int, list[Raise]]:
    """The raised capacities that may bear on these visits, by nurse."""
    since = min(visit.starts_at for visit in visits)
    until = max(visit.starts_at for visit in visits) + pattern.chair * STEP
    return capacity_raises({visit.nurse_id for visit in visits}, since, until)


def _places(found: Sequence[Seat], raises: Sequence[Raise], now: datetime) -> tuple[list[Seat], int]:
    """A nurse's monitoring places, the usual ones first and as many as a raise asks for; and how many are usual."""
    usual = [seat for seat in found if seat.retired_at is None]
    retired = [seat for seat in found if seat.retired_at is not None]
    most = max([0, *(many for _since, _until, many in raises)])
    retired += extra_seats(found[0], [seat.number for seat in found], most, now)
    return [*usual, *retired], len(usual)
