"""Alerts that ask a prescriber: the answer is kept, and what it means is done in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import AlertKind, Decision, OrderState, Standing
from scheduling.models import Alert, Appointment, Order

from .acknowledging import NOTE_LENGTH, require_open
from .alerts import raise_alert
from .amending import amend_order, open_infusions
from .audit import author, record
from .faults import Refused
from .locks import locked_series
from .standing import end_patient, pause_patient

ANSWERS: Mapping[AlertKind, Sequence[Decision]] = {
    AlertKind.MAKE_UP: (Decision.YES, Decision.NO),
    AlertKind.MISSES: (Decision.CONTINUE, Decision.PAUSE, Decision.END),
}
"""What may be answered to the alerts that ask; nobody acknowledges those without an answer."""


def answers_to(alert: Alert) -> Sequence[Decision]:
    """The answers an alert takes; none where it only has to be seen."""
    return ANSWERS.get(AlertKind(alert.kind), ())


@transaction.atomic
def decide(
    *,
    by: Actor,
    now: datetime,
    alert: Alert,
    decision: Decision,
    note: str,
    until: date | None = None,
) -> Alert:
    """Answer an alert that asks; ``note`` says why, ``until`` is the last local day of a pause.

    Make-up, yes: one infusion more is signed and the front desk books it; no: nothing more. Misses, continue: the
    course is no longer under review; pause and end: of the patient. Raises Refused without a note, for an answer the
    alert does not take, for one that was dealt with, and for whatever the act itself refuses.
    """
    by.require(Action.DECIDE)
    note = note.strip()
    if not note or len(note) > NOTE_LENGTH:
        raise Refused("no_note", _("Say why, in at most 500 characters."), field="note")
    row = Alert.objects.select_for_update(no_key=True, of=("self",)).get(pk=alert.pk)
    require_open(row)
    if decision not in answers_to(row):
        raise Refused("no_such_answer", _("Choose one of the answers."), field="decision")
    row.acknowledged_by_id, row.acknowledged_at, row.note = author(by), now, note
    row.decision, row.next_call_at = decision, None
    row.save(update_fields=["acknowledged_by", "acknowledged_at", "note", "decision", "next_call_at"])
    _act(by, now, row, decision, note, until)
    record(by=by, now=now, action="decide", subject=row, patient_id=row.patient_id, decision=decision)
    return row


def _act(by: Actor, now: datetime, row: Alert, decision: Decision, note: str, until: date | None) -> None:
    visit = row.appointment
    if visit is None or decision is Decision.NO:
        return
    if decision is Decision.YES:
        _make_up(by, now, row, visit)
    elif decision is Decision.CONTINUE:
        _go_on(visit)
    elif decision is Decision.PAUSE:
        if until is None:
            raise Refused("no_date", _("Give the last day of the pause."), field="until")
        _go_on(visit)
        pause_patient(by=by, now=now, patient=row.patient, until=until, reason=note[:200])
    else:
        _go_on(visit)
        end_patient(by=by, now=now, patient=row.patient, standing=Standing.STOPPED, reason=note[:200])


def _go_on(visit: Appointment) -> None:
    """The course is no longer under review."""
    series = locked_series(visit.series_id)
    series.review_asked_at = None
    series.save(update_fields=["review_asked_at"])


def _make_up(by: Actor, now: datetime, row: Alert, visit: Appointment) -> None:
    """One infusion more, signed as an amendment of the course's order, and a task to book it with the patient."""
    old = locked_series(visit.series_id).order
    if old.state not in (OrderState.SIGNED, OrderState.USED_UP):
        raise Refused("order_closed", _("The order is closed. Sign a new one to make the session up."))
    more = Order.objects.get(pk=old.pk)
    more.pk, more.sessions = None, open_infusions(old) + 1
    today = now.astimezone(visit.tz).date()
    more.valid_from, more.valid_until = min(old.valid_from, today), max(old.valid_until, today)
    amend_order(by=by, now=now, old=old, order=more, unusual_dose_confirmed=old.unusual_dose_confirmed)
    raise_alert(
        kind=AlertKind.BOOK_MAKE_UP,
        key=f"book_make_up:{visit.pk}",
        patient=row.patient,
        location=row.location,
        now=now,
        appointment=visit,
        facts={"day": visit.local_date.isoformat()},
    )
