"""Time as 5-minute steps, and masks: one Python int whose bits are the steps of a horizon.

A *step* counts whole 5-minute spans since the Unix epoch in UTC. Bit ``i`` of a mask is the step
``horizon.origin + i``. All intervals are half-open. Local wall minutes count from 00:00 of the local date and come
from the zone's data, never from the number of steps since midnight: a day has 276, 288 or 300 steps
(design.md "Time", traps.md "Time").
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

STEP_MINUTES = 5
STEP_SECONDS = STEP_MINUTES * 60
DAY_STEPS = 24 * 60 // STEP_MINUTES
"""Steps of a day without a clock change."""


def to_step(instant: datetime) -> int:
    """The step that begins at an aware instant. Raises ValueError when naive or not on a whole step."""
    step, rest = divmod(_seconds(instant), STEP_SECONDS)
    if rest or instant.microsecond:
        raise ValueError(f"{instant.isoformat()} is not on a {STEP_MINUTES}-minute step")
    return step


def ceil_step(instant: datetime) -> int:
    """The first step that begins at or after an aware instant. Raises ValueError when naive."""
    return -(-(_seconds(instant) + bool(instant.microsecond)) // STEP_SECONDS)


def floor_step(instant: datetime) -> int:
    """The step in which an aware instant lies. Raises ValueError when naive."""
    return _seconds(instant) // STEP_SECONDS


def from_step(step: int) -> datetime:
    """The aware UTC instant at which a step begins."""
    return datetime.fromtimestamp(step * STEP_SECONDS, UTC)


def _seconds(instant: datetime) -> int:
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Day:
    """One local date: its first UTC step and how many steps it lasts (276, 288 or 300; 0 if skipped).

    ``walls`` is None on a plain day; on a day with a clock change it has the local wall minute of every step.
    ``repeated`` has the bits, from the day's first step on, at which the wall time happens twice: no visit may start
    there.
    """

    date: date
    first: int
    steps: int
    walls: tuple[int, ...] | None = None
    repeated: int = 0

    @property
    def last(self) -> int:
        """The step after the day's last one."""
        return self.first + self.steps


def local_days(zone: ZoneInfo, since: date, until: date) -> tuple[Day, ...]:
    """The local dates from ``since`` to ``until``, both included. Raises ValueError when there is none."""
    return _local_days(zone, since.toordinal(), until.toordinal())


@lru_cache(maxsize=64)
def _local_days(zone: ZoneInfo, since: int, until: int) -> tuple[Day, ...]:
    if until < since:
        raise ValueError("the last date is before the first")
    dates = [date.fromordinal(ordinal) for ordinal in range(since, until + 3)]
    firsts = [to_step(datetime.combine(one, time(), zone).astimezone(UTC)) for one in dates]
    steps = [after - first for first, after in pairwise(firsts)]
    # A repeated hour around midnight touches the day before the longer one as well.
    return tuple(
        Day(day, first, length)
        if length == following == DAY_STEPS
        else _changing_day(zone, day, first, length)
        for day, first, length, following in zip(dates, firsts, steps, steps[1:], strict=False)
    )


def _changing_day(zone: ZoneInfo, day: date, first: int, steps: int) -> Day:
    locals_ = [from_step(step).astimezone(zone) for step in range(first, first + steps)]
    twice = [local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset() for local in locals_]
    return Day(
        day,
        first,
        steps,
        walls=tuple(local.hour * 60 + local.minute for local in locals_),
        repeated=sum(1 << index for index, again in enumerate(twice) if again),
    )


