"""Where one visit of a problem can be, start by start, from the words of docs/planner.md, without the planner's code.

Free time is a sorted list of taken steps here, where the planner shifts masks: a mistake in one is not in the other.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from scheduling.core.problem import CourseProblem, Nurse
from scheduling.core.reasons import NURSE_RULES, Rule
from scheduling.core.timeline import STEP_MINUTES, from_step

Lifted = Mapping[date, frozenset[Rule]]
"""Rules that do not count for a visit that starts on a local date."""


class Free:
    """The free steps of one seat, counted from the horizon's first step."""

    def __init__(self, mask: int, length: int) -> None:
        """``mask``: the free steps as bits; everything beyond ``length`` is taken."""
        bits = f"{mask:0{length}b}"[::-1]
        self._taken = [-1, *(at for at, bit in enumerate(bits) if bit == "0"), length]

    def holds(self, first: int, last: int) -> bool:
        """Whether every step of ``[first, last)`` is free."""
        return first >= 0 and self.until(first) >= last

    def until(self, first: int) -> int:
        """The first taken step from ``first`` on."""
        return self._taken[min(bisect_left(self._taken, first), len(self._taken) - 1)]

    def since(self, first: int) -> int:
        """The first step of the free stretch that ends right before ``first``."""
        return self._taken[bisect_left(self._taken, first) - 1] + 1


@dataclass(frozen=True, slots=True)
class Start:
    """One possible start: its step, its day counted from the horizon's first date, its wall minute.

    ``misses``: preferences it misses, 0 to 2. ``broken``: the least minutes of short free chair time beside it.
    """

    step: int
    day: int
    minute: int
    misses: int
    nurses: frozenset[int]
    broken: int


