"""When a visit is, in words for patients: local wall time and zone, in the active language."""

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, time_format
from django.utils.text import capfirst
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from scheduling.core.words import CANCELLED, USED, Status
from scheduling.core.zones import zone_words
from scheduling.models import Appointment


def day_words(day: date) -> str:
    """``Tuesday, January 6, 2026``."""
    return str(capfirst(date_format(day, pgettext("date format", "l, F j, Y"))))


def hours_words(start: datetime, end: datetime) -> str:
    """``9 a.m. to 11 a.m.``; both are local and aware."""
    return _("%(start)s to %(end)s") % {
        "start": time_format(start.timetz()),
        "end": time_format(end.timetz()),
    }


def when_words(visit: Appointment) -> str:
    """Day, hours and zone on one line."""
    return span_words(visit.starts_at, visit.ends_at, visit.zone)


def span_words(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """Day, hours and zone of ``[starts_at, ends_at)`` (UTC) on one line."""
    return _when(starts_at, ends_at, zone, get_language())


@lru_cache(maxsize=20_000)
def _when(starts_at: datetime, ends_at: datetime, zone: str, _language: str | None) -> str:
    """Kept, since a feed asks for the same hundred again and again."""
    tz = ZoneInfo(zone)
    start, end = starts_at.astimezone(tz), ends_at.astimezone(tz)
    return f"{day_words(start.date())}, {hours_words(start, end)} ({zone_words(start, zone)})"


def moment_words(local: datetime) -> str:
    """``Tuesday, January 6, 2026, 9 a.m.``; local and aware."""
    return f"{day_words(local.date())}, {time_format(local.timetz())}"


def outcome_words(visit: Appointment) -> str:
    """How a visit went, as a patient needs to know it; empty while that is open."""
    if visit.status in USED:
        return _("took place")
    if visit.status in CANCELLED:
        return _("cancelled")
    if visit.status in (Status.NOT_GIVEN, Status.MISSED):
        return _("did not take place")
    return ""
