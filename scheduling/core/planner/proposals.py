"""Up to three different plans to choose from."""

from ..problem import CourseProblem
from ..reasons import NoPlan
from .choices import Choices
from .explain import explain
from .plans import Plan, Ranking
from .search import best_plan

AVOIDED_MINUTES = 90
"""How far around the first plan's usual time a second try keeps away."""


def proposals(problem: CourseProblem) -> tuple[Plan, ...] | NoPlan:
    """Best fit, soonest and steadiest, in this order and all with different starts.

    Where a later one coincides with an earlier one, it is planned again without the first plan's usual time
    (90 minutes to either side); where it still coincides, or does not fit, it is left out.
    """
    choices = Choices.of(problem)
    first = best_plan(choices, Ranking.BEST_FIT)
    if first is None:
        return explain(choices)
    usual = first.usual_minute
    found = [first]
    apart: Choices | None = None
    for ranking in (Ranking.SOONEST, Ranking.STEADIEST):
        other = best_plan(choices, ranking)
        if _repeats(other, found):
            apart = apart or choices.without_minutes(usual - AVOIDED_MINUTES, usual + AVOIDED_MINUTES)
            other = best_plan(apart, ranking, avoided=usual)
        if other is not None and not _repeats(other, found):
            found.append(other)
    return tuple(found)


def _repeats(plan: Plan | None, found: list[Plan]) -> bool:
    return plan is not None and any(plan.starts == other.starts for other in found)
