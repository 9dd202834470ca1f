"""Reading a record leaves a trace too."""

from datetime import datetime

from django.db import transaction

from scheduling.access import Action, Actor
from scheduling.models import Patient

from .audit import record


@transaction.atomic
def read_patient(*, by: Actor, now: datetime, patient: Patient) -> None:
    """Record that ``by`` opened the patient's record: one row of fixed size in a transaction of its own."""
    by.require(Action.SEE_PATIENTS)
    record(by=by, now=now, action="read_patient", subject=patient, patient_id=patient.pk)
