"""Which local day can follow which in a course, clock times left out except where the floor in hours couples them."""

from bisect import bisect_left
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from ..cadence import FREE_WAIT_DAYS
from .choices import Choices
from .cost import existing_days
from .history import WEEK, History

CLASS_BITS = 16
"""A node is a day and the class of its past in one int: ``day << CLASS_BITS | past``."""


class Arc(NamedTuple):
    """From one session to the next: the next node and what the step costs in cadence and weekday regularity.

    ``coupled``: not every start of the next day is far enough from every start of this one.
    """

    node: int
    cadence: int
    weekday: int
    coupled: bool


class Graph:
    """The days a session can have after another, within a budget of cadence per step and up to a last day."""

    def __init__(
        self,
        choices: Choices,
        budget: int | None = None,
        last_day: int | None = None,
        *,
        by_date: bool = False,
    ) -> None:
        """``budget``: the most cadence that one step may cost; None for any. ``last_day``: the last day to use.

        ``by_date``: leave the floor between clock times out.
        """
        self.choices = choices
        self.problem = choices.problem
        self._budget = 10**9 if budget is None else budget
        self._days = [day for day in choices.days if last_day is None or day <= last_day]
        self._existing = existing_days(self.problem)
        # Existing visits may be closer to each other than the rules allow: a prescriber may have said so.
        closest = min((after - before for before, after in pairwise(self._existing)), default=WEEK)
        self._history = History(self.problem.cadence, min(closest, self.problem.cadence.min_gap_days))
        self.floor = 0 if by_date else self.problem.spacing
        self._arcs: dict[int, list[Arc]] = {}
        self._next_days: dict[int, list[tuple[int, int, list[int]]]] = {}

    @cached_property
    def first_arcs(self) -> list[Arc]:
        """The days of the first session."""
        arcs = []
        earliest = self.choices.earliest_day()
        for day in self._days:
            before = self._existing[: bisect_left(self._existing, day)]
            waited = self._outside(before[-1], day) if before else max(0, day - earliest - FREE_WAIT_DAYS)
            if waited > self._budget:
                continue
            if before:
                past, fits, weekday = self._history.step(self._history.of(before), day - before[-1])
            else:
                past, fits, weekday = self._history.first(), True, 0
            if fits:
                arcs.append(Arc(day << CLASS_BITS | past, waited, weekday, False))
        return arcs

    def arcs(self, node: int) -> list[Arc]:
        """The days of the session after one at a node, rising."""
        known = self._arcs.get(node)
        if known is None:
            known = self._arcs[node] = self._arcs_of(node)
        return known

    def _arcs_of(self, node: int) -> list[Arc]:
        day, past = node >> CLASS_BITS, node & (1 << CLASS_BITS) - 1
        arcs = []
        for after, cadence, between in self._days_after(day):
            latest, known, held = day, past, True
            if between:
                latest, known, held = self._past_existing(day, past, between)
            now, fits, weekday = self._history.step(known, after - latest)
            if held and fits:
                coupled = not between and self._coupled(day, after)
                arcs.append(Arc(after << CLASS_BITS | now, cadence, weekday, coupled))
        return arcs

    def _days_after(self, day: int) -> list[tuple[int, int, list[int]]]:
        """The possible next days within the budget: the day, its cadence and the existing visits on the way."""
        if day not in self._next_days:
            cadence, found = self.problem.cadence, []
            following = self._existing[bisect_left(self._existing, day + 1) :]
            for after in self._days[bisect_left(self._days, day + cadence.min_gap_days) :]:
                between = following[: bisect_left(following, after)]
                if between:
                    cost = self._outside(day, between[0]) + self._outside(between[-1], after)
                else:
                    cost = cadence.outside(after - day)
                    if cost > self._budget and after - day > cadence.ideal_high and not following:
                        break
                if cost <= self._budget:
                    found.append((after, cost, between))
            self._next_days[day] = found
        return self._next_days[day]

    def closing(self, node: int) -> int | None:
        """The cadence to the existing visit after the last session; None where 7 days would hold too many."""
        day, past = node >> CLASS_BITS, node & (1 << CLASS_BITS) - 1
        following = self._existing[bisect_left(self._existing, day + 1) :]
        if not following:
            return 0
        held = self._past_existing(day, past, following)[2]
        return self._outside(day, following[0]) if held else None

    def _past_existing(self, day: int, past: int, between: list[int]) -> tuple[int, int, bool]:
        """The latest day and class after existing visits, and whether the most per 7 days held with a new one."""
        held = True
        for index, visit in enumerate(between):
            past, fits, _weekday = self._history.step(past, visit - day)
            # Further on the seven days hold existing visits alone, which are not this plan's doing.
            held = held and (fits or index >= self.problem.cadence.max_per_7_days)
            day = visit
        return day, past, held

    def _coupled(self, day: int, after: int) -> bool:
        last, first = self.choices.starts(day).steps[-1], self.choices.starts(after).steps[0]
        return first - last < self.floor

    def _outside(self, before: int, after: int) -> int:
        return self.problem.cadence.outside(after - before)
