"""One proposal for all visits that a disruption leaves without their places (docs/repair.md).

``repair(problem, seconds, progress) -> Repair``: by the solver where it is installed, else by the greedy sequence.
"""

from .plans import Change, Repair, RepairCost
from .problem import Lost, NurseRoom, Other, RepairProblem
from .search import repair

__all__ = ["Change", "Lost", "NurseRoom", "Other", "Repair", "RepairCost", "RepairProblem", "repair"]
