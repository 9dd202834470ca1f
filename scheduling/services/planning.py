"""From the database to the planner: one course at one location as masks over local days."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from statistics import median_low

from django.db.models import Q

from scheduling.core.cadence import Cadence
from scheduling.core.pattern import Pattern
from scheduling.core.planner import Plan, proposals
from scheduling.core.problem import CourseProblem, Nurse, room
from scheduling.core.reasons import NoPlan
from scheduling.core.timeline import Horizon, ceil_step, floor_step, from_step, to_step
from scheduling.core.wishes import Wishes
from scheduling.core.words import COUNTED, SeatKind
from scheduling.models import Appointment, Claim, Hold, Location, Order, Protocol, Seat

from .frame import Frame, last_day, load_frame
from .lacking import Raise, capacity_raises

NEAR = timedelta(days=14)
"""Visits this near to a course bind it, whatever its gaps: the most in any 7 days looks back a week."""
SLACK_DAYS = 7
"""How far a first try looks beyond the weeks a course needs; without a plan the whole horizon follows."""


def cadence_of(protocol: Protocol) -> Cadence:
    """The protocol's spacing."""
    return Cadence(
        per_week=protocol.per_week,
        min_gap_days=protocol.min_gap_days,
        floor_hours=protocol.floor_hours,
        max_gap_days=protocol.max_gap_days,
        ideal_low=protocol.ideal_low,
        ideal_high=protocol.ideal_high,
        max_per_7_days=protocol.max_per_7_days,
    )


def near_visits(order: Order, since: date, until: date, ignoring: Collection[int] = ()) -> list[Appointment]:
    """The patient's counted visits that may bind a course of ``order`` on these local dates, by start.

    They reach as far before and after as the protocol's longest gap, and at least 14 days.
    """
    reach = max(NEAR, timedelta(days=order.protocol.max_gap_days))
    return list(
        Appointment.objects.filter(
            patient=order.patient_id,
            status__in=COUNTED,
            local_date__gte=since - reach,
            local_date__lte=until + reach,
        )
        .exclude(pk__in=ignoring)
        .select_related("series")
        .order_by("starts_at")
    )


def load_problem(
    *,
    order: Order,
    location: Location,
    now: datetime,
    sessions: int,
    since: date,
    until: date,
    wishes: Wishes | None = None,
    ignoring: Sequence[Appointment] = (),
    with_claims: bool = True,
    holding: str = "",
) -> CourseProblem:
    """All that binds a course of ``order`` at ``location`` on the local dates from ``since`` to ``until``.

    The places of ``ignoring``, visits that are about to move, count as free, and so do those held by the key
    ``holding`` for this question's own proposals. Without claims the question is asked as if nobody were booked: only
    hours, shifts and spacing bind.
    """
    today = now.astimezone(location.tz).date()
    last = max(today, min(until, last_day(location, now)))
    horizon = Horizon.of(location.tz, min(max(since, today), last), last)
    frame = load_frame(location, horizon)
    ours = _claimed_by(ignoring) | _not_binding(order, ignoring, now, holding) if with_claims else set()
    chairs, nurses, patient = _free_masks(order, location, frame, ours, with_claims)
    ignored = [visit.pk for visit in ignoring]
    existing = near_visits(order, horizon.days[0].date, horizon.days[-1].date, ignored)
    patient &= _own_dates_kept(existing, order, location, horizon)
    reference, main_nurse = _habits(order, location, existing)
    return CourseProblem(
        horizon=horizon,
        pattern=Pattern.of(order.protocol.pattern_phases()),
        cadence=cadence_of(order.protocol),
        sessions=sessions,
        chairs=chairs,
        nurses=nurses,
        patient=patient,
        open=frame.open,
        closures=frame.closures,
        prescriber=frame.prescriber if order.protocol.prescriber_on_site else None,
        not_before=earliest_step(order, location, now),
        not_after=order.valid_until,
        wishes=wishes or Wishes(),
        existing=tuple(to_step(visit.starts_at) for visit in existing),
        reference=reference,
        main_nurse=main_nurse,
        grid_minutes=location.grid_minutes,
    )


def _habits(
    order: Order, location: Location, existing: Sequence[Appointment]
) -> tuple[int | None, int | None]:
    """The usual wall minute and the main nurse of the order's course so far; None where it has no visit yet."""
    own = [visit for visit in existing if visit.series.order_id == order.pk]
    if not own:
        return None, None
    # Each in its own wall time: whoever came at nine elsewhere comes at nine here.
    usual = median_low([visit.local_time.hour * 60 + visit.local_time.minute for visit in own])
    here = Counter(visit.nurse_id for visit in own if visit.location_id == location.pk)
    return usual, here.most_common(1)[0][0] if here else None


def _own_dates_kept(
    existing: Sequence[Appointment], order: Order, location: Location, horizon: Horizon
) -> int:
    """The steps that keep the shortest gap to visits elsewhere by **their** local dates as well.

    The planner counts in the dates of this location; where a visit in another zone has another date there, a day
    that is far enough by one calendar may be too near by the other.
    """
    least = max(1, order.protocol.min_gap_days)
    moved = [
        visit.local_date
        for visit in existing
        if visit.starts_at.astimezone(location.tz).date() != visit.local_date
    ]
    if not moved:
        return horizon.full
    return horizon.days_mask(lambda day: all(abs((day - own).days) >= least for own in moved))


