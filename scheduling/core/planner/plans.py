"""What the planner answers: places, their cost and what to point out."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from ..reasons import Reason


class Ranking(StrEnum):
    """The three orders in which the levels of the cost are compared. (An Order is the prescriber's.)"""

    BEST_FIT = "best_fit"
    SOONEST = "soonest"
    STEADIEST = "steadiest"


class Cost(NamedTuple):
    """What a plan costs: whole numbers, less is better, compared level by level and never added up.

    ``cadence``: days by which gaps lie outside the ideal band, gaps to existing neighbours included; where there
    is no earlier visit, also the days that the first session waits beyond 7 after the earliest possible date.
    ``wishes``: sessions off a preferred weekday + sessions that start outside a preferred window.
    ``finish``: days from the horizon's first date to the last session.
    ``weekday``: sessions not exactly 7 days after the visit ``per_week`` earlier, where there is one.
    ``time``: minutes by which starts differ from one reference time: the given one or the best.
    ``nurse``: sessions that the main nurse cannot take: the given one or the best.
    ``broken``: minutes of free chair time left directly before and after, where shorter than a visit.
    ``moved``: sessions at no start that the course has now. ``days``: local days between those starts and the new
    ones, each in its turn. Both are 0 for a course that is not booked yet, and come first in every ranking.
    """

    cadence: int
    wishes: int
    finish: int
    weekday: int
    time: int
    nurse: int
    broken: int
    moved: int = 0
    days: int = 0

    def ranked(self, ranking: Ranking) -> tuple[int, ...]:
        """The levels in the order in which this ranking compares them."""
        return tuple(self[LEVELS.index(level)] for level in RANKINGS[ranking])


LEVELS = Cost._fields
CHANGE = ("moved", "days")
RANKINGS: dict[Ranking, tuple[str, ...]] = {
    Ranking.BEST_FIT: (*CHANGE, "cadence", "wishes", "finish", "weekday", "time", "nurse", "broken"),
    Ranking.SOONEST: (*CHANGE, "finish", "cadence", "wishes", "weekday", "time", "nurse", "broken"),
    Ranking.STEADIEST: (*CHANGE, "cadence", "weekday", "time", "nurse", "wishes", "finish", "broken"),
}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One session's place: its start as a step, its chair and its nurse by their ids in the problem."""

    start: int
    chair: int
    nurse: int


@dataclass(frozen=True, slots=True)
class LongGap:
    """A gap beyond the protocol's longest: before session ``session`` (``sessions`` = after the last), in days."""

    session: int
    days: int
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Plan:
    """A course that fits, the best there is for its ranking.

    ``places`` rise by start. ``usual_minute`` is the wall minute that the time regularity was measured against,
    ``main_nurse`` the nurse of most sessions. ``flags`` are gaps beyond the maximum. ``avoided`` is the usual
    minute of another proposal that this one had to keep away from; None for a plan without that restriction.
    """

    ranking: Ranking
    places: tuple[Place, ...]
    cost: Cost
    usual_minute: int
    main_nurse: int
    flags: tuple[LongGap, ...] = ()
    avoided: int | None = None

    @property
    def starts(self) -> tuple[int, ...]:
        """The start steps of the sessions, rising."""
        return tuple(place.start for place in self.places)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to typed places: every rule they break, or, where they fit, complete places in the same order."""

    reasons: tuple[Reason, ...]
    places: tuple[Place, ...]

    @property
    def fits(self) -> bool:
        """Whether no rule is broken."""
        return not self.reasons
