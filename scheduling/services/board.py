"""One day at one location: who is in which chair, what happened, what is next. Nothing here writes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from scheduling.core.dayscale import DayScale, Interval
from scheduling.core.pattern import PhaseKind
from scheduling.core.seating import places_at
from scheduling.core.words import CANCELLED, UNDER_WAY, USED, Status
from scheduling.models import Appointment, Chair, Location, StaffMember

from .amending import is_news
from .board_holds import BoardHold, HeldSpan, free_lane, held_on
from .lacking import Raise, capacity_raises
from .missing import may_be_missed
from .opening import OpenDay, open_days
from .overruns import Overrun, leaves_at, minutes_of, overruns
from .undoing import undo_needs
from .visits import next_step, step_needs


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a visit in UTC: a planned phase, or ``waiting``, ``treatment``, ``recovery`` as it was."""

    kind: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class BoardVisit:
    """One visit of the day. ``phases`` is the chair's plan with its turnover, ``actual`` what was recorded.

    ``step`` is the time to record next, empty where there is none or on another day. ``late`` is how long a
    patient is overdue once the location waits no longer. ``overruns`` are those it causes or suffers.
    """

    visit: Appointment
    phases: tuple[Stretch, ...]
    actual: tuple[Stretch, ...]
    leaves_at: datetime
    step: str
    late: timedelta | None
    overruns: tuple[Overrun, ...]

    @property
    def is_overdue(self) -> bool:
        """Whether the patient is, was or will be there longer than planned, by what is recorded."""
        return self.visit.status != Status.BOOKED and self.leaves_at > self.visit.ends_at

    @property
    def step_needs(self) -> str:
        """The action one must be allowed for ``step``."""
        return step_needs(self.step)

    @property
    def undo_needs(self) -> str:
        """The action one must be allowed to take back the last step; empty where there is none."""
        return undo_needs(self.visit) or ""

    @property
    def is_dose_news(self) -> bool:
        """Whether a nurse still has to see that an amendment changed the dose of this visit."""
        return self.visit.is_open and is_news(self.visit.order)

    @property
    def late_minutes(self) -> int:
        """How late the patient is, in whole minutes; 0 in time."""
        return (self.late or timedelta()) // timedelta(minutes=1)

    @property
    def chair_until(self) -> datetime:
        """The planned end of turnover."""
        return self.phases[-1].ends_at


@dataclass(frozen=True, slots=True)
class ChairRow:
    """One chair with its visits by start, in as few lanes as keep them apart; usually one.

    ``holds``: what is kept of it, by start, each with the number of a lane in which it stands alone.
    """

    chair: Chair
    lanes: tuple[tuple[BoardVisit, ...], ...]
    holds: tuple[tuple[int, BoardHold, HeldSpan], ...] = ()

    @property
    def lane_count(self) -> int:
        """How many lanes visits and holds need."""
        return max([len(self.lanes), *(lane + 1 for lane, _hold, _span in self.holds)])

    @property
    def visits(self) -> list[BoardVisit]:
        """All visits by start."""
        return sorted((one for lane in self.lanes for one in lane), key=lambda one: one.visit.starts_at)


@dataclass(frozen=True, slots=True)
class Load:
    """How many patients one nurse is planned to look after in ``[starts_at, ends_at)``, and how many she may."""

    starts_at: datetime
    ends_at: datetime
    number: int
    places: int


@dataclass(frozen=True, slots=True)
class NurseRow:
    """One nurse on shift or with a visit; ``loads`` leaves out the times without a patient.

    ``places`` is how many patients she may look after at one time, or may for a part of the day.
    """

    nurse: StaffMember
    shifts: tuple[Interval, ...]
    loads: tuple[Load, ...]
    places: int

    @property
    def most(self) -> int:
        """The most patients at one time."""
        return max((load.number for load in self.loads), default=0)


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many visits of the day have a status; templates show it as they show a visit's."""

    status: str
    get_status_display: str
    number: int


