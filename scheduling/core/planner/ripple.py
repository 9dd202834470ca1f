"""The least change of a course that is booked: fewest sessions moved, then fewest days, then the usual cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..problem import CourseProblem, Former
from ..reasons import NoPlan
from .plans import Cost, LongGap, Place, Plan, Ranking
from .search import plan


@dataclass(frozen=True, slots=True)
class LeastChange:
    """What becomes of a booked course: ``places`` of its sessions in their order, then ``added`` ones.

    A session that stays is left as it is; one whose own nurse or chair is missing stays where another could take it.
    ``moved``: the indices of those whose start changes. ``flags`` are gaps beyond the maximum, by the sessions in the
    order of their starts.
    """

    places: tuple[Place, ...]
    added: tuple[Place, ...]
    moved: tuple[int, ...]
    cost: Cost
    flags: tuple[LongGap, ...]


def least_change(problem: CourseProblem, booked: Sequence[Place], more: int = 0) -> LeastChange | NoPlan:
    """The plan for ``booked`` sessions, rising by start, that moves the fewest of them, and those by the fewest days.

    ``problem`` has the visits that stay whatever happens as ``existing`` and counts the booked places as free; its
    ``sessions`` do not matter. ``more`` sessions are added, behind the others where that is possible. Exact: no other
    plan within the horizon changes less.
    """
    starts = tuple(place.start for place in booked)
    former = Former(starts, frozenset(starts))
    found = plan(replace(problem, sessions=len(booked) + more, former=former), Ranking.BEST_FIT)
    if isinstance(found, NoPlan):
        return found
    return _matched(booked, found)


def _matched(booked: Sequence[Place], found: Plan) -> LeastChange:
    """Whose each new place is: who can stay stays, the others follow in their order."""
    new = {place.start: place for place in found.places}
    starts = {place.start for place in booked}
    kept = {index for index, place in enumerate(booked) if place.start in new}
    others = iter([place for place in found.places if place.start not in starts])
    places = [place if index in kept else next(others) for index, place in enumerate(booked)]
    return LeastChange(
        places=tuple(places),
        added=tuple(others),
        moved=tuple(index for index in range(len(booked)) if index not in kept),
        cost=found.cost,
        flags=found.flags,
    )
