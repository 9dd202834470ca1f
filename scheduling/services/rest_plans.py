"""What a change of one visit can mean for the rest of its course: nothing, the least change, or all of it anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from scheduling.core.planner import Place, Ranking, check, least_change, plan
from scheduling.core.planner.spacing import spacing_breaches
from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import OVERRIDABLE, NoPlan, Reason
from scheduling.core.timeline import ceil_step, from_step, to_step
from scheduling.core.wishes import Wishes
from scheduling.core.words import CourseAct, Scope, Status
from scheduling.models import Appointment, Location

from .frame import last_day
from .plan_blocks import eased
from .planning import load_problem
from .reason_words import NoPlanWords, in_words, no_plan_words
from .wishes import wishes_from_json

LOOK_AHEAD = timedelta(days=21)
"""So far behind the course places are looked for first; where that has no plan, over the whole horizon."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to happen to one visit: ``place`` for a move; ``canceller`` and ``reason`` for a cancellation."""

    visit_id: int
    act: CourseAct
    place: Place | None = None
    canceller: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RestPlan:
    """One way to go on: visits with their new places, and places of visits to add behind the others.

    ``moves`` holds the visit itself where it moves, first, then the others by start; who stays is not in it.
    ``broken``: in words, the rules that this would break, which a prescriber may override where ``needs_override``,
    else nobody. ``long_gaps``: gaps beyond the longest, between local dates. ``none`` says why there is no such plan.
    """

    scope: Scope
    moves: tuple[tuple[int, Place], ...] = ()
    added: tuple[Place, ...] = ()
    broken: tuple[str, ...] = ()
    needs_override: bool = False
    long_gaps: tuple[tuple[date, date], ...] = ()
    none: NoPlanWords | None = None

    @property
    def is_possible(self) -> bool:
        """Whether it can be booked, be it with a prescriber's reason."""
        return self.none is None and (not self.broken or self.needs_override)


@dataclass(slots=True)
class _Rest:
    """A visit and the others of its course that are booked and still to come at a location, by start."""

    visit: Appointment
    location: Location
    now: datetime
    holding: str
    others: list[Appointment] = field(init=False)

    def __post_init__(self) -> None:
        rows = Appointment.objects.filter(
            series=self.visit.series_id,
            location=self.location,
            status=Status.BOOKED,
            starts_at__gt=self.now,
        )
        self.others = list(rows.exclude(pk=self.visit.pk).order_by("starts_at"))

    def problem(self, until: date) -> CourseProblem:
        """The clinic without this visit and the others, from today on."""
        visit, today = self.visit, self.now.astimezone(self.location.tz).date()
        problem = load_problem(
            order=visit.series.order,
            location=self.location,
            now=self.now,
            sessions=1,
            since=today,
            until=until,
            wishes=wishes_from_json(visit.series.wishes),
            ignoring=[*self.others, visit],
            holding=self.holding,
        )
        return replace(problem, cadence=eased(problem.cadence, visit.series.order, visit.local_date))


def place_of(visit: Appointment) -> Place:
    """Where a visit is booked."""
    return Place(to_step(visit.starts_at), visit.chair_id, visit.nurse_id)


def rest_plans(*, asked: Asked, visit: Appointment, now: datetime, holding: str = "") -> tuple[RestPlan, ...]:
    """The ways to go on: only this visit, the least change of the rest, the whole rest anew.

    A way that has nothing to change beyond the first is left out. ``visit`` comes with its course and order;
    ``holding`` is the key under which its own preview holds places. Nothing is written.
    """
    # What is made up comes where the course goes on; a visit that moves stays where it is.
    rest = _Rest(visit, visit.location if asked.place else visit.series.location, now, holding)
    near, whole = _last_date(rest, asked) + LOOK_AHEAD, last_day(rest.location, now)
    for until in (near, max(near, whole)):
        problem = rest.problem(until)
        ways = (
            _only_this(rest, problem, asked),
            _least(rest, problem, asked),
            _anew(rest, problem, asked),
        )
        if not any(way and way.none for way in ways):
            break
    return tuple(way for way in ways if way is not None)


def _last_date(rest: _Rest, asked: Asked) -> date:
    days = [rest.visit.local_date, *(other.local_date for other in rest.others)]
    if asked.place:
        days.append(from_step(asked.place.start).astimezone(rest.location.tz).date())
    return max([*days, rest.now.astimezone(rest.location.tz).date()])


def _itself(rest: _Rest, asked: Asked) -> tuple[tuple[int, Place], ...]:
    return ((rest.visit.pk, asked.place),) if asked.place else ()


def _settled(problem: CourseProblem, rest: _Rest, asked: Asked) -> CourseProblem:
    """The problem of the others once this visit has what is asked: its new place binds as any visit does.

    Without one, what is made up comes behind its old date.
    """
    if asked.place is None:
        morrow = _morrow(rest.location, rest.visit.starts_at)
        return replace(problem, not_before=max(problem.not_before, morrow))
    start = asked.place.start
    stay = problem.horizon.free([(start, start + problem.pattern.patient)])
    return replace(problem, existing=(*problem.existing, start), patient=problem.patient & stay)


