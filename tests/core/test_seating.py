"""A nurse's monitoring seats are interchangeable: a visit fits exactly when fewer than all overlap it."""

from hypothesis import given
from hypothesis import strategies as st

from scheduling.core.seating import reseat, seat_intervals

INTERVALS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 8)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    max_size=12,
)


def worst(intervals: list[tuple[int, int]]) -> int:
    """The most intervals that share one moment."""
    return max((sum(a <= moment < b for a, b in intervals) for moment in range(40)), default=0)


def overlaps(seated: list[tuple[int, int, int]]) -> bool:
    return any(
        one[2] == two[2] and one[0] < two[1] and two[0] < one[1]
        for at, one in enumerate(seated)
        for two in seated[:at]
    )


@given(INTERVALS, st.integers(1, 4))
def test_everybody_is_seated_exactly_when_the_capacity_is_enough(
    intervals: list[tuple[int, int]], capacity: int
) -> None:
    seats = seat_intervals(intervals, capacity)
    assert (None not in seats) == (worst(intervals) <= capacity)
    seated = [(*span, seat) for span, seat in zip(intervals, seats, strict=True) if seat is not None]
    assert not overlaps(seated)
    assert all(0 <= seat < capacity for _start, _end, seat in seated)


@given(INTERVALS, INTERVALS.filter(bool), st.integers(1, 4))
def test_a_newcomer_is_seated_exactly_when_the_crowd_leaves_room(
    others: list[tuple[int, int]], wanted: list[tuple[int, int]], capacity: int
) -> None:
    start, end = wanted[0]
    seats = seat_intervals(others, capacity)
    taken = [(*span, seat) for span, seat in zip(others, seats, strict=True) if seat is not None]
    crowd = [(max(a, start), min(b, end)) for a, b, _seat in taken if a < end and start < b]
    result = reseat(taken, start, end, capacity)
    assert (result is not None) == (worst(crowd) < capacity)
    if result is not None:
        own, moves = result
        after = [(a, b, moves.get(at, seat)) for at, (a, b, seat) in enumerate(taken)]
        assert not overlaps([*after, (start, end, own)])
        assert all(seat != taken[at][2] for at, seat in moves.items())


def test_nobody_moves_where_a_seat_is_free() -> None:
    assert reseat([(0, 10, 1)], 5, 8, 2) == (0, {})


def test_two_staggered_visits_make_room_for_a_long_one() -> None:
    assert reseat([(0, 4, 0), (6, 10, 1)], 2, 8, 2) == (1, {1: 0})


def test_full_is_full() -> None:
    assert reseat([(0, 10, 0), (0, 10, 1)], 9, 12, 2) is None


def test_back_to_back_is_free() -> None:
    assert reseat([(0, 10, 0)], 10, 12, 1) == (0, {})
