"""Acknowledging an alert: a named person says what was done; nobody else is called after that."""

from datetime import datetime

from django.db import transaction
from django.utils import formats
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import AlertKind
from scheduling.models import Alert

from .audit import author, record
from .faults import Refused
from .ledger import drop

NOTE_LENGTH = 500
WANTS_DECISION = (AlertKind.MAKE_UP, AlertKind.MISSES)
"""Whoever may decide answers these; nobody takes them off the list without an answer."""


@transaction.atomic
def acknowledge(*, by: Actor, now: datetime, alert: Alert, note: str) -> Alert:
    """Take an alert off the list: ``note`` says what was done. Messages about it that have not left are dropped.

    Raises Refused without a note, for one that asks a prescriber to decide or sign, and where somebody did so before
    or its cause went away.
    """
    by.require(Action.ACKNOWLEDGE)
    note = note.strip()
    if not note or len(note) > NOTE_LENGTH:
        raise Refused("no_note", _("Say what was done, in at most 500 characters."), field="note")
    if alert.kind in WANTS_DECISION:
        raise Refused("needs_decision", _("This asks for a prescriber's decision."), field="note")
    if alert.kind == AlertKind.COUNTERSIGN:
        raise Refused(
            "needs_signature", _("This ends when a prescriber of the location signs."), field="note"
        )
    row = Alert.objects.select_for_update(no_key=True, of=("self",)).get(pk=alert.pk)
    require_open(row)
    row.acknowledged_by_id, row.acknowledged_at, row.note = author(by), now, note
    row.next_call_at = None
    row.save(update_fields=["acknowledged_by", "acknowledged_at", "note", "next_call_at"])
    drop(row.messages.all(), now, _("Somebody acknowledged it."))
    record(by=by, now=now, action="acknowledge", subject=row, patient_id=row.patient_id, kind=row.kind)
    return row


def require_open(row: Alert) -> None:
    """Raise Refused where somebody acknowledged the alert, or its cause went away."""
    if row.acknowledged_by and row.acknowledged_at:
        at = row.acknowledged_at.astimezone(row.location.tz)
        raise Refused(
            "acknowledged",
            _("%(name)s acknowledged this on %(day)s at %(time)s.")
            % {
                "name": row.acknowledged_by,
                "day": formats.date_format(at.date()),
                "time": at.strftime("%H:%M"),
            },
        )
    if row.settled_at:
        raise Refused("settled", _("The cause of this went away by itself a moment ago."))
