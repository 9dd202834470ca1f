"""Blood pressures of a visit: simple entries, with a warning beyond the protocol's limits and no advice."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import UNDER_WAY, USED, Status, VitalMoment
from scheduling.models import Appointment, BloodPressure, Protocol

from .audit import author, record
from .faults import Refused
from .locks import locked_visit
from .visit_status import require_status
from .visits import require_sensible

TAKEN_IN = (*UNDER_WAY, *USED, Status.NOT_GIVEN)
"""A value that stopped a visit before the drug is kept as well."""


def beyond_limits(pressure: BloodPressure, protocol: Protocol) -> bool:
    """Whether one of the two values lies outside the limits of the visit's protocol."""
    return not (
        protocol.systolic_low <= pressure.systolic <= protocol.systolic_high
        and protocol.diastolic_low <= pressure.diastolic <= protocol.diastolic_high
    )


@transaction.atomic
def record_pressure(
    *,
    by: Actor,
    now: datetime,
    appointment: Appointment,
    moment: VitalMoment,
    systolic: int,
    diastolic: int,
    pulse: int | None = None,
    at: datetime | None = None,
) -> BloodPressure:
    """Keep one blood pressure in mmHg, taken at ``at`` or ``now`` (UTC); ``pulse`` in beats a minute.

    Raises Refused before the arrival, for a time in the future or on another day, and for values no one has.
    """
    by.require(Action.RECORD_VISIT)
    visit = locked_visit(appointment.pk)
    require_status(visit, *TAKEN_IN)
    taken = require_sensible(visit, at or now, now)
    if not (40 <= systolic <= 300 and 20 <= diastolic < systolic):
        words = _("Look at the numbers again: systolic is the higher one.")
        raise Refused("bloodpressure_values", words, field="systolic")
    if pulse is not None and not 20 <= pulse <= 300:
        raise Refused("bloodpressure_pulse", _("A pulse is 20 to 300 a minute."), field="pulse")
    row = BloodPressure.objects.create(
        appointment=visit,
        moment=moment,
        systolic=systolic,
        diastolic=diastolic,
        pulse=pulse,
        at=taken,
        recorded_by_id=author(by),
        recorded_at=now,
    )
    record(by=by, now=now, action="record_pressure", subject=visit, patient_id=visit.patient_id, entry=row.pk)
    return row


@transaction.atomic
def remove_pressure(*, by: Actor, now: datetime, pressure: BloodPressure, reason: str) -> None:
    """Take a wrong entry away; the audit trail keeps it and the reason. Raises Refused without one, and twice."""
    by.require(Action.RECORD_VISIT)
    if not reason.strip():
        raise Refused("no_reason", _("Say why this entry is wrong."), field="reason")
    rows = BloodPressure.objects.select_for_update(no_key=True, of=("self",)).select_related("appointment")
    row = rows.filter(pk=pressure.pk).first()
    if row is None:
        raise Refused("entry_gone", _("This entry was removed a moment ago."))
    record(
        by=by,
        now=now,
        action="remove_pressure",
        subject=row.appointment,
        patient_id=row.appointment.patient_id,
        reason=reason.strip()[:200],
        moment=row.moment,
        value=f"{row.systolic}/{row.diastolic}",
        at=row.at.isoformat(),
    )
    row.delete()