class Places:
    """All starts on the grid of one problem."""

    def __init__(self, problem: CourseProblem, lifted: Lifted | None = None) -> None:
        """``lifted``: rules of a single visit that do not count on some dates."""
        self.problem = problem
        self._lifted = lifted or {}
        horizon = problem.horizon
        length = horizon.length
        opened = problem.open & horizon.days_mask(lambda day: not self._closed(day))
        self._open = Free(problem.open, length)
        self._patient = Free(problem.patient, length)
        self._prescriber = None if problem.prescriber is None else Free(problem.prescriber, length)
        self._chairs = {chair: Free(mask, length) for chair, mask in problem.chairs.items()}
        self._usable = {chair: Free(mask & opened, length) for chair, mask in problem.chairs.items()}
        self._nurses = [
            (nurse, tuple(Free(mask, length) for mask in (nurse.shift, nurse.monitoring, nurse.hands_on)))
            for nurse in problem.nurses
        ]
        self._others = [(horizon.local_date(start), start) for start in problem.existing]

    @cached_property
    def starts(self) -> list[Start]:
        """The starts that keep every rule of a single visit and those to the visits already booked, rising."""
        return [start for day in range(len(self.problem.horizon.days)) for start in self.on_day(day)]

    def on_day(self, index: int) -> Iterator[Start]:
        """The possible starts of one day, counted from the horizon's first date."""
        day = self.problem.horizon.days[index]
        lifted = self._lifted.get(day.date, frozenset())
        for step, minute in self.grid(index):
            if all(rule in lifted for rule in self.broken(step)):
                able = [nurse.id for nurse in self.problem.nurses if not self.lacks(nurse, step) - lifted]
                if able or lifted.issuperset(NURSE_RULES):
                    yield self._start(index, step, minute, able)

    def grid(self, index: int) -> Iterator[tuple[int, int]]:
        """The steps of one day on the grid of proposed starts, with their wall minutes."""
        day, zone = self.problem.horizon.days[index], self.problem.horizon.zone
        for step in range(day.first, day.last):
            local = from_step(step).astimezone(zone) if day.walls else None
            minute = local.hour * 60 + local.minute if local else (step - day.first) * STEP_MINUTES
            if minute % self.problem.grid_minutes == 0:
                yield step, minute

    def broken(self, start: int) -> Iterator[Rule]:
        """The rules that a visit breaks by itself or with a visit already booked, the nurse apart."""
        problem, origin = self.problem, self.problem.horizon.origin
        cadence, needs = problem.cadence, problem.pattern.needs(start - problem.horizon.origin)
        day = problem.horizon.local_date(start)
        if problem.not_after is not None and day > problem.not_after:
            yield Rule.ORDER_END
        if start < problem.not_before:
            yield Rule.LEAD_TIME
        if not self._open.holds(*needs.patient):
            yield Rule.OPENING
        dates = {day, problem.horizon.local_date(origin + needs.patient[1] - 1)}
        if any(map(self._closed, dates)):
            yield Rule.CLOSURE
        if needs.chair[1] > problem.horizon.length:
            yield Rule.HORIZON
        shown = from_step(start).astimezone(problem.horizon.zone)
        if shown.replace(fold=0).utcoffset() != shown.replace(fold=1).utcoffset():
            yield Rule.CLOCK_CHANGE
        if not self._patient.holds(*needs.patient):
            yield Rule.PATIENT
        if self._prescriber and not self._prescriber.holds(*needs.prescriber):
            yield Rule.PRESCRIBER
        yield from self._against_wishes(day, dates, needs.patient)
        if any(other == day for other, _step in self._others):
            yield Rule.ONE_A_DAY
        if any(abs((other - day).days) < cadence.min_gap_days for other, _step in self._others):
            yield Rule.MIN_GAP
        if any(abs(step - start) * STEP_MINUTES < cadence.floor_hours * 60 for _day, step in self._others):
            yield Rule.FLOOR_HOURS
        if not any(free.holds(*needs.chair) for free in self._chairs.values()):
            yield Rule.CHAIR

    def lacks(self, nurse: Nurse, start: int) -> frozenset[Rule]:
        """The rules that keep one nurse from a visit."""
        needs = self.problem.pattern.needs(start - self.problem.horizon.origin)
        shift, monitoring, hands_on = next(free for one, free in self._nurses if one is nurse)
        kept = (
            shift.holds(*needs.monitoring),
            monitoring.holds(*needs.monitoring),
            all(hands_on.holds(*span) for span in needs.hands_on),
        )
        return frozenset(rule for rule, keeps in zip(NURSE_RULES, kept, strict=True) if not keeps)

    def _against_wishes(self, day: date, dates: set[date], stay: tuple[int, int]) -> Iterator[Rule]:
        wishes, horizon = self.problem.wishes, self.problem.horizon
        if day.weekday() in wishes.never_weekdays or (
            wishes.only_weekdays and day.weekday() not in wishes.only_weekdays
        ):
            yield Rule.WISH_DAYS
        if any(since <= one <= until for one in dates for since, until in wishes.blackouts):
            yield Rule.BLACKOUT
        if wishes.only_windows or wishes.never_windows:
            walls = [horizon.wall_minute(horizon.origin + at) for at in range(*stay)]
            if any(_within(wall, wishes.never_windows) for wall in walls) or (
                wishes.only_windows and not all(_within(wall, wishes.only_windows) for wall in walls)
            ):
                yield Rule.WISH_TIMES

    def _start(self, index: int, step: int, minute: int, able: list[int]) -> Start:
        wishes, day = self.problem.wishes, self.problem.horizon.days[index].date
        off_day = bool(wishes.prefer_weekdays) and day.weekday() not in wishes.prefer_weekdays
        off_time = bool(wishes.prefer_windows) and not _within(minute, wishes.prefer_windows)
        left = [self.left(chair, step) for chair in self._chairs if self.takes(chair, step)]
        return Start(step, index, minute, off_day + off_time, frozenset(able), min(left, default=0))

    def takes(self, chair: int, start: int) -> bool:
        """Whether a chair is free from check-in to the end of turnover."""
        return self._chairs[chair].holds(
            *self.problem.pattern.needs(start - self.problem.horizon.origin).chair
        )

    def left(self, chair: int, start: int) -> int:
        """Minutes of open chair time left free right before and after a visit, each where shorter than a visit."""
        first, last = self.problem.pattern.needs(start - self.problem.horizon.origin).chair
        usable, length = self._usable[chair], last - first
        before, after = first - usable.since(first), usable.until(last) - last
        return STEP_MINUTES * sum(run for run in (before, after) if run < length)

    def _closed(self, day: date) -> bool:
        return any(since <= day <= until for since, until in self.problem.closures)


def _within(minute: int, windows: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= minute < last for first, last in windows)
