"""A wall time of a zone as an instant, refusing what a clock change makes impossible or unclear."""

from datetime import UTC, date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo


class WallTimeError(ValueError):
    """A local wall time that names no instant (``nonexistent``) or two of them (``ambiguous``)."""

    def __init__(self, kind: Literal["nonexistent", "ambiguous"], local: datetime) -> None:
        """``local``: the wall time with its zone."""
        super().__init__(f"{local:%Y-%m-%d %H:%M} is {kind} in {local.tzinfo}")
        self.kind = kind
        self.local = local


def resolve(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The aware UTC instant at which clocks of ``zone`` show ``wall`` on ``day``.

    Raises WallTimeError around a clock change (facts/calendar.md "Clock changes"): where the offsets of the two
    folds differ, a wall time that survives the way to UTC and back is ambiguous, any other does not exist.
    """
    if wall.tzinfo is not None:
        raise ValueError("a wall time has no zone of its own")
    local = datetime.combine(day, wall, zone).replace(fold=0)
    instant = local.astimezone(UTC)
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        back = instant.astimezone(zone).replace(tzinfo=None)
        raise WallTimeError("ambiguous" if back == local.replace(tzinfo=None) else "nonexistent", local)
    return instant
