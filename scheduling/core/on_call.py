"""On-call hours: weekly wall times that may pass midnight, as instants."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .quiet import at_wall


def covers(weekday: int, starts: time, ends: time, at: datetime, zone: ZoneInfo) -> bool:
    """Whether the hours that begin on ``weekday`` hold ``at``, half-open; an ``ends`` at or before ``starts``
    is on the next day, so equal ones are a whole day of the wall clock.
    """
    today = at.astimezone(zone).date()
    return any(
        day.weekday() == weekday and _holds(day, starts, ends, at, zone)
        for day in (today - timedelta(days=1), today)
    )


def _holds(day: date, starts: time, ends: time, at: datetime, zone: ZoneInfo) -> bool:
    last = day + timedelta(days=1) if ends <= starts else day
    return at_wall(day, starts, zone) <= at < at_wall(last, ends, zone)
