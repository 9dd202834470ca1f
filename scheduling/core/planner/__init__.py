"""The planner of one course: exact for each of three rankings of one lexicographic cost (docs/planner.md).

``plan(problem, ranking) -> Plan | NoPlan``; ``proposals(problem) -> tuple[Plan, ...] | NoPlan``;
``least_change(problem, booked, lost, more) -> LeastChange | NoPlan``;
``alternatives(problem, places, index, limit) -> tuple[Place, ...]``; ``check(problem, starts, ...) -> Verdict``.
"""

from .alternatives import alternatives
from .plans import LEVELS, RANKINGS, Cost, LongGap, Place, Plan, Ranking, Verdict
from .proposals import proposals
from .ripple import LeastChange, least_change
from .search import plan
from .verdict import check

__all__ = [
    "LEVELS",
    "RANKINGS",
    "Cost",
    "LeastChange",
    "LongGap",
    "Place",
    "Plan",
    "Ranking",
    "Verdict",
    "alternatives",
    "check",
    "least_change",
    "plan",
    "proposals",
]
