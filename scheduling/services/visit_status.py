"""Whether a visit still stands where somebody's page showed it."""

from django.utils.translation import gettext as _

from scheduling.core.words import Status
from scheduling.models import Appointment

from .faults import Refused


def require_status(visit: Appointment, *wanted: Status) -> None:
    """Raise Refused unless the visit has one of these statuses: somebody else was quicker, or pressed twice."""
    if visit.status not in wanted:
        raise Refused(
            "other_status",
            _("This visit is %(status)s by now; nothing was changed.")
            % {"status": visit.get_status_display()},
        )
