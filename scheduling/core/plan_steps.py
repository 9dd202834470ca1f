"""A follow-up plan as steps: n visits a week or one every k weeks, each for some weeks; the last may be open.

Week 1 begins on the local date after ``starts_after``, the date of the last infusion. All dates are the clinic's
local dates. The figures are a prescriber's; the presets only fill in a form (facts/clinical.md "Maintenance").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from .cadence import Cadence

WEEK = 7
MOST_WEEKS = 104
MOST_PER_WEEK = 7
MOST_BETWEEN = 26
"""A step is at most one visit every so many weeks."""
LATE_DAYS = 3
"""So many days a visit may lie behind the end of its step and still belong to it: a closed day shifts it."""
EARLY_DAYS = 3
"""So many days a visit every k weeks may come early; at most (DESIGN: a weekday to either side of a weekend)."""
LONGER_DAYS = 7
"""Beyond the step's interval and so many days a gap is flagged (facts: the overdue alert)."""
WEEKLY_LONGEST = 14
"""The longest gap of weekly treatment before it is flagged (facts: "Spacing")."""


class StepError(ValueError):
    """Steps that make no plan; ``code`` says why and ``index`` which step, where it is one."""

    def __init__(self, code: str, index: int | None = None) -> None:
        """Keep what is wrong and where."""
        super().__init__(code)
        self.code, self.index = code, index


