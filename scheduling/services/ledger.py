"""Writing the ledger: each message is a row in the transaction of what it tells; the worker sends it later."""

from datetime import datetime

from django.db.models import Model, QuerySet
from django.utils.functional import Promise

from scheduling.core.words import Channel, MessageKind, MessageState, MessageWay
from scheduling.models import Alert, Appointment, CheckIn, Consent, Message, Patient, Series, StaffMember

PRINTED = (MessageKind.CONFIRMATION,)
"""Without e-mail these are handed over on paper; all others are told by phone where there is one."""


def may_write_to(patient: Patient) -> bool:
    """Whether the patient has an e-mail address and agreed to be written to there."""
    if not patient.email:
        return False
    return Consent.objects.filter(patient=patient, channel=Channel.EMAIL, revoked_at=None).exists()


def way_to(patient: Patient, kind: MessageKind) -> MessageWay:
    """E-mail where the patient agreed to it, else a task for the front desk."""
    if may_write_to(patient):
        return MessageWay.EMAIL
    if kind in PRINTED or not patient.phone:
        return MessageWay.PRINT
    return MessageWay.CALL


def write(
    *,
    kind: MessageKind,
    patient: Patient,
    subject: Model,
    revision: int,
    now: datetime,
    due_at: datetime,
    series: Series | None = None,
    appointment: Appointment | None = None,
    check_in: CheckIn | None = None,
    alert: Alert | None = None,
    staff: StaffMember | None = None,
) -> Message:
    """Write one message about ``subject`` to the patient, or to ``staff``, not to leave before ``due_at`` (UTC).

    Written twice with the same subject and revision, it stays one: a pending one gets the new time, one that
    has left or was dropped is left alone. The caller holds the lock of what it tells.
    """
    way = MessageWay.EMAIL if staff else way_to(patient, kind)
    recipient = f"staff-{staff.pk}" if staff else f"patient-{patient.pk}"
    key = f"{kind}:{subject._meta.model_name}-{subject.pk}:{revision}:{recipient}:{way}"
    message, is_new = Message.objects.select_for_update(no_key=True).get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "way": way,
            "state": MessageState.WAITING if way == MessageWay.EMAIL else MessageState.TO_DO,
            "patient": patient,
            "staff": staff,
            "series": series,
            "appointment": appointment,
            "check_in": check_in,
            "alert": alert,
            "revision": revision,
            "made_at": now,
            "due_at": due_at,
        },
    )
    if not is_new and message.state in (MessageState.WAITING, MessageState.TO_DO):
        message.due_at = due_at
        message.save(update_fields=["due_at"])
    return message


def drop(messages: "QuerySet[Message]", now: datetime, why: str | Promise) -> int:
    """Keep these pending messages from being sent, and say why; how many.

    One in a worker's hands is left to the worker, which renders from what is true and so drops it itself.
    """
    rows = Message.objects.filter(pk__in=messages.values("pk")).pending().unclaimed(now)
    ids = list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    return Message.objects.filter(pk__in=ids).update(state=MessageState.DROPPED, reason=str(why))
