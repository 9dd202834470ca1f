"""When a patient can and would like to come: only, never, prefer, and dates away."""

from dataclasses import dataclass
from datetime import date

from .pattern import Pattern
from .timeline import Horizon, starts

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Wishes:
    """A patient's days and times, all local to the clinic.

    Weekdays count from Monday = 0. Windows are half-open ``(first, last)`` wall minutes within one day, 0 to 1440.
    ``only`` and ``never`` are hard: the whole stay, check-in to discharge, lies within the ``only_windows`` and
    touches none of the ``never_windows``. ``prefer`` is soft and judges the start alone. An empty field is no wish.
    ``blackouts`` are ranges of local dates, both included, on which the patient is away.
    Raises ValueError for a weekday or window that does not exist and for a range that ends before it begins.
    """

    only_weekdays: frozenset[int] = frozenset()
    never_weekdays: frozenset[int] = frozenset()
    prefer_weekdays: frozenset[int] = frozenset()
    only_windows: tuple[tuple[int, int], ...] = ()
    never_windows: tuple[tuple[int, int], ...] = ()
    prefer_windows: tuple[tuple[int, int], ...] = ()
    blackouts: tuple[tuple[date, date], ...] = ()

    def __post_init__(self) -> None:
        if not (self.only_weekdays | self.never_weekdays | self.prefer_weekdays) <= set(range(7)):
            raise ValueError("weekdays are 0 (Monday) to 6 (Sunday)")
        for first, last in (*self.only_windows, *self.never_windows, *self.prefer_windows):
            if not 0 <= first < last <= DAY_MINUTES:
                raise ValueError("a window lies within one day and ends after it begins")
        if any(since > until for since, until in self.blackouts):
            raise ValueError("a range of dates ends before it begins")

    def allows_weekday(self, day: date) -> bool:
        """Whether the hard weekdays allow a local date."""
        weekday = day.weekday()
        return weekday not in self.never_weekdays and weekday in (self.only_weekdays or {weekday})

    def allows_date(self, day: date) -> bool:
        """Whether no blackout covers a local date."""
        return not any(since <= day <= until for since, until in self.blackouts)

    def suits(self, day: date, begin: int, end: int) -> bool:
        """Whether a stay at wall minutes ``[begin, end)`` of a local date keeps every wish, the soft ones too."""
        is_within = not self.only_windows or any(
            first <= begin and end <= last for first, last in self.only_windows
        )
        touches = any(first < end and begin < last for first, last in self.never_windows)
        return (
            (self.allows_weekday(day) and self.allows_date(day) and is_within and not touches)
            and not self.misses_weekday(day)
            and not self.misses_window(begin)
        )

    def time_starts(self, horizon: Horizon, pattern: Pattern) -> int:
        """The mask of starts whose whole stay keeps to the hard windows."""
        mask = horizon.full
        if self.only_windows:
            mask = starts(
                horizon.walls_mask(lambda minute: _within(minute, self.only_windows)), pattern.patient
            )
        if self.never_windows:
            allowed = horizon.walls_mask(lambda minute: not _within(minute, self.never_windows))
            mask &= starts(allowed, pattern.patient)
        return mask

    def misses_weekday(self, day: date) -> bool:
        """Whether a local date misses the preferred weekdays; never true where none is preferred."""
        return bool(self.prefer_weekdays) and day.weekday() not in self.prefer_weekdays

    def misses_window(self, minute: int) -> bool:
        """Whether a start at a wall minute misses the preferred windows; never true where none is preferred."""
        return bool(self.prefer_windows) and not _within(minute, self.prefer_windows)


def _within(minute: int, windows: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= minute < last for first, last in windows)
