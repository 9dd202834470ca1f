"""From the database to a repair: the lost visits of one disruption, and the room there is for them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Q

from scheduling.core.pattern import Pattern
from scheduling.core.planner import Place
from scheduling.core.problem import room
from scheduling.core.repair import Lost, NurseRoom, Other, Repair, RepairProblem, repair
from scheduling.core.repair.plans import Progress
from scheduling.core.timeline import Horizon, ceil_step, floor_step, from_step, to_step
from scheduling.core.words import Resolution, SeatKind, Status
from scheduling.models import Appointment, Claim, DisruptedVisit, Disruption, Hold, Location, Seat

from .coverage import uncovered
from .frame import Frame, last_day, load_frame
from .lacking import Raise, capacity_raises
from .plan_blocks import eased
from .planning import load_problem
from .uncovering import CALL_WITHIN
from .wishes import wishes_from_json

AHEAD = timedelta(days=14)
"""So far behind the last lost visit other days are looked at."""


def load_repair(*, disruption: Disruption, now: datetime) -> RepairProblem:
    """The visits of ``disruption`` that still lack a place, and what can change for them.

    The other booked visits of the same local days keep their time; those that lack their place themselves, of another
    disruption, are left where they are. What is held for anybody else is taken. Nothing is written.
    """
    location, lost = disruption.location, lost_visits(disruption, now)
    horizon = _horizon(location, lost, now)
    others = _others(location, lost, now)
    frame = load_frame(location, horizon)
    part = [visit.pk for visit in (*lost, *others)]
    chairs, nurses = _room(location, frame, part, now)
    return RepairProblem(
        horizon,
        chairs,
        nurses,
        tuple(_lost(visit, lost, horizon, now) for visit in lost),
        tuple(
            Other(visit.pk, _place(visit), Pattern.of(visit.protocol.pattern_phases())) for visit in others
        ),
    )


def find_repair(*, problem: RepairProblem, seconds: float = 20, progress: Progress | None = None) -> Repair:
    """The best repair found in about ``seconds``; ``progress`` hears of each better one and may stop the search."""
    return repair(problem, seconds, progress)


def lost_visits(disruption: Disruption, now: datetime) -> list[Appointment]:
    """The booked visits to come at the disruption's location for which nothing was found yet, by start."""
    rows = (
        Appointment.objects.filter(
            disruptions__in=disruption.visits.filter(resolution=Resolution.OPEN),
            status=Status.BOOKED,
            starts_at__gt=now,
            location=disruption.location,
        )
        .select_related("location", "protocol", "series__order__protocol")
        .prefetch_related("protocol__phases", "series__order__protocol__phases")
    )
    return list(rows.order_by("starts_at", "pk"))


def _horizon(location: Location, lost: Sequence[Appointment], now: datetime) -> Horizon:
    today = now.astimezone(location.tz).date()
    days = [visit.local_date for visit in lost] or [today]
    # A visit may be booked beyond what can be booked by now; turnover may run past midnight.
    until = max(min(max(days) + AHEAD, last_day(location, now)), max(days) + timedelta(days=1))
    return Horizon.of(location.tz, min(today, *days), until)


def _others(location: Location, lost: Sequence[Appointment], now: datetime) -> list[Appointment]:
    """The other booked visits of the same days that have their places."""
    rows = (
        Appointment.objects.filter(
            location=location,
            local_date__in={visit.local_date for visit in lost},
            status=Status.BOOKED,
            starts_at__gt=now,
        )
        .exclude(pk__in=[visit.pk for visit in lost])
        .exclude(disruptions__in=DisruptedVisit.objects.open())
        .select_related("protocol")
        .prefetch_related("protocol__phases")
    )
    visits = list(rows.order_by("starts_at", "pk"))
    lacking = uncovered(visits, now)
    return [visit for visit in visits if visit.pk not in lacking]


