"""Random clinics of realistic size for the proof: the same for the same seed."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from scheduling.core.cadence import Cadence
from scheduling.core.pattern import Pattern, Phase, PhaseKind
from scheduling.core.problem import CourseProblem, Nurse, room
from scheduling.core.timeline import DAY_STEPS, Horizon
from scheduling.core.wishes import Wishes

from ..core.clinics import IV, NEW_YORK, SHORT, THRICE_A_WEEK, TWICE_A_WEEK

CHAIRS, NURSES, CAPACITY, DAYS = 20, 10, 3, 28
LOADS = (0.30, 0.95)
"""The share of the visits that chairs and nurses allow, from - to."""
LONG = Pattern.of(
    (
        Phase(PhaseKind.CHECK_IN, 15),
        Phase(PhaseKind.PREPARATION, 20),
        Phase(PhaseKind.TREATMENT, 120),
        Phase(PhaseKind.RECOVERY, 60),
        Phase(PhaseKind.DISCHARGE, 10),
        Phase(PhaseKind.TURNOVER, 15),
    )
)
CADENCES = (
    TWICE_A_WEEK,
    THRICE_A_WEEK,
    Cadence(per_week=2, min_gap_days=2, floor_hours=48, max_gap_days=7, ideal_low=2, ideal_high=5, max_per_7_days=2),
    Cadence(per_week=1, min_gap_days=5, floor_hours=112, max_gap_days=10, ideal_low=7, ideal_high=7, max_per_7_days=1),
    Cadence(per_week=1, min_gap_days=4, floor_hours=90, max_gap_days=10, ideal_low=6, ideal_high=8, max_per_7_days=2),
    Cadence(per_week=3, min_gap_days=1, floor_hours=22, max_gap_days=5, ideal_low=2, ideal_high=3, max_per_7_days=4),
)  # fmt: skip
SEASONS = (
    (NEW_YORK, date(2026, 6, 1)),
    (NEW_YORK, date(2026, 2, 23)),  # clocks go forward on 8 March
    (ZoneInfo("Europe/Berlin"), date(2026, 10, 12)),  # and back on 25 October
)
T = TypeVar("T")


def realistic(seed: int) -> CourseProblem:
    """One course asked of a clinic with 20 chairs and 10 nurses over 28 days; about one in four has no plan."""
    chance = Random(seed)
    zone, since = chance.choice(SEASONS)
    horizon = Horizon.of(zone, since, since + timedelta(days=DAYS - 1))
    pattern = chance.choice([IV, IV, IV, SHORT, LONG])
    site = _Site(chance, horizon, pattern)
    site.fill(chance.uniform(*LOADS), tidy=chance.random() < 0.5)
    wishes, reference = (
        _wishes(chance, horizon),
        _maybe(chance, 0.2, chance.choice([9 * 60, 10 * 60 + 20, 14 * 60])),
    )
    problem = CourseProblem(
        horizon=horizon,
        pattern=pattern,
        cadence=chance.choice(CADENCES),
        sessions=chance.randint(1, 8),
        chairs=site.free_chairs(),
        nurses=site.nurses(),
        patient=horizon.full & ~_busy(chance, horizon),
        open=site.open,
        not_before=horizon.origin + chance.choice([0, 0, 26 * 12, chance.randrange(10 * DAY_STEPS)]),
        wishes=wishes,
        closures=_ranges(chance, horizon) if chance.random() < 0.3 else (),
        prescriber=_maybe(chance, 0.3, site.prescribers(chance)),
        not_after=_maybe(chance, 0.15, horizon.days[chance.randint(9, DAYS - 1)].date),
        existing=_existing(chance, horizon),
        reference=reference,
        main_nurse=_maybe(chance, 0.2, chance.randint(101, 100 + NURSES)),
        grid_minutes=chance.choice([15, 15, 15, 30, 10]),
    )
    return _squeezed(chance, problem) if chance.random() < 0.1 else problem


def squeezed(seed: int) -> CourseProblem:
    """The same kind of clinic with three things more that leave little room, so that most have no plan."""
    chance, problem = Random(seed), realistic(10_000 + seed)
    for _time in range(3):
        problem = _squeezed(chance, problem)
    return problem


class _Site:
    """Claims on chairs and nurses as lists of step intervals."""

    def __init__(self, chance: Random, horizon: Horizon, pattern: Pattern) -> None:
        self.chance, self.horizon, self.pattern = chance, horizon, pattern
        opens, closes = chance.choice([(8, 18), (8, 18), (7, 17), (9, 19)])
        weekdays = range(6 if chance.random() < 0.25 else 5)
        self.spells = [
            (day.first + opens * 12, day.first + closes * 12)
            for day in horizon.days
            if day.date.weekday() in weekdays and day.steps == DAY_STEPS
        ]
        self.open = horizon.mask(self.spells)
        self.chairs: dict[int, list[tuple[int, int]]] = {chair: [] for chair in range(1, CHAIRS + 1)}
        self.monitoring: dict[int, list[tuple[int, int]]] = {n: [] for n in range(101, 101 + NURSES)}
        self.hands_on: dict[int, list[tuple[int, int]]] = {n: [] for n in self.monitoring}
        self.shifts = {nurse: self._shift() for nurse in self.monitoring}

    def _shift(self) -> list[tuple[int, int]]:
        """Full, early or late, with one weekday off for some."""
        kind, off = (
            self.chance.choice(["full", "full", "early", "late"]),
            self.chance.choice([None, None, *range(5)]),
        )
        cut = {"full": (0, 0), "early": (0, 36), "late": (36, 0)}[kind]
        return [
            (first + cut[0], last - cut[1])
            for first, last in self.spells
            if self.horizon.local_date(first).weekday() != off
        ]

    def fill(self, share: float, *, tidy: bool) -> None:
        """Book each day as full as chairs and nurses allow, then cancel visits until the share is left.

        ``tidy``: visits stand back to back, as a planner leaves them; else anywhere.
        """
        for first, last in self.spells:
            booked = [
                visit
                for chair in self.chairs
                for start in self._wanted(first, last, tidy)
                if (visit := self._book(chair, start)) is not None
            ]
            self.chance.shuffle(booked)
            for chair, nurse, start in booked[round(share * len(booked)) :]:
                needs = self.pattern.needs(start)
                self.chairs[chair].remove(needs.chair)
                self.monitoring[nurse].remove(needs.monitoring)
                for span in needs.hands_on:
                    self.hands_on[nurse].remove(span)

    def _wanted(self, first: int, last: int, tidy: bool) -> list[int]:
        latest = last - self.pattern.patient
        if tidy:
            begin = first + 3 * self.chance.randrange(6)
            return list(range(begin, latest + 1, -(-self.pattern.chair // 3) * 3))
        tries = 8 * (last - first) // self.pattern.chair
        return [first + 3 * self.chance.randrange((latest - first) // 3 + 1) for _try in range(tries)]

    def _book(self, chair: int, start: int) -> tuple[int, int, int] | None:
        needs = self.pattern.needs(start)
        if any(_meet(claim, needs.chair) for claim in self.chairs[chair]):
            return None
        able = [nurse for nurse in self.monitoring if self._able(nurse, start)]
        if not able:
            return None
        nurse = self.chance.choice(able)
        self.chairs[chair].append(needs.chair)
        self.monitoring[nurse].append(needs.monitoring)
        self.hands_on[nurse] += needs.hands_on
        return chair, nurse, start

    def _able(self, nurse: int, start: int) -> bool:
        needs = self.pattern.needs(start)
        watch = needs.monitoring
        near = [claim for claim in self.monitoring[nurse] if _meet(claim, watch)]
        return (
            any(a <= watch[0] and watch[1] <= b for a, b in self.shifts[nurse])
            and all(sum(a <= at < b for a, b in near) < CAPACITY for at in (watch[0], *(a for a, _b in near)))
            and not any(_meet(claim, span) for claim in self.hands_on[nurse] for span in needs.hands_on)
        )

    def free_chairs(self) -> dict[int, int]:
        return {chair: self.horizon.free(claims) for chair, claims in self.chairs.items()}

    def nurses(self) -> tuple[Nurse, ...]:
        horizon = self.horizon
        return tuple(
            Nurse(
                nurse,
                shift=horizon.mask(self.shifts[nurse]),
                monitoring=room([horizon.mask([claim]) for claim in claims], CAPACITY, horizon.full),
                hands_on=horizon.free(self.hands_on[nurse]),
            )
            for nurse, claims in self.monitoring.items()
        )

    def prescribers(self, chance: Random) -> int:
        """On site on most weekdays, some of them for half a day."""
        return self.horizon.mask(
            (first, last - chance.choice([0, 0, 48])) for first, last in self.spells if chance.random() < 0.8
        )


def _squeezed(chance: Random, problem: CourseProblem) -> CourseProblem:
    """The same with something that leaves little room or none."""
    horizon, wishes = problem.horizon, problem.wishes
    kind = chance.choice(["order", "days", "times", "chairs", "nurses", "away", "booked"])
    middle = horizon.days[chance.randint(6, 16)].date
    away = ((middle, middle + timedelta(days=chance.randint(8, 24))),)
    weekday = frozenset({chance.randrange(5)})
    weeks = horizon.mask((day.first, day.last) for day in horizon.days[: chance.randint(10, 24)])
    booked = horizon.days[chance.randrange(4) :: chance.choice([3, 4, 4])]
    changes: dict[str, dict[str, object]] = {
        "order": {"not_after": middle},
        "away": {"wishes": replace(wishes, blackouts=away)},
        "days": {"wishes": replace(wishes, only_weekdays=weekday)},
        "times": {"wishes": replace(wishes, only_windows=((10 * 60, 12 * 60 + 30),))},
        "booked": {"existing": tuple(day.first + 10 * 12 for day in booked)},
        "chairs": {"chairs": {chair: free & ~weeks for chair, free in problem.chairs.items()}},
        "nurses": {
            "nurses": tuple(replace(one, monitoring=one.monitoring & ~weeks) for one in problem.nurses)
        },
    }
    return replace(problem, **changes[kind])  # type: ignore[arg-type]


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _maybe(chance: Random, share: float, value: T) -> T | None:
    return value if chance.random() < share else None


def _busy(chance: Random, horizon: Horizon) -> int:
    """Some afternoons on which the patient is elsewhere."""
    days = [day for day in horizon.days if chance.random() < 0.1]
    return horizon.mask((day.first + 13 * 12, day.first + 16 * 12) for day in days)


def _existing(chance: Random, horizon: Horizon) -> tuple[int, ...]:
    """Mostly none; else the visits before a later part of a course, and at times some ahead."""
    kind = chance.random()
    if kind < 0.6:
        return ()
    ten = 10 * 12
    before = [
        horizon.days[0].first - day * DAY_STEPS + ten
        for day in chance.sample(range(1, 15), chance.randint(1, 3))
    ]
    ahead = [horizon.days[day].first + ten for day in chance.sample(range(3, DAYS), 2)]
    return tuple([*before, *ahead] if kind > 0.85 else before)


def _ranges(chance: Random, horizon: Horizon) -> tuple[tuple[date, date], ...]:
    day = chance.choice(horizon.days).date
    return ((day, day + timedelta(days=chance.randint(0, 4))),)


def _wishes(chance: Random, horizon: Horizon) -> Wishes:
    def some(share: float, weekdays: int) -> frozenset[int]:
        return frozenset(chance.sample(range(5), weekdays)) if chance.random() < share else frozenset()

    windows = chance.choice([(), (), ((8 * 60, 11 * 60),), ((13 * 60, 18 * 60),)])
    return Wishes(
        only_weekdays=some(0.15, 3),
        never_weekdays=some(0.2, 1),
        prefer_weekdays=some(0.4, 2),
        only_windows=((9 * 60, 15 * 60),) if chance.random() < 0.1 else (),
        never_windows=((12 * 60, 12 * 60 + 30),) if chance.random() < 0.1 else (),
        prefer_windows=windows,
        blackouts=_ranges(chance, horizon) if chance.random() < 0.2 else (),
    )
