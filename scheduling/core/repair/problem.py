"""What a repair is asked: the lost visits, those that may change nurse or chair for them, and the room there is."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..pattern import Pattern
from ..planner import Place
from ..problem import CourseProblem
from ..timeline import Horizon


@dataclass(frozen=True, slots=True)
class Lost:
    """A visit that lost its place.

    ``problem``: its one session with all rules of its course; ``existing`` are the patient's visits that are not lost.
    Its chairs and nurses do not matter. ``near``: it moves only once its patient agreed by phone, so that its old
    place stays taken until then.
    """

    id: int
    patient: int
    former: Place
    problem: CourseProblem
    near: bool = False

    @property
    def pattern(self) -> Pattern:
        """The phases of the visit."""
        return self.problem.pattern


@dataclass(frozen=True, slots=True)
class Other:
    """A visit of the same days that keeps its time, but may get another nurse or chair."""

    id: int
    former: Place
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class NurseRoom:
    """A nurse without the visits of the repair: ``room[k]`` are the steps with room for more than ``k`` patients."""

    id: int
    shift: int
    hands_on: int
    room: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RepairProblem:
    """One location without the claims of the visits of the repair: free masks of chairs by id, and the nurses."""

    horizon: Horizon
    chairs: Mapping[int, int]
    nurses: tuple[NurseRoom, ...]
    lost: tuple[Lost, ...]
    others: tuple[Other, ...]