def _morrow(location: Location, instant: datetime) -> int:
    """The first step of the local day after an instant."""
    day = instant.astimezone(location.tz).date() + timedelta(days=1)
    return ceil_step(datetime.combine(day, time(), location.tz))


def _only_this(rest: _Rest, problem: CourseProblem, asked: Asked) -> RestPlan:
    """The visit alone; what it breaks beside the others, and the long gap it leaves."""
    reasons: tuple[Reason, ...] = ()
    others = [to_step(other.starts_at) for other in rest.others]
    if place := asked.place:
        # A time chosen by hand may lie outside the wishes; it was chosen with the patient.
        alone = replace(problem, existing=(*problem.existing, *others), wishes=Wishes())
        reasons = check(alone, [place.start], [place.chair], [place.nurse]).reasons
    rules = {reason.rule for reason in reasons}
    return RestPlan(
        Scope.ONE,
        moves=_itself(rest, asked),
        broken=tuple(in_words(reason, rest.location) for reason in reasons),
        needs_override=bool(rules) and rules <= OVERRIDABLE,
        long_gaps=_long_gaps(_settled(problem, rest, asked), others),
    )


def _least(rest: _Rest, problem: CourseProblem, asked: Asked) -> RestPlan | None:
    """The fewest sessions moved, by the fewest days; and the session made up where one is lost."""
    firm, loose = _firm_and_loose(rest, problem)
    more = 0 if asked.place else 1
    if not loose and not more:
        return None
    problem = _settled(problem, rest, asked)
    problem = replace(problem, existing=(*problem.existing, *(to_step(one.starts_at) for one in firm)))
    found = least_change(problem, [place_of(one) for one in loose], more)
    if isinstance(found, NoPlan):
        return RestPlan(Scope.LEAST, none=no_plan_words(found, rest.location))
    if not found.moved and not found.added:
        return None
    moved = [(loose[index].pk, found.places[index]) for index in found.moved]
    starts = [place.start for place in (*found.places, *found.added)]
    return _way(rest, problem, asked, Scope.LEAST, moved, found.added, starts)


def _anew(rest: _Rest, problem: CourseProblem, asked: Asked) -> RestPlan | None:
    """Every visit behind this one planned as a new course, with the session made up where one is lost."""
    visit = rest.visit
    turn = min(visit.starts_at, from_step(asked.place.start)) if asked.place else visit.starts_at
    later = [other for other in rest.others if other.starts_at > turn]
    before = [other for other in rest.others if other.starts_at <= turn]
    sessions = len(later) + (0 if asked.place else 1)
    if not later:
        return None
    problem = _settled(problem, rest, asked)
    problem = replace(
        problem,
        sessions=sessions,
        existing=(*problem.existing, *(to_step(one.starts_at) for one in before)),
        not_before=max(problem.not_before, _morrow(rest.location, turn)),
    )
    found = plan(problem, Ranking.BEST_FIT)
    if isinstance(found, NoPlan):
        return RestPlan(Scope.ANEW, none=no_plan_words(found, rest.location))
    pairs = list(zip(later, found.places, strict=False))
    moved = [(one.pk, place) for one, place in pairs if to_step(one.starts_at) != place.start]
    return _way(rest, problem, asked, Scope.ANEW, moved, found.places[len(later) :], found.starts)


def _way(
    rest: _Rest,
    problem: CourseProblem,
    asked: Asked,
    scope: Scope,
    moved: Sequence[tuple[int, Place]],
    added: Sequence[Place],
    starts: Sequence[int],
) -> RestPlan:
    """A plan that keeps every rule."""
    return RestPlan(
        scope,
        moves=(*_itself(rest, asked), *moved),
        added=tuple(added),
        long_gaps=_long_gaps(problem, starts),
    )


def _firm_and_loose(rest: _Rest, problem: CourseProblem) -> tuple[list[Appointment], list[Appointment]]:
    """The visits that stay whatever happens, and those that may move.

    Firm is what lies beyond the days looked at, and what is too near to another visit already: somebody wanted it so.
    """
    starts = [to_step(other.starts_at) for other in rest.others]
    inside = [index for index, start in enumerate(starts) if start in problem.horizon]
    breaches = spacing_breaches(problem, starts)
    wanted = {index for _breach, sessions in breaches for index in sessions}
    firm = [one for index, one in enumerate(rest.others) if index not in inside or index in wanted]
    return firm, [one for one in rest.others if one not in firm]


def _long_gaps(problem: CourseProblem, starts: Sequence[int]) -> tuple[tuple[date, date], ...]:
    """Neighbouring dates further apart than the longest gap, among these starts and the existing visits."""
    dates = sorted({problem.horizon.local_date(start) for start in (*starts, *problem.existing)})
    limit = problem.cadence.max_gap_days
    return tuple((before, after) for before, after in pairwise(dates) if (after - before).days > limit)
