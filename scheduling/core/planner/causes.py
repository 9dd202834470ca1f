"""Which rules, lifted together, would free a start on a day: every smallest set of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from ..problem import CourseProblem
from ..reasons import NURSE_RULES, Rule
from .rules import any_nurse_starts, grid, rule_starts

MOST_LIFTED = 3
"""So many rules are lifted together in the search for a cause."""

BOUNDARIES = (Rule.HORIZON, Rule.ORDER_END)
"""They end the window as a whole, so that no date of it is blamed on them."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Rules that together keep a day without any start, and the starts, as bits of the horizon, they prevent."""

    day: int
    rules: tuple[Rule, ...]
    prevented: int


def causes(problem: CourseProblem, days: Sequence[int]) -> list[Cause]:
    """For each of these days, none of which has a start, every smallest set of at most three rules to lift.

    Longer opening hours are named only on days that no other change would help. A day that more than three rules
    keep shut gets one cause with all rules that shut it alone, and prevents nothing that could be named.
    """
    spans = [(problem.horizon.days[day].first, problem.horizon.days[day].last) for day in days]
    base = grid(problem) & problem.horizon.mask(spans)
    masks = {rule: base & mask for rule, mask in rule_starts(problem).items()}
    for rule in BOUNDARIES:
        base &= masks.pop(rule)
    present = [rule for rule in Rule if base & ~masks.get(rule, base)]
    if base & ~any_nurse_starts(problem):
        present += NURSE_RULES
    freed: dict[tuple[Rule, ...], frozenset[int]] = {}
    found: list[Cause] = []
    for size in range(MOST_LIFTED + 1):
        for rules in combinations(present, size):
            left = _left(problem, base, masks, rules)
            freed[rules] = frozenset(day for day in days if left and problem.horizon.day_bits(left, day))
            smaller = [freed[part] for part in combinations(rules, size - 1)] if size else []
            found += [Cause(day, rules, left) for day in sorted(freed[rules].difference(*smaller))]
    helped = {cause.day for cause in found if Rule.OPENING not in cause.rules}
    found = [cause for cause in found if Rule.OPENING not in cause.rules or cause.day not in helped]
    named = {cause.day for cause in found}
    return found + [Cause(day, _shutting(problem, masks, base, day), 0) for day in days if day not in named]


def _left(problem: CourseProblem, base: int, masks: dict[Rule, int], lifted: Sequence[Rule]) -> int:
    """The starts that all rules but the lifted ones allow."""
    left = base
    for rule, mask in masks.items():
        if rule not in lifted:
            left &= mask
    return left & any_nurse_starts(problem, lifted) if left else 0


def _shutting(problem: CourseProblem, masks: dict[Rule, int], base: int, day: int) -> tuple[Rule, ...]:
    """The rules that shut a day each by itself; where none does, all that bind on it."""
    wanted = problem.horizon.day_bits(base, day)
    open_to = {rule: problem.horizon.day_bits(mask, day) for rule, mask in masks.items()}
    for rule in NURSE_RULES:
        others = [other for other in NURSE_RULES if other is not rule]
        open_to[rule] = problem.horizon.day_bits(any_nurse_starts(problem, others), day)
    alone = tuple(rule for rule, mask in open_to.items() if wanted and not wanted & mask)
    binding = tuple(rule for rule, mask in open_to.items() if wanted & ~mask)
    # Without a single wanted bit no visit ends before the horizon does.
    return alone or binding or (Rule.HORIZON,)
