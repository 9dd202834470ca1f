"""Arithmetic on many numbers at once gives what it gives one by one."""

from hypothesis import given
from hypothesis import strategies as st

from scheduling.core.planner.lanes import Lanes

numbers = st.lists(st.integers(0, 2**13 - 1), min_size=3, max_size=3)
vectors = st.lists(numbers, min_size=1, max_size=5)


@given(rows=vectors, factor=st.integers(0, 3))
def test_the_least_of_vectors_is_the_least_in_each_lane(rows: list[list[int]], factor: int) -> None:
    lanes = Lanes(3, 13, depth=3)
    packed = [lanes.vector(row) + factor * lanes.unreachable for row in rows]
    wanted = [min(column) + factor * 2**13 for column in zip(*rows, strict=True)]
    assert lanes.numbers(lanes.least(packed)) == wanted


@given(left=numbers, right=numbers)
def test_equal_lanes_are_marked_and_no_others(left: list[int], right: list[int]) -> None:
    lanes = Lanes(3, 13)
    right = [right[0], left[1], right[2]]
    marks = lanes.numbers(lanes.equal(lanes.vector(left), lanes.vector(right)))
    assert [bool(mark) for mark in marks] == [a == b for a, b in zip(left, right, strict=True)]


def test_a_single_lane_is_a_plain_number() -> None:
    lanes = Lanes(1, 8)
    assert lanes.least([7, 3, 5]) == 3
    assert lanes.ones == 1
