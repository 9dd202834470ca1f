"""Calling the patients of a disruption: by start, told or not reached; a second try counts."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import CallState
from scheduling.models import DisruptedVisit

from .audit import author, record
from .faults import Refused


@transaction.atomic
def record_call(*, by: Actor, now: datetime, row: DisruptedVisit, is_reached: bool) -> DisruptedVisit:
    """Note that the patient was told by phone, or was not reached and is called again.

    Telling changes no visit: another place is found on the pages for moving and booking. Raises Refused where the
    patient was told before.
    """
    by.require(Action.COVER)
    row = DisruptedVisit.objects.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)
    if row.told_at is not None:
        raise Refused("told", _("This patient was told already."))
    row.calls, row.called_at, row.called_by_id = row.calls + 1, now, author(by)
    row.call = CallState.NONE if is_reached else CallState.NOT_REACHED
    if is_reached:
        row.told_at, row.told_by_id = now, author(by)
    row.save()
    record(
        by=by,
        now=now,
        action="record_call",
        subject=row,
        patient_id=row.appointment.patient_id,
        reached=is_reached,
    )
    return row
