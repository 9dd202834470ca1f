"""The chairs and nurses that can take a start, and how much chair time it breaks up; worked out on demand."""

from dataclasses import dataclass

from ..problem import CourseProblem
from ..timeline import STEP_MINUTES
from .rules import chair_starts, nurse_starts


@dataclass(frozen=True, slots=True)
class Offer:
    """Who can take a start: nurses by rising id; the chair that breaks least, of equal ones the lowest id.

    ``broken``: the free minutes that this chair is left with directly before and after, where shorter than a visit.
    """

    nurses: tuple[int, ...]
    chair: int
    broken: int


@dataclass(frozen=True, slots=True)
class _Day:
    """One day's seats: ids with their start bits from the day's first step on.

    A chair also has its free bits from one visit before the day to two visits after it.
    """

    first: int
    nurses: tuple[tuple[int, int], ...]
    chairs: tuple[tuple[int, int, int], ...]


class Seats:
    """All chairs and nurses of a problem: ``chairs`` and ``nurses`` are the masks of starts each can take, by id."""

    def __init__(self, problem: CourseProblem) -> None:
        """Reads the problem's masks once."""
        self.chairs = chair_starts(problem)
        self.nurses = {nurse.id: nurse_starts(problem, nurse) for nurse in problem.nurses}
        self._problem = problem
        self._length = problem.pattern.chair
        self._days: dict[int, _Day] = {}
        self._offers: dict[int, Offer] = {}

    def offer(self, start: int) -> Offer:
        """Who can take a start that at least one chair can take. Raises ValueError when none can."""
        known = self._offers.get(start)
        if known is None:
            known = self._offers[start] = self._offer(start)
        return known

    def _offer(self, start: int) -> Offer:
        day = self._day(self._problem.horizon.day_index(start))
        offset = start - day.first
        nurses = tuple([nurse for nurse, bits in day.nurses if bits >> offset & 1])
        least, best = self._length * 3, None
        for chair, bits, free in day.chairs:
            if bits >> offset & 1:
                broken = self._broken(free, offset)
                if broken < least:
                    least, best = broken, chair
                    if not broken:
                        break
        if best is None:
            raise ValueError("no chair can take this start")
        return Offer(nurses, best, least * STEP_MINUTES)

    def _broken(self, free: int, offset: int) -> int:
        """Free steps directly before and after a visit, each counted where shorter than a visit."""
        length = self._length
        window = (1 << length) - 1
        # ``free`` begins one visit before the day, so that its bit ``offset`` is one visit before the start.
        taken_before = ~(free >> offset) & window
        taken_after = ~(free >> offset + 2 * length) & window
        before = length - taken_before.bit_length() if taken_before else 0
        return before + ((taken_after & -taken_after).bit_length() - 1 if taken_after else 0)

    def _day(self, index: int) -> _Day:
        if index not in self._days:
            horizon = self._problem.horizon
            self._days[index] = _Day(
                first=horizon.days[index].first,
                nurses=tuple(
                    (nurse, bits)
                    for nurse, mask in sorted(self.nurses.items())
                    if (bits := horizon.day_bits(mask, index))
                ),
                chairs=self._chairs_on(index),
            )
        return self._days[index]

    def _chairs_on(self, index: int) -> tuple[tuple[int, int, int], ...]:
        """The chairs with a start on a day, rising by id; of chairs that are alike all day the first alone."""
        problem, length = self._problem, self._length
        day = problem.horizon.days[index]
        begin = day.first - problem.horizon.origin - length
        span = (1 << day.steps + 3 * length) - 1
        usable = problem.usable
        opened = (usable >> begin if begin >= 0 else usable << -begin) & span
        unlike: dict[tuple[int, int], int] = {}
        for chair, mask in self.chairs.items():
            bits = problem.horizon.day_bits(mask, index)
            if bits:
                free = problem.chairs[chair]
                near = (free >> begin if begin >= 0 else free << -begin) & opened
                unlike.setdefault((bits, near), chair)
        return tuple((chair, bits, near) for (bits, near), chair in unlike.items())
