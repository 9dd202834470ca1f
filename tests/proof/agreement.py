"""The planner and the constraint model on the same problem, ranking by ranking."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scheduling.core.planner import Plan, Ranking, plan
from scheduling.core.reasons import NoPlan

from .model import optimum
from .places import Places


@dataclass(frozen=True, slots=True)
class Agreement:
    """One problem and ranking: whether there is a plan, how long both took, and in words where they differ.

    Both times begin with the same masks; the model's leaves out the search for possible starts.
    """

    ranking: Ranking
    planned: bool
    planner_s: float
    solver_s: float
    wrong: tuple[str, ...]


def agreements(places: Places, rankings: Iterable[Ranking] = Ranking) -> Iterator[Agreement]:
    """The planner's tuple against the proven optimum for each ranking."""
    for ranking in rankings:
        places.starts  # noqa: B018 - found before any time is taken
        begin = time.perf_counter()
        found = plan(places.problem, ranking)
        between = time.perf_counter()
        best = optimum(places, ranking)
        end = time.perf_counter()
        wrong = []
        if isinstance(found, NoPlan):
            if best is not None:
                wrong.append(f"{ranking}: no plan, but {best}")
        else:
            wrong += invalid(places, found)
            if best is None or best.cost != found.cost:
                wrong.append(f"{ranking}: planned {found.cost}, the optimum is {best}")
        yield Agreement(ranking, isinstance(found, Plan), between - begin, end - between, tuple(wrong))


def invalid(places: Places, found: Plan) -> Iterator[str]:
    """What is wrong with a plan by itself: an impossible place, a broken rule, a cost that is not its own."""
    offered = {start.step: start for start in places.starts}
    for place in found.places:
        start = offered.get(place.start)
        if start is None or place.nurse not in start.nurses or not places.takes(place.chair, place.start):
            yield f"{found.ranking}: {place} is not possible"
        elif places.left(place.chair, place.start) != start.broken:
            yield f"{found.ranking}: {place} breaks up more chair time than another chair"
    if sum(place.nurse != found.main_nurse for place in found.places) != found.cost.nurse:
        yield f"{found.ranking}: the main nurse has not the visits that the cost says"
    own = optimum(places, found.ranking, among=found.starts)
    if own is None or own.cost != found.cost:
        yield f"{found.ranking}: planned {found.cost}, its own starts cost {own}"
