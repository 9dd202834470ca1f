"""What earlier visits can still bind, as few interchangeable classes.

After a visit, the next ones look back at two of its predecessors: the one ``max_per_7_days`` earlier must be 7 or
more days away, the one ``per_week`` earlier should be exactly 7. Predecessors that can do neither any more are
forgotten, so that many pasts become one.
"""

from ..cadence import Cadence

NONE = -1
"""No such visit."""
FAR = 99
"""A visit too long ago to matter."""

WEEK = 7


class History:
    """The classes of pasts of one cadence, numbered as they turn up, and the steps between them.

    A class is a tuple: entry ``j - 1`` has the days from the visit ``j`` earlier to the latest one.
    """

    def __init__(self, cadence: Cadence, least_gap: int) -> None:
        """``least_gap``: days that lie between any two visits at least; 0 where existing ones may be closer."""
        self._most = cadence.max_per_7_days
        self._per_week = cadence.per_week
        self._least_gap = least_gap
        self._classes: list[tuple[int, ...]] = []
        self._numbers: dict[tuple[int, ...], int] = {}
        self._steps: dict[tuple[int, int], tuple[int, bool, int]] = {}

    def of(self, days: list[int]) -> int:
        """The class after visits on these rising days."""
        past = [days[-1] - day for day in reversed(days[:-1])]
        depth = max(self._most, self._per_week) - 1
        return self._number(tuple((past + [NONE] * depth)[:depth]))

    def first(self) -> int:
        """The class after the very first visit."""
        return self.of([0])

    def step(self, past: int, gap: int) -> tuple[int, bool, int]:
        """One more visit ``gap`` days later: the new class, whether 7 days hold it, and its weekday cost."""
        key = past, min(gap, WEEK + 1)
        known = self._steps.get(key)
        if known is None:
            known = self._steps[key] = self._step(*key)
        return known

    def _step(self, past: int, gap: int) -> tuple[int, bool, int]:
        spans = [gap, *(days if days in (NONE, FAR) else days + gap for days in self._classes[past])]
        earlier = spans[self._per_week - 1]
        fits = spans[self._most - 1] == NONE or spans[self._most - 1] >= WEEK
        return self._number(tuple(spans[:-1])), fits, int(earlier not in (NONE, WEEK))

    def _number(self, past: tuple[int, ...]) -> int:
        kept = tuple(
            days if days == NONE or self._matters(index + 1, days) else FAR for index, days in enumerate(past)
        )
        if kept not in self._numbers:
            self._numbers[kept] = len(self._classes)
            self._classes.append(kept)
        return self._numbers[kept]

    def _matters(self, back: int, days: int) -> bool:
        """Whether a visit ``back`` earlier, ``days`` ago, can still bind after the gaps that must follow."""
        gap = self._least_gap
        return (back < self._most and days + (self._most - back) * gap < WEEK) or (
            back < self._per_week and days + (self._per_week - back) * gap <= WEEK
        )
