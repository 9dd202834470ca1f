from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from scheduling.core.quiet import ask_at, is_quiet, next_waking, waking_hours_later

NEW_YORK = ZoneInfo("America/New_York")


def local(text: str) -> datetime:
    """A wall time in New York as a UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


@pytest.mark.parametrize(
    ("wall", "quiet"), [("20:59", False), ("21:00", True), ("00:00", True), ("07:59", True), ("08:00", False)]
)
def test_quiet_hours_are_nine_in_the_evening_to_eight_in_the_morning(wall: str, quiet: bool) -> None:
    assert is_quiet(local(f"2026-01-05 {wall}"), NEW_YORK) is quiet


@pytest.mark.parametrize(
    ("at", "wakes"),
    [
        ("2026-01-05 12:00", "2026-01-05 12:00"),
        ("2026-01-05 21:00", "2026-01-06 08:00"),
        ("2026-01-06 03:00", "2026-01-06 08:00"),
    ],
)
def test_the_next_waking_moment_is_now_or_the_morning(at: str, wakes: str) -> None:
    assert next_waking(local(at), NEW_YORK) == local(wakes)


@pytest.mark.parametrize(
    ("at", "hours", "later"),
    [
        ("2026-01-05 10:00", 4, "2026-01-05 14:00"),
        ("2026-01-05 16:59", 4, "2026-01-05 20:59"),
        ("2026-01-05 17:00", 4, "2026-01-06 08:00"),
        ("2026-01-05 19:30", 4, "2026-01-06 10:30"),
        ("2026-01-05 23:00", 4, "2026-01-06 12:00"),
        ("2026-01-05 20:00", 30, "2026-01-08 11:00"),
        # The clocks change in the night, when nobody counts.
        ("2026-03-07 20:00", 4, "2026-03-08 11:00"),
        ("2026-10-31 20:00", 4, "2026-11-01 11:00"),
    ],
)
def test_only_waking_hours_count(at: str, hours: int, later: str) -> None:
    assert waking_hours_later(local(at), hours, NEW_YORK) == local(later)


@pytest.mark.parametrize(
    ("wanted", "ended", "asked"),
    [
        ("2026-01-05 15:00", "2026-01-05 11:00", "2026-01-05 15:00"),
        ("2026-01-05 21:30", "2026-01-05 17:30", "2026-01-05 20:45"),
        ("2026-01-05 21:00", "2026-01-05 18:45", "2026-01-05 20:45"),
        ("2026-01-05 22:46", "2026-01-05 18:46", "2026-01-06 08:00"),
        ("2026-01-06 00:30", "2026-01-05 20:30", "2026-01-06 08:00"),
        ("2026-01-07 02:00", "2026-01-06 02:00", "2026-01-06 20:45"),
    ],
)
def test_a_check_in_inside_quiet_hours_goes_before_them_unless_the_visit_has_just_ended(
    wanted: str, ended: str, asked: str
) -> None:
    assert ask_at(local(wanted), local(ended), NEW_YORK) == local(asked)
