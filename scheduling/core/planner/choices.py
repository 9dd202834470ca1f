"""Every start that the hard rules of a single visit allow, day by day on demand."""

from dataclasses import dataclass
from datetime import timedelta

from ..problem import CourseProblem
from ..reasons import Rule
from ..timeline import STEP_MINUTES, bits
from .rules import grid, rule_starts, union
from .seats import Seats

AGREED = frozenset({Rule.LEAD_TIME, Rule.WISH_DAYS, Rule.WISH_TIMES, Rule.BLACKOUT})
"""What does not bind a session that stays where it is."""


@dataclass(frozen=True, slots=True)
class DayStarts:
    """The possible starts of one local day, rising: steps, wall minutes and missed wishes (0 to 2) in parallel.

    ``moved``: 1 where a session that is booked would leave its start; empty where none is.
    """

    steps: tuple[int, ...]
    minutes: tuple[int, ...]
    misses: tuple[int, ...]
    moved: tuple[int, ...] = ()

    def weights(self, wish: int, move: int) -> list[int]:
        """What each start costs by missed wishes and by leaving where the course is, at these prices."""
        if not self.moved:
            return [missed * wish for missed in self.misses]
        return [missed * wish + moved * move for missed, moved in zip(self.misses, self.moved, strict=True)]


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
        """The starts that keep every rule of a single visit and lie on the grid, or are kept by the course."""
        seats = Seats(problem)
        seated = union(seats.chairs) & union(seats.nurses)
        allowed, stays = grid(problem) & seated, seated & _kept(problem)
        for rule, mask in rule_starts(problem, seats.chairs).items():
            allowed &= mask
            if rule not in AGREED:
                stays &= mask
        return cls(problem, seats, allowed | stays)

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
        steps = tuple([local.first + position for position in positions])
        former = self.problem.former
        return DayStarts(
            steps=steps,
            minutes=minutes,
            misses=tuple([off_day + wishes.misses_window(minute) for minute in minutes]),
            moved=tuple([int(step not in former.kept) for step in steps]) if former else (),
        )

    def earliest_day(self) -> int:
        """The day of the earliest possible date, from which the first session's wait is counted."""
        horizon = self.problem.horizon
        last = horizon.origin + horizon.length - 1
        return horizon.day_index(max(horizon.origin, min(self.problem.not_before, last)))


def _kept(problem: CourseProblem) -> int:
    """The mask of the starts at which a session may stay."""
    kept = problem.former.kept if problem.former else frozenset[int]()
    return sum(1 << start - problem.horizon.origin for start in kept if start in problem.horizon)


def date_offset(problem: CourseProblem, step: int) -> int:
    """Days from the horizon's first local date to the local date of a step; negative before it."""
    return (problem.horizon.local_date(step) - problem.horizon.days[0].date) // timedelta(days=1)
