"""Calling the patients of a disruption: agreed, wants another time, not reached, or only told."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import COURSE_KINDS, CallState, MessageState, MessageWay, Resolution, Status
from scheduling.models import Appointment, DisruptedVisit, Message

from .audit import author, record
from .course_messages import News, course_lines, last_told
from .faults import Refused
from .message_handling import finish_task
from .other_places import book_held_place, held_for_row, locked_row
from .uncovering import calls_for


def is_to_call(row: DisruptedVisit, now: datetime) -> bool:
    """Whether its patient is to be called: put on the list, or the visit has come near without a place."""
    if row.call != CallState.NONE:
        return row.call != CallState.AGREED
    is_open = row.resolution == Resolution.OPEN and row.appointment.status == Status.BOOKED
    return is_open and row.told_at is None and calls_for(row.appointment.starts_at, now) != CallState.NONE


@transaction.atomic
def record_call(*, by: Actor, now: datetime, row: DisruptedVisit, outcome: CallState) -> DisruptedVisit:
    """Note what a call ended with; a patient who was reached counts as told, in every list the visit stands on.

    ``AGREED`` books the place that is held. ``OTHER_TIME`` frees it; the next place is held for another call.
    ``NOT_REACHED`` keeps it, and the patient is called again. ``NONE``: only told. Being told also ends the call
    in messages where it is about this visit alone. Raises Refused where nobody is to be called, where a place is
    held or none is, and for all that booking refuses; then nothing changed.
    """
    by.require(Action.COVER)
    visit, row = locked_row(row)
    row.appointment = visit
    if not is_to_call(row, now):
        raise Refused("no_call", _("Nobody is to be called about this visit any more."))
    if outcome == CallState.NONE and held_for_row(row).filter(expires_at__gt=now).exists():
        raise Refused("place_held", _("A place is held: say whether the patient agreed to it."))
    row.calls, row.called_at, row.called_by_id = row.calls + 1, now, author(by)
    row.call = outcome
    about = [visit]
    if outcome == CallState.AGREED:
        about.append(book_held_place(by=by, now=now, visit=visit, row=row))
        row.resolution, row.resolved_at, row.resolved_by_id = Resolution.MOVED, now, author(by)
    elif outcome != CallState.NOT_REACHED:
        held_for_row(row).delete()
        row.hold = None
    if outcome != CallState.NOT_REACHED:
        row.told_at, row.told_by_id = now, author(by)
        _note_told(by, now, row, about)
    row.save()
    record(
        by=by,
        now=now,
        action="record_call",
        subject=row,
        patient_id=visit.patient_id,
        outcome=outcome,
    )
    return row


def _note_told(by: Actor, now: datetime, row: DisruptedVisit, about: list[Appointment]) -> None:
    """The patient knows: here, in other lists with this visit, and in messages if the call there says no more."""
    others = DisruptedVisit.objects.filter(appointment=row.appointment_id).exclude(pk=row.pk)
    others.update(told_at=now, told_by=author(by), call=CallState.NONE)
    if not by.may(Action.HANDLE_MESSAGES):
        return
    series = about[0].series
    lines = course_lines(series, last_told(series), now)
    if {line.visit.pk for line in lines if line.news is not News.SAME} <= {visit.pk for visit in about}:
        calls = Message.objects.filter(
            series=series, kind__in=COURSE_KINDS, way=MessageWay.CALL, state=MessageState.TO_DO
        )
        for message in calls.order_by("pk"):
            finish_task(by=by, now=now, message=message, note=_("Told by phone from the call list."))
