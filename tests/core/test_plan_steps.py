"""Steps of a follow-up plan: which are in force, how far apart their visits lie, which visits come next."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.core.cadence import Cadence
from scheduling.core.plan_steps import (
    PRESETS,
    Step,
    StepError,
    cadence_for,
    check_steps,
    in_force,
    stretches,
    windows,
)

IV = Cadence(
    per_week=2, min_gap_days=2, floor_hours=40, max_gap_days=7, ideal_low=3, ideal_high=4, max_per_7_days=3
)
LAST = date(2026, 1, 5)
"""A Monday: the last infusion."""
TAPER = next(preset.steps for preset in PRESETS if preset.code == "taper")


def day(number: int) -> date:
    """So many days after the last infusion."""
    return LAST + timedelta(days=number)


def days_of(
    steps: tuple[Step, ...],
    visits: tuple[int, ...] = (),
    *,
    today: int = 0,
    until: int = 28,
    at_least: int = 2,
    at_most: int = 100,
) -> list[int]:
    """The ideal days of what comes next, counted from the last infusion."""
    found = stretches(
        steps,
        LAST,
        [day(visit) for visit in visits],
        day(today),
        until=day(until),
        at_least=at_least,
        at_most=at_most,
    )
    return [(target - LAST).days for stretch in found for target in stretch.targets]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "step_frequency"),
        ({"per_week": 1, "every_weeks": 2}, "step_frequency"),
        ({"per_week": 0}, "step_frequency"),
        ({"per_week": 8}, "step_frequency"),
        ({"every_weeks": 0}, "step_frequency"),
        ({"every_weeks": 27}, "step_frequency"),
        ({"per_week": 1, "weeks": 0}, "step_weeks"),
        ({"per_week": 1, "weeks": 105}, "step_weeks"),
        ({"every_weeks": 4, "weeks": 3}, "step_too_short"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(fields: dict[str, int], code: str) -> None:
    with pytest.raises(StepError) as refused:
        Step(**fields)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("steps", "code", "index"),
    [
        ((), "no_steps", None),
        ((Step(per_week=1), Step(every_weeks=2)), "open_not_last", 0),
        ((Step(per_week=1, weeks=1), Step(per_week=4)), "step_too_often", 1),
        ((Step(per_week=4, weeks=1),), "step_too_often", 0),
    ],
)
def test_steps_that_contradict_one_another_or_the_protocol_are_refused(
    steps: tuple[Step, ...], code: str, index: int | None
) -> None:
    with pytest.raises(StepError) as refused:
        check_steps(steps, IV)
    assert (refused.value.code, refused.value.index) == (code, index)


def test_an_interval_below_the_shortest_gap_is_refused() -> None:
    monthly = Cadence(
        per_week=1,
        min_gap_days=20,
        floor_hours=0,
        max_gap_days=40,
        ideal_low=28,
        ideal_high=28,
        max_per_7_days=1,
    )
    with pytest.raises(StepError) as refused:
        check_steps([Step(every_weeks=2)], monthly)
    assert refused.value.code == "step_too_near"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.code)
def test_every_preset_fits_the_usual_spacing_and_names_its_source(preset: object) -> None:
    assert preset in PRESETS
    for one in PRESETS:
        check_steps(one.steps, IV)
        assert one.sources


@pytest.mark.parametrize(
    ("number", "index"),
    [(0, None), (1, 0), (28, 0), (29, 1), (84, 1), (85, 2), (168, 2), (169, None)],
)
def test_week_one_begins_the_day_after_the_last_infusion(number: int, index: int | None) -> None:
    assert in_force(TAPER, LAST, day(number)) == index


def test_an_open_step_is_in_force_for_ever() -> None:
    assert in_force([Step(per_week=1, weeks=4), Step(every_weeks=2)], LAST, day(9999)) == 1


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        # per_week, shortest gap, longest gap, ideal from, ideal to, most in 7 days
        (Step(per_week=1), (1, 2, 14, 7, 7, 1)),
        (Step(per_week=2), (2, 2, 7, 3, 4, 2)),
        (Step(per_week=3), (3, 2, 7, 2, 3, 3)),
        (Step(every_weeks=1), (1, 4, 14, 7, 7, 1)),
        (Step(every_weeks=2), (1, 11, 21, 14, 14, 1)),
        (Step(every_weeks=4), (1, 25, 35, 28, 28, 1)),
    ],
)
def test_a_step_keeps_the_protocols_spacing_with_its_own_frequency(
    step: Step, expected: tuple[int, ...]
) -> None:
    cadence = cadence_for(step, IV)
    assert expected == (
        cadence.per_week,
        cadence.min_gap_days,
        cadence.max_gap_days,
        cadence.ideal_low,
        cadence.ideal_high,
        cadence.max_per_7_days,
    )
    assert cadence.floor_hours == IV.floor_hours


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((Step(per_week=1),), [7, 14, 21, 28]),
        ((Step(per_week=2),), [4, 7, 11, 14, 18, 21, 25, 28]),
        ((Step(every_weeks=2),), [14, 28]),
        ((Step(every_weeks=4),), [28, 56]),
        ((Step(per_week=1, weeks=1),), [7]),
        ((Step(per_week=1, weeks=2), Step(every_weeks=2)), [7, 14, 28]),
    ],
)
def test_the_next_visits_reach_four_weeks_or_two_visits(steps: tuple[Step, ...], expected: list[int]) -> None:
    assert days_of(steps) == expected


def test_the_whole_taper_is_counted_across_its_steps() -> None:
    assert days_of(TAPER, until=999) == [7, 14, 21, 28, 42, 56, 70, 84, 112, 140, 168]


def test_what_comes_next_follows_the_last_visit() -> None:
    assert days_of(TAPER, (7, 14), today=8, until=36, at_least=1) == [21, 28]
    assert days_of(TAPER, (7, 14, 21, 28), today=22, until=50, at_least=1) == [42]


def test_a_visit_that_slipped_by_a_closed_day_does_not_cost_the_step_its_last_one() -> None:
    assert days_of(TAPER, (8,), until=60) == [15, 22, 29, 43, 57]
    assert days_of(TAPER, (8, 15, 22, 29), until=100) == [43, 57, 71, 85]


def test_a_missed_visit_is_not_made_up_for() -> None:
    # Day 14 was missed: nothing is doubled up, the next visit keeps its distance to today.
    assert days_of((Step(per_week=1, weeks=4),), (7, 21), today=22) == [28]
    assert days_of((Step(per_week=1, weeks=4),), (7,), today=20) == [21, 28]


def test_no_visit_is_wanted_today_or_before() -> None:
    assert days_of((Step(per_week=1),), today=40, until=40, at_least=2) == [41, 48]


def test_never_more_than_are_left_and_none_when_the_steps_are_over() -> None:
    assert days_of((Step(per_week=1),), at_most=3) == [7, 14, 21]
    assert days_of((Step(per_week=1, weeks=2),), (7, 14), today=15) == []


frequencies = st.one_of(
    st.builds(lambda n: {"per_week": n}, st.integers(1, 3)),
    st.builds(lambda n: {"every_weeks": n}, st.integers(1, 6)),
)
plans = st.lists(st.tuples(frequencies, st.integers(6, 20)), min_size=1, max_size=4).map(
    lambda rows: tuple(Step(**fields, weeks=weeks) for fields, weeks in rows)
)


@given(steps=plans)
def test_each_step_has_as_many_visits_as_it_says(steps: tuple[Step, ...]) -> None:
    assert len(days_of(steps, until=9999, at_most=9999)) == sum(step.visits or 0 for step in steps)


@given(steps=plans, cut=st.integers(0, 60))
def test_ideal_days_keep_every_rule_of_their_step(steps: tuple[Step, ...], cut: int) -> None:
    targets = [
        (stretch.step, target)
        for stretch in stretches(steps, LAST, [], LAST, until=day(cut * 7), at_least=0, at_most=999)
        for target in stretch.targets
    ]
    previous = LAST
    for step, target in targets:
        assert (target - previous).days >= cadence_for(step, IV).min_gap_days
        previous = target
    for step in set(steps):
        own = [target for one, target in targets if one is step]
        count = cadence_for(step, IV).max_per_7_days
        assert all((later - own[at]).days >= 7 for at, later in enumerate(own[count:]))


# Two or three a week have no whole number of days between them: there the rhythm starts anew with each block.
whole = plans.filter(lambda steps: all(step.per_week in {None, 1} for step in steps))


@given(steps=whole, cut=st.integers(0, 200), left=st.integers(0, 30))
def test_booking_in_blocks_ends_with_the_same_days_as_booking_at_once(
    steps: tuple[Step, ...], cut: int, left: int
) -> None:
    at_once = days_of(steps, until=9999, at_most=9999)
    first = days_of(steps, until=cut, at_least=0, at_most=left)
    assert first == at_once[: len(first)]
    assert days_of(steps, tuple(first), until=9999, at_most=9999) == at_once[len(first) :]


@given(steps=plans)
def test_the_steps_follow_one_another_without_a_hole(steps: tuple[Step, ...]) -> None:
    found = list(windows(steps, LAST))
    assert found[0].first == day(1)
    for before, after in pairwise(found):
        assert before.last is not None
        assert after.first == before.last + timedelta(days=1)
