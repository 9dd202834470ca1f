"""The cost of a plan by its definition, for any set of starts; and the place of each level in one packed number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from ..cadence import FREE_WAIT_DAYS
from ..problem import CourseProblem
from ..timeline import DAY_STEPS, STEP_MINUTES
from .choices import Choices, date_offset
from .plans import LEVELS, RANKINGS, Cost, Ranking
from .seats import Seats


def cost_of(choices: Choices, starts: Sequence[int]) -> tuple[Cost, int, int]:
    """The cost of starts that rise and each have a free chair and nurse; the reference minute; the main nurse.

    Of equally good reference minutes and nurses the lowest counts.
    """
    problem = choices.problem
    minutes = [problem.horizon.wall_minute(start) for start in starts]
    reference = problem.reference
    if reference is None:
        reference = sorted(minutes)[(len(minutes) - 1) // 2]
    main_nurse, missed = main_nurse_of(problem, choices.seats, starts)
    by_date = date_cost(choices, starts)
    cost = by_date._replace(
        wishes=by_date.wishes + sum(map(problem.wishes.misses_window, minutes)),
        time=sum(abs(minute - reference) for minute in minutes),
        nurse=missed,
        broken=sum(choices.seats.offer(start).broken for start in starts),
        moved=sum(start not in problem.former.kept for start in starts) if problem.former else 0,
        days=sum(
            abs(was - date_offset(problem, start))
            for was, start in zip(former_days(problem), starts, strict=False)
        ),
    )
    return cost, reference, main_nurse


def date_cost(choices: Choices, starts: Sequence[int]) -> Cost:
    """What the local dates of starts cost by themselves, the other levels zero: a lower bound of ``cost_of``."""
    problem = choices.problem
    days = [date_offset(problem, start) for start in starts]
    dates = [problem.horizon.days[0].date + timedelta(days=day) for day in days]
    return Cost(
        cadence=_cadence(choices, days),
        wishes=sum(map(problem.wishes.misses_weekday, dates)),
        finish=days[-1],
        weekday=_irregular(problem, days),
        time=0,
        nurse=0,
        broken=0,
    )


def _cadence(choices: Choices, days: Sequence[int]) -> int:
    cadence, existing = choices.problem.cadence, existing_days(choices.problem)
    new = set(days)
    merged = sorted([*days, *existing])
    cost = sum(
        cadence.outside(after - before) for before, after in pairwise(merged) if before in new or after in new
    )
    if merged[0] == days[0]:
        cost += max(0, days[0] - choices.earliest_day() - FREE_WAIT_DAYS)
    return cost


def _irregular(problem: CourseProblem, days: Sequence[int]) -> int:
    merged = sorted([*days, *existing_days(problem)])
    back = problem.cadence.per_week
    positions = [merged.index(day) for day in days]
    return sum(merged[at] - merged[at - back] != 7 for at in positions if at >= back)


def former_days(problem: CourseProblem) -> list[int]:
    """The local dates on which the sessions are now, rising, as days from the horizon's first date."""
    return [date_offset(problem, start) for start in problem.former.starts] if problem.former else []


def existing_days(problem: CourseProblem) -> list[int]:
    """The local dates of the existing visits, rising, as days from the horizon's first date."""
    return sorted(date_offset(problem, start) for start in problem.existing)


def main_nurse_of(problem: CourseProblem, seats: Seats, starts: Sequence[int]) -> tuple[int, int]:
    """The nurse who can take most sessions, or the given one; and how many she cannot take."""
    able = [seats.offer(start).nurses for start in starts]
    given = problem.main_nurse
    if given is not None:
        return given, sum(given not in nurses for nurses in able)
    counts = {nurse: sum(nurse in nurses for nurses in able) for nurse in seats.nurses}
    main = min(counts, key=lambda nurse: (-counts[nurse], nurse))
    return main, len(starts) - counts[main]


@dataclass(frozen=True, slots=True)
class Packing:
    """All levels in one int, the first of the ranking topmost: it compares as the tuple and adds as a number."""

    bits: int
    units: dict[str, int]
    """What one of each level adds."""
    above_time: frozenset[str]
    """The levels that come before time; they depend on dates alone, but for the window wishes."""

    @classmethod
    def of(cls, problem: CourseProblem, ranking: Ranking) -> "Packing":
        """Fields wide enough for any sum over a whole course of this problem."""
        order, most, at = RANKINGS[ranking], _most(problem), 0
        units = {}
        for level in reversed(order):
            units[level] = 1 << at
            at += most[level].bit_length()
        return cls(at, units, frozenset(order[: order.index("time")]))

    def level(self, packed: int, level: str) -> int:
        """The value of one level of a packed cost."""
        above = [unit for unit in self.units.values() if unit > self.units[level]]
        return packed % min(above, default=packed + 1) // self.units[level]


def _most(problem: CourseProblem) -> dict[str, int]:
    """An upper bound for every level."""
    count, days = problem.sessions, len(problem.horizon.days)
    far = max((abs(day) for day in existing_days(problem)), default=0) + days + problem.cadence.ideal_high
    away = sum(abs(day) + days for day in former_days(problem))
    most = {
        "cadence": 2 * count * far,
        "wishes": 2 * count,
        "finish": days,
        "weekday": count,
        "time": count * DAY_STEPS * STEP_MINUTES,
        "nurse": count,
        "broken": 2 * count * problem.pattern.chair * STEP_MINUTES,
        "moved": count if problem.former else 0,
        "days": away,
    }
    return {level: most[level] for level in LEVELS}
