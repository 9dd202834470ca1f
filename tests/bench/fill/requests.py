"""Random requests for courses, arriving day by day, and the patients' later bad luck: the same for the same seed."""

from dataclasses import dataclass, field
from random import Random

from scheduling.core.cadence import Cadence
from scheduling.core.planner import Place
from scheduling.core.wishes import Wishes
from tests.core.clinics import THRICE_A_WEEK

TWO = Cadence(
    per_week=2, min_gap_days=2, floor_hours=40, max_gap_days=7, ideal_low=2, ideal_high=5, max_per_7_days=2
)
"""The example of docs/planner.md."""
ONE = Cadence(
    per_week=1, min_gap_days=5, floor_hours=112, max_gap_days=10, ideal_low=7, ideal_high=7, max_per_7_days=1
)
COURSES = ((TWO, 6), (TWO, 8), (TWO, 4), (THRICE_A_WEEK, 6), (ONE, 4), (ONE, 2))
ARRIVALS = range(-21, 26)
"""Days, counted from the month's first, on which requests arrive."""
LEAD_DAYS = 1
CANCELLED, MISSED = 0.06, 0.02
"""Shares of the booked visits that patients call off one to six days ahead, or do not come to."""


@dataclass
class Request:
    """One patient's course: what is wanted from which day on, and what is booked and held of it."""

    number: int
    arrives: int
    earliest: int
    cadence: Cadence
    sessions: int
    wishes: Wishes
    booked: list[Place] = field(default_factory=list)
    held: list[Place] = field(default_factory=list)
    missing: int = 0
    """Visits lost and not made up so far."""
    luck: Random = field(default_factory=Random)

    def starts(self) -> tuple[int, ...]:
        """The starts of all visits held or still ahead."""
        return tuple(place.start for place in (*self.held, *self.booked))


def requests(seed: int, visits: int) -> list[Request]:
    """So many requests that they want about that many visits, in the order of arrival."""
    chance, found, wanted = Random(seed), list[Request](), 0
    while wanted < visits:
        cadence, sessions = chance.choice(COURSES)
        arrives = chance.choice(ARRIVALS)
        found.append(
            Request(
                number=len(found),
                arrives=arrives,
                earliest=max(0, arrives + LEAD_DAYS, arrives + chance.choice([0, 0, 3, 7, 14])),
                cadence=cadence,
                sessions=sessions,
                wishes=_wishes(chance),
                luck=Random(seed * 10_000 + len(found)),
            )
        )
        wanted += sessions
    return sorted(found, key=lambda request: (request.arrives, request.number))


def _wishes(chance: Random) -> Wishes:
    """Most prefer something; one in five can only come on some days or at some times."""
    days, kind = frozenset(chance.sample(range(5), 3)), chance.random()
    morning = chance.random() < 0.5
    windows = (((8 * 60, 13 * 60),), ((12 * 60, 18 * 60),))[morning]
    if kind < 0.1:
        return Wishes(only_weekdays=days)
    if kind < 0.2:
        return Wishes(only_windows=windows)
    if kind < 0.5:
        return Wishes(prefer_weekdays=days)
    return Wishes(prefer_windows=windows) if kind < 0.8 else Wishes()
