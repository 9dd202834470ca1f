"""Who acts, and the one way an audit entry is written."""

from datetime import datetime
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from scheduling.access import Actor
from scheduling.models import AuditEntry

from .faults import Refused


def author(by: Actor) -> int:
    """The id of the member of staff who acts. Raises Refused where a link or the program itself does."""
    if by.staff_id is None:
        raise Refused("no_author", _("This is recorded by a member of staff."))
    return by.staff_id


def record(
    *, by: Actor, now: datetime, action: str, subject: Model, patient_id: int | None = None, **facts: Any
) -> None:
    """Write who did what to ``subject`` at ``now``, in the caller's transaction.

    ``facts`` are JSON values: ids, codes and times, never a token; free text only where a rule asks for a
    reason, as for a corrected time.
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
