"""Room in a nurse's monitoring seats, and problems that make no sense."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.core.cadence import Cadence
from scheduling.core.problem import CourseProblem, room
from scheduling.core.wishes import Wishes

from .clinics import made_up_clinic

FULL = 2**40 - 1


@given(busy=st.lists(st.integers(0, FULL), max_size=6), capacity=st.integers(0, 4))
def test_there_is_room_wherever_fewer_than_the_capacity_are_busy(busy: list[int], capacity: int) -> None:
    naive = sum(1 << at for at in range(40) if sum(mask >> at & 1 for mask in busy) < capacity)
    assert room(busy, capacity, FULL) == naive


def test_a_nurse_with_a_capacity_of_zero_has_no_room_at_all() -> None:
    assert room([], 0, FULL) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sessions": 0}, "at least one session"),
        ({"grid_minutes": 7}, "multiple of 5"),
        ({"grid_minutes": 0}, "multiple of 5"),
        ({"reference": 1440}, "minute of the day"),
    ],
)
def test_a_problem_that_makes_no_sense_is_refused(changes: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        made_up_clinic(1, chairs=1, nurses=1, load=0).problem(**changes)


def test_a_nurse_stands_in_a_problem_once() -> None:
    problem: CourseProblem = made_up_clinic(1, chairs=1, nurses=1, load=0).problem()
    with pytest.raises(ValueError, match="twice"):
        replace(problem, nurses=problem.nurses * 2)


@pytest.mark.parametrize("gaps", [(0, 1, 2, 3), (2, 1, 3, 4), (2, 4, 3, 7), (2, 3, 4, 3)])
def test_gaps_that_contradict_each_other_are_refused(gaps: tuple[int, int, int, int]) -> None:
    least, low, high, most = gaps
    with pytest.raises(ValueError, match="gaps rise"):
        Cadence(
            per_week=2,
            min_gap_days=least,
            floor_hours=0,
            max_gap_days=most,
            ideal_low=low,
            ideal_high=high,
            max_per_7_days=3,
        )


@pytest.mark.parametrize(
    "wishes",
    [
        {"only_weekdays": frozenset({7})},
        {"never_windows": ((600, 600),)},
        {"prefer_windows": ((0, 1441),)},
    ],
)
def test_wishes_for_days_or_times_that_do_not_exist_are_refused(wishes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"weekdays|window"):
        Wishes(**wishes)  # type: ignore[arg-type]
