"""Mails about a course and its visits: all dates with what changed, one invitation a visit, a reminder."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from scheduling.core.itip import Party, itip_bytes, method_of
from scheduling.core.words import OPEN, CalendarWay, LinkPurpose, MessageKind, MessageState, Status
from scheduling.core.zones import zone_words
from scheduling.models import Appointment, Message, Series

from .calendar_files import invitation_entry, series_file
from .course_messages import TOLD, Line, News, course_lines, last_told, may_have_left, snapshot
from .links import feed_url, link_in_force
from .rendering import Attachment, Dropped, Rendered, fill, own_url, sender
from .visit_words import day_words, hours_words, when_words


def course_mail(message: Message, now: datetime) -> Rendered | Dropped:
    """All dates still to come, with what changed since the last mail marked."""
    series, patient = _series(message), message.patient
    told = last_told(series) if message.state not in TOLD else message.told
    lines = course_lines(series, told, now)
    is_wanted_again = message.round > 1 or message.state in TOLD or _is_unsure(message, series)
    if not lines or (not is_wanted_again and all(line.news is News.SAME for line in lines)):
        return Dropped(_("Nothing is left to tell: the change was taken back or told already."))
    way = patient.way_of_calendar
    feed = link_in_force(patient, LinkPurpose.FEED) if way is CalendarWay.FEED else None
    words = {
        "patient": patient,
        "lines": [(line.news.value, when_words(line.visit), _before_words(line)) for line in lines],
        "url": own_url(patient),
        "way": way.value,
        "feed_url": feed_url(feed) if feed else "",
        "notice_hours": series.location.notice_hours,
        "is_elsewhere": any(line.zone for line in lines),
    }
    files: tuple[Attachment, ...] = ()
    if way is CalendarWay.FILES:
        files = (("appointments.ics", series_file(series), "application/ics"),)
    return fill(message, series.location, words, attachments=files, told=snapshot(lines))


def _is_unsure(message: Message, series: Series) -> bool:
    """Whether a worker that died may have told something else since the last mail that is known to have left."""
    return message.in_doubt or may_have_left(series).filter(in_doubt=True).exists()


def _series(message: Message) -> Series:
    if message.series is None:
        raise ValueError("a mail about a course has a series")
    return message.series


def _visit(message: Message) -> Appointment:
    if message.appointment is None:
        raise ValueError("an invitation and a reminder have a visit")
    return message.appointment


def _before_words(line: Line) -> str:
    if line.before is None:
        return ""
    start, end = line.before, line.before + (line.visit.ends_at - line.visit.starts_at)
    zone = ZoneInfo(line.zone) if line.zone else line.visit.tz
    local = start.astimezone(zone)
    words = f"{day_words(local.date())}, {hours_words(local, end.astimezone(zone))}"
    return f"{words} ({zone_words(local, line.zone)})" if line.zone else words


def invitation_mail(message: Message, now: datetime) -> Rendered | Dropped:
    """One visit for the calendar: the request, its update, or its cancellation where it ever was sent."""
    visit, last = _visit(message), _last_told(message)
    entry = invitation_entry(visit)
    told = {
        "sequence": visit.sequence,
        "starts_at": visit.starts_at.astimezone(UTC).isoformat(),
        "is_cancelled": entry.is_cancelled,
    }
    is_known = last is not None and last | {"sequence": visit.sequence} == told
    if message.round == 1 and is_known and not _may_say_otherwise(message):
        return Dropped(_("The calendar already has this."))
    if entry.is_cancelled and last is None and not _may_be_there(message):
        return Dropped(_("The visit was cancelled before its invitation left."))
    if not entry.is_cancelled and (visit.status not in OPEN or visit.ends_at <= now):
        return Dropped(_("The visit is over."))
    calendar = itip_bytes(
        entry,
        organizer=sender(visit.location),
        attendee=Party(visit.location.label_in(get_language()), message.patient.email),
        stamp=now.replace(microsecond=0),
    )
    words = {
        "patient": message.patient,
        "when": when_words(visit),
        "is_cancelled": entry.is_cancelled,
        "is_update": last is not None and last | {"sequence": visit.sequence} != told,
        "url": own_url(message.patient),
    }
    return fill(message, visit.location, words, calendar=calendar, method=method_of(entry), told=told)


def _last_told(message: Message) -> dict[str, Any] | None:
    """What other mails brought to the patient's calendar last, by SEQUENCE; None where that is nothing."""
    sent = Message.objects.filter(
        appointment=message.appointment_id, kind=MessageKind.INVITATION, state=MessageState.SENT
    ).exclude(pk=message.pk)
    told: list[dict[str, Any]] = list(sent.values_list("told", flat=True))
    return max(told, key=lambda one: int(one["sequence"]), default=None)


def _may_say_otherwise(message: Message) -> bool:
    """Whether a worker that died may have brought another time to the calendar than what is known to be there."""
    return (
        Message.objects.filter(appointment=message.appointment_id, kind=MessageKind.INVITATION, in_doubt=True)
        .exclude(state=MessageState.SENT)
        .exists()
    )


def _may_be_there(message: Message) -> bool:
    """Whether a worker that died may have brought the visit to the calendar: then it is taken off for sure."""
    invitations = Message.objects.filter(appointment=message.appointment_id, kind=MessageKind.INVITATION)
    return message.in_doubt or invitations.exclude(pk=message.pk).maybe_sent().exists()


def reminder_mail(message: Message, now: datetime) -> Rendered | Dropped:
    """The visit of the next day, if it still stands as it did when the reminder was written."""
    visit = _visit(message)
    if visit.status != Status.BOOKED or visit.starts_at <= now or visit.sequence != message.revision:
        return Dropped(_("The visit was moved, cancelled or has begun."))
    words = {
        "patient": message.patient,
        "when": when_words(visit),
        "url": own_url(message.patient),
        "notice_hours": visit.location.notice_hours,
    }
    return fill(message, visit.location, words)
