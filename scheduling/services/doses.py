"""The dose given, as the nurse enters it in the order's own unit. A difference is flagged; nothing is computed."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import USED, AlertKind, Status
from scheduling.models import Alert, Appointment

from .alerts import raise_again, raise_alert, settle
from .audit import record
from .faults import Refused
from .locks import locked_visit
from .visit_status import require_status

GIVEN_IN = (Status.IN_TREATMENT, Status.RECOVERING, *USED)
HIGHEST = Decimal("9999.99")


def given_words(visit: Appointment) -> str:
    """The dose given as entered, such as ``84 mg``; empty where none is."""
    if visit.dose_given is None:
        return ""
    return f"{visit.dose_given.normalize():f} {visit.get_dose_given_unit_display()}"


def differs(visit: Appointment) -> bool:
    """Whether the dose given is another one than ordered, as both are written."""
    given = visit.dose_given, visit.dose_given_unit
    return visit.dose_given is not None and given != (visit.order.dose_amount, visit.order.dose_unit)


@transaction.atomic
def record_dose(*, by: Actor, now: datetime, appointment: Appointment, amount: Decimal) -> Appointment:
    """Keep the dose given, in the unit of the visit's order; another one than ordered asks a prescriber to look.

    Raises Refused before the start of treatment and for an amount that is no dose.
    """
    by.require(Action.RECORD_VISIT)
    if not 0 < amount <= HIGHEST:
        raise Refused("appointment_dose_given", _("A dose is above zero."), field="amount")
    visit = locked_visit(appointment.pk)
    require_status(visit, *GIVEN_IN)
    before = given_words(visit)
    visit.dose_given, visit.dose_given_unit = amount, visit.order.dose_unit
    visit.save(update_fields=["dose_given", "dose_given_unit"])
    follow_dose(visit, now)
    record(
        by=by,
        now=now,
        action="record_dose",
        subject=visit,
        patient_id=visit.patient_id,
        before=before,
        given=given_words(visit),
    )
    return visit


def follow_dose(visit: Appointment, now: datetime) -> None:
    """Ask a prescriber about a dose that differs, and no longer about one that was corrected or taken back."""
    key = f"dose_differs:{visit.pk}:{given_words(visit)}"
    flags = Alert.objects.filter(kind=AlertKind.DOSE_DIFFERS, appointment=visit)
    settle(flags.exclude(key=key), now)
    if not differs(visit):
        return
    alert = raise_alert(
        kind=AlertKind.DOSE_DIFFERS,
        key=key,
        patient=visit.patient,
        location=visit.location,
        now=now,
        appointment=visit,
        facts={"given": given_words(visit), "ordered": visit.order.dose},
    )
    if alert is None:
        raise_again(flags.filter(key=key), now)
