"""What a repair changes for one patient, in words."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def what_changes(before: datetime, after: datetime) -> str:
    """The days and the time by the clock between two starts of one zone: ``1 day later, 30 min earlier in the day``."""
    days = (after.date() - before.date()).days
    # By the clock on the wall: an hour that a clock change takes is none.
    walls = after.replace(tzinfo=None) - before.replace(tzinfo=None) - timedelta(days=days)
    if not days:
        return _time_words(walls)
    words = (
        ngettext("%(days)d day later", "%(days)d days later", days)
        if days > 0
        else ngettext("%(days)d day earlier", "%(days)d days earlier", -days)
    )
    day = words % {"days": abs(days)}
    if not walls:
        return _("%(day)s, at the same time") % {"day": day}
    return _("%(day)s, %(time)s in the day") % {"day": day, "time": _time_words(walls)}


def _time_words(walls: timedelta) -> str:
    hours, minutes = divmod(abs(walls) // timedelta(minutes=1), 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    words = _("%(time)s later") if walls > timedelta() else _("%(time)s earlier")
    return words % {"time": " ".join(parts)}
