"""The hours after the first visit of a course, for tests of check-ins."""

from datetime import datetime, timedelta

from scheduling.core.words import MessageState
from scheduling.models import Appointment, CheckIn, Message
from tests.factories import NOW

END = NOW + timedelta(days=1, hours=3)
"""The planned end of the first visit: Tuesday 11:00 in New York."""


def hours(number: float) -> datetime:
    """So long after the planned end of the first visit."""
    return END + timedelta(hours=number)


def check_ins(visit: Appointment) -> list[CheckIn]:
    """All of a visit, the earliest first."""
    return list(CheckIn.objects.filter(appointment=visit).order_by("offset_hours"))


def states(visit: Appointment) -> list[str]:
    """Where each of them stands."""
    return [row.state for row in check_ins(visit)]


def asking(row: CheckIn, state: MessageState = MessageState.WAITING) -> list[Message]:
    """The messages about one, in this state."""
    return list(Message.objects.filter(check_in=row, state=state).order_by("pk"))