def earliest_step(order: Order, location: Location, now: datetime) -> int:
    """The first step at which a visit may start: now plus the lead time, and the order in force."""
    lead = now + timedelta(minutes=location.lead_minutes)
    in_force = datetime.combine(order.valid_from, time(), location.tz)
    return ceil_step(max(lead, in_force))


def _free_masks(
    order: Order, location: Location, frame: Frame, ours: Collection[tuple[int, int, int]], with_claims: bool
) -> tuple[dict[int, int], tuple[Nurse, ...], int]:
    """Free masks by chair id, the nurses, and the patient's mask."""
    horizon = frame.horizon
    # Three queries, each by its own index: as one with OR it reads every patient's seat.
    every = Seat.objects.values_list("pk", "kind", "chair_id", "nurse_id", "retired_at")
    current = every.filter(retired_at=None)
    seats = [
        *current.filter(chair__location=location, chair__is_active=True),
        # Who sits on a retired place is looked after all the same.
        *every.filter(nurse__in=list(frame.nurses)),
        *current.filter(patient=order.patient_id),
    ]
    since, until = from_step(horizon.origin), from_step(horizon.origin + horizon.length)
    busy: dict[int, list[tuple[int, int]]] = defaultdict(list)
    if with_claims:
        for seat, first, last in Claim.objects.steps([row[0] for row in seats], since, until):
            if (seat, first, last) not in ours:
                busy[seat].append((first, last))
    chairs: dict[int, int] = {}
    hands: dict[int, int] = {}
    monitoring: dict[int, list[int]] = defaultdict(list)
    capacity: Counter[int] = Counter()
    patient = horizon.full
    for seat, kind, chair_id, nurse_id, retired_at in seats:
        if kind == SeatKind.CHAIR:
            chairs[chair_id] = horizon.free(busy[seat]) & ~frame.missing.chairs.get(chair_id, 0)
        elif kind == SeatKind.HANDS_ON:
            hands[nurse_id] = horizon.free(busy[seat])
        elif kind == SeatKind.MONITORING:
            monitoring[nurse_id].append(horizon.mask(busy[seat]))
            capacity[nurse_id] += retired_at is None
        else:
            patient = horizon.free(busy[seat])
    raises = capacity_raises(capacity, since, until)
    nurses = tuple(
        Nurse(
            staff_id,
            shift,
            _room(monitoring[staff_id], capacity[staff_id], raises.get(staff_id, ()), horizon),
            hands[staff_id],
        )
        for staff_id, shift in sorted(frame.nurses.items())
        if staff_id in hands and monitoring[staff_id]
    )
    return chairs, nurses, patient


def _room(busy: Sequence[int], capacity: int, raises: Sequence[Raise], horizon: Horizon) -> int:
    """When a nurse can look after one more patient: as many as always, and more where that was raised."""
    free = room(busy, capacity, horizon.full)
    for since, until, many in raises:
        free |= room(busy, many, horizon.mask([(ceil_step(since), floor_step(until))]))
    return free


def _claimed_by(visits: Iterable[Appointment]) -> set[tuple[int, int, int]]:
    return _steps_of(Claim.objects.filter(appointment__in=list(visits))) if visits else set()


def _not_binding(
    order: Order, ignoring: Sequence[Appointment], now: datetime, holding: str
) -> set[tuple[int, int, int]]:
    """Places kept by holds that are over, and by those that a booking of this order ends: its own, or for an undo.

    So does what is kept for a visit of ``ignoring``, which is about to move: for a call, or as an offer; and what is
    kept for the proposals with the key ``holding``.
    """
    ended = Q(expires_at__lte=now) | Q(order=order) | Q(change__series__order=order)
    ended |= Q(waitlist_offer__entry__order=order, waitlist_offer__entry__appointment=None)
    if holding:
        ended |= Q(proposal_key=holding)
    if ignoring:
        ended |= Q(offered_to__appointment__in=ignoring)
        ended |= Q(waitlist_offer__entry__appointment__in=ignoring)
    over = Hold.objects.filter(ended)
    ids = list(over.values_list("pk", flat=True))
    return _steps_of(Claim.objects.filter(hold__in=ids)) if ids else set()


def _steps_of(claims: Iterable[Claim]) -> set[tuple[int, int, int]]:
    return {(claim.seat_id, floor_step(claim.starts_at), ceil_step(claim.ends_at)) for claim in claims}


def propose_course(
    *,
    order: Order,
    location: Location,
    now: datetime,
    sessions: int,
    earliest: date,
    wishes: Wishes,
    ignoring: Sequence[Appointment] = (),
    holding: str = "",
) -> tuple[CourseProblem, tuple[Plan, ...] | NoPlan]:
    """Up to three plans for ``sessions`` visits from the local date ``earliest`` on, or why there is none.

    Looks as far ahead as the course needs plus a week, and over the whole horizon where that has no plan;
    each plan is the best within what was looked at. The places of ``ignoring``, visits about to move, count as
    free, and so do those held by the key ``holding``.
    """
    weeks = -(-sessions // order.protocol.per_week)
    first_try = earliest + timedelta(days=7 * weeks + SLACK_DAYS - 1)
    for until in (min(first_try, last_day(location, now)), last_day(location, now)):
        problem = load_problem(
            order=order,
            location=location,
            now=now,
            sessions=sessions,
            since=earliest,
            until=until,
            wishes=wishes,
            ignoring=ignoring,
            holding=holding,
        )
        found = proposals(problem)
        if not isinstance(found, NoPlan):
            break
    return problem, found
