"""What one clinic shows; in a module of its own, so that other processes can import it."""

from collections.abc import Iterator
from dataclasses import dataclass

from scheduling.core.planner import Ranking, plan
from scheduling.core.reasons import NoPlan

from .agreement import Agreement, agreements
from .clinics import realistic, squeezed
from .lifting import Lifting, lifting
from .places import Places


@dataclass(frozen=True, slots=True)
class Result:
    """What one clinic showed."""

    seed: int
    agreements: tuple[Agreement, ...]
    lifting: Lifting | None

    def wrong(self) -> Iterator[str]:
        """Every difference in words."""
        for agreement in self.agreements:
            yield from agreement.wrong
        yield from self.lifting.wrong if self.lifting else ()


def whole(seed: int) -> Result:
    """All three rankings of a clinic, and its reasons where there is no plan."""
    problem = realistic(seed)
    found = tuple(agreements(Places(problem)))
    none = plan(problem, Ranking.BEST_FIT)
    return Result(seed, found, lifting(problem, none) if isinstance(none, NoPlan) else None)


def reasons(seed: int) -> Result:
    """The reasons of a clinic with little room."""
    problem = squeezed(seed)
    none = plan(problem, Ranking.BEST_FIT)
    return Result(seed, (), lifting(problem, none) if isinstance(none, NoPlan) else None)
