"""The one way an audit entry is written."""

from datetime import datetime
from typing import Any

from django.db.models import Model

from scheduling.access import Actor
from scheduling.models import AuditEntry


def record(
    *, by: Actor, now: datetime, action: str, subject: Model, patient_id: int | None = None, **facts: Any
) -> None:
    """Write who did what to ``subject`` at ``now``, in the caller's transaction.

    ``facts`` are JSON values: ids, codes and times, never free text about a patient and never a token.
    """
    AuditEntry.objects.create(
        at=now,
        actor_kind=by.kind,
        staff_id=by.staff_id,
        link_id=by.link_id,
        address=by.address,
        action=action,
        subject=subject._meta.model_name or "",
        subject_id=subject.pk,
        patient_id=patient_id,
        facts=facts,
    )
