"""Steps, local days and masks against the clock and against plain loops."""

from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.core.timeline import (
    Horizon,
    bits,
    ceil_step,
    from_step,
    local_days,
    runs,
    starts,
    to_step,
)

from .clinics import NEW_YORK

intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)


def covered(spans: list[tuple[int, int]]) -> set[int]:
    return {step for first, last in spans for step in range(first, last)}


def in_hour(hour: int, minute: int) -> bool:
    return minute // 60 == hour


def test_a_step_and_its_instant_are_each_other() -> None:
    noon = datetime(2026, 6, 1, 12, 5, tzinfo=timezone(timedelta(hours=-4)))
    assert to_step(noon) == 1780329900 // 300
    assert from_step(to_step(noon)) == datetime(2026, 6, 1, 16, 5, tzinfo=UTC)


def test_an_instant_off_the_steps_is_refused_or_rounded_up_when_asked() -> None:
    off = datetime(2026, 6, 1, 12, 0, 0, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="5-minute step"):
        to_step(off)
    assert from_step(ceil_step(off)) == datetime(2026, 6, 1, 12, 5, tzinfo=UTC)
    with pytest.raises(ValueError, match="time zone"):
        to_step(off.replace(tzinfo=None))


def test_local_days_have_as_many_steps_as_the_clocks_give_them() -> None:
    spring = local_days(NEW_YORK, date(2026, 3, 7), date(2026, 3, 9))
    assert [day.steps for day in spring] == [288, 276, 288]
    autumn = local_days(NEW_YORK, date(2026, 10, 31), date(2026, 11, 2))
    assert [day.steps for day in autumn] == [288, 300, 288]
    half_an_hour = local_days(ZoneInfo("Australia/Lord_Howe"), date(2026, 10, 4), date(2026, 10, 4))
    assert [day.steps for day in half_an_hour] == [282]


def test_a_date_that_a_zone_left_out_has_no_steps() -> None:
    apia = local_days(ZoneInfo("Pacific/Apia"), date(2011, 12, 29), date(2011, 12, 31))
    assert [day.steps for day in apia] == [288, 0, 288]


def test_a_day_whose_midnight_does_not_exist_begins_with_its_first_instant() -> None:
    (day,) = local_days(ZoneInfo("Africa/Cairo"), date(2026, 4, 24), date(2026, 4, 24))
    local = from_step(day.first).astimezone(ZoneInfo("Africa/Cairo"))
    assert (local.date(), local.hour, day.steps) == (date(2026, 4, 24), 1, 276)


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC"])
@pytest.mark.parametrize("since", [date(2026, 3, 1), date(2026, 4, 1), date(2026, 10, 1), date(2026, 10, 29)])
def test_wall_minutes_of_a_mask_are_what_a_clock_shows(zone: str, since: date) -> None:
    horizon = Horizon.of(ZoneInfo(zone), since, since + timedelta(days=9))
    for hour in (0, 1, 2, 3, 12, 23):
        shown = horizon.walls_mask(partial(in_hour, hour))
        clock = {
            at
            for at in range(horizon.length)
            if from_step(horizon.origin + at).astimezone(horizon.zone).hour == hour
        }
        assert set(bits(shown)) == clock


def test_every_step_knows_its_day() -> None:
    horizon = Horizon.of(NEW_YORK, date(2026, 10, 30), date(2026, 11, 3))
    for step in range(horizon.origin, horizon.origin + horizon.length, 7):
        assert horizon.days[horizon.day_index(step)].date == horizon.local_date(step)
    with pytest.raises(ValueError, match="outside the horizon"):
        horizon.day_index(horizon.origin + horizon.length)


def test_a_horizon_has_no_hole() -> None:
    first, _second, third = local_days(NEW_YORK, date(2026, 6, 1), date(2026, 6, 3))
    with pytest.raises(ValueError, match="without a hole"):
        Horizon(NEW_YORK, (first, third))
    with pytest.raises(ValueError, match="without a hole"):
        Horizon(NEW_YORK, ())


@given(spans=st.lists(st.tuples(st.integers(-50, 340), st.integers(-50, 340)), max_size=8))
def test_a_mask_covers_what_its_intervals_cover_within_the_horizon(spans: list[tuple[int, int]]) -> None:
    horizon = Horizon.of(ZoneInfo("UTC"), date(2026, 6, 1), date(2026, 6, 1))
    steps = [(horizon.origin + first, horizon.origin + last) for first, last in spans]
    inside = covered(spans) & set(range(288))
    assert set(bits(horizon.mask(steps))) == inside
    assert set(bits(horizon.free(steps))) == set(range(288)) - inside


@given(mask=st.integers(0, 2**70), length=st.integers(1, 30))
def test_starts_are_the_bits_that_enough_set_bits_follow(mask: int, length: int) -> None:
    naive = {at for at in range(72) if all(mask >> at + ahead & 1 for ahead in range(length))}
    assert set(bits(starts(mask, length))) == naive


@given(mask=st.integers(0, 2**70))
def test_runs_are_the_whole_stretches_of_set_bits(mask: int) -> None:
    found = list(runs(mask))
    assert covered(found) == set(bits(mask))
    assert all(before[1] < after[0] for before, after in pairwise(found))
