"""Delivering the ledger: claim due messages with a lease, render what is true, send, mark sent.

At least once: a worker that dies between the server's last word and our commit leaves a message that another
sends again, once its lease is over. A stable Message-ID, UID and SEQUENCE make that harmless.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import (
    AlertKind,
    AttemptOutcome,
    MessageKind,
    MessageState,
    MessageWay,
)
from scheduling.models import Alert, Attempt, Hold, Message, Patient

from .alerts import raise_alert
from .check_ins import mark_asked
from .ledger import doubt_dead_hands, way_to, writable
from .mail import build, recipient
from .rendering import Dropped, Rendered, without_keys
from .texts import render

logger = logging.getLogger(__name__)

BATCH = 20
"""Patients whose messages one round claims."""
BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
"""Waits after the first tries; the last one repeats."""
GIVE_UP = timedelta(days=2)
"""After this long since a message was first due, nobody tries on: a person does."""
SERVER_PAUSE = timedelta(minutes=1)
"""How long everything waits that a server in trouble was asked to take."""
FRESH_SECONDS = 1
"""What was read longer ago is read again before it is put into words."""
CHECK_INS = (MessageKind.CHECK_IN, MessageKind.CHECK_IN_AGAIN)
JOINS = (
    "patient__home_location",
    "staff__user",
    "series__location",
    "appointment__location",
    "check_in__appointment__location",
    "alert__location",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a try failed: for good or not, and whether the server as a whole is in trouble."""

    is_final: bool
    is_server: bool
    code: int | None = None
    detail: str = ""


def deliver(
    now: datetime,
    stop: Callable[[], bool] = lambda: False,
    connection: BaseEmailBackend | None = None,
) -> int:
    """Send what is due at ``now`` (UTC), one batch; how many messages reached an end or a next try.

    ``stop`` is asked between two messages; the rest of the batch is given back then. ``connection`` is that of
    the settings unless another one is given.
    """
    token, started = uuid4().hex, time.monotonic()
    ids = _claim(now, token)
    if not ids:
        return 0
    done = 0
    connection = connection or get_connection()
    try:
        batch = _Batch.load(token)
        for pk in ids:
            # Slow servers can outlive a lease: what is left goes back before anybody else may take it.
            if stop() or time.monotonic() - started > settings.LEASE_SECONDS / 2:
                break
            if time.monotonic() - batch.loaded_at > FRESH_SECONDS:
                batch = _Batch.load(token)
            fault = _deliver_one(batch, pk, connection, now)
            done += 1
            if fault and fault.is_server:
                _pause(token, now)
                break
    finally:
        _close(connection)
        _give_back(token)
    return done


@dataclass(frozen=True, slots=True)
class _Batch:
    """The leased messages as the database had them at ``loaded_at`` (monotonic), and who may be written to."""

    messages: Mapping[int, Message]
    writable: frozenset[int]
    loaded_at: float

    @classmethod
    def load(cls, token: str) -> "_Batch":
        loaded_at = time.monotonic()
        rows = Message.objects.select_related(*JOINS).filter(lease_token=token)
        messages = {message.pk: message for message in rows}
        patients = {message.patient_id for message in messages.values()}
        return cls(messages, frozenset(writable(patients)), loaded_at)


@transaction.atomic
def _claim(now: datetime, token: str) -> list[int]:
    """Lease the due messages of some patients, in the order written.

    A patient's messages are in one worker's hands at a time, so that they leave in order. The row lock on the
    patient makes it so with several workers.
    """
    theirs = Message.objects.filter(patient=OuterRef("pk"))
    free = Patient.objects.filter(
        Exists(theirs.due(now)), ~Exists(theirs.filter(lease_until__gt=now))
    ).order_by("pk")
    patients = list(
        free.select_for_update(skip_locked=True, no_key=True, of=("self",)).values_list("pk", flat=True)[
            :BATCH
        ]
    )
    due = Message.objects.due(now).filter(patient__in=patients).order_by("due_at", "pk")
    ids = list(due.values_list("pk", flat=True))
    doubt_dead_hands(due.filter(pk__in=ids).order_by())
    until = now + timedelta(seconds=settings.LEASE_SECONDS)
    due.filter(pk__in=ids).order_by().update(lease_token=token, lease_until=until)
    mine = Message.objects.filter(lease_token=token)
    # The messages leave now: nothing is taken back any more, and the freed places are for everybody.
    Hold.objects.filter(change__messages__in=mine).delete()
    claimed = set(mine.values_list("pk", flat=True))
    return [pk for pk in ids if pk in claimed]


