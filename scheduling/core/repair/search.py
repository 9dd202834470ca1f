"""The repair of a day: the greedy sequence first, then the solver from there on, where it is installed."""

import time
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .greedy import greedy
from .options import options
from .plans import Progress, Repair
from .problem import RepairProblem
from .result import as_repair

HAS_SOLVER = find_spec("ortools") is not None
"""Whether the extra "optimizer" is installed."""
if HAS_SOLVER or TYPE_CHECKING:
    from .solver import improve


def repair(problem: RepairProblem, seconds: float = 20, progress: Progress | None = None) -> Repair:
    """One proposal for all lost visits: fewest without a place, fewest patients moved, then days, minutes, nurses.

    Takes at most about ``seconds``; ``progress`` hears of everything better that is found and may stop the search.
    """
    begin = time.monotonic()
    choices = {lost.id: options(problem, lost) for lost in problem.lost}
    is_capped = any(one.is_capped for one in choices.values())
    others = {other.id: other.former for other in problem.others}
    places = greedy(problem, choices)
    best = replace(as_repair(problem, places, others), is_capped=is_capped)
    goes_on = progress is None or progress(best, time.monotonic() - begin)
    if HAS_SOLVER and problem.lost and goes_on:
        left = seconds - (time.monotonic() - begin)
        best = replace(improve(problem, choices, places, left, progress, begin), is_capped=is_capped)
    return replace(best, seconds=round(time.monotonic() - begin, 2))
