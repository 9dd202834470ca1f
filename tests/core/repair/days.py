"""Made-up clinics with their visits by name, one nurse of whom is away: shared by tests and bench."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from scheduling.core.cadence import Cadence
from scheduling.core.pattern import Pattern
from scheduling.core.planner import Place
from scheduling.core.problem import CourseProblem, room
from scheduling.core.repair import Lost, NurseRoom, Other, RepairProblem
from scheduling.core.timeline import DAY_STEPS, STEP_MINUTES, Horizon

from ..clinics import IV, NEW_YORK, TWICE_A_WEEK


@dataclass(frozen=True, slots=True)
class Booked:
    """One visit of a made-up clinic."""

    id: int
    patient: int
    place: Place


@dataclass
class MadeUp:
    """A clinic open Monday to Friday with visits booked at random as far as chairs and nurses allow."""

    seed: int
    chairs: int = 20
    nurses: int = 10
    capacity: int = 3
    visits_a_day: int = 60
    since: date = date(2026, 6, 1)
    days: int = 14
    hours: tuple[int, int] = (8 * 60, 18 * 60)
    pattern: Pattern = IV
    cadence: Cadence = TWICE_A_WEEK
    grid_minutes: int = 15
    horizon: Horizon = field(init=False)
    booked: list[Booked] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        random = Random(self.seed)
        self.horizon = Horizon.of(NEW_YORK, self.since, self.since + timedelta(days=self.days - 1))
        self._chairs: dict[int, list[tuple[int, int]]] = {one: [] for one in range(1, self.chairs + 1)}
        self._monitoring: dict[int, list[tuple[int, int]]] = {one: [] for one in self.ids}
        self._hands: dict[int, list[tuple[int, int]]] = {one: [] for one in self.ids}
        patients = 0
        for first, last in self.spells():
            for _visit in range(self.visits_a_day):
                place = self._somewhere(random, first, last)
                if place:
                    patients += 1
                    self.booked.append(Booked(len(self.booked) + 1, patients, place))

    @property
    def ids(self) -> range:
        """The nurses."""
        return range(101, 101 + self.nurses)

    def spells(self) -> list[tuple[int, int]]:
        """The opening hours as step intervals."""
        first, last = (minute // STEP_MINUTES for minute in self.hours)
        return [(day.first + first, day.first + last) for day in self.horizon.days if day.date.weekday() < 5]

    def _somewhere(self, random: Random, first: int, last: int) -> Place | None:
        for _attempt in range(60):
            start = first + 3 * random.randrange((last - first - self.pattern.patient) // 3 + 1)
            needs = self.pattern.needs(start)
            chairs = [one for one, taken in self._chairs.items() if not touching(taken, needs.chair)]
            able = [
                nurse
                for nurse in self.ids
                if peak(touching(self._monitoring[nurse], needs.monitoring)) < self.capacity
                and not any(touching(self._hands[nurse], span) for span in needs.hands_on)
            ]
            if chairs and able:
                place = Place(start, random.choice(chairs), random.choice(able))
                self._chairs[place.chair].append(needs.chair)
                self._monitoring[place.nurse].append(needs.monitoring)
                self._hands[place.nurse] += needs.hands_on
                return place
        return None

    def away(
        self, nurse: int, days: Sequence[date], *, near: bool = False, courses: bool = True
    ) -> RepairProblem:
        """The repair once a nurse is away on these days; with ``courses`` patients have visits before and after."""
        horizon = self.horizon
        part = [one for one in self.booked if horizon.local_date(one.place.start) in days]
        rest = [one for one in self.booked if one not in part]
        opened = horizon.mask(self.spells())
        missing = horizon.days_mask(lambda day: day in days)
        chairs = {
            chair: horizon.free(
                [self.pattern.needs(one.place.start).chair for one in rest if one.place.chair == chair]
            )
            for chair in self._chairs
        }
        nurses = []
        for one in self.ids:
            hers = [self.pattern.needs(visit.place.start) for visit in rest if visit.place.nurse == one]
            masks = [horizon.mask([needs.monitoring]) for needs in hers]
            shift = opened & ~missing if one == nurse else opened
            nurses.append(
                NurseRoom(
                    one,
                    shift,
                    horizon.free([span for needs in hers for span in needs.hands_on]),
                    tuple(room(masks, self.capacity - k, horizon.full) for k in range(self.capacity)),
                )
            )
        lost = [one for one in part if one.place.nurse == nurse]
        return RepairProblem(
            horizon,
            chairs,
            tuple(nurses),
            tuple(
                Lost(one.id, one.patient, one.place, self._course(one, opened, courses), near) for one in lost
            ),
            tuple(Other(one.id, one.place, self.pattern) for one in part if one not in lost),
        )

    def _course(self, visit: Booked, opened: int, courses: bool) -> CourseProblem:
        start = visit.place.start
        existing = (start - 4 * DAY_STEPS, start + 3 * DAY_STEPS) if courses else ()
        return CourseProblem(
            horizon=self.horizon,
            pattern=self.pattern,
            cadence=self.cadence,
            sessions=1,
            chairs={},
            nurses=(),
            patient=self.horizon.full,
            open=opened,
            not_before=self.horizon.origin,
            existing=existing,
            grid_minutes=self.grid_minutes,
        )


def touching(claims: Sequence[tuple[int, int]], span: tuple[int, int]) -> list[tuple[int, int]]:
    """The intervals that share time with ``span``."""
    return [claim for claim in claims if claim[0] < span[1] and span[0] < claim[1]]


def peak(claims: Sequence[tuple[int, int]]) -> int:
    """How many of them overlap at the worst moment."""
    return max((sum(a <= first < b for a, b in claims) for first, _last in claims), default=0)
