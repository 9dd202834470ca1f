"""A calendar program as RFC 5546 wants it: what an inbox that takes invitations ends up showing.

It reads raw e-mails, as they would arrive: in any order, twice, or much later than they were sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from functools import lru_cache

from icalendar import Calendar, Event, Timezone


class RefusedMail(Exception):
    """The mail is no proper iTIP message for this calendar's owner; nothing was applied."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the calendar knows of one UID; times are UTC."""

    sequence: int
    stamp: datetime
    is_cancelled: bool
    starts_at: datetime | None
    ends_at: datetime | None

    @property
    def version(self) -> tuple[int, datetime]:
        """The later of two messages about one UID (RFC 5546 2.1.5): by SEQUENCE, then by DTSTAMP."""
        return self.sequence, self.stamp


class CalendarClient:
    """The calendar of whoever reads mail at ``address``."""

    def __init__(self, address: str) -> None:
        """Start empty."""
        self.address = address.casefold()
        self._entries: dict[str, Entry] = {}

    def events(self) -> dict[str, tuple[datetime, datetime]]:
        """UID to start and end (UTC) of everything that stands."""
        return {
            uid: (entry.starts_at, entry.ends_at)
            for uid, entry in self._entries.items()
            if not entry.is_cancelled and entry.starts_at and entry.ends_at
        }

    def sequence_of(self, uid: str) -> int | None:
        """The SEQUENCE last applied to a UID, cancelled or not; None for one never heard of."""
        entry = self._entries.get(uid)
        return entry.sequence if entry else None

    def receive(self, raw: bytes) -> bool:
        """Read one e-mail; whether it changed anything. A mail without a text/calendar part changes nothing.

        Raises RefusedMail where it breaks RFC 5545 or 5546, or is not for this calendar's owner.
        """
        mail, found = _parsed(raw)
        if found is None:
            return False
        self._require_for_me(mail, found[1])
        return self._apply(*found)

    def _require_for_me(self, mail: EmailMessage, event: Event) -> None:
        recipients = _addresses(mail, "to") | _addresses(mail, "cc")
        guests = event.get("ATTENDEE", [])
        attendees = [_address(guest) for guest in (guests if isinstance(guests, list) else [guests])]
        organizer = _address(_one(event, "ORGANIZER"))
        if self.address not in recipients:
            raise RefusedMail(f"the mail is for {recipients}")
        if organizer in attendees:
            raise RefusedMail("the organizer invites itself")
        if attendees != [self.address]:
            raise RefusedMail(f"the invited are {attendees}")
        if organizer not in _addresses(mail, "from"):
            raise RefusedMail("the organizer is not the sender")

    def _apply(self, method: str, event: Event) -> bool:
        uid = str(_one(event, "UID"))
        known = self._entries.get(uid)
        sequence = int(event.get("SEQUENCE", 0))
        stamp = _utc(event, "DTSTAMP")
        if known and (sequence, stamp) <= known.version:
            return False
        is_cancelled = method == "CANCEL"
        if is_cancelled:
            _require_cancellation(event)
            starts_at = ends_at = None
        else:
            starts_at, ends_at = _utc(event, "DTSTART"), _utc(event, "DTEND")
            if ends_at <= starts_at:
                raise RefusedMail("it ends before it starts")
        self._entries[uid] = Entry(sequence, stamp, is_cancelled, starts_at, ends_at)
        return True


@lru_cache(maxsize=256)
def _parsed(raw: bytes) -> tuple[EmailMessage, tuple[str, Event] | None]:
    """The mail, and METHOD and event of its calendar parts; none where it has none. Tests read the same often."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    found = [_read(part) for part in _calendar_parts(mail)]
    if any(other != found[0] for other in found):
        raise RefusedMail("the calendar parts of the mail differ")
    return mail, found[0] if found else None


def _calendar_parts(mail: EmailMessage) -> Iterator[EmailMessage]:
    """The parts a mail program hands to its calendar: shown ones, not attached files."""
    for part in mail.walk():
        if part.get_content_type() == "text/calendar" and not part.is_attachment():
            assert isinstance(part, EmailMessage)
            yield part


def _read(part: EmailMessage) -> tuple[str, Event]:
    """METHOD and the one event of a part. Raises RefusedMail for anything else."""
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    try:
        calendars = Calendar.from_ical(content, multiple=True)
    except ValueError as error:
        raise RefusedMail(f"not iCalendar: {error}") from error
    if len(calendars) != 1:
        raise RefusedMail(f"{len(calendars)} calendars")
    calendar = calendars[0]
    method = str(calendar.get("METHOD", "")).upper()
    named = str(part.get_param("method") or "").upper()
    if method != named:
        raise RefusedMail(f"METHOD is {method!r}, the part says {named!r}")
    if method not in ("REQUEST", "CANCEL"):
        raise RefusedMail(f"{method or 'no method'}: nothing for a guest to apply")
    return method, _event(calendar)


def _event(calendar: Calendar) -> Event:
    """The one event of an iTIP message (RFC 5546 3.2.2, 3.2.5)."""
    events = [part for part in calendar.subcomponents if isinstance(part, Event)]
    others = [part for part in calendar.subcomponents if not isinstance(part, Event | Timezone)]
    if others:
        raise RefusedMail(f"also holds {others[0].name}")
    if len({str(event.get("UID", "")) for event in events}) != 1:
        raise RefusedMail("not exactly one UID")
    if len(events) != 1:
        raise RefusedMail("one UID twice")
    if events[0].errors:
        raise RefusedMail(f"unreadable: {events[0].errors}")
    return events[0]


def _require_cancellation(event: Event) -> None:
    """What a CANCEL of a whole event carries and must not carry (RFC 5546 3.2.5)."""
    if "SEQUENCE" not in event:
        raise RefusedMail("a cancellation without SEQUENCE")
    if str(event.get("STATUS", "CANCELLED")).upper() != "CANCELLED":
        raise RefusedMail("a cancellation with another status")
    if event.subcomponents:
        raise RefusedMail("a cancellation with an alarm")


def _one(event: Event, name: str) -> object:
    value = event.get(name)
    if value is None or isinstance(value, list) or not str(value):
        raise RefusedMail(f"not exactly one {name}")
    return value


def _utc(event: Event, name: str) -> datetime:
    value = getattr(_one(event, name), "dt", None)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise RefusedMail(f"{name} is no point in time")
    return value


def _address(value: object) -> str:
    return str(value).casefold().removeprefix("mailto:")


def _addresses(mail: EmailMessage, header: str) -> set[str]:
    found = getaddresses([str(value) for value in mail.get_all(header, [])])
    return {address.casefold() for _name, address in found}
