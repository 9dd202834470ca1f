"""Every start that the hard rules of a single visit allow, day by day on demand."""

from dataclasses import dataclass
from datetime import timedelta

from ..problem import CourseProblem
from ..timeline import STEP_MINUTES, bits
from .rules import grid, rule_starts, union
from .seats import Seats


@dataclass(frozen=True, slots=True)
class DayStarts:
    """The possible starts of one local day, rising: steps, wall minutes and missed wishes (0 to 2) in parallel."""

    steps: tuple[int, ...]
    minutes: tuple[int, ...]
    misses: tuple[int, ...]


class Choices:
    """The possible starts of one problem: ``allowed`` is their mask, ``days`` the indices of the days with any."""

    def __init__(self, problem: CourseProblem, seats: Seats, allowed: int) -> None:
        """``seats``: the chairs and nurses of the same problem."""
        self.problem = problem
        self.seats = seats
        self.allowed = allowed
        bits_of = problem.horizon.day_bits
        self.days = [index for index in range(len(problem.horizon.days)) if bits_of(allowed, index)]
        self._starts: dict[int, DayStarts] = {}

    @classmethod
    def of(cls, problem: CourseProblem) -> "Choices":
        """The starts that keep every rule of a single visit and lie on the grid."""
        seats = Seats(problem)
        allowed = grid(problem) & union(seats.chairs) & union(seats.nurses)
        for mask in rule_starts(problem, seats.chairs).values():
            allowed &= mask
        return cls(problem, seats, allowed)

    def without_minutes(self, first: int, last: int) -> "Choices":
        """The same without the starts at wall minutes from ``first`` to ``last``, both included."""
        excluded = self.problem.horizon.walls_mask(lambda minute: first <= minute <= last)
        return Choices(self.problem, self.seats, self.allowed & ~excluded)

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
            minutes = tuple([position * STEP_MINUTES for position in positions])
        else:
            minutes = tuple([local.walls[position] for position in positions])
        off_day = int(wishes.misses_weekday(local.date))
        return DayStarts(
            steps=tuple([local.first + position for position in positions]),
            minutes=minutes,
            misses=tuple([off_day + wishes.misses_window(minute) for minute in minutes]),
        )

    def earliest_day(self) -> int:
        """The day of the earliest possible date, from which the first session's wait is counted."""
        horizon = self.problem.horizon
        last = horizon.origin + horizon.length - 1
        return horizon.day_index(max(horizon.origin, min(self.problem.not_before, last)))


def date_offset(problem: CourseProblem, step: int) -> int:
    """Days from the horizon's first local date to the local date of a step; negative before it."""
    return (problem.horizon.local_date(step) - problem.horizon.days[0].date) // timedelta(days=1)
