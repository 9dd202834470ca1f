"""What a patient is told of a course: one mail about all dates, one invitation a visit, a reminder the day before.

Written whenever the course changes; what had not left yet is replaced (traps: one message per change).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import CANCELLED, COURSE_KINDS, OPEN, CalendarWay, MessageKind, MessageState
from scheduling.models import Appointment, CourseChange, Message, Series, SeriesTransfer

from .ledger import draft, drop, may_write_to, write_all

URGENT = timedelta(hours=4)
"""A change of a visit that starts sooner is told at once."""
REMINDER_HOURS = (time(9), time(18))
"""Local hours in which a reminder leaves (facts: quiet hours)."""
TOO_SOON = timedelta(hours=6)
"""Whoever was told of a visit this shortly before its reminder needs none."""
TOLD = (MessageState.SENT, MessageState.DONE)


class News(StrEnum):
    """What changed about one visit since the patient was last told."""

    SAME = "same"
    NEW = "new"
    MOVED = "moved"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Line:
    """One visit in the mail about a course.

    ``before`` is the start (UTC) it was moved from; ``zone`` is where that was, for a visit now at another location.
    """

    visit: Appointment
    news: News
    before: datetime | None = None
    zone: str = ""


def leaves_at(starts: Iterable[datetime], now: datetime) -> datetime:
    """When messages about a change of visits at these starts (UTC), old and new, leave: until then it can be undone."""
    if any(now <= start < now + URGENT for start in starts):
        return now
    return now + timedelta(minutes=settings.UNDO_MINUTES)


def announce(
    *,
    series: Series,
    visits: Sequence[Appointment],
    now: datetime,
    due_at: datetime,
    change: CourseChange | None = None,
) -> None:
    """Write what has to be told now that these visits of ``series`` were booked, moved, cancelled or restored.

    The caller holds the lock of the series, whose revision is already raised. Nothing leaves before ``due_at``
    (UTC); pending messages about the same things are replaced.
    """
    by_mail, is_new, told = may_write_to(series.patient), series.revision == 1, None
    if is_new:
        lines = [Line(visit, News.NEW) for visit in visits]
    else:
        _replace_pending(series, visits, now)
        told = last_told(series)
        lines = course_lines(series, told, now)
    drafts = []
    is_news = any(line.news is not News.SAME for line in lines)
    if is_news or (lines and not is_new and may_have_left(series).exists()):
        drafts.append(
            draft(
                kind=_kind(lines, told),
                patient=series.patient,
                subject=series,
                revision=series.revision,
                now=now,
                due_at=due_at,
                by_mail=by_mail,
                series=series,
                change=change,
            )
        )
    if by_mail:
        drafts += invitations(visits, now=now, due_at=due_at, change=change)
    write_all([*drafts, *_reminders(visits, now, by_mail=by_mail)], is_new=is_new)


def _replace_pending(series: Series, visits: Sequence[Appointment], now: datetime) -> None:
    about_course = Q(series=series, kind__in=COURSE_KINDS)
    about_visits = Q(appointment__in=visits, kind__in=(MessageKind.INVITATION, MessageKind.REMINDER))
    drop(Message.objects.filter(about_course | about_visits), now, _("Replaced by a later change."))


def last_told(series: Series) -> dict[str, str] | None:
    """Visit id to start (ISO 8601) as the last mail about the course said; None where there was none."""
    sent = Message.objects.filter(series=series, kind__in=COURSE_KINDS, state__in=TOLD)
    told: dict[str, str] | None = sent.order_by("-sent_at", "-pk").values_list("told", flat=True).first()
    return told


def may_have_left(series: Series) -> "QuerySet[Message]":
    """Mails about a course that came after the last one known to have left and may have left as well.

    A worker has them in its hands, or died with them. What they told is not known: the book is told again.
    """
    mails = Message.objects.filter(series=series, kind__in=COURSE_KINDS)
    unsure = mails.maybe_sent().exclude(state__in=TOLD)
    last = mails.filter(state__in=TOLD).order_by("-sent_at", "-pk").first()
    # A patient's messages leave in this order, one worker at a time.
    return (
        unsure.filter(Q(due_at__gt=last.due_at) | Q(due_at=last.due_at, pk__gt=last.pk)) if last else unsure
    )


def course_lines(series: Series, told: Mapping[str, str] | None, now: datetime) -> list[Line]:
    """The visits still to come, and those cancelled since the patient was told, by start."""
    rows = Appointment.objects.filter(series=series, ends_at__gt=now).order_by("starts_at")
    gone_on = _gone_on(series)
    lines = []
    for visit in rows.select_related("location"):
        said = (told or {}).get(str(visit.pk))
        if visit.status in OPEN:
            lines.append(_line(visit, said, gone_on))
        elif visit.status in CANCELLED and said:
            lines.append(Line(visit, News.CANCELLED))
    return lines


def _gone_on(series: Series) -> SeriesTransfer | None:
    """The transfer to another location that the patient was not told of yet."""
    transfer = series.transfers.select_related("from_location").order_by("-made_at", "-pk").first()
    if transfer is None:
        return None
    told = Message.objects.filter(series=series, kind__in=COURSE_KINDS, state__in=TOLD)
    return None if told.filter(sent_at__gt=transfer.made_at).exists() else transfer


def _line(visit: Appointment, said: str | None, gone_on: SeriesTransfer | None) -> Line:
    if said is None:
        return Line(visit, News.NEW)
    before = datetime.fromisoformat(said)
    if gone_on and visit.location_id == gone_on.to_location_id:
        return Line(visit, News.MOVED, before, gone_on.from_location.zone)
    return Line(visit, News.SAME) if before == visit.starts_at else Line(visit, News.MOVED, before)


def snapshot(lines: Iterable[Line]) -> dict[str, str]:
    """What a mail with these lines tells, for the next comparison."""
    return {
        str(line.visit.pk): line.visit.starts_at.astimezone(UTC).isoformat()
        for line in lines
        if line.news is not News.CANCELLED
    }


def _kind(lines: Sequence[Line], told: Mapping[str, str] | None) -> MessageKind:
    if told is None:
        return MessageKind.CONFIRMATION
    if all(line.news is News.CANCELLED for line in lines):
        return MessageKind.CANCELLATION
    return MessageKind.CHANGE


def invite(visits: Sequence[Appointment], *, now: datetime) -> None:
    """Write the invitations of visits whose patient's calendar takes them from now on."""
    if visits and may_write_to(visits[0].patient):
        write_all(invitations(visits, now=now, due_at=now))


