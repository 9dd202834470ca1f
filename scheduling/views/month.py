"""Weeks of a calendar, one row each, with visits marked: for proposals and for booked courses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

WEEK = timedelta(days=7)
LEAST_WEEKS = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """One visit in a day's cell: the text shown, its kind (a CSS class) and the words for a screen reader."""

    text: str
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One local date with its marks; ``is_shut`` where nothing can be booked on it."""

    day: date
    marks: tuple[Mark, ...]
    is_today: bool
    is_past: bool
    is_shut: bool


Weeks = list[list[Cell]]


def week_rows(
    *,
    marks: Mapping[date, Sequence[Mark]],
    today: date,
    shut: Iterable[tuple[date, date]] = (),
    span: tuple[date, date] | None = None,
) -> Weeks:
    """Weeks from Monday to Sunday that cover all marks, or the local dates of ``span``, both included."""
    first, last = span or (min(marks), max(marks))
    monday = first - timedelta(days=first.weekday())
    count = max(LEAST_WEEKS, ((last - monday).days // 7) + 1)
    ranges = list(shut)
    return [
        [_cell(monday + row * WEEK + timedelta(days=weekday), marks, today, ranges) for weekday in range(7)]
        for row in range(count)
    ]


def _cell(
    day: date, marks: Mapping[date, Sequence[Mark]], today: date, shut: Sequence[tuple[date, date]]
) -> Cell:
    return Cell(
        day=day,
        marks=tuple(marks.get(day, ())),
        is_today=day == today,
        is_past=day < today,
        is_shut=any(first <= day <= last for first, last in shut),
    )
