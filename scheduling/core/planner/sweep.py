"""One backward pass over the sessions of a course: the best that can still follow each start, for all lanes at once."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .graph import CLASS_BITS
from .lanes import Lanes


class Move(NamedTuple):
    """From one session to the next: the next node, the packed cost, and whether the floor couples the clock times."""

    node: int
    cost: int
    coupled: bool


@dataclass(frozen=True, slots=True)
class Priced:
    """The possible starts of one day in a pass: steps, rising; the least cost of all; the cost of one by its index.

    The least may be ``unreachable`` in lanes in which no start can be part of a best plan.
    """

    steps: Sequence[int]
    least: int
    cost: Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Course:
    """The graph of a course: the moves to the first session, then per session its nodes with their moves.

    ``closing``: the packed cost of ending at a node of the last session. ``floor``: steps from start to start.
    """

    first: Sequence[Move]
    layers: Sequence[Mapping[int, Sequence[Move]]]
    closing: Mapping[int, int]
    floor: int


class Sweep:
    """The result of a pass: vectors of the least cost of all that follows.

    ``entry[i][node]``: from choosing the best start of session ``i`` at that node onwards.
    ``total``: of the whole course; None when there is none.
    """

    def __init__(self, course: Course, lanes: Lanes, price: Callable[[int], Priced]) -> None:
        """``price``: the starts of a day with their costs; it is asked once per day and pass."""
        self.course = course
        self.lanes = lanes
        self._price = price
        self._days: dict[int, Priced] = {}
        self._tails: dict[int, list[int]] = {}
        self.entry: list[dict[int, int]] = [{} for _layer in course.layers]
        self._after: list[dict[int, int | list[int]]] = [{} for _layer in course.layers]
        self._profiles: list[dict[int, list[int]]] = [{} for _layer in course.layers]
        for session in range(len(course.layers) - 1, -1, -1):
            self._pass(session)
        known = self.entry[0]
        reached = [move.cost * lanes.ones + known[move.node] for move in course.first if move.node in known]
        self.total = lanes.least(reached) if reached else None

    def day(self, node: int) -> Priced:
        """The starts of a node's day with their costs."""
        day = node >> CLASS_BITS
        known = self._days.get(day)
        if known is None:
            known = self._days[day] = self._price(day)
        return known

    def after(self, session: int, node: int, index: int) -> int:
        """The least cost of all that follows when session ``session`` takes the start ``index`` of its day."""
        following = self._after[session][node]
        return following[index] if isinstance(following, list) else following

    def _pass(self, session: int) -> None:
        for node, moves in self.course.layers[session].items():
            priced = self.day(node)
            if not priced.steps:
                continue
            following = self._following(session, priced, node, moves)
            if following is None:
                continue
            self._after[session][node] = following
            if isinstance(following, list):
                profile = self._fold(priced, following)
                self._profiles[session][node] = profile
                self.entry[session][node] = profile[0]
            else:
                self.entry[session][node] = priced.least + following

    def _following(
        self, session: int, priced: Priced, node: int, moves: Sequence[Move]
    ) -> int | list[int] | None:
        """The least cost after the session at a node: one vector, or one per start where the floor couples them."""
        ones = self.lanes.ones
        if session == len(self.entry) - 1:
            closing = self.course.closing.get(node)
            return None if closing is None else closing * ones
        known = self.entry[session + 1]
        free = [cost * ones + known[to] for to, cost, coupled in moves if not coupled and to in known]
        bound = [move for move in moves if move.coupled and move.node in known]
        if not bound:
            return self.lanes.least(free) if free else None
        best = self.lanes.least(free) if free else self.lanes.unreachable
        return self._by_start(session, priced.steps, best, bound)

    def _by_start(self, session: int, steps: Sequence[int], best: int, bound: list[Move]) -> list[int]:
        least, ones, floor = self.lanes.least, self.lanes.ones, self.course.floor
        tails = [
            (cost * ones, self.day(node).steps, self._profile(session + 1, node))
            for node, cost, _coupled in bound
        ]
        return [
            least(
                [best, *(cost + profile[bisect_left(later, step + floor)] for cost, later, profile in tails)]
            )
            for step in steps
        ]

    def _profile(self, session: int, node: int) -> list[int]:
        """The entry of a node when only its starts from each index on may be used; the last one: none."""
        known = self._profiles[session].get(node)
        if known is None:
            following = self._after[session][node]
            assert isinstance(following, int)
            known = [*(cost + following for cost in self._tail(node)), self.lanes.unreachable]
            self._profiles[session][node] = known
        return known

    def _tail(self, node: int) -> list[int]:
        """The least start cost of a day from each index on; shared by all nodes of the day."""
        day = node >> CLASS_BITS
        if day not in self._tails:
            priced = self.day(node)
            self._tails[day] = self._fold(priced, [0] * len(priced.steps))[:-1]
        return self._tails[day]

    def _fold(self, priced: Priced, following: Sequence[int]) -> list[int]:
        profile = [self.lanes.unreachable]
        for index in range(len(priced.steps) - 1, -1, -1):
            profile.append(self.lanes.least((profile[-1], priced.cost(index) + following[index])))
        profile.reverse()
        return profile
