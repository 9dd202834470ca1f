"""Single changes that would make a course possible."""

from collections.abc import Iterator
from datetime import date, timedelta

from ..problem import CourseProblem
from ..reasons import Hint, HintKind, Rule
from ..timeline import starts
from .choices import Choices
from .reach import Front, earliest_course, finish_day
from .rules import grid, rule_starts, union

FARTHEST_DAYS = 366
"""How far behind the horizon a later finish is looked for."""


def hints(choices: Choices, reached: Front) -> tuple[Hint, ...]:
    """Closed days whose opening alone would do, and how late an order or a horizon would have to end."""
    problem = choices.problem
    rules = rule_starts(problem, choices.seats.chairs)
    base = grid(problem) & union(choices.seats.chairs) & union(choices.seats.nurses)
    found = [*_open_days(choices, rules, base, reached)]
    if problem.not_after is not None:
        lifted = _with(choices, rules, base, Rule.ORDER_END, problem.horizon.full)
        day = finish_day(lifted)
        if day is not None:
            found.append(Hint(HintKind.LATER_ORDER_END, problem.horizon.days[day].date))
    later = _later_finish(choices)
    if later is not None:
        found.append(Hint(HintKind.LATER_HORIZON, later))
    return tuple(found)


def _with(choices: Choices, rules: dict[Rule, int], base: int, rule: Rule, mask: int) -> Choices:
    """The choices with another mask for one rule."""
    allowed = base
    for other, starts_of in rules.items():
        allowed &= mask if other is rule else starts_of
    return Choices(choices.problem, choices.seats, allowed)


def _open_days(choices: Choices, rules: dict[Rule, int], base: int, reached: Front) -> Iterator[Hint]:
    problem, horizon = choices.problem, choices.problem.horizon
    not_closed = horizon.days_mask(lambda day: not problem.is_closed(day))
    for day in horizon.days[reached.first_day :]:
        if problem.is_closed(day.date):
            allowed = not_closed | horizon.mask([(day.first, day.last)])
            opened = _with(choices, rules, base, Rule.CLOSURE, starts(allowed, problem.pattern.patient))
            if finish_day(opened) is not None:
                yield Hint(HintKind.OPEN_DAY, day.date)


def _later_finish(choices: Choices) -> date | None:
    """The finish if every date after the horizon that the patient's days and closures allow had a free place."""
    problem, cadence = choices.problem, choices.problem.cadence
    course = earliest_course(choices)
    if course is None:
        return None
    horizon = problem.horizon
    dates = [horizon.local_date(start) for start in (*sorted(problem.existing), *course)]
    day = horizon.days[-1].date
    for _session in range(len(course), problem.sessions):
        day += timedelta(days=1)
        if dates:
            day = max(day, dates[-1] + timedelta(days=cadence.min_gap_days))
        if len(dates) >= cadence.max_per_7_days:
            day = max(day, dates[-cadence.max_per_7_days] + timedelta(days=7))
        free = _next_free(problem, day)
        if free is None:
            return None
        day = free
        dates.append(day)
    return day


def _next_free(problem: CourseProblem, since: date) -> date | None:
    """The first date from ``since`` on that the order, the patient's days and the closures allow."""
    for ahead in range(FARTHEST_DAYS):
        day = since + timedelta(days=ahead)
        if problem.not_after is not None and day > problem.not_after:
            return None
        if (
            problem.wishes.allows_weekday(day)
            and problem.wishes.allows_date(day)
            and not problem.is_closed(day)
        ):
            return day
    return None
