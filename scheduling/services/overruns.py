"""When a visit that is under way will end, and whom it gets in the way of. Nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scheduling.core.pattern import PhaseKind
from scheduling.core.seating import has_room
from scheduling.core.words import UNDER_WAY, USED, Status
from scheduling.models import Appointment

from .lacking import Raise, capacity_raises

FROM_START = (PhaseKind.TREATMENT, PhaseKind.RECOVERY, PhaseKind.DISCHARGE)
AFTER_TREATMENT = (PhaseKind.RECOVERY, PhaseKind.DISCHARGE)


class Shared(StrEnum):
    """What two visits want at the same time."""

    CHAIR = "chair"
    NURSE = "nurse"


@dataclass(frozen=True, slots=True)
class Overrun:
    """``visit`` is there until ``until`` (UTC), when ``following`` should already have its chair or nurse.

    ``is_expected``: that end lies ahead, reckoned from the recorded times and the phases still to come.
    """

    visit: Appointment
    following: Appointment
    shared: Shared
    until: datetime
    is_expected: bool


def minutes_of(visit: Appointment) -> Mapping[PhaseKind, timedelta]:
    """How long each phase of a visit is planned to take."""
    return {phase.kind: timedelta(minutes=phase.minutes) for phase in visit.protocol.pattern_phases()}


def leaves_at(visit: Appointment, now: datetime) -> datetime:
    """When the patient left, or will at the earliest by what is recorded; the plan where nothing is."""
    if visit.discharged_at:
        return visit.discharged_at
    lasts = minutes_of(visit)

    def rest(kinds: Sequence[PhaseKind]) -> timedelta:
        return sum((lasts.get(kind, timedelta()) for kind in kinds), timedelta())

    if visit.status == Status.ARRIVED and visit.arrived_at:
        stay = visit.ends_at - visit.starts_at
        return max(visit.arrived_at, visit.starts_at, now + rest(FROM_START) - stay) + stay
    if visit.status == Status.IN_TREATMENT and visit.started_at:
        return max(visit.started_at + rest(FROM_START), now + rest(AFTER_TREATMENT))
    if visit.status == Status.RECOVERING and visit.treatment_ended_at:
        return max(visit.treatment_ended_at + rest(AFTER_TREATMENT), now)
    return visit.ends_at


def overruns(visits: Sequence[Appointment], now: datetime) -> list[Overrun]:
    """Every pair of one day's visits that collide by what happened, unless both are over. One query."""
    there = [visit for visit in visits if visit.is_open or visit.status in USED]
    late = [
        visit for visit in there if visit.status != Status.BOOKED and leaves_at(visit, now) > visit.ends_at
    ]
    raises = _raises(there, now)
    return [
        Overrun(visit, following, shared, leaves_at(visit, now), is_expected=leaves_at(visit, now) > now)
        for visit in late
        for following in there
        if following.pk != visit.pk and (visit.is_open or following.is_open)
        for shared in _shared(visit, following, there, raises.get(visit.nurse_id, ()), now)
    ]


def _raises(there: Sequence[Appointment], now: datetime) -> Mapping[int, Sequence[Raise]]:
    """The raised capacities of that day, by nurse."""
    if not there:
        return {}
    since, until = min(visit.starts_at for visit in there), max(leaves_at(visit, now) for visit in there)
    return capacity_raises({visit.nurse_id for visit in there}, since, until)


def _shared(
    visit: Appointment,
    following: Appointment,
    there: Sequence[Appointment],
    raises: Sequence[Raise],
    now: datetime,
) -> list[Shared]:
    """What ``following`` was promised from a time at which ``visit`` should be over and is not."""
    found = []
    if visit.chair_id == following.chair_id and _meet(visit, following.starts_at, chair_free(visit, now)):
        found.append(Shared.CHAIR)
    needed, leaves = _looked_after(following, now)
    until = leaves_at(visit, now)
    if visit.nurse_id == following.nurse_id and _meet(visit, needed, until):
        others = [
            _looked_after(other, now)
            for other in there
            if other.nurse_id == visit.nurse_id and other.pk != following.pk
        ]
        # Whoever comes later is kept waiting by a conflict of their own.
        before = [span for span in others if span[0] <= needed]
        if not has_room(before, needed, min(until, leaves), visit.nurse.monitoring_capacity, raises):
            found.append(Shared.NURSE)
    return found


def _meet(visit: Appointment, needed: datetime, until: datetime) -> bool:
    return visit.ends_at <= needed < until


def chair_free(visit: Appointment, now: datetime) -> datetime:
    """When the next patient may sit down; a small delay that is only expected is what turnover is for."""
    turnover = minutes_of(visit).get(PhaseKind.TURNOVER, timedelta())
    really_late = visit.status in UNDER_WAY and now > visit.ends_at
    return leaves_at(visit, now) + (turnover if really_late else timedelta())


def _looked_after(visit: Appointment, now: datetime) -> tuple[datetime, datetime]:
    """From the planned end of check-in until the patient leaves."""
    return visit.starts_at + minutes_of(visit).get(PhaseKind.CHECK_IN, timedelta()), leaves_at(visit, now)