def _deliver_one(batch: _Batch, pk: int, connection: BaseEmailBackend, now: datetime) -> Fault | None:
    message = batch.messages.get(pk)
    if message is None:
        return None
    prepared = _prepared(message, message.patient_id in batch.writable, now)
    if prepared is None:
        return None
    rendered, mail = prepared
    try:
        connection.open()
        connection.send_messages([mail])
    except (SMTPException, OSError) as error:
        # A half-spoken conversation cannot go on: the next message gets a fresh connection.
        _close(connection)
        fault = fault_of(error)
        _mark_failed(message, fault, now)
        return fault
    _mark_sent(message, rendered, now)
    return None


def _close(connection: BaseEmailBackend) -> None:
    with suppress(SMTPException, OSError):
        connection.close()


def _prepared(message: Message, is_writable: bool, now: datetime) -> tuple[Rendered, EmailMessage] | None:
    """The words of a message and its mail, or None where it is not sent by mail after all; that is recorded."""
    if message.staff_id is None and not is_writable:
        _hand_over(message)
        return None
    if not recipient(message):
        _end(message, MessageState.DROPPED, _("There is no address."))
        return None
    try:
        rendered = render(message, now)
        if isinstance(rendered, Dropped):
            _end(message, MessageState.DROPPED, rendered.why)
            return None
        return rendered, build(message, rendered)
    except Exception:
        # One message that cannot be put into words must not stop the others; a person has to look at it.
        logger.exception("Message %s cannot be rendered.", message.pk)
        _fail(message, _("It could not be put into words."), now)
        return None


def fault_of(error: Exception) -> Fault:
    """What an exception of smtplib or of the network means.

    A refused recipient or message concerns that one alone: 4xx is tried again, 5xx is final (RFC 5321 4.2.1).
    No answer, 421 (service not available) and a refused log-in concern the server.
    """
    if isinstance(error, SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return _answer(code, text)
    if isinstance(error, SMTPAuthenticationError):
        return Fault(is_final=False, is_server=True, code=error.smtp_code, detail=_words(error.smtp_error))
    if isinstance(error, SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
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
def _mark_sent(message: Message, rendered: Rendered, now: datetime) -> None:
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
def _mark_failed(message: Message, fault: Fault, now: datetime) -> None:
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
        _fail(message, fault.detail or _("The mail server refused it."), now, tries)
        return
    wait = SERVER_PAUSE if fault.is_server else BACKOFF[min(tries, len(BACKOFF)) - 1]
    Message.objects.filter(pk=message.pk, lease_token=message.lease_token).update(
        tries=tries, due_at=now + wait, lease_token="", lease_until=None
    )


@transaction.atomic
def _fail(message: Message, why: object, now: datetime, tries: int | None = None) -> None:
    """Give a message up; for one to a patient, the front desk sees to it, for one to staff the next contact."""
    if not _end(message, MessageState.FAILED, why, tries=tries):
        return
    if message.alert_id:
        Alert.objects.open().filter(pk=message.alert_id).update(next_call_at=now)
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


def _end(message: Message, state: MessageState, why: object, tries: int | None = None) -> bool:
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


def _hand_over(message: Message) -> None:
    """The patient may no longer be written to: the front desk tells them; a calendar cannot be told."""
    if message.kind == MessageKind.INVITATION:
        _end(message, MessageState.DROPPED, _("The patient no longer agrees to e-mail."))
        return
    way: MessageWay = way_to(message.patient, MessageKind(message.kind))
    Message.objects.filter(pk=message.pk, lease_token=message.lease_token).update(
        state=MessageState.TO_DO, way=way, lease_token="", lease_until=None
    )


def _pause(token: str, now: datetime) -> None:
    """A server in trouble is left alone for a while; nothing counts as tried that it was not asked to take."""
    Message.objects.filter(lease_token=token, state=MessageState.WAITING).update(due_at=now + SERVER_PAUSE)


def _give_back(token: str) -> None:
    Message.objects.filter(lease_token=token).update(lease_token="", lease_until=None)
