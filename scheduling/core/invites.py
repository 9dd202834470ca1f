"""Visits as calendar bytes (RFC 5545): for files to download and for the feed.

Times are written in UTC, without a VTIMEZONE: several clients misread one. Neither downloads nor feed carry a
METHOD or ATTENDEE. The clock is never read: the same visits give the same bytes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from icalendar import CLASS, STATUS, TRANSP, Alarm, Calendar, Event, vDuration, vText

PRODUCT = "-//Appointment calendar//EN"
"""Neutral: calendars are often shared with a family or an employer."""
REFRESH = timedelta(hours=6)
"""How often a feed asks to be read again; many clients take up to a day all the same."""
CACHED_EVENTS = 20_000
"""About 1 KB each."""

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n|\r|\x85|\u2028|\u2029")


@dataclass(frozen=True, slots=True)
class VisitEntry:
    """One visit as a calendar shows it. All texts are neutral and already in the reader's language.

    ``uid`` is random and stays for the visit's life; ``sequence`` rises with each change of time or status;
    ``starts_at``, ``ends_at`` and ``changed_at`` are UTC; ``alarm_minutes`` are minutes before the start.
    """

    uid: str
    sequence: int
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    is_cancelled: bool
    summary: str
    description: str
    address: str
    url: str
    alarm_minutes: tuple[int, ...] = ()


def calendar_bytes(entries: Iterable[VisitEntry], *, name: str, alarms: bool, feed: bool) -> bytes:
    """An iCalendar file named ``name`` with one event an entry.

    ``alarms`` puts the entries' alarms in (clients drop them in feeds); ``feed`` adds how often to ask again.
    """
    head, tail = _envelope(name, feed)
    return b"".join((head, *(event_bytes(entry, alarms=alarms) for entry in entries), tail))


@lru_cache(maxsize=CACHED_EVENTS)
def event_bytes(entry: VisitEntry, *, alarms: bool) -> bytes:
    """One VEVENT with its line ends; kept, since building is 50 times as slow as looking up."""
    event = build_event(entry, stamp=entry.changed_at)
    if alarms and not entry.is_cancelled:
        for minutes in entry.alarm_minutes:
            event.add_component(_alarm(minutes, entry.summary))
    return bytes(event.to_ical())


def build_event(entry: VisitEntry, *, stamp: datetime) -> Event:
    """One VEVENT without alarms, stamped at ``stamp`` (UTC)."""
    event = Event.new(
        uid=one_line(entry.uid),
        sequence=entry.sequence,
        stamp=stamp,
        last_modified=entry.changed_at,
        start=entry.starts_at,
        end=entry.ends_at,
        summary=one_line(entry.summary),
        description=_text(entry.description),
        location=one_line(entry.address),
        url=one_line(entry.url),
        classification=CLASS.PRIVATE,
        status=STATUS.CANCELLED if entry.is_cancelled else STATUS.CONFIRMED,
        transparency=TRANSP.TRANSPARENT if entry.is_cancelled else TRANSP.OPAQUE,
    )
    event.add("x-microsoft-cdo-busystatus", vText("FREE" if entry.is_cancelled else "BUSY"))
    return event


def _alarm(minutes: int, words: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", one_line(words))
    alarm.add("trigger", timedelta(minutes=-minutes))
    return alarm


@lru_cache(maxsize=64)
def _envelope(name: str, feed: bool) -> tuple[bytes, bytes]:
    """What stands before and after the events. No UID: some clients would take all events for one."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    # Each client reads one of each pair. vText escapes; the plain property would not.
    calendar.add("name", vText(one_line(name)))
    calendar.add("x-wr-calname", vText(one_line(name)))
    if feed:
        refresh = vDuration(REFRESH)
        refresh.params["VALUE"] = "DURATION"
        calendar.add("refresh-interval", refresh)
        calendar.add("x-published-ttl", vDuration(REFRESH))
    head, end, rest = bytes(calendar.to_ical()).rpartition(b"END:VCALENDAR")
    return head, end + rest


def _text(words: str) -> str:
    """Without control characters; any kind of line end becomes ``\\n``."""
    return _CONTROL.sub("", _LINE_ENDS.sub("\n", words))


def one_line(words: str) -> str:
    """The same on one line, for what calendars show in a list."""
    return _text(words).replace("\n", " ")
