"""Who is treated here at present: everything that books, plans, orders or asks goes through this."""

from django.utils import formats
from django.utils.translation import gettext as _

from scheduling.core.words import Standing
from scheduling.models import Patient

from .faults import Refused


def is_treated(patient_id: int) -> bool:
    """Whether the patient is neither paused nor ended, as the database has it now."""
    return Patient.objects.filter(pk=patient_id, standing=Standing.ACTIVE).exists()


def has_died(patient_id: int) -> bool:
    """Whether the patient's death is on record, as the database has it now."""
    return Patient.objects.filter(pk=patient_id, standing=Standing.DIED).exists()


def require_treated(patient: Patient) -> None:
    """Raise Refused for a paused or ended patient.

    Read anew: what was loaded before a lock was waited for may be older than the pause.
    """
    now = Patient.objects.only("standing", "paused_until").get(pk=patient.pk)
    if now.is_active:
        return
    raise Refused("patient_inactive", standing_words(now))


def standing_words(patient: Patient) -> str:
    """Why nothing is booked for a patient who is not active, in one sentence for staff."""
    if patient.paused_until:
        day = formats.date_format(patient.paused_until, "j M Y")
        return _("This patient is paused until %(day)s. Reopen the record first.") % {"day": day}
    return _("This patient is no longer treated here: %(standing)s.") % {
        "standing": patient.get_standing_display()
    }
