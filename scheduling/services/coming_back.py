"""A visit that held no places any more is on again: missed or not given by mistake."""

from datetime import datetime

from django.utils.translation import gettext as _

from scheduling.core.pattern import Pattern
from scheduling.core.words import Status
from scheduling.models import Appointment

from .claims import take_places
from .faults import Refused
from .open_visits import closing_time
from .rules import require_spacing
from .treated import require_treated


def come_back(visit: Appointment, status: Status, now: datetime) -> None:
    """Give the visit this status and its places again, under the order its course has now.

    The caller holds its lock, recounts and writes the audit entry. Raises Refused for a paused or ended patient, once
    the location has closed for the day, where a place is taken by now, or where another visit was booked too near to
    it meanwhile.
    """
    require_treated(visit.patient)
    if now >= closing_time(visit):
        raise Refused("day_closed", _("The day is closed; book the visit anew instead."))
    visit.status, visit.changed_at, visit.order = status, now, visit.series.order
    visit.sequence += 1
    visit.save()
    require_spacing([visit], now)
    take_places([visit], Pattern.of(visit.protocol.pattern_phases()), now)
