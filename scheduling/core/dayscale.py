"""A stretch of real time as the width of a drawing, true to elapsed time also on days of 23 or 25 hours."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Interval = tuple[datetime, datetime]
"""Half-open ``[start, end)``, aware."""

USUAL = (time(8), time(18))
"""What is drawn of a day on which nothing happens."""
HALF_HOUR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class DayScale:
    """``[since, until)`` in UTC; both show a full hour on the clocks of ``zone``."""

    since: datetime
    until: datetime
    zone: ZoneInfo

    @classmethod
    def around(cls, day: date, zone: ZoneInfo, intervals: Iterable[Interval]) -> "DayScale":
        """The full local hours around all intervals; the usual hours of ``day`` where there is none."""
        known = list(intervals) or [
            (datetime.combine(day, USUAL[0], zone), datetime.combine(day, USUAL[1], zone))
        ]
        since = min(start for start, _end in known).astimezone(UTC)
        until = max(end for _start, end in known).astimezone(UTC)
        return cls(
            since - _past_hour(since, zone), until + -_past_hour(until, zone) % timedelta(hours=1), zone
        )

    def percent(self, instant: datetime) -> float:
        """Where an aware instant lies, 0 to 100; what lies outside is moved to the nearer edge."""
        share = (instant - self.since) / (self.until - self.since)
        return 100 * min(max(share, 0.0), 1.0)

    def __contains__(self, instant: datetime) -> bool:
        return self.since <= instant < self.until

    def hours(self) -> list[datetime]:
        """Every instant at which clocks show a full hour, local; a clock change skips or repeats one."""
        steps = int((self.until - self.since) / HALF_HOUR)
        shown = ((self.since + step * HALF_HOUR).astimezone(self.zone) for step in range(steps))
        return [local for local in shown if not local.minute]


def _past_hour(instant: datetime, zone: ZoneInfo) -> timedelta:
    local = instant.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
