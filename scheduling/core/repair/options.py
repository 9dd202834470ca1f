"""Where a lost visit could be instead: the planner's bit sets, the nearest days and times first."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..planner.choices import AGREED
from ..planner.rules import chair_starts, grid, rule_starts, union
from ..planner.spacing import spacing_breaches
from ..reasons import Rule
from ..timeline import bits
from .problem import Lost, RepairProblem
from .room import Room

MOST_DAYS = 8
"""So many other days are looked at for each visit, the nearest ones."""
STARTS_A_DAY = 5
"""So many times of each other day, those nearest to the time it had."""


@dataclass(frozen=True, slots=True, order=True)
class Option:
    """A possible start with the days and minutes that it lies away from the old one."""

    days: int
    minutes: int
    start: int


@dataclass(frozen=True, slots=True)
class Options:
    """The possible starts of a lost visit, nearest first; ``is_capped`` where others were left out."""

    starts: tuple[Option, ...]
    is_capped: bool


def options(problem: RepairProblem, lost: Lost) -> Options:
    """Starts that keep every rule of the course and have some chair and some nurse, other lost visits apart.

    All of its own day, and some of the nearest other days. Between its neighbours in time where there is any.
    """
    starts = _between(lost, _starts(problem, lost))
    by_day: dict[int, list[Option]] = defaultdict(list)
    for start in starts:
        option = away(lost, start)
        by_day[problem.horizon.day_index(start)].append(option)
    own = [day for day, found in by_day.items() if found[0].days == 0]
    others = sorted((found[0].days, day) for day, found in by_day.items() if day not in own)
    kept = [option for day in own for option in by_day[day]]
    for _days, day in others[:MOST_DAYS]:
        kept += sorted(by_day[day])[:STARTS_A_DAY]
    return Options(tuple(sorted(kept)), len(kept) < len(starts))


def away(lost: Lost, start: int) -> Option:
    """How far a start lies from the old one, by the clocks of the location."""
    horizon = lost.problem.horizon
    days = abs((horizon.local_date(start) - horizon.local_date(lost.former.start)).days)
    minutes = abs(horizon.wall_minute(start) - horizon.wall_minute(lost.former.start))
    return Option(days, minutes, start)


def spaced(lost: Lost, start: int, others: Sequence[int]) -> bool:
    """Whether a start keeps its distance to the patient's other lost visits where these are now."""
    beside = replace(lost.problem, existing=(*lost.problem.existing, *others))
    return not spacing_breaches(beside, [start])


def _starts(problem: RepairProblem, lost: Lost) -> list[int]:
    course = replace(lost.problem, chairs=problem.chairs)
    room = Room(problem)
    chairs = chair_starts(course)
    allowed = grid(course) & union(chairs)
    stays = union(chairs)
    for rule, mask in rule_starts(course, chairs).items():
        allowed &= mask
        if rule not in AGREED and rule is not Rule.HORIZON:
            stays &= mask
    origin, own = course.horizon.origin, lost.former.start
    found = [origin + offset for offset in bits(allowed)]
    if own in course.horizon and stays >> own - origin & 1 and own not in found:
        found.append(own)
    # The most in any 7 days is no mask.
    return [
        start
        for start in found
        if (start == own or spaced(lost, start, ()))
        and any(room.nurse_fits(nurse, lost.pattern, start) for nurse in room.nurses)
    ]


def _between(lost: Lost, starts: Sequence[int]) -> Sequence[int]:
    """Only the starts between the patient's visits before and after, so that numbers rise with time; else all."""
    own, existing = lost.former.start, lost.problem.existing
    low = max((one for one in existing if one < own), default=None)
    high = min((one for one in existing if one > own), default=None)
    inside = [start for start in starts if (low is None or low < start) and (high is None or start < high)]
    return inside or starts