@dataclass(frozen=True, slots=True)
class DayBoard:
    """Everything the board of one local day shows, as it is at ``now`` (UTC)."""

    location: Location
    open_day: OpenDay
    now: datetime
    is_today: bool
    is_past: bool
    scale: DayScale
    chairs: tuple[ChairRow, ...]
    nurses: tuple[NurseRow, ...]
    under_way: tuple[BoardVisit, ...]
    to_come: tuple[BoardVisit, ...]
    over: tuple[BoardVisit, ...]
    late: tuple[BoardVisit, ...]
    overruns: tuple[Overrun, ...]
    counts: tuple[StatusCount, ...]
    holds: tuple[BoardHold, ...]

    @property
    def forgotten(self) -> tuple[BoardVisit, ...]:
        """Visits of a past day that nobody gave an outcome."""
        return (*self.under_way, *self.to_come) if self.is_past else ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is or was booked on this day."""
        return not self.counts


def day_board(location: Location, day: date, now: datetime) -> DayBoard:
    """The board of a local day; the same number of queries however many visits there are."""
    opening = open_days(location, day, day)
    visits = list(
        Appointment.objects.with_places()
        .filter(location=location, local_date=day)
        .prefetch_related("protocol__phases")
    )
    today = now.astimezone(location.tz).date()
    found = overruns(visits, now) if day == today else []
    rows = [_board_visit(visit, found, now, is_today=day == today) for visit in visits]
    held = [row for row in rows if row.visit.status not in CANCELLED]
    holds = _holds(location, day, now)
    scale = _scale(location, day, opening.days[0], held, holds)
    return DayBoard(
        location=location,
        open_day=opening.days[0],
        now=now,
        is_today=day == today,
        is_past=day < today,
        scale=scale,
        chairs=_chair_rows(location, held, holds),
        nurses=_nurse_rows(opening.shifts, held, scale),
        under_way=tuple(row for row in rows if row.visit.status in UNDER_WAY),
        to_come=tuple(row for row in rows if row.visit.status == Status.BOOKED),
        over=tuple(row for row in rows if not row.visit.is_open),
        late=tuple(row for row in rows if row.late),
        overruns=tuple(found),
        counts=_counts(visits),
        holds=holds,
    )


def _board_visit(
    visit: Appointment, found: Sequence[Overrun], now: datetime, *, is_today: bool
) -> BoardVisit:
    is_late = is_today and may_be_missed(visit, now)
    return BoardVisit(
        visit=visit,
        phases=planned_phases(visit),
        actual=_actual(visit, now) if is_today or not visit.is_open else (),
        leaves_at=leaves_at(visit, now) if is_today or visit.discharged_at else visit.ends_at,
        step=next_step(visit) if is_today else "",
        late=now - visit.starts_at if is_late else None,
        overruns=tuple(one for one in found if visit.pk in (one.visit.pk, one.following.pk)),
    )


def planned_phases(visit: Appointment) -> tuple[Stretch, ...]:
    """The phases of the visit's own protocol version one after the other, turnover included."""
    stretches, at = [], visit.starts_at
    for kind, lasts in minutes_of(visit).items():
        stretches.append(Stretch(kind, at, at + lasts))
        at += lasts
    return tuple(stretches)


def _actual(visit: Appointment, now: datetime) -> tuple[Stretch, ...]:
    """What was recorded; a piece without an end lasts until ``now``, or until the visit was stopped before the drug."""
    until = now if visit.is_open else visit.changed_at
    marks = (
        ("waiting", visit.arrived_at, visit.started_at),
        ("treatment", visit.started_at, visit.treatment_ended_at),
        ("recovery", visit.treatment_ended_at, visit.discharged_at),
    )
    pieces = [(kind, start, end or until) for kind, start, end in marks if start]
    return tuple(Stretch(kind, start, end) for kind, start, end in pieces if start < end)


def _holds(location: Location, day: date, now: datetime) -> tuple[BoardHold, ...]:
    midnights = [datetime.combine(one, time(), location.tz) for one in (day, day + timedelta(days=1))]
    return held_on(location, midnights[0].astimezone(UTC), midnights[1].astimezone(UTC), now)


def _scale(
    location: Location,
    day: date,
    open_day: OpenDay,
    rows: Iterable[BoardVisit],
    holds: Iterable[BoardHold],
) -> DayScale:
    drawn = [*open_day.intervals]
    drawn += [(span.starts_at, span.ends_at) for hold in holds for span in hold.spans]
    for row in rows:
        drawn.append((row.visit.starts_at, row.chair_until))
        drawn += [(piece.starts_at, piece.ends_at) for piece in row.actual]
    return DayScale.around(day, location.tz, drawn)


