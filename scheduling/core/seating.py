"""Which of a nurse's interchangeable monitoring seats each visit takes."""

from collections.abc import Sequence
from typing import Any


def seat_intervals(intervals: Sequence[tuple[Any, Any]], capacity: int) -> list[int | None]:
    """A seat from 0 to ``capacity - 1`` for every half-open interval, or None where none is left.

    Greedy by start: uses as few seats as overlap at the worst moment, so None appears only when more than
    ``capacity`` intervals really overlap. The answer stands in the order of the input.
    """
    free_from: list[Any] = [None] * capacity
    seats: list[int | None] = [None] * len(intervals)
    for index in sorted(range(len(intervals)), key=lambda i: (*intervals[i], i)):
        start, end = intervals[index]
        for seat in range(capacity):
            until = free_from[seat]
            if until is None or until <= start:
                free_from[seat] = end
                seats[index] = seat
                break
    return seats


def reseat(
    taken: Sequence[tuple[Any, Any, int]], start: Any, end: Any, capacity: int
) -> tuple[int, dict[int, int]] | None:
    """A seat for ``[start, end)`` beside ``taken`` (start, end, seat), moving others only where it must.

    Returns the seat and, by index into ``taken``, the seats that change; None when ``capacity`` is reached.
    """
    free = set(range(capacity)) - {seat for first, last, seat in taken if first < end and start < last}
    if free:
        return min(free), {}
    linked = _linked(taken, start, end)
    seats = seat_intervals([*(taken[index][:2] for index in linked), (start, end)], capacity)
    own = seats.pop()
    if own is None or None in seats:
        return None
    pairs = zip(linked, seats, strict=True)
    return own, {index: seat for index, seat in pairs if seat is not None and seat != taken[index][2]}


def has_room(
    taken: Sequence[tuple[Any, Any]],
    start: Any,
    end: Any,
    capacity: int,
    raises: Sequence[tuple[Any, Any, int]] = (),
) -> bool:
    """Whether ``[start, end)`` fits beside the ``taken`` intervals at every one of its moments.

    ``capacity`` holds always; each of ``raises`` (start, end, number) holds between its ends where it is more.
    """
    # Between these moments the crowd only shrinks and the number allowed stays the same.
    moments = {start, *(first for first, _last in taken)}
    moments |= {moment for first, last, _many in raises for moment in (first, last)}
    for moment in moments:
        if start <= moment < end:
            crowd = sum(first <= moment < last for first, last in taken)
            if crowd >= places_at(moment, capacity, raises):
                return False
    return True


def places_at(moment: Any, capacity: int, raises: Sequence[tuple[Any, Any, int]]) -> int:
    """How many are allowed at ``moment``: ``capacity``, or what one of ``raises`` (start, end, number) says then."""
    return max([capacity, *(many for first, last, many in raises if first <= moment < last)])


def _linked(taken: Sequence[tuple[Any, Any, int]], start: Any, end: Any) -> list[int]:
    """Indices of all intervals that reach ``[start, end)`` through a chain of overlaps."""
    by_start = sorted(range(len(taken)), key=lambda index: taken[index][0])
    low, high = start, end
    linked: set[int] = set()
    grown = True
    while grown:
        more = [
            index
            for index in by_start
            if index not in linked and taken[index][0] < high and low < taken[index][1]
        ]
        grown = bool(more)
        linked.update(more)
        for index in more:
            low, high = min(low, taken[index][0]), max(high, taken[index][1])
    return sorted(linked)
