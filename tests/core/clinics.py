"""Made-up clinics: the same for the same seed. Shared by the planner's tests and the bench."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from zoneinfo import ZoneInfo

from scheduling.core.cadence import Cadence
from scheduling.core.pattern import Pattern, Phase, PhaseKind
from scheduling.core.problem import CourseProblem, Nurse, room
from scheduling.core.timeline import DAY_STEPS, STEP_MINUTES, Day, Horizon
from scheduling.core.wishes import Wishes

NEW_YORK = ZoneInfo("America/New_York")
IV = Pattern.of(
    (
        Phase(PhaseKind.CHECK_IN, 15),
        Phase(PhaseKind.PREPARATION, 15),
        Phase(PhaseKind.TREATMENT, 40),
        Phase(PhaseKind.RECOVERY, 45),
        Phase(PhaseKind.DISCHARGE, 5),
        Phase(PhaseKind.TURNOVER, 15),
    )
)
"""The default visit: 120 + 15 minutes (facts/clinical.md "A visit")."""

TWICE_A_WEEK = Cadence(
    per_week=2, min_gap_days=2, floor_hours=40, max_gap_days=7, ideal_low=3, ideal_high=4, max_per_7_days=3
)
THRICE_A_WEEK = Cadence(
    per_week=3, min_gap_days=2, floor_hours=40, max_gap_days=7, ideal_low=2, ideal_high=3, max_per_7_days=3
)


@dataclass(frozen=True, slots=True)
class Clinic:
    """A clinic's seats with their claims as step intervals, before masks are made of them."""

    horizon: Horizon
    hours: tuple[int, int]
    weekdays: frozenset[int]
    chairs: dict[int, list[tuple[int, int]]]
    monitoring: dict[int, list[tuple[int, int]]]
    hands_on: dict[int, list[tuple[int, int]]]
    capacity: int

    def spells(self) -> list[tuple[int, int]]:
        """The opening hours as step intervals."""
        first, last = (minute // STEP_MINUTES for minute in self.hours)
        return [
            (day.first + first, day.first + last)
            for day in self.horizon.days
            if day.date.weekday() in self.weekdays and day.steps == DAY_STEPS
        ]

    def problem(self, **changes: object) -> CourseProblem:
        """The course of a patient without other visits, from the horizon's start, unless changed."""
        horizon, full = self.horizon, self.horizon.full
        opened = horizon.mask(self.spells())
        values: dict[str, object] = {
            "horizon": horizon,
            "pattern": IV,
            "cadence": TWICE_A_WEEK,
            "wishes": Wishes(),
            "sessions": 6,
            "chairs": {chair: horizon.free(claims) for chair, claims in self.chairs.items()},
            "nurses": tuple(
                Nurse(
                    nurse,
                    shift=opened,
                    monitoring=room([horizon.mask([claim]) for claim in claims], self.capacity, full),
                    hands_on=horizon.free(self.hands_on[nurse]),
                )
                for nurse, claims in self.monitoring.items()
            ),
            "patient": full,
            "open": opened,
            "not_before": horizon.origin,
        }
        return CourseProblem(**(values | changes))  # type: ignore[arg-type]


def made_up_clinic(
    seed: int,
    *,
    chairs: int = 20,
    nurses: int = 10,
    capacity: int = 3,
    load: float = 0.6,
    since: date = date(2026, 6, 1),
    days: int = 28,
    zone: ZoneInfo = NEW_YORK,
    hours: tuple[int, int] = (8 * 60, 18 * 60),
    weekdays: frozenset[int] = frozenset(range(5)),
    pattern: Pattern = IV,
) -> Clinic:
    """A clinic whose chairs are taken by visits for the share ``load`` of their open time, as far as nurses allow."""
    random = Random(seed)
    horizon = Horizon.of(zone, since, since + timedelta(days=days - 1))
    clinic = Clinic(
        horizon,
        hours,
        weekdays,
        {chair: [] for chair in range(1, chairs + 1)},
        {nurse: [] for nurse in range(101, 101 + nurses)},
        {nurse: [] for nurse in range(101, 101 + nurses)},
        capacity,
    )
    for first, last in clinic.spells():
        wanted = load * chairs * (last - first)
        taken = 0
        for _attempt in range(60 * chairs):
            if taken >= wanted:
                break
            start = first + 3 * random.randrange((last - first - pattern.patient) // 3 + 1)
            taken += pattern.chair if _book(clinic, random, pattern, start) else 0
    return clinic


def _book(clinic: Clinic, random: Random, pattern: Pattern, start: int) -> bool:
    needs = pattern.needs(start)
    chairs = [chair for chair, claims in clinic.chairs.items() if not _touching(claims, needs.chair)]
    nurses = [
        nurse
        for nurse, claims in clinic.monitoring.items()
        if _peak(_touching(claims, needs.monitoring)) < clinic.capacity
        and not any(_touching(clinic.hands_on[nurse], span) for span in needs.hands_on)
    ]
    if not chairs or not nurses:
        return False
    nurse = random.choice(nurses)
    clinic.chairs[random.choice(chairs)].append(needs.chair)
    clinic.monitoring[nurse].append(needs.monitoring)
    clinic.hands_on[nurse] += needs.hands_on
    return True


def _touching(claims: list[tuple[int, int]], span: tuple[int, int]) -> list[tuple[int, int]]:
    return [claim for claim in claims if claim[0] < span[1] and span[0] < claim[1]]


def _peak(claims: list[tuple[int, int]]) -> int:
    return max((sum(a <= first < b for a, b in claims) for first, _last in claims), default=0)


SHORT = Pattern.of(
    (
        Phase(PhaseKind.CHECK_IN, 10),
        Phase(PhaseKind.PREPARATION, 15),
        Phase(PhaseKind.TREATMENT, 30),
        Phase(PhaseKind.DISCHARGE, 10),
        Phase(PhaseKind.TURNOVER, 15),
    )
)


def tiny_problem(random: Random) -> CourseProblem:
    """A problem small enough to try every plan, with anything in it that can bind."""
    zone, since = random.choice(
        [
            (NEW_YORK, date(2026, 6, 1)),
            (NEW_YORK, date(2026, 3, 4)),  # clocks go forward on 8 March
            (NEW_YORK, date(2026, 10, 28)),  # clocks go back on 1 November
            (ZoneInfo("Australia/Lord_Howe"), date(2026, 10, 1)),  # by half an hour on 4 October
            (ZoneInfo("UTC"), date(2028, 2, 25)),  # over a leap day
        ]
    )
    horizon = Horizon.of(zone, since, since + timedelta(days=random.randint(5, 13)))
    round_the_clock = random.random() < 0.1
    opens = [_hours(random, day, round_the_clock) for day in horizon.days if random.random() < 0.85]
    opened = horizon.mask(opens)
    visits = _existing(random, horizon)
    steps = range(horizon.origin, horizon.origin + horizon.length)
    return CourseProblem(
        horizon=horizon,
        pattern=random.choice([IV, SHORT, SHORT]),
        cadence=_cadence(random),
        sessions=random.choice([1, 2, 2, 3, 3, 3]),
        chairs={
            chair: horizon.full & ~_noise(random, horizon, 2) for chair in range(1, random.randint(2, 4))
        },
        nurses=_nurses(random, horizon, opened),
        patient=horizon.full & ~_noise(random, horizon, 0.3),
        open=opened,
        not_before=random.choice([horizon.origin - 50, horizon.origin, random.choice(steps[:400])]),
        wishes=_wishes(random, horizon),
        closures=_ranges(random, horizon) if random.random() < 0.2 else (),
        prescriber=random.choice([None, None, horizon.full & ~_noise(random, horizon, 1)]),
        not_after=random.choice([None, None, horizon.days[-random.randint(1, 4)].date]),
        existing=visits,
        reference=random.choice([None, None, 9 * 60 + 10]),
        main_nurse=random.choice([None, None, 12]),
        grid_minutes=180 if round_the_clock else random.choice([30, 60, 60]),
    )


def _nurses(random: Random, horizon: Horizon, opened: int) -> tuple[Nurse, ...]:
    return tuple(
        Nurse(
            nurse,
            shift=opened if random.random() < 0.7 else _noise(random, horizon, 9),
            monitoring=horizon.full & ~_noise(random, horizon, 1),
            hands_on=horizon.full & ~_noise(random, horizon, 2),
        )
        for nurse in random.sample(range(11, 15), random.randint(1, 3))
    )


def _hours(random: Random, day: Day, round_the_clock: bool) -> tuple[int, int]:
    if round_the_clock:
        return day.first, day.last
    first = day.first + random.choice([8 * 12, 9 * 12, 22 * 12])
    return first, first + random.choice([3 * 12, 4 * 12, 6 * 12])


def _noise(random: Random, horizon: Horizon, per_day: float) -> int:
    """Stretches of 1 to 5 hours anywhere, so many a day."""
    count = round(per_day * len(horizon.days) * random.uniform(0.2, 1))
    firsts = [horizon.origin + random.randrange(horizon.length) for _stretch in range(count)]
    return horizon.mask((first, first + random.randint(1, 5) * 12) for first in firsts)


def _cadence(random: Random) -> Cadence:
    gap = random.choice([1, 1, 2, 2, 3])
    low = gap + random.choice([0, 1])
    high = low + random.choice([0, 1])
    return Cadence(
        per_week=random.choice([1, 2, 3]),
        min_gap_days=gap,
        floor_hours=random.choice([0, gap * 24 - 8, gap * 24 - 2, gap * 24, gap * 24]),
        max_gap_days=high + 3,
        ideal_low=low,
        ideal_high=high,
        max_per_7_days=random.choice([1, 2, 3, 4]),
    )


def _existing(random: Random, horizon: Horizon) -> tuple[int, ...]:
    if random.random() < 0.6:
        return ()
    low, high = horizon.origin - 10 * DAY_STEPS, horizon.origin + horizon.length + 5 * DAY_STEPS
    return tuple(random.randrange(low, high) for _visit in range(random.randint(1, 4)))


def _wishes(random: Random, horizon: Horizon) -> Wishes:
    def some(weekdays: int) -> frozenset[int]:
        return frozenset(random.sample(range(7), weekdays)) if random.random() < 0.3 else frozenset()

    def windows() -> tuple[tuple[int, int], ...]:
        return random.choice([(), (), (), ((8 * 60, 12 * 60),), ((0, 10 * 60), (11 * 60, 24 * 60))])

    return Wishes(
        only_weekdays=some(5),
        never_weekdays=some(2),
        prefer_weekdays=some(2),
        only_windows=windows() if random.random() < 0.3 else (),
        never_windows=((12 * 60, 12 * 60 + 30),) if random.random() < 0.2 else (),
        prefer_windows=windows(),
        blackouts=_ranges(random, horizon) if random.random() < 0.2 else (),
    )


def _ranges(random: Random, horizon: Horizon) -> tuple[tuple[date, date], ...]:
    day = random.choice(horizon.days).date
    return ((day, day + timedelta(days=random.randint(0, 2))),)