def _chair_rows(
    location: Location, rows: Iterable[BoardVisit], holds: Iterable[BoardHold]
) -> tuple[ChairRow, ...]:
    """The chairs in use and those that have a visit nevertheless."""
    by_chair: dict[int, list[BoardVisit]] = defaultdict(list)
    for row in rows:
        by_chair[row.visit.chair_id].append(row)
    chairs = [chair for chair in location.chairs.all() if chair.is_active or chair.pk in by_chair]
    return tuple(_chair_row(chair, by_chair[chair.pk], holds) for chair in chairs)


def _chair_row(chair: Chair, rows: Iterable[BoardVisit], holds: Iterable[BoardHold]) -> ChairRow:
    lanes = _lanes(rows)
    taken = [[(row.visit.starts_at, row.chair_until) for row in lane] for lane in lanes]
    kept = [(hold, span) for hold in holds for span in hold.spans if span.chair_id == chair.pk]
    kept.sort(key=lambda one: one[1].starts_at)
    placed = [(free_lane(taken, span.starts_at, span.ends_at), hold, span) for hold, span in kept]
    return ChairRow(chair, lanes, tuple(placed))


def _lanes(rows: Iterable[BoardVisit]) -> tuple[tuple[BoardVisit, ...], ...]:
    """A visit booked into a place that another one left early or never took stands in a lane of its own."""
    lanes: list[list[BoardVisit]] = []
    for row in rows:
        for lane in lanes:
            if lane[-1].chair_until <= row.visit.starts_at:
                lane.append(row)
                break
        else:
            lanes.append([row])
    return tuple(tuple(lane) for lane in lanes) or ((),)


def _nurse_rows(
    shifts: Mapping[int, tuple[Interval, ...]], rows: Iterable[BoardVisit], scale: DayScale
) -> tuple[NurseRow, ...]:
    spans: dict[int, list[Interval]] = defaultdict(list)
    for row in rows:
        if row.visit.is_open or row.visit.status in USED:
            spans[row.visit.nurse_id].append(_nurse_span(row))
    raises = capacity_raises({*shifts, *spans}, scale.since, scale.until)
    return tuple(
        _nurse_row(nurse, shifts.get(nurse.pk, ()), spans[nurse.pk], raises.get(nurse.pk, ()))
        for nurse in StaffMember.objects.filter(pk__in={*shifts, *spans})
    )


def _nurse_row(
    nurse: StaffMember, shifts: tuple[Interval, ...], spans: Iterable[Interval], raises: Sequence[Raise]
) -> NurseRow:
    usual = nurse.monitoring_capacity
    loads = _loads(spans, usual, raises)
    return NurseRow(nurse, shifts, loads, max([usual, *(many for _since, _until, many in raises)]))


def _nurse_span(row: BoardVisit) -> Interval:
    """From preparation until the patient leaves or left, as planned or, once it ended sooner, as it was."""
    starts = next(
        (phase.starts_at for phase in row.phases if phase.kind != PhaseKind.CHECK_IN), row.visit.starts_at
    )
    ends = min(row.visit.discharged_at or row.visit.ends_at, row.visit.ends_at)
    return starts, max(starts, ends)


def _loads(spans: Iterable[Interval], usual: int, raises: Sequence[Raise]) -> tuple[Load, ...]:
    changes: Counter[datetime] = Counter()
    for start, end in spans:
        changes[start] += 1
        changes[end] -= 1
    edges = {edge for since, until, _many in raises for edge in (since, until)}
    times, loads, number = sorted({time for time in changes if changes[time]} | edges), [], 0
    for start, end in pairwise(times):
        number += changes[start]
        if number:
            loads.append(Load(start, end, number, places_at(start, usual, raises)))
    return tuple(loads)


def _counts(visits: Iterable[Appointment]) -> tuple[StatusCount, ...]:
    numbers = Counter(visit.status for visit in visits)
    words = {visit.status: visit.get_status_display() for visit in visits}
    return tuple(
        StatusCount(status, words[status], numbers[status]) for status in Status if status in numbers
    )
