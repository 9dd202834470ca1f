"""Writing the ledger: each message is a row in the transaction of what it tells; the worker sends it later."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Required, TypedDict, Unpack

from django.db.models import Model, QuerySet
from django.utils.functional import Promise

from scheduling.core.words import PENDING, Channel, MessageKind, MessageState, MessageWay
from scheduling.models import (
    Alert,
    Appointment,
    CheckIn,
    Consent,
    CourseChange,
    Message,
    Offer,
    Patient,
    Series,
    StaffMember,
)

PRINTED = (MessageKind.CONFIRMATION,)
"""Without e-mail these are handed over on paper; all others are told by phone where there is one."""

ONLY_MAILED = (MessageKind.INVITATION, MessageKind.NEW_LINK, MessageKind.ADDRESS, MessageKind.OFFER)
"""Nobody reads a calendar entry or a link out on the phone."""

STATE_BY_WAY = {
    MessageWay.EMAIL: MessageState.WAITING,
    MessageWay.CALL: MessageState.TO_DO,
    MessageWay.PRINT: MessageState.TO_DO,
}


class About(TypedDict, total=False):
    """What ``draft`` takes, for ``write``."""

    kind: Required[MessageKind]
    patient: Required[Patient]
    subject: Required[Model]
    revision: Required[int]
    now: Required[datetime]
    due_at: Required[datetime]
    by_mail: bool | None
    series: Series | None
    appointment: Appointment | None
    check_in: CheckIn | None
    alert: Alert | None
    offer: Offer | None
    staff: StaffMember | None
    change: CourseChange | None


def may_write_to(patient: Patient) -> bool:
    """Whether the patient agreed to e-mail and has an address that is known to be theirs."""
    return bool(patient.email) and bool(writable([patient.pk]))


def writable(patients: Iterable[int]) -> set[int]:
    """Which of these patients, by primary key, agreed to e-mail and have an address that is known to be theirs.

    A changed address is not, until a test link that was sent there is opened: that alone may go there.
    """
    proven = _agreed(patients).filter(patient__email_unproven_since=None)
    return set(proven.values_list("patient_id", flat=True))


def testable(patients: Iterable[int]) -> set[int]:
    """Which of these patients, by primary key, agreed to e-mail and have an address, proven or not."""
    return set(_agreed(patients).values_list("patient_id", flat=True))


def _agreed(patients: Iterable[int]) -> "QuerySet[Consent]":
    in_force = Consent.objects.filter(patient__in=list(patients), channel=Channel.EMAIL, revoked_at=None)
    return in_force.exclude(patient__email="")


def way_to(patient: Patient, kind: MessageKind, *, by_mail: bool | None = None) -> MessageWay:
    """E-mail where the patient agreed to it, else a task for the front desk; ``by_mail`` where that is known."""
    if may_write_to(patient) if by_mail is None else by_mail:
        return MessageWay.EMAIL
    if kind in PRINTED or not patient.phone:
        return MessageWay.PRINT
    return MessageWay.CALL


def draft(
    *,
    kind: MessageKind,
    patient: Patient,
    subject: Model,
    revision: int,
    now: datetime,
    due_at: datetime,
    by_mail: bool | None = None,
    series: Series | None = None,
    appointment: Appointment | None = None,
    check_in: CheckIn | None = None,
    alert: Alert | None = None,
    offer: Offer | None = None,
    staff: StaffMember | None = None,
    change: CourseChange | None = None,
) -> Message:
    """One unsaved message about ``subject`` to the patient, or to ``staff``, not to leave before ``due_at`` (UTC)."""
    way = MessageWay.EMAIL if staff else way_to(patient, kind, by_mail=by_mail)
    recipient = f"staff-{staff.pk}" if staff else f"patient-{patient.pk}"
    return Message(
        key=f"{kind}:{subject._meta.model_name}-{subject.pk}:{revision}:{recipient}:{way}",
        kind=kind,
        way=way,
        state=STATE_BY_WAY[way],
        patient=patient,
        staff=staff,
        series=series,
        appointment=appointment,
        check_in=check_in,
        alert=alert,
        offer=offer,
        change=change,
        revision=revision,
        made_at=now,
        due_at=due_at,
    )


def write_all(drafts: Sequence[Message], *, is_new: bool = False) -> None:
    """Write messages in few statements. The caller holds the lock of what they tell.

    ``is_new``: none of them can stand there yet.

    One that stands there already, by its key, stays one: a pending one gets the new time, a dropped one lives
    again, one that has left is left alone.
    """
    keys = [message.key for message in drafts]
    rows = [] if is_new else Message.objects.filter(key__in=keys)
    known = {message.key: message for message in rows}
    Message.objects.bulk_create([message for message in drafts if message.key not in known])
    for message in drafts:
        row = known.get(message.key)
        if row and row.state in (*PENDING, MessageState.DROPPED):
            if row.state == MessageState.DROPPED or row.way != message.way:
                row.state, row.way = message.state, message.way
            row.due_at, row.change, row.reason = message.due_at, message.change, ""
            row.save(update_fields=["state", "way", "due_at", "change", "reason"])


def write(**about: Unpack[About]) -> Message:
    """Write one message; see ``draft`` and ``write_all``. Returns its row."""
    message = draft(**about)
    write_all([message])
    return Message.objects.get(key=message.key)


def drop(messages: "QuerySet[Message]", now: datetime, why: str | Promise) -> int:
    """Keep these pending messages from being sent, and say why; how many.

    One in a worker's hands is left to the worker, which renders from what is true and so drops it itself.
    """
    rows = Message.objects.filter(pk__in=messages.values("pk")).pending().unclaimed(now)
    ids = list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    rows = Message.objects.filter(pk__in=ids)
    doubt_dead_hands(rows)
    return rows.update(state=MessageState.DROPPED, reason=str(why))


def tell_otherwise(
    messages: "QuerySet[Message]", now: datetime, why: str | Promise, *, by_mail: bool
) -> None:
    """Drop these pending messages to one patient and write them anew by e-mail, or as tasks for the front desk.

    What only an e-mail can bring is dropped where it is not one; what a worker holds the worker hands over.
    """
    pending = Message.objects.filter(pk__in=messages.values("pk")).pending().unclaimed(now)
    rows = list(pending.select_related("patient").order_by("pk"))
    drop(Message.objects.filter(pk__in=[row.pk for row in rows]), now, why)
    write_all([_by_way(row, now, by_mail=by_mail) for row in rows if by_mail or row.kind not in ONLY_MAILED])


def _by_way(row: Message, now: datetime, *, by_mail: bool) -> Message:
    way = way_to(row.patient, MessageKind(row.kind), by_mail=by_mail)
    return Message(
        key=f"{row.key.rpartition(':')[0]}:{way}",
        kind=row.kind,
        way=way,
        state=STATE_BY_WAY[way],
        patient=row.patient,
        series_id=row.series_id,
        appointment_id=row.appointment_id,
        check_in_id=row.check_in_id,
        change_id=row.change_id,
        revision=row.revision,
        round=row.round,
        made_at=now,
        due_at=row.due_at,
    )


def doubt_dead_hands(messages: "QuerySet[Message]") -> None:
    """Mark those whose lease ran out: their worker may have died between sending and saying so."""
    messages.exclude(lease_token="").update(in_doubt=True, lease_token="", lease_until=None)
