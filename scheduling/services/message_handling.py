"""What a person does with a message: send it again, tick a call or print off, or keep it from being sent."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import (
    PENDING,
    AlertKind,
    AttemptOutcome,
    MessageKind,
    MessageState,
    MessageWay,
    Standing,
)
from scheduling.models import Alert, Attempt, Message

from .alerts import settle
from .audit import author, record
from .check_ins import ASKING, mark_asked
from .faults import Refused
from .ledger import doubt_dead_hands, may_write_to
from .message_list import WITH_PLACES
from .rendering import Dropped, Rendered
from .texts import render

LONGEST_NOTE = 200
"""Characters, as the ledger keeps them."""


@transaction.atomic
def resend_message(*, by: Actor, now: datetime, message: Message) -> Message:
    """Let the worker send an e-mail once more, now, under a Message-ID of its own.

    Raises Refused unless it was sent or has failed, where the patient may not be written to, and where what it
    tells is no longer true: the message about what is true now is the one to send.
    """
    by.require(Action.HANDLE_MESSAGES)
    message = _locked(message)
    if message.way != MessageWay.EMAIL or message.state not in (MessageState.SENT, MessageState.FAILED):
        raise Refused("not_resendable", _not_resendable(message))
    if message.staff is None and message.patient.standing == Standing.DIED:
        raise Refused("patient_died", _("This patient is not to be written to any more."))
    if message.staff is None and not may_write_to(message.patient):
        raise Refused(
            "no_email_consent",
            _("The patient has no e-mail address or has not agreed to e-mail. Call instead."),
        )
    # What left once stays known to have left: a calendar that has the visit is told of its cancellation.
    message.in_doubt = message.in_doubt or message.state == MessageState.SENT
    message.state, message.sent_at, message.reason = MessageState.WAITING, None, ""
    message.round, message.tries, message.due_at = message.round + 1, 0, now
    message.save(update_fields=["in_doubt", "state", "sent_at", "reason", "round", "tries", "due_at"])
    # Rendered as the worker will find it; a refusal undoes the lines above.
    words = render(message, now)
    if isinstance(words, Dropped):
        raise Refused("no_longer_true", _("What it tells is no longer true: %(why)s") % {"why": words.why})
    _settle_failure(message, now)
    _record(by, now, "resend_message", message, round=message.round)
    return message


@transaction.atomic
def finish_task(*, by: Actor, now: datetime, message: Message, note: str = "") -> Message:
    """Record that a call was made or a print handed over, or that a failed e-mail was told by phone.

    What was told counts from then on as known to the patient, as if it had been sent. Raises Refused for
    anything else, with what became of it.
    """
    by.require(Action.HANDLE_MESSAGES)
    message = _locked(message)
    is_task = message.state == MessageState.TO_DO
    has_failed = message.state == MessageState.FAILED and message.staff_id is None
    if not (is_task or has_failed):
        raise Refused("not_a_task", _not_a_task(message))
    words = render(message, now)
    if isinstance(words, Rendered):
        message.told = dict(words.told)
    message.state, message.sent_at, message.done_by_id = MessageState.DONE, now, author(by)
    message.reason = ""
    message.save(update_fields=["state", "sent_at", "done_by", "told", "reason"])
    Attempt.objects.create(
        message=message, at=now, outcome=AttemptOutcome.DONE, detail=note.strip()[:LONGEST_NOTE]
    )
    if message.kind in ASKING and message.check_in_id:
        mark_asked(message.check_in_id, now)
    _settle_failure(message, now)
    _record(by, now, "finish_task", message)
    return message


@transaction.atomic
def drop_message(*, by: Actor, now: datetime, message: Message, reason: str) -> Message:
    """Keep a message that waits from being sent or done, or take a failed one off; the ledger shows ``reason``.

    Raises Refused without a reason, for one that has left or is leaving, and for a red flag, which ends only
    when a person acknowledges it.
    """
    by.require(Action.HANDLE_MESSAGES)
    reason = reason.strip()
    if not reason:
        raise Refused("no_reason", _("Say why it is not to be sent."), field="reason")
    message = _locked(message)
    if message.kind == MessageKind.RED_FLAG:
        raise Refused("red_flag", _("A red flag is acknowledged on the attention list, not dropped here."))
    if message.state not in (*PENDING, MessageState.FAILED):
        raise Refused("not_pending", _not_pending(message))
    if message.lease_until and message.lease_until > now:
        raise Refused("is_leaving", _("It is being sent at this moment. Look again in a minute."))
    doubt_dead_hands(Message.objects.filter(pk=message.pk))
    message.refresh_from_db(fields=["in_doubt", "lease_token", "lease_until"])
    message.state, message.reason = MessageState.DROPPED, reason[:LONGEST_NOTE]
    message.save(update_fields=["state", "reason"])
    _settle_failure(message, now)
    _record(by, now, "drop_message", message)
    return message


def drop_untrue_tasks(now: datetime) -> int:
    """Take due calls and prints off the list whose visit was moved, is over or was told already; how many.

    A duty of the worker: it looks at e-mails as they leave, and at these with the same eyes.
    """
    due = Message.objects.filter(state=MessageState.TO_DO, due_at__lte=now).order_by("pk")
    return sum(_drop_untrue(pk, now) for pk in list(due.values_list("pk", flat=True)))


@transaction.atomic
def _drop_untrue(pk: int, now: datetime) -> bool:
    message = _rows().filter(pk=pk, state=MessageState.TO_DO).first()
    words = render(message, now) if message else None
    if message is None or not isinstance(words, Dropped):
        return False
    message.state, message.reason = MessageState.DROPPED, str(words.why)[:LONGEST_NOTE]
    message.save(update_fields=["state", "reason"])
    return True


def _rows() -> "QuerySet[Message]":
    """Locked, with all that their rendering reads."""
    return Message.objects.select_for_update(no_key=True, of=("self",)).select_related(*WITH_PLACES)


def _locked(message: Message) -> Message:
    """The row as it is now, nobody else's until the transaction ends."""
    return _rows().get(pk=message.pk)


def _settle_failure(message: Message, now: datetime) -> None:
    """Somebody sees to it: the alert that it failed has served."""
    failed = Alert.objects.filter(
        patient=message.patient,
        kind=AlertKind.MESSAGE_FAILED,
        key__startswith=f"message_failed:{message.pk}:",
    )
    settle(failed, now)


def _not_resendable(message: Message) -> str:
    if message.way != MessageWay.EMAIL:
        return _("This is told by a person, not by e-mail.")
    if message.state == MessageState.DROPPED:
        return _("It was dropped and cannot be sent: %(why)s") % {"why": message.reason}
    if message.state == MessageState.DONE:
        return _("It was told by a person already.")
    return _("It is still waiting and leaves by itself.")


def _not_a_task(message: Message) -> str:
    if message.state == MessageState.DONE:
        return _("%(who)s has already done it.") % {"who": message.done_by}
    if message.state == MessageState.DROPPED:
        return _("It was dropped meanwhile: %(why)s What was told may have to be corrected.") % {
            "why": message.reason
        }
    return _("This e-mail is sent by the program; there is nothing to do by hand.")


def _not_pending(message: Message) -> str:
    if message.state == MessageState.DROPPED:
        return _("It was dropped already: %(why)s") % {"why": message.reason}
    return _("It has left already.")


def _record(by: Actor, now: datetime, action: str, message: Message, **facts: object) -> None:
    record(
        by=by,
        now=now,
        action=action,
        subject=message,
        patient_id=message.patient_id,
        kind=message.kind,
        **facts,
    )
