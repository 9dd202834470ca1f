"""The best plan for one ranking: bound on days, narrow, then all reference times and all main nurses at once."""

from collections.abc import Sequence
from itertools import pairwise

from ..problem import CourseProblem
from ..reasons import NoPlan
from .choices import Choices, date_offset
from .cost import Packing, cost_of
from .explain import explain
from .finish import best_starts
from .narrow import narrowed
from .plans import LongGap, Place, Plan, Ranking


def plan(problem: CourseProblem, ranking: Ranking) -> Plan | NoPlan:
    """The plan with the least cost in the order of ``ranking``, or the proof that none exists.

    Exact over all seven levels; of equally good plans the one with the earliest starts, then the lowest chair ids.
    """
    choices = Choices.of(problem)
    return best_plan(choices, ranking) or explain(choices)


def best_plan(choices: Choices, ranking: Ranking, avoided: int | None = None) -> Plan | None:
    """The best plan among given choices, or None."""
    packing = Packing.of(choices.problem, ranking)
    spacing = choices.problem.spacing
    # Where the best plan without the floor keeps it all the same, it is the best with it; else start again.
    for by_date in (True, False):
        course = narrowed(choices, ranking, packing, by_date=by_date)
        if course is None:
            return None
        starts = best_starts(choices, packing, course)
        if all(after - before >= spacing for before, after in pairwise(starts)):
            return complete(choices, ranking, starts, avoided)
    raise AssertionError("a plan with the floor keeps it")


def complete(choices: Choices, ranking: Ranking, starts: Sequence[int], avoided: int | None = None) -> Plan:
    """The plan with these starts: the chair that breaks least, the main nurse wherever she can."""
    cost, usual_minute, main_nurse = cost_of(choices, starts)
    return Plan(
        ranking=ranking,
        places=places_at(choices, starts, main_nurse),
        cost=cost,
        usual_minute=usual_minute,
        main_nurse=main_nurse,
        flags=long_gaps(choices.problem, starts),
        avoided=avoided,
    )


def places_at(choices: Choices, starts: Sequence[int], main_nurse: int) -> tuple[Place, ...]:
    """A chair and a nurse for every start: the main nurse where she can, else the one with the lowest id."""
    found = []
    for start in starts:
        offer = choices.seats.offer(start)
        nurse = main_nurse if main_nurse in offer.nurses else offer.nurses[0]
        found.append(Place(start, offer.chair, nurse))
    return tuple(found)


def long_gaps(problem: CourseProblem, starts: Sequence[int]) -> tuple[LongGap, ...]:
    """The gaps beyond the protocol's longest, to existing neighbours as well."""
    horizon = problem.horizon
    new = {start: index for index, start in enumerate(starts)}
    merged = sorted([*starts, *problem.existing])
    flags = []
    for before, after in pairwise(merged):
        days = date_offset(problem, after) - date_offset(problem, before)
        if days > problem.cadence.max_gap_days and (before in new or after in new):
            session = new[after] if after in new else new[before] + 1
            flags.append(LongGap(session, days, horizon.local_date(before), horizon.local_date(after)))
    return tuple(flags)
