"""How a try to deliver a message ends: sent, tried again later, failed, handed to a person, or not sent at all.

Each is written only where the lease is still ours: whoever took the message over writes its end.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import AlertKind, AttemptOutcome, MessageKind, MessageState, MessageWay
from scheduling.models import Alert, Attempt, Message

from .alerts import raise_alert
from .check_ins import mark_asked
from .ledger import ONLY_MAILED, way_to
from .rendering import Rendered, without_keys

BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""Waits after the first tries; the last one repeats."""
GIVE_UP = timedelta(days=2)
"""After this long since a message was first due, nobody tries on: a person does."""
SERVER_PAUSE = timedelta(minutes=1)
"""How long everything waits that a server in trouble was asked to take."""
CHECK_INS = (MessageKind.CHECK_IN, MessageKind.CHECK_IN_AGAIN)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a try failed: for good or not, and whether the server as a whole is in trouble."""

    is_final: bool
    is_server: bool
    code: int | None = None
    detail: str = ""


def fault_of(error: Exception) -> Fault:
    """What an exception of smtplib or of the network means.

    A refused recipient or content concerns that one alone: 4xx is tried again, 5xx is final (RFC 5321 4.2.1).
    No answer, 421 (service not available), a refused connection, log-in or sender concern all.
    """
    if isinstance(error, SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return _answer(code, text)
    if isinstance(error, SMTPDataError):
        return _answer(error.smtp_code, error.smtp_error)
    if isinstance(error, SMTPResponseException):
        return Fault(is_final=False, is_server=True, code=error.smtp_code, detail=_words(error.smtp_error))
    return Fault(is_final=False, is_server=True, detail=type(error).__name__)


def _answer(code: int, text: bytes | str) -> Fault:
    is_server = code == 421 or not 400 <= code < 600
    return Fault(
        is_final=500 <= code < 600, is_server=is_server, code=code if code > 0 else None, detail=_words(text)
    )


def _words(text: bytes | str) -> str:
    """A server's answer as one short line without the address it may repeat."""
    line = text.decode(errors="replace") if isinstance(text, bytes) else text
    return " ".join("…" if "@" in word else word for word in line.split())[:200]


@transaction.atomic
def mark_sent(message: Message, rendered: Rendered, now: datetime) -> None:
    """Only where the lease is still ours: whoever took the message over marks it."""
    mine = Message.objects.filter(pk=message.pk, lease_token=message.lease_token)
    sent = mine.update(
        state=MessageState.SENT,
        sent_at=now,
        tries=message.tries + 1,
        told=dict(rendered.told),
        reason="",
        lease_token="",
        lease_until=None,
    )
    if not sent:
        return
    Attempt.objects.create(
        message=message,
        at=now,
        outcome=AttemptOutcome.SENT,
        subject=rendered.subject,
        text=without_keys(rendered.text),
    )
    if message.kind in CHECK_INS and message.check_in_id:
        mark_asked(message.check_in_id, now)


@transaction.atomic
def mark_failed(message: Message, fault: Fault, now: datetime) -> None:
    """Note the try; it is tried again later, unless the fault is final or too much time has gone by."""
    tries = message.tries + 1
    is_over = fault.is_final or (
        not fault.is_server and now - message.made_at > GIVE_UP and tries > len(BACKOFF)
    )
    Attempt.objects.create(
        message=message,
        at=now,
        outcome=AttemptOutcome.REFUSED if fault.is_final else AttemptOutcome.DELAYED,
        code=fault.code,
        detail=fault.detail,
    )
    if is_over:
        fail(message, fault.detail or _("The mail server refused it."), now, tries)
        return
    wait = SERVER_PAUSE if fault.is_server else BACKOFF[min(tries, len(BACKOFF)) - 1]
    Message.objects.filter(pk=message.pk, lease_token=message.lease_token).update(
        tries=tries, due_at=now + wait, lease_token="", lease_until=None
    )


@transaction.atomic
def fail(message: Message, why: object, now: datetime, tries: int | None = None) -> None:
    """Give a message up; for one to a patient, the front desk sees to it, for one to staff the next contact."""
    if not end(message, MessageState.FAILED, why, tries=tries):
        return
    if message.alert_id:
        Alert.objects.open().filter(pk=message.alert_id).update(next_call_at=now)
        return
    failed = Alert.objects.open().filter(kind=AlertKind.MESSAGE_FAILED, patient=message.patient_id)
    if failed.exists():
        # One mailbox that refuses is one thing to see to, not seven.
        return
    raise_alert(
        kind=AlertKind.MESSAGE_FAILED,
        key=f"message_failed:{message.pk}:{message.round}",
        patient=message.patient,
        location=message.patient.home_location,
        appointment=message.appointment,
        now=now,
        facts={"message": message.pk, "kind": message.kind},
    )


def end(message: Message, state: MessageState, why: object, tries: int | None = None) -> bool:
    """Bring a message to an end without a mail, and keep why; False where somebody else has it by now."""
    mine = Message.objects.filter(pk=message.pk, lease_token=message.lease_token)
    return bool(
        mine.update(
            state=state,
            reason=str(why)[:200],
            tries=message.tries if tries is None else tries,
            lease_token="",
            lease_until=None,
        )
    )


def hand_over(message: Message) -> None:
    """The patient may no longer be written to: the front desk tells them; a calendar cannot be told."""
    if message.kind in ONLY_MAILED:
        end(message, MessageState.DROPPED, _("The patient may not be written to at this address."))
        return
    way: MessageWay = way_to(message.patient, MessageKind(message.kind), by_mail=False)
    Message.objects.filter(pk=message.pk, lease_token=message.lease_token).update(
        state=MessageState.TO_DO, way=way, lease_token="", lease_until=None
    )
