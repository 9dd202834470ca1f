"""Which local days a location is open, and why it is closed on the others. Nothing here writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from scheduling.core.dayscale import Interval
from scheduling.core.timeline import Horizon, from_step, runs
from scheduling.models import Closure, Location

from .frame import Frame, load_frame, public_holidays


@dataclass(frozen=True, slots=True)
class OpenDay:
    """One local day: its open intervals (UTC), or the reason why it has none."""

    day: date
    intervals: tuple[Interval, ...]
    closed_because: str = ""


@dataclass(frozen=True, slots=True)
class OpenDays:
    """Local days in a row, the masks they come from and, by staff id, when each nurse works (UTC)."""

    frame: Frame
    days: tuple[OpenDay, ...]
    shifts: Mapping[int, tuple[Interval, ...]]

    def open_bits(self, index: int) -> int:
        """The open steps of one day, bit 0 at its first step."""
        return 0 if self.days[index].closed_because else self.frame.horizon.day_bits(self.frame.open, index)


def open_days(location: Location, since: date, until: date) -> OpenDays:
    """The days from ``since`` to ``until``, both included; six queries however many there are."""
    frame = load_frame(location, Horizon.of(location.tz, since, until))
    reasons = _closed_because(location, since, until)
    days = []
    for index, day in enumerate(frame.horizon.days):
        reason = reasons.get(day.date, "")
        bits = 0 if reason else frame.horizon.day_bits(frame.open, index)
        if not bits and not reason:
            is_disrupted = bool(frame.horizon.day_bits(frame.missing.location, index))
            reason = _("closed by a disruption") if is_disrupted else _("no opening hours on this weekday")
        days.append(OpenDay(day.date, intervals(bits, day.first), reason))
    shifts = {nurse: intervals(mask, frame.horizon.origin) for nurse, mask in frame.nurses.items() if mask}
    return OpenDays(frame, tuple(days), shifts)


def intervals(mask: int, origin: int) -> tuple[Interval, ...]:
    """The stretches of set bits as UTC intervals; bit 0 is the step ``origin``."""
    return tuple((from_step(origin + first), from_step(origin + last)) for first, last in runs(mask))


def _closed_because(location: Location, since: date, until: date) -> dict[date, str]:
    """Every closed day with its holiday's name or, before that, the location's own reason."""
    reasons = dict(public_holidays(location, since, until))
    for closure in Closure.objects.filter(location=location, last_day__gte=since, first_day__lte=until):
        first, last = max(closure.first_day, since), min(closure.last_day, until)
        for ordinal in range(first.toordinal(), last.toordinal() + 1):
            reasons[date.fromordinal(ordinal)] = closure.reason
    return reasons
