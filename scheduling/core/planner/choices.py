"""Every start that the hard rules of a single visit allow, and what it would cost; worked out on demand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ..problem import CourseProblem
from ..timeline import STEP_MINUTES, bits
from .rules import chair_starts, grid, nurse_starts, rule_starts, union


@dataclass(frozen=True, slots=True)
class DayStarts:
    """The possible starts of one local day, rising: steps, wall minutes and missed wishes (0 to 2) in parallel."""

    steps: tuple[int, ...]
    minutes: tuple[int, ...]
    misses: tuple[int, ...]


class Choices:
    """The possible starts of one problem. Days are indices into the horizon, costs as in ``Cost``."""

    def __init__(
        self, problem: CourseProblem, allowed: int, chairs: Mapping[int, int], nurses: Mapping[int, int]
    ) -> None:
        """``allowed``: the mask of possible starts; ``chairs`` and ``nurses``: the starts that each can take."""
        self.problem = problem
        self.allowed = allowed
        self.chairs = chairs
        self.nurses = nurses
        self.days = [
            index for index in range(len(problem.horizon.days)) if problem.horizon.day_bits(allowed, index)
        ]
        self._starts: dict[int, DayStarts] = {}
        self._broken: dict[int, tuple[int, int]] = {}
        self._near: dict[int, list[tuple[int, int, int]]] = {}
        self._nurse_days: dict[int, list[tuple[int, int]]] = {}

    @classmethod
    def of(cls, problem: CourseProblem) -> "Choices":
        """The starts that keep every rule of a single visit and lie on the grid."""
        chairs = chair_starts(problem)
        nurses = {nurse.id: nurse_starts(problem, nurse) for nurse in problem.nurses}
        allowed = grid(problem) & union(chairs) & union(nurses)
        for mask in rule_starts(problem).values():
            allowed &= mask
        return cls(problem, allowed, chairs, nurses)

    @classmethod
    def seats(cls, problem: CourseProblem) -> "Choices":
        """Chairs and nurses alone, without any start to choose: for judging starts that are given."""
        nurses = {nurse.id: nurse_starts(problem, nurse) for nurse in problem.nurses}
        return cls(problem, 0, chair_starts(problem), nurses)

    def without_minutes(self, first: int, last: int) -> "Choices":
        """The same without the starts at wall minutes from ``first`` to ``last``, both included."""
        excluded = self.problem.horizon.walls_mask(lambda minute: first <= minute <= last)
        other = Choices(self.problem, self.allowed & ~excluded, self.chairs, self.nurses)
        other._broken, other._near, other._nurse_days = self._broken, self._near, self._nurse_days
        return other

    def starts(self, day: int) -> DayStarts:
        """The possible starts of a day."""
        known = self._starts.get(day)
        if known is None:
            known = self._starts[day] = self._starts_of(day)
        return known

    def _starts_of(self, day: int) -> DayStarts:
        local = self.problem.horizon.days[day]
        wishes = self.problem.wishes
        positions = list(bits(self.problem.horizon.day_bits(self.allowed, day)))
        if local.walls is None:
            minutes = tuple(position * STEP_MINUTES for position in positions)
        else:
            minutes = tuple(local.walls[position] for position in positions)
        off_day = int(wishes.misses_weekday(local.date))
        return DayStarts(
            steps=tuple(local.first + position for position in positions),
            minutes=minutes,
            misses=tuple(off_day + wishes.misses_window(minute) for minute in minutes),
        )

    def day_of(self, step: int) -> int:
        """The day of a start."""
        return self.problem.horizon.day_index(step)

    def earliest_day(self) -> int:
        """The day of the earliest possible date, from which the first session's wait is counted."""
        horizon = self.problem.horizon
        return self.day_of(
            max(horizon.origin, min(self.problem.not_before, horizon.origin + horizon.length - 1))
        )

    def nurses_at(self, step: int) -> list[int]:
        """The ids of the nurses who can take a start, rising."""
        day = self.day_of(step)
        offset = step - self.problem.horizon.days[day].first
        return [nurse for nurse, free in self._nurses_on(day) if free >> offset & 1]

    def _nurses_on(self, day: int) -> list[tuple[int, int]]:
        if day not in self._nurse_days:
            bits_of = self.problem.horizon.day_bits
            found = [(nurse, bits_of(mask, day)) for nurse, mask in sorted(self.nurses.items())]
            self._nurse_days[day] = [one for one in found if one[1]]
        return self._nurse_days[day]

    def broken(self, step: int) -> tuple[int, int]:
        """The least free minutes that a start leaves beside the visit, and the lowest chair id that does so."""
        known = self._broken.get(step)
        if known is None:
            known = self._broken[step] = min(self._broken_at(step))
        return known

    def _broken_at(self, step: int) -> list[tuple[int, int]]:
        """Broken minutes and chair id of every chair that takes the start, up to the first that breaks nothing."""
        length = self.problem.pattern.chair
        day = self.day_of(step)
        offset = step - self.problem.horizon.days[day].first
        window = (1 << length) - 1
        found = []
        for chair, can_start, free in self._chairs_on(day):
            if can_start >> offset & 1:
                # ``free`` begins one visit before the day, so bit ``offset`` is one visit before the start.
                taken_before = ~(free >> offset) & window
                taken_after = ~(free >> offset + 2 * length) & window
                before = length - taken_before.bit_length() if taken_before else 0
                after = (taken_after & -taken_after).bit_length() - 1 if taken_after else 0
                found.append(((before + after) * STEP_MINUTES, chair))
                if before + after == 0:
                    break
        return found

    def _chairs_on(self, day: int) -> list[tuple[int, int, int]]:
        """The chairs with a start on a day, rising by id; of chairs that are alike all day the first alone."""
        if day not in self._near:
            problem, length = self.problem, self.problem.pattern.chair
            local = problem.horizon.days[day]
            begin = local.first - problem.horizon.origin - length
            span = (1 << local.steps + 3 * length) - 1
            opened = self._opened()
            unlike: dict[tuple[int, int], int] = {}
            for chair, mask in self.chairs.items():
                can_start = problem.horizon.day_bits(mask, day)
                free = problem.chairs[chair] & opened
                near = (free >> begin if begin >= 0 else free << -begin) & span
                if can_start:
                    unlike.setdefault((can_start, near), chair)
            self._near[day] = [(chair, can_start, near) for (can_start, near), chair in unlike.items()]
        return self._near[day]

    def _opened(self) -> int:
        problem = self.problem
        if not problem.closures:
            return problem.open
        return problem.open & problem.horizon.days_mask(lambda day: not problem.is_closed(day))


def date_offset(problem: CourseProblem, step: int) -> int:
    """Days from the horizon's first local date to the local date of a step; negative before it."""
    return (problem.horizon.local_date(step) - problem.horizon.days[0].date) // timedelta(days=1)
