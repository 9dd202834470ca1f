"""Quiet hours and waking hours in a wall zone (facts: clinical, "Privacy of messages": 21:00-08:00).

Instants go in and come out aware; durations are elapsed time, so a clock change at night costs nobody an hour.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EVENING, MORNING = time(21), time(8)
"""Quiet from the one to the other, half-open: 08:00 itself is a waking moment."""
LAST_MOMENT = time(20, 45)
"""Just before the quiet hours."""
SETTLED_AFTER = timedelta(hours=2)
"""Sooner after a visit than this a check-in would ask too early."""
ONE_DAY = timedelta(days=1)


def at_wall(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall time; of two in a repeated hour the first."""
    return datetime.combine(day, wall, zone).astimezone(UTC)


def is_quiet(at: datetime, zone: ZoneInfo) -> bool:
    """Whether people sleep at ``at``."""
    wall = at.astimezone(zone).time()
    return wall >= EVENING or wall < MORNING


def next_waking(at: datetime, zone: ZoneInfo) -> datetime:
    """``at`` itself, or the morning that ends the quiet hours it lies in."""
    if not is_quiet(at, zone):
        return at
    local = at.astimezone(zone)
    day = local.date() + (ONE_DAY if local.time() >= EVENING else timedelta())
    return at_wall(day, MORNING, zone)


def waking_hours_later(at: datetime, hours: int, zone: ZoneInfo) -> datetime:
    """The moment at which ``hours`` waking hours have passed since ``at``; never inside quiet hours."""
    return waking_later(at, timedelta(hours=hours), zone)


def waking_later(at: datetime, left: timedelta, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which so much waking time has passed since ``at``; never inside quiet hours."""
    at = next_waking(at.astimezone(UTC), zone)
    while True:
        until = at_wall(at.astimezone(zone).date(), EVENING, zone)
        if at + left < until:
            return at + left
        left -= until - at
        at = next_waking(until, zone)


def ask_at(wanted: datetime, ended: datetime, zone: ZoneInfo) -> datetime:
    """When to ask what would be asked at ``wanted`` after a visit that ended at ``ended`` (UTC).

    Inside quiet hours: just before them where that is at least 2 h after the visit, else at 08:00.
    """
    if not is_quiet(wanted, zone):
        return wanted.astimezone(UTC)
    morning = next_waking(wanted, zone)
    before = at_wall(morning.astimezone(zone).date() - ONE_DAY, LAST_MOMENT, zone)
    return before if before >= ended + SETTLED_AFTER else morning
