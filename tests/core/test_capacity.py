"""Raised capacities: the count that booking goes by and the mask that the planner goes by agree."""

from hypothesis import given
from hypothesis import strategies as st

from scheduling.core.problem import room
from scheduling.core.seating import has_room, reseat

LENGTH = 24
spans = st.tuples(st.integers(0, LENGTH - 1), st.integers(1, 8)).map(
    lambda one: (one[0], min(LENGTH, one[0] + one[1]))
)
raised = st.tuples(spans, st.integers(1, 4)).map(lambda one: (*one[0], one[1]))


def bits(first: int, last: int) -> int:
    return (1 << last) - (1 << first)


@given(st.lists(spans, max_size=8), spans, st.integers(1, 3), st.lists(raised, max_size=3))
def test_booking_and_planner_agree_on_who_fits(
    taken: list[tuple[int, int]], wanted: tuple[int, int], capacity: int, raises: list[tuple[int, int, int]]
) -> None:
    full = bits(0, LENGTH)
    masks = [bits(*one) for one in taken]
    free = room(masks, capacity, full)
    for first, last, many in raises:
        free |= room(masks, many, full) & bits(first, last)

    assert has_room(taken, *wanted, capacity, raises) is (bits(*wanted) & ~free == 0)


@given(st.lists(spans, max_size=12), st.integers(1, 3), st.lists(raised, max_size=3))
def test_whoever_fits_by_number_finds_a_seat_that_nobody_has(
    asked: list[tuple[int, int]], capacity: int, raises: list[tuple[int, int, int]]
) -> None:
    most = max([capacity, *(many for _first, _last, many in raises)])
    taken: list[tuple[int, int, int]] = []
    for first, last in asked:
        if not has_room([one[:2] for one in taken], first, last, capacity, raises):
            continue
        seated = reseat(taken, first, last, capacity) or reseat(taken, first, last, most)
        assert seated is not None
        own, changes = seated
        taken = [(a, b, changes.get(at, seat)) for at, (a, b, seat) in enumerate(taken)]
        taken.append((first, last, own))

    for at, (first, last, seat) in enumerate(taken):
        assert not any(
            seat == other and first < b and a < last
            for place, (a, b, other) in enumerate(taken)
            if place != at
        )
