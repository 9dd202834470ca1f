"""The places of proposals on somebody's screen: nobody else can take them until they are booked, let go or over."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from itertools import chain

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.words import OPEN_ORDER
from scheduling.models import Appointment, Claim, Hold, Location, Order, Patient, Series

from .audit import author, record
from .booking import BookedPlace, locked_order, new_visit
from .claims import free_expired, keep_places
from .faults import Refused


@transaction.atomic
def hold_proposals(
    *,
    by: Actor,
    now: datetime,
    order: Order,
    location: Location,
    places_of_each: Sequence[Sequence[BookedPlace]],
    key: str,
) -> Hold | None:
    """Keep the places of all proposals shown for ``order`` as long as ``location`` says; None where there are none.

    They are alternatives of one patient: what several of them need at one time is kept once. They replace what was
    held by the same ``key``, the request key of the booking that may follow; asking again renews the time. Raises
    Refused naming every place that somebody else took (``places_taken``), for a closed order and for somebody else's
    key; then what was held before stays.
    """
    by.require(Action.BOOK)
    order = locked_order(order.pk)
    if order.state not in OPEN_ORDER:
        raise Refused(
            "order_closed", _("This order is closed: %(state)s.") % {"state": order.get_state_display()}
        )
    course = Series(patient=order.patient, order=order, location=location, stage=order.stage)
    pattern = Pattern.of(order.protocol.pattern_phases())
    places = sorted(set(chain.from_iterable(places_of_each)), key=astuple)
    visits = [new_visit(course, pattern, place, 1, now) for place in places]
    if not visits:
        held = _locked(by, key)
        if held:
            held.delete()
        return None
    return _keep(by, now, order, visits, key)


@transaction.atomic
def hold_moves(
    *, by: Actor, now: datetime, visits: Sequence[Appointment], key: str, own: Sequence[Claim]
) -> Hold:
    """Keep the new places of visits of one course that are about to move, for as long as their location says.

    ``visits`` are unsaved and stand at the new place; ``own`` are the claims of the visits that are to move as they
    are now, with their seats: of these nothing is needed twice. Replaces, renews and refuses as ``hold_proposals``.
    The move ends the hold by ``take_places(..., ending=Hold.objects.of_proposal(key))``.
    """
    by.require(Action.MOVE)
    order = locked_order(visits[0].series.order_id)
    return _keep(by, now, order, visits, key, own)


@transaction.atomic
def release_proposal(*, by: Actor, now: datetime, key: str) -> bool:
    """Let the places of one's own proposals go; whether any were held. Raises Refused for somebody else's key."""
    hold = _locked(by, key)
    if hold is None:
        return False
    order = hold.proposed_for
    hold.delete()
    record(
        by=by,
        now=now,
        action="release_proposal",
        subject=order or hold,
        patient_id=order.patient_id if order else None,
    )
    return True


@transaction.atomic
def release_earlier(*, by: Actor, now: datetime, order: Order, key: str) -> int:
    """Let go what one still holds for other questions about ``order``, which ``key`` replaces; how many holds."""
    earlier = Hold.objects.filter(proposed_for=order, made_by=author(by)).exclude(proposal_key=key)
    if not earlier.exists():
        return 0
    order = locked_order(order.pk)
    count = earlier.delete()[1].get("scheduling.Hold", 0)
    if count:
        record(
            by=by, now=now, action="release_earlier", subject=order, patient_id=order.patient_id, count=count
        )
    return count


@dataclass(frozen=True, slots=True)
class BookingNow:
    """Who else has proposals for a patient on screen, and until when (UTC) their places are held."""

    name: str
    until: datetime


def booking_now(patient: Patient, but: Actor, now: datetime) -> list[BookingNow]:
    """Everybody else who is booking or moving visits of this patient at ``now``, by name; one query."""
    rows = Hold.objects.in_force(now).filter(proposed_for__patient=patient).exclude(made_by=but.staff_id)
    latest = rows.values_list("made_by__name").annotate(until=Max("expires_at")).order_by("made_by__name")
    return [BookingNow(name, until) for name, until in latest]


def _locked(by: Actor, key: str) -> Hold | None:
    """The hold of this key, locked; whoever renews it and whoever frees what is over wait for each other."""
    hold = Hold.objects.of_proposal(key).select_for_update(no_key=True).first()
    if hold and hold.made_by_id != author(by):
        raise Refused("hold_of_another", _("Somebody else opened these proposals. Find times again."))
    return hold


def _keep(
    by: Actor,
    now: datetime,
    order: Order,
    visits: Sequence[Appointment],
    key: str,
    own: Sequence[Claim] = (),
) -> Hold:
    """Keep what the unsaved visits need, in place of what was held by the same key; writes the audit entry."""
    # In the order in which the worker does: all that are over by number, one's own among them.
    free_expired(now)
    hold = _locked(by, key) or Hold(proposal_key=key, made_by_id=author(by), made_at=now)
    places = [
        {"starts_at": visit.starts_at.isoformat(), "chair": visit.chair_id, "nurse": visit.nurse_id}
        for visit in visits
    ]
    # The claims of visits that are to move may have changed since.
    is_same = not own and (hold.proposed_for_id, hold.places) == (order.pk, places)
    is_renewed = is_same and not hold._state.adding
    hold.expires_at = now + timedelta(minutes=visits[0].location.hold_minutes)
    hold.proposed_for, hold.places = order, places
    hold.save()
    if not is_renewed:
        _keep_anew(hold, visits, now, own)
    record(
        by=by,
        now=now,
        action="hold_proposals",
        subject=order,
        patient_id=order.patient_id,
        places=len(places),
        until=hold.expires_at.isoformat(),
    )
    return hold


def _keep_anew(hold: Hold, visits: Sequence[Appointment], now: datetime, own: Sequence[Claim]) -> None:
    """Each visit by its own version of the protocol; visits of one course may have been booked by several."""
    for number, version in enumerate(dict.fromkeys(visit.protocol for visit in visits)):
        pattern = Pattern.of(version.pattern_phases())
        of_it = [visit for visit in visits if visit.protocol_id == version.pk]
        keep_places(hold, of_it, pattern, now, own, beside=number > 0)