def _room(
    location: Location, frame: Frame, part: Collection[int], now: datetime
) -> tuple[dict[int, int], tuple[NurseRoom, ...]]:
    """Chairs and nurses without the claims of the visits that take part and of what is held for calls about them."""
    horizon = frame.horizon
    since, until = from_step(horizon.origin), from_step(horizon.origin + horizon.length)
    seats = Seat.objects.filter(
        Q(chair__location=location, chair__is_active=True, retired_at=None) | Q(nurse__in=list(frame.nurses))
    )
    rows = list(seats.values_list("pk", "kind", "chair_id", "nurse_id", "retired_at"))
    free = Q(appointment__in=part) | Q(hold__in=_freed(part, now))
    ours = {
        (claim.seat_id, floor_step(claim.starts_at), ceil_step(claim.ends_at))
        for claim in Claim.objects.filter(free)
    }
    busy: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for seat, first, last in Claim.objects.steps([row[0] for row in rows], since, until):
        if (seat, first, last) not in ours:
            busy[seat].append((first, last))
    chairs: dict[int, int] = {}
    hands: dict[int, int] = {}
    monitoring: dict[int, list[int]] = defaultdict(list)
    capacity: Counter[int] = Counter()
    for seat, kind, chair, nurse, retired_at in rows:
        if kind == SeatKind.CHAIR:
            chairs[chair] = horizon.free(busy[seat]) & ~frame.missing.chairs.get(chair, 0)
        elif kind == SeatKind.HANDS_ON:
            hands[nurse] = horizon.free(busy[seat])
        else:
            monitoring[nurse] += [horizon.mask([one]) for one in busy[seat]]
            capacity[nurse] += retired_at is None
    raises = capacity_raises(capacity, since, until)
    nurses = tuple(
        NurseRoom(
            nurse,
            shift,
            hands[nurse],
            _levels(monitoring[nurse], capacity[nurse], raises.get(nurse, ()), horizon),
        )
        for nurse, shift in sorted(frame.nurses.items())
        if nurse in hands
    )
    return chairs, nurses


def _freed(part: Collection[int], now: datetime) -> list[int]:
    """Holds that do not stand in the way: those that are over, and those kept for a call about these visits."""
    rows = Hold.objects.filter(Q(expires_at__lte=now) | Q(offered_to__appointment__in=part))
    return list(rows.values_list("pk", flat=True))


def _levels(busy: Sequence[int], capacity: int, raises: Sequence[Raise], horizon: Horizon) -> tuple[int, ...]:
    """Where a nurse has room for one, two and more patients, as always and where her number was raised."""
    most = max([capacity, *(many for _since, _until, many in raises)])
    raised = [(horizon.mask([(ceil_step(a), floor_step(b))]), many) for a, b, many in raises]
    levels = []
    for more in range(most):
        level = room(busy, capacity - more, horizon.full)
        for mask, many in raised:
            level |= room(busy, many - more, horizon.full) & mask
        levels.append(level)
    return tuple(levels)


def _lost(visit: Appointment, lost: Sequence[Appointment], horizon: Horizon, now: datetime) -> Lost:
    order = visit.series.order
    problem = load_problem(
        order=order,
        location=visit.location,
        now=now,
        sessions=1,
        since=horizon.days[0].date,
        until=horizon.days[-1].date,
        wishes=wishes_from_json(visit.series.wishes),
        ignoring=[one for one in lost if one.patient_id == visit.patient_id],
    )
    pattern = Pattern.of(visit.protocol.pattern_phases())
    cadence = eased(problem.cadence, order, visit.local_date)
    return Lost(
        visit.pk,
        visit.patient_id,
        _place(visit),
        replace(problem, pattern=pattern, cadence=cadence),
        near=visit.starts_at - now <= CALL_WITHIN,
    )


def _place(visit: Appointment) -> Place:
    return Place(to_step(visit.starts_at), visit.chair_id, visit.nurse_id)
