"""What a repair proposes: the changes, what they cost, and how sure it is that nothing less would do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ..planner import Place


class RepairCost(NamedTuple):
    """What a repair costs: whole numbers, less is better, compared one after the other and never added up.

    ``unplaced``: visits without a place. ``moved``: patients with a visit at another time. ``days``: local days
    between old and new dates. ``minutes``: between old and new wall times. ``nurses``: visits with another nurse.
    """

    unplaced: int
    moved: int
    days: int
    minutes: int
    nurses: int


@dataclass(frozen=True, slots=True)
class Change:
    """One visit whose time, chair or nurse changes, or that finds no place (None).

    Changes that only work together share a ``group``; any group can be accepted without the others. Visits without
    a place are in group 0.
    """

    visit: int
    former: Place
    place: Place | None
    group: int


@dataclass(frozen=True, slots=True)
class Repair:
    """One proposal for all lost visits.

    ``bound``: no proposal leaves fewer visits without a place, or as few and moves fewer patients. ``proven``: none is
    better in any level, among the places looked at; ``is_capped`` where further days were left out. ``by_solver`` is
    False for the greedy sequence. ``seconds``: how long it took.
    """

    changes: tuple[Change, ...]
    cost: RepairCost
    bound: tuple[int, int] = (0, 0)
    proven: bool = False
    is_capped: bool = False
    by_solver: bool = False
    seconds: float = 0.0


Progress = Callable[[Repair, float], bool]
"""Told the best so far and the seconds since the start; False stops the search.

Called now and then by threads of the solver: it must not ask a database, whose connections belong to one thread.
"""
