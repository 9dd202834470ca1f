"""How far apart the visits of a course lie (facts/clinical.md "Spacing", traps.md "Time").

Gaps are counted in local dates, start to start, with a floor in elapsed hours. "At most n in any 7 days" means
that visit i+n is at least 7 local dates after visit i.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from .reasons import Rule
from .timeline import STEP_MINUTES

HOUR_STEPS = 60 // STEP_MINUTES
FREE_WAIT_DAYS = 7
"""Days that the first session may wait without a cost."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """A protocol's spacing: days are local dates, the floor is elapsed hours. Raises ValueError if contradictory.

    ``ideal_low`` to ``ideal_high`` cost nothing. Beyond ``max_gap_days`` a plan is flagged, never refused.
    """

    per_week: int
    min_gap_days: int
    floor_hours: int
    max_gap_days: int
    ideal_low: int
    ideal_high: int
    max_per_7_days: int

    def __post_init__(self) -> None:
        if not 1 <= self.min_gap_days <= self.ideal_low <= self.ideal_high <= self.max_gap_days:
            raise ValueError("gaps rise: shortest, ideal from, ideal to, longest; at least one day")
        if self.per_week < 1 or self.max_per_7_days < 1 or self.floor_hours < 0:
            raise ValueError("counts are positive")

    @property
    def floor_steps(self) -> int:
        """The shortest time from start to start, in steps."""
        return self.floor_hours * HOUR_STEPS

    def outside(self, gap_days: int) -> int:
        """Days by which a gap lies outside the ideal band."""
        return max(0, self.ideal_low - gap_days, gap_days - self.ideal_high)


@dataclass(frozen=True, slots=True)
class Visit:
    """The start of a visit: its local date and its step."""

    day: date
    start: int


@dataclass(frozen=True, slots=True)
class Breach:
    """A spacing rule that the visit at ``index`` breaks against the one at ``other``; measured and allowed value."""

    rule: Rule
    index: int
    other: int
    found: int
    limit: int


def breaks(cadence: Cadence, visits: Sequence[Visit]) -> tuple[Breach, ...]:
    """Every spacing rule broken by visits given in the order of their starts."""
    found: list[Breach] = []
    for index in range(1, len(visits)):
        found += _gap_breaks(cadence, visits, index)
    most = cadence.max_per_7_days
    for index in range(most, len(visits)):
        span = (visits[index].day - visits[index - most].day).days
        if span < 7:
            found.append(Breach(Rule.MAX_PER_7_DAYS, index, index - most, most + 1, most))
    return tuple(found)


def _gap_breaks(cadence: Cadence, visits: Sequence[Visit], index: int) -> list[Breach]:
    before, visit = visits[index - 1], visits[index]
    days, steps = (visit.day - before.day).days, visit.start - before.start
    broken = []
    if days == 0:
        broken.append(Breach(Rule.ONE_A_DAY, index, index - 1, 2, 1))
    if days < cadence.min_gap_days:
        broken.append(Breach(Rule.MIN_GAP, index, index - 1, days, cadence.min_gap_days))
    if steps < cadence.floor_steps:
        broken.append(Breach(Rule.FLOOR_HOURS, index, index - 1, steps // HOUR_STEPS, cadence.floor_hours))
    return broken
