"""The planner's task by its definition, bit by bit and plan by plan: slow, and sharing nothing with the planner."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache, cached_property
from itertools import pairwise

from scheduling.core.planner import Cost, Ranking
from scheduling.core.problem import CourseProblem, Nurse
from scheduling.core.reasons import NURSE_RULES, Rule
from scheduling.core.timeline import from_step

Priced = tuple[tuple[int, ...], Cost, tuple[int, ...]]
"""Starts, their cost and the chairs that go with it."""

CHANGE = ("moved", "days")
LEVELS = {
    Ranking.BEST_FIT: (*CHANGE, "cadence", "wishes", "finish", "weekday", "time", "nurse", "broken"),
    Ranking.SOONEST: (*CHANGE, "finish", "cadence", "wishes", "weekday", "time", "nurse", "broken"),
    Ranking.STEADIEST: (*CHANGE, "cadence", "weekday", "time", "nurse", "wishes", "finish", "broken"),
}


class BruteForce:
    """All plans of one small problem."""

    def __init__(self, problem: CourseProblem) -> None:
        self.problem = problem
        self.horizon = problem.horizon
        self.existing = sorted(problem.existing)

    @cached_property
    def plans(self) -> list[Priced]:
        """Every plan there is."""
        return list(self._all_plans())

    def best(self, ranking: Ranking) -> Priced | None:
        """The plan with the least cost, then the earliest starts."""
        if not self.plans:
            return None

        def rank(plan: Priced) -> tuple[object, ...]:
            return tuple(getattr(plan[1], level) for level in LEVELS[ranking]), plan[0]

        return min(self.plans, key=rank)

    def single_starts(self) -> list[int]:
        """The starts on the grid that keep every rule of a single visit, and those at which a session may stay."""
        return [
            step
            for step in range(self.horizon.origin, self.horizon.origin + self.horizon.length)
            if (self._minute(step) % self.problem.grid_minutes == 0 and self.fits(step)) or self.stays(step)
        ]

    def stays(self, start: int) -> bool:
        """Whether a session that is there now may stay: wishes and lead time do not bind it."""
        former = self.problem.former
        agreed = {Rule.LEAD_TIME, Rule.WISH_DAYS, Rule.WISH_TIMES, Rule.BLACKOUT}
        return (
            former is not None
            and start in former.kept
            and not self.broken(start) - agreed
            and bool(self.nurses(start))
        )

    def fits(self, start: int) -> bool:
        """Whether a visit can start at a step, seats included, other visits apart."""
        return not self.broken(start) and bool(self.nurses(start))

    @cache  # noqa: B019 - the object lives for one test
    def broken(self, start: int) -> frozenset[Rule]:
        """The rules that one visit breaks by itself, its nurse and other visits apart."""
        problem, day = self.problem, self._date(start)
        stay = range(start, start + problem.pattern.patient)
        dates = {self._date(step) for step in stay}
        shown = from_step(start).astimezone(self.horizon.zone)
        minutes = [self._minute(step) for step in stay]
        wishes = problem.wishes
        kept = {
            Rule.HORIZON: start in self.horizon and start + problem.pattern.chair - 1 in self.horizon,
            Rule.LEAD_TIME: start >= problem.not_before,
            Rule.ORDER_END: problem.not_after is None or day <= problem.not_after,
            Rule.CLOCK_CHANGE: shown.replace(fold=0).utcoffset() == shown.replace(fold=1).utcoffset(),
            Rule.OPENING: self._has(problem.open, stay),
            Rule.CLOSURE: not any(a <= one <= b for one in dates for a, b in problem.closures),
            Rule.CHAIR: bool(self.chairs(start)),
            Rule.PATIENT: self._has(problem.patient, stay),
            Rule.PRESCRIBER: self._prescribed(start),
            Rule.WISH_DAYS: day.weekday() not in wishes.never_weekdays
            and (not wishes.only_weekdays or day.weekday() in wishes.only_weekdays),
            Rule.WISH_TIMES: all(self._timely(minute) for minute in minutes),
            Rule.BLACKOUT: not any(a <= one <= b for one in dates for a, b in wishes.blackouts),
        }
        return frozenset(rule for rule, keeps in kept.items() if not keeps)

    def _timely(self, minute: int) -> bool:
        wishes = self.problem.wishes
        return (not wishes.only_windows or any(a <= minute < b for a, b in wishes.only_windows)) and not any(
            a <= minute < b for a, b in wishes.never_windows
        )

    def alone(self, start: int) -> bool:
        """Whether a visit keeps its distance to every existing one."""
        return not self.near(start)

    def near(self, start: int) -> frozenset[Rule]:
        """The spacing rules that a visit breaks against existing ones, the most per 7 days apart."""
        cadence = self.problem.cadence
        days = [abs((self._date(start) - self._date(other)).days) for other in self.existing]
        hours = [abs(start - other) / 12 for other in self.existing]
        kept = {
            Rule.ONE_A_DAY: 0 not in days,
            Rule.MIN_GAP: all(gap >= cadence.min_gap_days for gap in days),
            Rule.FLOOR_HOURS: all(gap >= cadence.floor_hours for gap in hours),
        }
        return frozenset(rule for rule, keeps in kept.items() if not keeps)

    def causes(self, day: int) -> set[frozenset[Rule]]:
        """Every smallest set of at most three rules that, lifted together, frees a start on a day.

        Sets with the opening hours in them only where there is no other.
        """
        local = self.horizon.days[day]
        nurses = [*self.problem.nurses]
        sets: set[frozenset[Rule]] = set()
        for start in range(local.first, local.last):
            if self._minute(start) % self.problem.grid_minutes == 0:
                alone = self.broken(start) | self.near(start)
                if not alone & {Rule.HORIZON, Rule.ORDER_END}:
                    sets |= {alone | self.nurse_broken(nurse, start) for nurse in nurses}
                    sets.add(alone | set(NURSE_RULES))
        least = {one for one in sets if len(one) <= 3 and not any(other < one for other in sets)}
        return {one for one in least if Rule.OPENING not in one} or least

    def nurse_broken(self, nurse: Nurse, start: int) -> frozenset[Rule]:
        """The rules that keep one nurse from a visit."""
        pattern = self.problem.pattern
        watch = range(start + pattern.nurse[0], start + pattern.nurse[1])
        hands = [step for a, b in pattern.hands_on for step in range(start + a, start + b)]
        kept = {
            Rule.NURSE_SHIFT: self._has(nurse.shift, watch),
            Rule.NURSE_MONITORING: self._has(nurse.monitoring, watch),
            Rule.NURSE_HANDS_ON: self._has(nurse.hands_on, hands),
        }
        return frozenset(rule for rule, keeps in kept.items() if not keeps)

    def _prescribed(self, start: int) -> bool:
        first, last = self.problem.pattern.prescriber
        mask = self.problem.prescriber
        return mask is None or self._has(mask, range(start + first, start + last))

    @cache  # noqa: B019
    def chairs(self, start: int) -> list[int]:
        """The chairs that are free for a visit."""
        span = range(start, start + self.problem.pattern.chair)
        return [chair for chair, free in sorted(self.problem.chairs.items()) if self._has(free, span)]

    @cache  # noqa: B019
    def nurses(self, start: int) -> list[int]:
        """The nurses who can take a visit."""
        return [nurse.id for nurse in self.problem.nurses if not self.nurse_broken(nurse, start)]

    def _has(self, mask: int, steps: Sequence[int]) -> bool:
        return all(step in self.horizon and mask >> (step - self.horizon.origin) & 1 for step in steps)

    @cache  # noqa: B019
    def _date(self, step: int) -> date:
        return from_step(step).astimezone(self.horizon.zone).date()

    @cache  # noqa: B019
    def _minute(self, step: int) -> int:
        local = from_step(step).astimezone(self.horizon.zone)
        return local.hour * 60 + local.minute

    def _all_plans(self) -> Iterator[Priced]:
        singles = self.single_starts()

        def extend(chosen: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
            if len(chosen) == self.problem.sessions:
                yield chosen
                return
            for step in singles:
                if (not chosen or step > chosen[-1]) and self._spaced((*chosen, step)):
                    yield from extend((*chosen, step))

        for starts in extend(()):
            yield self._priced(starts)

    def _spaced(self, starts: tuple[int, ...]) -> bool:
        """Whether no spacing rule breaks that involves one of the new sessions."""
        cadence = self.problem.cadence
        merged = sorted([*starts, *self.existing])
        apart = max(cadence.floor_hours * 12, self.problem.pattern.chair)
        for before, after in pairwise(merged):
            if before not in starts and after not in starts:
                continue
            both_new = before in starts and after in starts
            days = (self._date(after) - self._date(before)).days
            if days < cadence.min_gap_days or after - before < (
                apart if both_new else cadence.floor_hours * 12
            ):
                return False
        for index in range(cadence.max_per_7_days, len(merged)):
            window = merged[index - cadence.max_per_7_days : index + 1]
            if set(window) & set(starts) and (self._date(window[-1]) - self._date(window[0])).days < 7:
                return False
        return True

    def _priced(self, starts: tuple[int, ...]) -> Priced:
        chairs = [min((self._left(start, chair), chair) for chair in self.chairs(start)) for start in starts]
        dates = [self._date(start) for start in starts]
        minutes = [self._minute(start) for start in starts]
        wishes = self.problem.wishes
        given = self.problem.reference
        references = (
            [*range(min(minutes), max(minutes) + 1, self.problem.grid_minutes), *minutes]
            if given is None
            else [given]
        )
        former = self.problem.former
        return (
            starts,
            Cost(
                cadence=self._cadence(starts),
                wishes=sum(
                    bool(wishes.prefer_weekdays) and d.weekday() not in wishes.prefer_weekdays for d in dates
                )
                + sum(
                    bool(wishes.prefer_windows) and not any(a <= m < b for a, b in wishes.prefer_windows)
                    for m in minutes
                ),
                finish=(dates[-1] - self.horizon.days[0].date).days,
                weekday=self._irregular(starts),
                time=min(sum(abs(minute - reference) for minute in minutes) for reference in references),
                nurse=self._missed(starts),
                broken=sum(left for left, _chair in chairs),
                moved=sum(start not in former.kept for start in starts) if former else 0,
                days=sum(
                    abs((self._date(was) - day).days)
                    for was, day in zip(former.starts if former else (), dates, strict=False)
                ),
            ),
            tuple(chair for _left, chair in chairs),
        )

    def _cadence(self, starts: tuple[int, ...]) -> int:
        cadence = self.problem.cadence
        merged = sorted([*starts, *self.existing])
        cost = 0
        for before, after in pairwise(merged):
            if before in starts or after in starts:
                gap = (self._date(after) - self._date(before)).days
                if gap < cadence.ideal_low:
                    cost += cadence.ideal_low - gap
                if gap > cadence.ideal_high:
                    cost += gap - cadence.ideal_high
        if merged[0] == starts[0]:
            since = max(self._date(self.problem.not_before), self.horizon.days[0].date)
            cost += max(0, (self._date(starts[0]) - since).days - 7)
        return cost

    def _irregular(self, starts: tuple[int, ...]) -> int:
        merged = sorted([*starts, *self.existing])
        back = self.problem.cadence.per_week
        week = timedelta(days=7)
        return sum(
            self._date(after) - self._date(before) != week
            for before, after in zip(merged, merged[back:], strict=False)
            if after in starts
        )

    def _missed(self, starts: tuple[int, ...]) -> int:
        given = self.problem.main_nurse
        possible = [nurse.id for nurse in self.problem.nurses] if given is None else [given]
        return min(sum(nurse not in self.nurses(start) for start in starts) for nurse in possible)

    @cache  # noqa: B019
    def _left(self, start: int, chair: int) -> int:
        """Minutes of free chair time directly before and after a visit, each where shorter than a visit."""
        free, length = self.problem.chairs[chair], self.problem.pattern.chair
        total = 0
        for step, direction in ((start - 1, -1), (start + length, 1)):
            run = 0
            while run < length and self._usable(free, step):
                run, step = run + 1, step + direction  # noqa: PLW2901
            total += run if run < length else 0
        return total * 5

    def _usable(self, free: int, step: int) -> bool:
        return (
            self._has(free, [step])
            and self._has(self.problem.open, [step])
            and not any(since <= self._date(step) <= until for since, until in self.problem.closures)
        )
