"""The planner of one course: exact for each of three rankings of one lexicographic cost (docs/planner.md).

``plan(problem, ranking) -> Plan | NoPlan``; ``proposals(problem) -> tuple[Plan, ...] | NoPlan``;
``alternatives(problem, places, index, limit) -> tuple[Place, ...]``; ``check(problem, starts, ...) -> Verdict``.
"""

from .alternatives import alternatives
from .plans import LEVELS, RANKINGS, Cost, LongGap, Place, Plan, Ranking, Verdict
from .proposals import proposals
from .search import plan
from .verdict import check

__all__ = [
    "LEVELS",
    "RANKINGS",
    "Cost",
    "LongGap",
    "Place",
    "Plan",
    "Ranking",
    "Verdict",
    "alternatives",
    "check",
    "plan",
    "proposals",
]
