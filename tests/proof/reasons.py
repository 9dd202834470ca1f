"""Why there is no course, checked by lifting: without the named rules the named day has a place, with fewer not.

A reason with the hours or the most in 7 days is about a day with free places that the earlier visits put out of reach:
without that rule a course does reach it.
"""

from dataclasses import replace
from datetime import timedelta
from itertools import combinations

from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import NoPlan, Reason, Rule

from .model import Independent

ENDS = (Rule.ORDER_END, Rule.HORIZON)
MOST_CHECKED = 12
"""So many days out of reach are solved for each clinic: every one is a model of its own."""


def checked_reasons(problem: CourseProblem, none: NoPlan) -> tuple[int, list[str]]:
    """How many reasons were checked by lifting, and what is wrong with some."""
    task, wrong, checked, solved = Independent(problem), [], 0, 0
    for reason in none.reasons:
        if reason.day is None:
            continue
        day = (reason.day - problem.horizon.days[0].date) // timedelta(days=1)
        if reason.rule in (Rule.FLOOR_HOURS, Rule.MAX_PER_7_DAYS) and task.possible(day, frozenset()):
            if solved < MOST_CHECKED:
                solved += 1
                checked += 1
                wrong += _out_of_reach(problem, none, reason, day)
        elif reason.interval is not None:
            checked += 1
            wrong += _shut(task, reason, day)
    return checked, wrong


def _shut(task: Independent, reason: Reason, day: int) -> list[str]:
    rules = (reason.rule, *reason.also)
    if not task.possible(day, frozenset(rules)):
        return [f"{reason.day}: without {', '.join(rules)} there is no place either"]
    fewer = [part for size in range(len(rules)) for part in combinations(rules, size)]
    return [
        f"{reason.day}: without {', '.join(part) or 'anything lifted'} there is a place already"
        for part in fewer
        if task.possible(day, frozenset(part))
    ]


def _out_of_reach(problem: CourseProblem, none: NoPlan, reason: Reason, day: int) -> list[str]:
    course = replace(problem, sessions=none.session + 1)
    cadence = problem.cadence
    if Independent(course).ends_on(day):
        return [f"{reason.day}: a course reaches this day"]
    freer = replace(cadence, max_per_7_days=7, floor_hours=0)
    if not Independent(replace(course, cadence=freer)).ends_on(day):
        return [f"{reason.day}: without {reason.rule} no course reaches this day either"]
    return []