def invitations(
    visits: Sequence[Appointment], *, now: datetime, due_at: datetime, change: CourseChange | None = None
) -> list[Message]:
    """One invitation, update or cancellation a visit, unsaved, for one patient who may be written to.

    A visit once sent to a calendar is kept true there, whatever way the patient has chosen since.
    """
    sent = Message.objects.filter(kind=MessageKind.INVITATION, appointment__in=visits).maybe_sent()
    there = set(sent.values_list("appointment_id", flat=True))
    wants = visits[0].patient.way_of_calendar is CalendarWay.INVITATIONS
    return [
        draft(
            kind=MessageKind.INVITATION,
            patient=visit.patient,
            subject=visit,
            revision=visit.sequence,
            now=now,
            due_at=due_at,
            by_mail=True,
            series=visit.series,
            appointment=visit,
            change=change,
        )
        for visit in visits
        if visit.pk in there or (wants and visit.status in OPEN and visit.starts_at > now)
    ]


def _reminders(visits: Sequence[Appointment], now: datetime, *, by_mail: bool) -> list[Message]:
    """The reminder of each visit that stands, unless the patient was told of it shortly before."""
    return [
        draft(
            kind=MessageKind.REMINDER,
            patient=visit.patient,
            subject=visit,
            revision=visit.sequence,
            now=now,
            due_at=reminder_at(visit),
            by_mail=by_mail,
            series=visit.series,
            appointment=visit,
        )
        for visit in visits
        if visit.status in OPEN and reminder_at(visit) > now + TOO_SOON
    ]


def reminder_at(visit: Appointment) -> datetime:
    """The local day before, at the visit's wall time but within REMINDER_HOURS; UTC."""
    first, last = REMINDER_HOURS
    wall = min(max(visit.local_time, first), last)
    day = visit.local_date - timedelta(days=1)
    return datetime.combine(day, wall, visit.tz).astimezone(UTC)
