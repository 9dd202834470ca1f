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
from smtplib import SMTPException
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import MessageKind, MessageState, Standing
from scheduling.models import Hold, Message, Patient

from .delivery_ends import SERVER_PAUSE, Fault, end, fail, fault_of, hand_over, mark_failed, mark_sent
from .ledger import doubt_dead_hands, testable, writable
from .mail import build, recipient
from .rendering import Dropped, Rendered
from .texts import render

logger = logging.getLogger(__name__)

BATCH = 20
"""Patients whose messages one round claims."""
FRESH_SECONDS = 1
"""What was read longer ago is read again before it is put into words."""
JOINS = (
    "patient__home_location",
    "staff__user",
    "series__location",
    "appointment__location",
    "check_in__appointment__location",
    "alert__location",
    "offer__chair__location",
    "offer__entry",
)


def deliver(
    now: datetime,
    stop: Callable[[], bool] = lambda: False,
    connection: BaseEmailBackend | None = None,
) -> int:
    """Send what is due at ``now`` (UTC), one batch; how many messages reached an end or a next try.

    ``stop`` is asked between two messages; the rest of the batch is given back then. ``connection`` is that of
    the settings unless another one is given.
    """
    if not Message.objects.due(now).exists():
        # Asked every second: a claim would take SQLite's write lock each time.
        return 0
    connection = connection or get_connection()
    token, started = uuid4().hex, time.monotonic()
    ids = _claim(now, token)
    if not ids:
        return 0
    done = 0
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
    """The leased messages as the database had them at ``loaded_at`` (monotonic), and who may be written to.

    ``testable``: where the link that proves a new address may go."""

    messages: Mapping[int, Message]
    writable: frozenset[int]
    testable: frozenset[int]
    loaded_at: float

    @classmethod
    def load(cls, token: str) -> "_Batch":
        loaded_at = time.monotonic()
        rows = Message.objects.select_related(*JOINS).filter(lease_token=token)
        messages = {message.pk: message for message in rows}
        patients = {message.patient_id for message in messages.values()}
        return cls(messages, frozenset(writable(patients)), frozenset(testable(patients)), loaded_at)

    def may_send(self, message: Message) -> bool:
        """Whether the patient may be written to about this."""
        is_test = message.kind == MessageKind.ADDRESS
        return message.patient_id in (self.testable if is_test else self.writable)


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
    prepared = _prepared(message, batch.may_send(message), now)
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
        mark_failed(message, fault, now)
        return fault
    mark_sent(message, rendered, now)
    return None


def _close(connection: BaseEmailBackend) -> None:
    with suppress(SMTPException, OSError):
        connection.close()


def _prepared(message: Message, is_writable: bool, now: datetime) -> tuple[Rendered, EmailMessage] | None:
    """The words of a message and its mail, or None where it is not sent by mail after all; that is recorded."""
    if message.staff_id is None and message.patient.standing == Standing.DIED:
        end(message, MessageState.DROPPED, _("The patient is not to be written to any more."))
        return None
    if message.staff_id is None and not is_writable:
        hand_over(message)
        return None
    if not recipient(message):
        end(message, MessageState.DROPPED, _("There is no address."))
        return None
    try:
        rendered = render(message, now)
        if isinstance(rendered, Dropped):
            end(message, MessageState.DROPPED, rendered.why)
            return None
        return rendered, build(message, rendered)
    except Exception:
        # One message that cannot be put into words must not stop the others; a person has to look at it.
        logger.exception("Message %s cannot be rendered.", message.pk)
        fail(message, _("It could not be put into words."), now)
        return None


def _pause(token: str, now: datetime) -> None:
    """A server in trouble is left alone for a while; nothing counts as tried that it was not asked to take."""
    Message.objects.filter(lease_token=token, state=MessageState.WAITING).update(due_at=now + SERVER_PAUSE)


def _give_back(token: str) -> None:
    Message.objects.filter(lease_token=token).update(lease_token="", lease_until=None)