@dataclass(frozen=True, slots=True)
class Step:
    """``per_week`` visits a week, or one ``every_weeks`` weeks, for ``weeks`` weeks; None = until a review.

    Raises StepError: ``step_frequency`` unless exactly one of the two is given within 1-7 or 1-26,
    ``step_weeks`` outside 1-104 weeks, ``step_too_short`` where not even one visit falls into it.
    """

    per_week: int | None = None
    every_weeks: int | None = None
    weeks: int | None = None

    def __post_init__(self) -> None:
        if (self.per_week is None) == (self.every_weeks is None):
            raise StepError("step_frequency")
        if not 1 <= (self.per_week or 1) <= MOST_PER_WEEK or self.per_week == 0:
            raise StepError("step_frequency")
        if not 1 <= (self.every_weeks or 1) <= MOST_BETWEEN or self.every_weeks == 0:
            raise StepError("step_frequency")
        if self.weeks is not None and not 1 <= self.weeks <= MOST_WEEKS:
            raise StepError("step_weeks")
        if self.weeks is not None and self.every_weeks is not None and self.weeks < self.every_weeks:
            raise StepError("step_too_short")

    @property
    def visits(self) -> int | None:
        """How many visits the step has in all; None for an open one."""
        if self.weeks is None:
            return None
        return self.weeks * (self.per_week or 1) // (self.every_weeks or 1)

    @property
    def interval(self) -> int:
        """Days from one visit to the next, rounded down."""
        return WEEK * (self.every_weeks or 1) // (self.per_week or 1)

    @property
    def late_days(self) -> int:
        """How far behind the step's end its last visit may lie: never so far that one more would fit."""
        return min(LATE_DAYS, self.interval - 1)

    def after(self, count: int) -> timedelta:
        """When the ``count``-th visit ideally follows a given one: in whole days, rounded up."""
        return timedelta(days=-(-WEEK * (self.every_weeks or 1) * count // (self.per_week or 1)))


@dataclass(frozen=True, slots=True)
class Window:
    """A step with its first and last local date; ``last`` is None for an open step."""

    index: int
    step: Step
    first: date
    last: date | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Visits that follow one another within one step, with the local dates they ideally fall on."""

    index: int
    step: Step
    targets: tuple[date, ...]


class Stuck(StrEnum):
    """Why a plan is not booked any further."""

    ORDER_USED_UP = "order_used_up"
    """All infusions of the order are used or booked."""
    ORDER_ENDS = "order_expires"
    """The next visit would be later than the order is valid, or the order is closed."""
    REVIEW_OVERDUE = "review_overdue"
    """More than 14 days behind a review date that nobody has dealt with."""
    NO_PLACE = "no_place"
    """No place is free that fits."""
    REFUSED = "refused"
    """A rule of booking stands in the way, such as a missing consent."""
    OVER = "plan_over"
    """All steps are over."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Steps to start from; ``sources`` are numbers of facts/clinical.md."""

    code: str
    steps: tuple[Step, ...]
    sources: tuple[int, ...]


PRESETS = (
    Preset("weekly", (Step(per_week=1, weeks=4),), (3,)),
    Preset(
        "taper",
        (Step(per_week=1, weeks=4), Step(every_weeks=2, weeks=8), Step(every_weeks=4, weeks=12)),
        (11,),
    ),
    Preset("esketamine", (Step(per_week=1, weeks=4), Step(every_weeks=2)), (19, 20)),
)
"""Weekly for 4 weeks; the taper; esketamine from week 5 on."""


def check_steps(steps: Sequence[Step], cadence: Cadence) -> None:
    """Raise StepError for steps that contradict one another or the protocol's spacing.

    ``no_steps``; ``open_not_last``; ``step_too_often`` for more visits in 7 days than the protocol allows or than
    its shortest gap leaves room for; ``step_too_near`` for an interval below the shortest gap.
    """
    if not steps:
        raise StepError("no_steps")
    for index, step in enumerate(steps):
        if step.weeks is None and index < len(steps) - 1:
            raise StepError("open_not_last", index)
        count = step.per_week or 1
        if count > cadence.max_per_7_days or (count > 1 and count * cadence.min_gap_days > WEEK):
            raise StepError("step_too_often", index)
        if WEEK * (step.every_weeks or 1) < cadence.min_gap_days:
            raise StepError("step_too_near", index)


def windows(steps: Sequence[Step], starts_after: date) -> Iterator[Window]:
    """The steps one after another; week 1 begins the day after ``starts_after``."""
    first = starts_after + timedelta(days=1)
    for index, step in enumerate(steps):
        last = None if step.weeks is None else first + timedelta(days=WEEK * step.weeks - 1)
        yield Window(index, step, first, last)
        if last is None:
            return
        first = last + timedelta(days=1)


def in_force(steps: Sequence[Step], starts_after: date, day: date) -> int | None:
    """The index of the step on a local date; None before the first and after the last."""
    for window in windows(steps, starts_after):
        if window.first <= day and (window.last is None or day <= window.last):
            return window.index
    return None


def cadence_for(step: Step, protocol: Cadence) -> Cadence:
    """The protocol's spacing with the step's frequency.

    n a week: the protocol's shortest gap, at most n in any 7 days, ideally 7/n days apart. One every k weeks:
    ideally 7k days, at most EARLY_DAYS early; flagged from LONGER_DAYS late on.
    """
    if step.every_weeks is None:
        count = step.per_week or 1
        low = max(protocol.min_gap_days, WEEK // count)
        high = max(low, -(-WEEK // count))
        longest = max(protocol.max_gap_days, high, WEEKLY_LONGEST if count == 1 else 0)
        least = protocol.min_gap_days
    else:
        count = 1
        least = max(protocol.min_gap_days, WEEK * step.every_weeks - EARLY_DAYS)
        low = high = max(least, WEEK * step.every_weeks)
        longest = high + LONGER_DAYS
    return Cadence(
        per_week=count,
        min_gap_days=least,
        floor_hours=protocol.floor_hours,
        max_gap_days=longest,
        ideal_low=low,
        ideal_high=high,
        max_per_7_days=count,
    )


def stretches(
    steps: Sequence[Step],
    starts_after: date,
    visits: Sequence[date],
    today: date,
    *,
    until: date,
    at_least: int,
    at_most: int,
) -> tuple[Stretch, ...]:
    """The visits that come next, behind the last of ``visits``, step by step with their ideal local dates.

    All up to ``until``, and beyond it as many as are needed for ``at_least``; never more than ``at_most``. What
    was missed or cancelled is not made up for: the next visits follow the last one, never before tomorrow.
    """
    last, found, left = max([starts_after, *visits]), list[Stretch](), at_most
    rest = sorted(day for day in visits if day > starts_after)
    for window in windows(steps, starts_after):
        own, rest = _own(window, rest)
        targets = []
        for target in _targets(window, own, last, today):
            if not left or (target > until and at_most - left >= at_least):
                break
            targets.append(target)
            left -= 1
        if targets:
            found.append(Stretch(window.index, window.step, tuple(targets)))
            last = targets[-1]
    return tuple(found)


def _own(window: Window, visits: Sequence[date]) -> tuple[int, list[date]]:
    """How many of the visits, rising, are the step's: as many as it has, also late ones; and the others."""
    own = 0
    if window.last is None or window.step.visits is None:
        return own, []
    latest = window.last + timedelta(days=window.step.late_days)
    while own < window.step.visits and own < len(visits) and visits[own] <= latest:
        own += 1
    return own, list(visits[own:])


def _targets(window: Window, own: int, last: date, today: date) -> Iterator[date]:
    """The ideal dates of one step's visits behind ``last``, one after another; endless for an open step."""
    step = window.step
    interval = timedelta(days=step.interval)
    base = max(last, today + timedelta(days=1) - interval, window.first - interval)
    latest = None if window.last is None else window.last + timedelta(days=step.late_days)
    count = 0
    while step.visits is None or own + count < step.visits:
        count += 1
        target = base + step.after(count)
        if latest is not None and target > latest:
            return
        yield target
