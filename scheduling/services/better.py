"""Which places a waiting patient would rather have than theirs, as far as their own course allows."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from scheduling.core.planner import Place, Ranking, alternatives
from scheduling.core.problem import CourseProblem
from scheduling.core.timeline import to_step
from scheduling.core.wishes import Wishes
from scheduling.core.words import WaitKind
from scheduling.models import Appointment, WaitlistEntry

from .offers import LIMIT, LOOK_AHEAD, last_date, problem_of
from .plan_blocks import eased
from .planning import load_problem
from .wishes import wishes_from_json

SESSION_AHEAD = timedelta(days=60)
"""How far ahead a session is looked for that is not booked yet."""

SAME = timedelta(hours=1)
"""Whoever did not want a place does not want one less than this earlier or later."""


def better_places(
    entry: WaitlistEntry, now: datetime, *, without: Collection[datetime] = (), with_claims: bool = True
) -> tuple[Place, ...]:
    """Free places that are better than what the patient has, best first; the other visits of the course stay.

    Earlier ones by their start, others by the whole course's cost. ``without``: starts (UTC) that were not wanted.
    Without claims the question is asked as if nobody else were booked.
    """
    problem = _problem(entry, now, with_claims)
    visit = entry.appointment
    here = Place(to_step(visit.starts_at) if visit else problem.horizon.origin, 0, 0)
    among = _better_starts(entry, problem, here.start)
    among &= problem.horizon.free([(to_step(at - SAME) + 1, to_step(at + SAME)) for at in without])
    if here.start not in problem.horizon:
        here = replace(here, start=problem.horizon.origin)
    ranking = Ranking.SOONEST if entry.kind == WaitKind.EARLIER else Ranking.BEST_FIT
    return alternatives(problem, [here], 0, LIMIT, ranking, among=among)


def wishes_of(entry: WaitlistEntry) -> Wishes:
    """The patient's own words for this place, else those kept with the course."""
    kept = entry.wishes or (entry.appointment.series.wishes if entry.appointment else {})
    return wishes_from_json(kept)


def suits(visit: Appointment, wishes: Wishes) -> bool:
    """Whether a booked visit keeps every one of these wishes."""
    begin, end = (at.hour * 60 + at.minute for at in (visit.local_start, visit.local_end))
    return wishes.suits(visit.local_date, begin, end)


def _problem(entry: WaitlistEntry, now: datetime, with_claims: bool) -> CourseProblem:
    visit, wishes = entry.appointment, wishes_of(entry)
    if visit is None:
        today = now.astimezone(entry.location.tz).date()
        return load_problem(
            order=entry.order,
            location=entry.location,
            now=now,
            sessions=1,
            since=today,
            until=today + SESSION_AHEAD,
            wishes=wishes,
            with_claims=with_claims,
        )
    is_earlier = entry.kind == WaitKind.EARLIER
    # A turnover may run past midnight.
    until = visit.local_date + timedelta(days=1) if is_earlier else last_date(visit) + LOOK_AHEAD
    problem = problem_of(visit, now, until, wishes, with_claims=with_claims)
    return replace(problem, cadence=eased(problem.cadence, visit.series.order, visit.local_date))


def _better_starts(entry: WaitlistEntry, problem: CourseProblem, start: int) -> int:
    """The mask of starts that are better: before the visit's, or on the days and at the times wished for."""
    horizon = problem.horizon
    if entry.kind == WaitKind.EARLIER:
        is_booked = entry.appointment is not None
        return horizon.full & ((1 << max(0, start - horizon.origin)) - 1) if is_booked else horizon.full
    days = horizon.days_mask(lambda day: not problem.wishes.misses_weekday(day))
    return days & horizon.walls_mask(lambda minute: not problem.wishes.misses_window(minute))
