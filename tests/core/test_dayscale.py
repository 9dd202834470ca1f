from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from scheduling.core.dayscale import DayScale

NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2026, 1, 6)


def local(hour: int, minute: int = 0, day: date = DAY, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def whole_day(day: date, zone: ZoneInfo = NEW_YORK) -> DayScale:
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    tomorrow = day + timedelta(days=1)
    after = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
    return DayScale.around(day, zone, [(midnight, after)])


def test_the_drawing_begins_and_ends_at_full_local_hours_around_everything() -> None:
    scale = DayScale.around(DAY, NEW_YORK, [(local(9, 20), local(10)), (local(11), local(16, 5))])
    assert (scale.since, scale.until) == (local(9), local(17))


def test_an_edge_at_a_full_hour_stays() -> None:
    scale = DayScale.around(DAY, NEW_YORK, [(local(9), local(17))])
    assert (scale.since, scale.until) == (local(9), local(17))


def test_full_hours_are_those_of_the_zone_also_where_it_is_off_by_45_minutes() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    scale = DayScale.around(DAY, kathmandu, [(local(9, 20, zone=kathmandu), local(10, 5, zone=kathmandu))])
    assert [hour.strftime("%H:%M") for hour in scale.hours()] == ["09:00", "10:00"]
    assert scale.until == local(11, zone=kathmandu)


def test_a_day_on_which_nothing_happens_shows_the_usual_hours() -> None:
    scale = DayScale.around(DAY, NEW_YORK, [])
    assert (scale.since, scale.until) == (local(8), local(18))


def test_a_position_is_the_share_of_elapsed_time() -> None:
    scale = DayScale.around(DAY, NEW_YORK, [(local(8), local(18))])
    assert [scale.percent(local(hour)) for hour in (8, 13, 18)] == [0, 50, 100]


def test_what_lies_outside_is_moved_to_the_edge() -> None:
    scale = DayScale.around(DAY, NEW_YORK, [(local(8), local(18))])
    assert [scale.percent(local(hour)) for hour in (3, 22)] == [0, 100]
    assert [local(hour) in scale for hour in (7, 8, 17, 18)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("day", "length", "labels"),
    [
        (date(2026, 3, 8), 23, ["00", "01", "03", "04"]),
        (date(2026, 1, 6), 24, ["00", "01", "02", "03"]),
        (date(2026, 11, 1), 25, ["00", "01", "01", "02"]),
    ],
)
def test_a_day_has_as_many_hours_as_really_pass(day: date, length: int, labels: list[str]) -> None:
    scale = whole_day(day)
    hours = scale.hours()
    assert len(hours) == length
    assert [hour.strftime("%H") for hour in hours[:4]] == labels
    steps = [scale.percent(after) - scale.percent(hour) for hour, after in pairwise(hours)]
    assert steps == pytest.approx([100 / length] * (length - 1))