@dataclass(frozen=True, slots=True)
class Horizon:
    """The local days that a plan may use, in one zone, without a hole; and the masks over them."""

    zone: ZoneInfo
    days: tuple[Day, ...]
    origin: int = field(init=False)
    length: int = field(init=False)
    _firsts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ordinals = [day.date.toordinal() for day in self.days]
        if not ordinals or ordinals != list(range(ordinals[0], ordinals[0] + len(ordinals))):
            raise ValueError("a horizon is one or more days without a hole")
        object.__setattr__(self, "origin", self.days[0].first)
        object.__setattr__(self, "length", self.days[-1].last - self.days[0].first)
        object.__setattr__(self, "_firsts", tuple(day.first for day in self.days))

    @classmethod
    def of(cls, zone: ZoneInfo, since: date, until: date) -> "Horizon":
        """The horizon of the local dates from ``since`` to ``until``, both included."""
        return cls(zone, local_days(zone, since, until))

    @property
    def full(self) -> int:
        """The mask of every step."""
        return (1 << self.length) - 1

    def __contains__(self, step: int) -> bool:
        return self.origin <= step < self.origin + self.length

    def mask(self, intervals: Iterable[tuple[int, int]]) -> int:
        """The union of step intervals ``(first, last)`` as a mask; what lies outside the horizon is cut off."""
        size = self.length // 8 + 1
        begins, ends = bytearray(size), bytearray(size)
        origin, length, reached = self.origin, self.length, 0
        for first, last in sorted(intervals):
            # Begins and ends of disjoint stretches: their difference as numbers has exactly the bits between.
            low, high = max(first - origin, reached), min(last - origin, length)
            if low < high:
                begins[low >> 3] |= 1 << (low & 7)
                ends[high >> 3] |= 1 << (high & 7)
                reached = high
        return int.from_bytes(ends, "little") - int.from_bytes(begins, "little")

    def free(self, intervals: Iterable[tuple[int, int]]) -> int:
        """The mask of the steps that none of the intervals touches, such as a chair beside its claims."""
        return self.full ^ self.mask(intervals)

    def days_mask(self, wanted: Callable[[date], bool]) -> int:
        """The mask of all local days whose date is wanted."""
        return self.mask((day.first, day.last) for day in self.days if wanted(day.date))

    def day_bits(self, mask: int, index: int) -> int:
        """The bits of one day of a mask, moved so that bit 0 is the day's first step."""
        day = self.days[index]
        return mask >> (day.first - self.origin) & ((1 << day.steps) - 1)

    def day_index(self, step: int) -> int:
        """Which day of the horizon a step lies in. Raises ValueError outside the horizon."""
        if step not in self:
            raise ValueError("the step lies outside the horizon")
        return bisect_right(self._firsts, step) - 1

    def walls_mask(self, wanted: Callable[[int], bool]) -> int:
        """The mask of the steps whose local wall minute is wanted."""
        plain = sum(1 << i for i in range(DAY_STEPS) if wanted(i * STEP_MINUTES))
        mask = 0
        for day in self.days:
            bits = plain
            if day.walls is not None:
                bits = sum(1 << i for i, minute in enumerate(day.walls) if wanted(minute))
            mask |= bits << (day.first - self.origin)
        return mask

    def repeated(self) -> int:
        """The mask of the steps whose wall time happens twice."""
        return sum(day.repeated << (day.first - self.origin) for day in self.days)

    def wall_minute(self, step: int) -> int:
        """Minutes since local 00:00 shown by a clock at that step, also outside the horizon."""
        local = from_step(step).astimezone(self.zone)
        return local.hour * 60 + local.minute

    def local_date(self, step: int) -> date:
        """The local date of a step, also outside the horizon."""
        return from_step(step).astimezone(self.zone).date()


def starts(mask: int, length: int) -> int:
    """The bits from which at least ``length`` set bits follow, themselves included.

    Doubling: a run known to be ``n`` long joins with the run ``n`` further on.
    """
    known = 1
    while known < length and mask:
        ahead = min(known, length - known)
        mask &= mask >> ahead
        known += ahead
    return mask


def bits(mask: int) -> Iterator[int]:
    """The positions of the set bits, rising."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def runs(mask: int) -> Iterator[tuple[int, int]]:
    """The stretches of set bits as half-open intervals of positions, rising."""
    while mask:
        low = mask & -mask
        # The carry clears the lowest stretch and stops on the first bit behind it.
        carried = mask + low
        yield low.bit_length() - 1, (carried & -carried).bit_length() - 1
        mask &= carried
