"""The ledger as the staff reads it: who was or will be told what, and why something was not sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from scheduling.core.words import MessageState
from scheduling.models import Attempt, Location, Message, Patient

from .rendering import Dropped, Rendered
from .texts import render

WITH_PLACES = (
    "patient__home_location",
    "staff__user",
    "series__location",
    "appointment__location",
    "check_in__appointment__location",
    "alert__location",
    "offer__chair__location",
    "offer__entry",
    "done_by",
)
"""What a line and the rendering of a message read, in one query."""
SHOWN_OF_A_PATIENT = 5
SOON = timedelta(days=1)
"""Reminders of the weeks to come would push out what the patient was just told."""


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One line of the ledger: the message, the location in whose wall time it is shown, and whether it is due."""

    message: Message
    place: Location
    is_due: bool

    @property
    def is_late(self) -> bool:
        """Something that somebody should have done or sent by now."""
        return self.is_due and self.message.state == MessageState.TO_DO


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages want a look: tasks that are due, e-mails that wait, e-mails that failed."""

    to_do: int
    waiting: int
    failed: int


@dataclass(frozen=True, slots=True)
class Preview:
    """One message opened: every try, and what it says or why it has nothing to say now."""

    row: MessageRow
    attempts: list[Attempt]
    rendered: Rendered | None
    dropped: Dropped | None


def place_of(message: Message) -> Location:
    """The location a message is about: that of its visit, course, check-in or alert, else the patient's own."""
    if message.appointment:
        return message.appointment.location
    if message.series:
        return message.series.location
    if message.check_in:
        return message.check_in.appointment.location
    if message.offer:
        return message.offer.chair.location
    return message.alert.location if message.alert else message.patient.home_location


def message_rows(messages: Sequence[Message], now: datetime) -> list[MessageRow]:
    """The lines for one page of messages, in their order; no query."""
    return [MessageRow(message, place_of(message), message.due_at <= now) for message in messages]


def find_messages(
    *, text: str = "", patient: Patient | None = None, state: str = "", kind: str = ""
) -> QuerySet[Message]:
    """The messages that match all that is given, the newest due first.

    What is still to be done or sent comes in the order in which it is due: the longest overdue first.
    """
    found = Message.objects.select_related(*WITH_PLACES)
    if text.strip():
        found = found.filter(patient__in=Patient.objects.matching(text))
    if patient:
        found = found.filter(patient=patient)
    if kind:
        found = found.filter(kind=kind)
    if state:
        found = found.filter(state=state)
    is_work = state in (MessageState.TO_DO, MessageState.WAITING)
    return found.order_by("due_at", "pk") if is_work else found.order_by("-due_at", "-pk")


def message_counts(now: datetime) -> Counts:
    """What wants a look at ``now``, in one query."""
    rows = Message.objects.filter(state__in=(MessageState.TO_DO, MessageState.WAITING, MessageState.FAILED))
    found = rows.aggregate(
        to_do=Count("pk", filter=Q(state=MessageState.TO_DO, due_at__lte=now)),
        waiting=Count("pk", filter=Q(state=MessageState.WAITING)),
        failed=Count("pk", filter=Q(state=MessageState.FAILED)),
    )
    return Counts(**found)


def messages_of(patient: Patient, now: datetime) -> list[MessageRow]:
    """The last messages to the patient for their page, those of the next day among them."""
    rows = Message.objects.filter(patient=patient, staff=None, due_at__lte=now + SOON)
    rows = rows.select_related(*WITH_PLACES).order_by("-due_at", "-pk")
    return message_rows(list(rows[:SHOWN_OF_A_PATIENT]), now)


def preview(message: Message, now: datetime) -> Preview:
    """A message with every try and the words it has at ``now``; what it said when it was sent stands in the tries."""
    words = render(message, now)
    rendered = words if isinstance(words, Rendered) else None
    dropped = words if isinstance(words, Dropped) else None
    row = message_rows([message], now)[0]
    return Preview(row, list(message.attempts.all()), rendered, dropped)
