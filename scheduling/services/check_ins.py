"""The check-ins of a visit: one per offset of its protocol, reckoned from its end, each with one message."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from scheduling.access import SYSTEM, Actor
from scheduling.core.check_ins import Slot, offsets, schedule
from scheduling.core.quiet import next_waking
from scheduling.core.words import PENDING, UNANSWERED, CheckInState, MessageKind, MessageState
from scheduling.models import Appointment, CheckIn, Message

from .audit import record
from .ledger import drop, write
from .running import run
from .treated import is_treated

ASKING = (MessageKind.CHECK_IN, MessageKind.CHECK_IN_AGAIN)
MOVABLE = (CheckInState.PLANNED, CheckInState.DROPPED)
"""What was never asked, so that it may still be asked at another time."""


@transaction.atomic
def plan_check_ins(visit: Appointment, now: datetime, *, is_correction: bool = False) -> list[CheckIn]:
    """Make or move the check-ins of a started visit, from its discharge or else from its planned end.

    What has been asked stays as it is; what was dropped before it was asked comes back. The caller holds the
    lock of the visit and writes the audit entry. A visit without a start of treatment has none, nor has a
    patient who is paused, ended or dead.

    Nothing is sent in a burst (DESIGN): of those that should have been asked already only the latest is asked when
    the end is recorded late, and none where an end was corrected.
    """
    if visit.started_at is None or not is_treated(visit.patient_id):
        drop_unasked(visit, now)
        return []
    rows = {row.offset_hours: row for row in _locked(visit)}
    asked = {hour: row.due_at for hour, row in rows.items() if row.state not in MOVABLE or row.asked_at}
    slots = schedule(
        offsets(visit.protocol.check_in_hours), visit.discharged_at or visit.ends_at, visit.tz, asked
    )
    late = [slot for slot in slots if slot.due_at <= now and slot.offset_hours not in asked]
    skipped = late if is_correction else late[:-1]
    return [
        _skip(visit, slot, rows.get(slot.offset_hours), now)
        if slot in skipped
        else _put(visit, slot, rows.get(slot.offset_hours), now)
        for slot in slots
    ]


def _locked(visit: Appointment) -> list[CheckIn]:
    rows = CheckIn.objects.filter(appointment=visit).order_by("pk")
    return list(rows.select_for_update(no_key=True))


def _put(visit: Appointment, slot: Slot, row: CheckIn | None, now: datetime) -> CheckIn:
    """One check-in at its slot, with its message unless it has been asked."""
    is_new = row is None
    row = row or CheckIn(appointment=visit, patient=visit.patient, offset_hours=slot.offset_hours)
    row.closes_at = slot.closes_at
    if row.state not in MOVABLE or row.asked_at:
        row.save(update_fields=["closes_at"])
        return row
    row.state, row.due_at = CheckInState.PLANNED, slot.due_at
    row.from_plan = visit.discharged_at is None
    row.save()
    _write_message(row, visit, is_new, now)
    return row


def _skip(visit: Appointment, slot: Slot, row: CheckIn | None, now: datetime) -> CheckIn:
    """One that should have been asked already and is not asked any more; the row says so."""
    row = row or CheckIn(appointment=visit, patient=visit.patient, offset_hours=slot.offset_hours)
    row.due_at, row.closes_at, row.from_plan = slot.due_at, slot.closes_at, visit.discharged_at is None
    row.state = CheckInState.DROPPED
    row.save()
    drop(row.messages.filter(kind__in=ASKING), now, _("Its time was over when the end was recorded."))
    return row


def _write_message(row: CheckIn, visit: Appointment, is_new: bool, now: datetime) -> None:
    """The message that asks it, at its time; one that was dropped before stays dropped and gets a successor."""
    earlier = Message.objects.filter(check_in=row, kind=MessageKind.CHECK_IN)
    revision = 0 if is_new else earlier.exclude(state__in=PENDING).count()
    message = write(
        kind=MessageKind.CHECK_IN,
        patient=visit.patient,
        subject=row,
        revision=revision,
        now=now,
        # What should have been asked already is asked now, but wakes nobody.
        due_at=row.due_at if row.due_at > now else next_waking(now, visit.tz),
        series=visit.series,
        appointment=visit,
        check_in=row,
    )
    if not is_new:
        drop(earlier.exclude(pk=message.pk), now, _("Replaced by a later change."))


@transaction.atomic
def drop_unasked(visit: Appointment, now: datetime) -> int:
    """Drop what has not been asked about a visit that is no longer over; how many. Rows are kept."""
    rows = [row for row in _locked(visit) if row.state == CheckInState.PLANNED]
    for row in rows:
        drop_check_in(row, now, _("The visit is not over."))
    return len(rows)


def drop_check_in(check_in: CheckIn, now: datetime, why: str | Promise) -> bool:
    """Keep a check-in that was never asked from being asked, with its message; False where it was asked."""
    found = CheckIn.objects.filter(pk=check_in.pk, state=CheckInState.PLANNED)
    dropped = found.update(state=CheckInState.DROPPED)
    if dropped:
        check_in.state = CheckInState.DROPPED
        drop(check_in.messages.filter(kind__in=ASKING), now, why)
    return bool(dropped)


def is_still_wanted(check_in: CheckIn, now: datetime) -> bool:
    """Whether a message asking ``check_in`` may leave at ``now``.

    Not to a patient who is not treated here, not once it was answered, dropped or closed, nor once the patient's
    next visit has begun, which asks anew.
    """
    if check_in.state not in UNANSWERED or now >= check_in.closes_at:
        return False
    return is_treated(check_in.patient_id) and not _next_visit_began(check_in, now)


def _next_visit_began(check_in: CheckIn, now: datetime) -> bool:
    since = check_in.appointment.started_at or check_in.appointment.starts_at
    later = Appointment.objects.filter(patient_id=check_in.patient_id, started_at__gt=since)
    return later.filter(started_at__lte=now).exclude(pk=check_in.appointment_id).exists()


def mark_asked(check_in_id: int, at: datetime) -> None:
    """Keep when a check-in was asked, and when it was asked again, now that its message left at ``at`` (UTC).

    A wanted resend of the first message is not a second asking.
    """
    first = CheckIn.objects.filter(pk=check_in_id, state=CheckInState.PLANNED)
    if first.update(state=CheckInState.ASKED, asked_at=at):
        return
    again = Message.objects.filter(check_in=check_in_id, kind=MessageKind.CHECK_IN_AGAIN)
    if again.exclude(state=MessageState.DROPPED).exists():
        waiting = CheckIn.objects.asked().filter(pk=check_in_id, asked_again_at=None)
        waiting.update(asked_again_at=at)


def drop_unwanted(now: datetime) -> int:
    """Duty: drop what was due and is not asked any more, and messages that would ask it; of how many check-ins.

    A worker drops such mails itself when it comes to send them; calls to make wait for a person.
    """
    return sum(run(_drop_one, by=SYSTEM, now=now, pk=row.pk) for row in _unwanted(now).order_by("pk"))


def _unwanted(now: datetime) -> "QuerySet[CheckIn]":
    visits = Appointment.objects.filter(patient=OuterRef("patient"), started_at__lte=now)
    next_began = visits.filter(started_at__gt=OuterRef("appointment__started_at"))
    pending = Message.objects.pending().unclaimed(now).filter(check_in=OuterRef("pk"), kind__in=ASKING)
    rows = CheckIn.objects.filter(Q(closes_at__lte=now) | Exists(next_began), due_at__lte=now)
    return rows.filter(
        Q(state=CheckInState.PLANNED)
        | Q(Exists(pending), state__in=(CheckInState.ASKED, CheckInState.SILENT))
    )


@transaction.atomic
def _drop_one(*, by: Actor, now: datetime, pk: int) -> bool:
    """One check-in, locked and then looked at again; what was asked stays so, and nobody is asked again."""
    row = CheckIn.objects.select_for_update(no_key=True).get(pk=pk)
    if not _unwanted(now).filter(pk=pk).exists():
        return False
    why = _("Its time is over, or the next visit came first.")
    if not drop_check_in(row, now, why):
        drop(row.messages.filter(kind__in=ASKING), now, why)
    record(by=by, now=now, action="drop_check_in", subject=row, patient_id=row.patient_id)
    return True
