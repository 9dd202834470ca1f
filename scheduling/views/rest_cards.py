"""Ways to go on with a course as a page shows them: before and after, in words and on a calendar."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.core.timeline import from_step
from scheduling.core.words import COUNTED, CourseAct, Scope, Status
from scheduling.models import Appointment
from scheduling.services.frame import closures
from scheduling.services.plan_words import day_words
from scheduling.services.rest_plans import Asked, RestPlan
from scheduling.services.signed_ways import SignedWay

from .month import Mark, Weeks, week_rows
from .plan_cards import Namer, PlannedVisit, booked_mark


@dataclass(frozen=True, slots=True)
class Change:
    """One visit of the course before and after; ``before`` is None where it is added, ``after`` where it is off.

    ``away`` says in words how far it moves.
    """

    number: int
    before: datetime | None
    after: PlannedVisit | None
    away: str = ""


@dataclass(frozen=True, slots=True)
class WayCard:
    """One way to go on, ready for a template."""

    way: RestPlan
    text: str
    title: str
    button: str
    changes: list[Change]
    effects: list[str]
    warnings: list[str]
    weeks: Weeks
    is_suggested: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """The course as it is, and the ways to go on beside it, on calendars over the same weeks."""

    now: Weeks
    cards: list[WayCard]


def preview(
    *,
    asked: Asked,
    visit: Appointment,
    course: Sequence[Appointment],
    ways: Sequence[RestPlan],
    now: datetime,
) -> Preview:
    """Compare the ways; ``course`` are all visits of the course by start."""
    namer = Namer.of(visit.series.order, visit.location if asked.place else visit.series.location)
    dates = _dates(course, namer, ways)
    span = min(dates), max(dates)
    shut, today = closures(namer.location, *span), now.astimezone(namer.location.tz).date()

    def weeks(marks: dict[date, list[Mark]]) -> Weeks:
        return week_rows(marks=marks, today=today, shut=shut, span=span)

    shown = [
        WayCard(
            way=way,
            text=SignedWay(asked, way, visit.series.revision, now).text(),
            title=_title(asked, way),
            button=_button(asked, way),
            changes=_changes(asked, visit, course, namer, way),
            effects=_effects(visit, asked, course, namer, way),
            warnings=_warnings(way),
            weeks=weeks(_after(asked, visit, course, namer, way)),
            is_suggested=way is next((one for one in ways if one.is_possible and not one.broken), None),
        )
        for way in ways
    ]
    return Preview(weeks(_marks(course, visit)), shown)


def _dates(course: Sequence[Appointment], namer: Namer, ways: Sequence[RestPlan]) -> list[date]:
    """All days to show: from the visit before today on, so that a long course stays on one page."""
    places = [place for way in ways for place in (*(place for _pk, place in way.moves), *way.added)]
    return [*(one.local_date for one in course), *(namer.visit(place).day for place in places)]


def _kind(visit: Appointment) -> str:
    if visit.status not in COUNTED:
        return "gone"
    return "visit" if visit.status == Status.BOOKED else "done"


def _marks(course: Sequence[Appointment], visit: Appointment) -> dict[date, list[Mark]]:
    marks: dict[date, list[Mark]] = defaultdict(list)
    for one in course:
        kind = _kind(one)
        marks[one.local_date].append(booked_mark(one, f"{kind} changed" if one.pk == visit.pk else kind))
    return marks


def _after(
    asked: Asked, visit: Appointment, course: Sequence[Appointment], namer: Namer, way: RestPlan
) -> dict[date, list[Mark]]:
    marks: dict[date, list[Mark]] = defaultdict(list)
    places = dict(way.moves)
    for one in course:
        if one.pk in places:
            planned = namer.visit(places[one.pk], one.number)
            marks[planned.day].append(Mark(planned.clock, "visit changed", f"visit {one.number}, moved"))
        elif one.pk == visit.pk and asked.act is CourseAct.CANCEL:
            marks[one.local_date].append(booked_mark(one, "gone"))
        else:
            marks[one.local_date].append(booked_mark(one, _kind(one)))
    for planned in namer.visits(way.added):
        marks[planned.day].append(Mark(planned.clock, "visit changed", f"visit {planned.number}, new"))
    return marks


def _changes(
    asked: Asked, visit: Appointment, course: Sequence[Appointment], namer: Namer, way: RestPlan
) -> list[Change]:
    by_id = {one.pk: one for one in course}
    found = []
    if asked.act is CourseAct.CANCEL:
        found.append(Change(visit.number, visit.local_start, None))
    for pk, place in way.moves:
        one, after = by_id[pk], namer.visit(place, by_id[pk].number)
        found.append(Change(one.number, one.local_start, after, _away(one.local_start, after.start)))
    return [*found, *(Change(planned.number, None, planned) for planned in namer.visits(way.added))]


def _away(before: datetime, after: datetime) -> str:
    days = (after.date() - before.date()).days
    if days:
        words = (
            ngettext("%(days)d day later", "%(days)d days later", days)
            if days > 0
            else ngettext("%(days)d day earlier", "%(days)d days earlier", -days)
        )
        return words % {"days": abs(days)}
    minutes = (after - before) // timedelta(minutes=1)
    if minutes:
        return (_("%(minutes)d min later") if minutes > 0 else _("%(minutes)d min earlier")) % {
            "minutes": abs(minutes)
        }
    return _("same time")


def _effects(
    visit: Appointment, asked: Asked, course: Sequence[Appointment], namer: Namer, way: RestPlan
) -> list[str]:
    """What it means for the patient, in a few lines."""
    stand = {one.pk: one.local_date for one in course if one.status == Status.BOOKED}
    off = visit.pk if asked.act is CourseAct.CANCEL else None
    places = dict(way.moves)
    days = {
        pk: namer.visit(places[pk]).day if pk in places else day for pk, day in stand.items() if pk != off
    }
    others = [pk for pk in places if pk != visit.pk]
    stays = len(stand) - len({*others, visit.pk} & stand.keys())
    words = []
    if others:
        words.append(
            ngettext("%(count)d other visit moves", "%(count)d other visits move", len(others))
            % {"count": len(others)}
        )
    if stays and (others or way.scope is not Scope.ONE):
        words.append(
            ngettext("%(count)d visit stays as it is", "%(count)d visits stay as they are", stays)
            % {"count": stays}
        )
    if way.scope is Scope.ONE and not others:
        words.append(_("All other visits stay as they are"))
    if asked.place is None and not way.added:
        words.append(_("One infusion of the order is left to be booked"))
    before = max(stand.values(), default=None)
    after = max([*days.values(), *(namer.visit(place).day for place in way.added)], default=None)
    if after and before and after != before:
        said = {"after": day_words(after), "before": day_words(before)}
        words.append(_("The course ends %(after)s instead of %(before)s") % said)
    elif after:
        words.append(_("The course ends %(after)s as before") % {"after": day_words(after)})
    return words


def _warnings(way: RestPlan) -> list[str]:
    gaps = [
        _("%(days)d days between %(first)s and %(last)s, longer than the longest gap")
        % {"days": (last - first).days, "first": day_words(first), "last": day_words(last)}
        for first, last in way.long_gaps
    ]
    return [*way.broken, *gaps]


def _title(asked: Asked, way: RestPlan) -> str:
    if way.scope is Scope.ONE:
        return _("Leave the rest as it is") if asked.act is CourseAct.MAKE_UP else _("Only this visit")
    if way.scope is Scope.ANEW:
        return _("The whole rest anew")
    return _("With the least change")


def _button(asked: Asked, way: RestPlan) -> str:
    """What the button says that does it."""
    count = len(way.moves)
    if asked.act is CourseAct.CANCEL:
        if not way.moves and not way.added:
            return _("Cancel this visit")
        return _("Cancel it and make it up") if not count else _("Cancel it and change the rest")
    if asked.act is CourseAct.MAKE_UP:
        return _("Book the new visit") if not count else _("Book it and move the others")
    return ngettext("Move %(count)d visit", "Move %(count)d visits", count) % {"count": count}


def moved_to(asked: Asked, visit: Appointment) -> datetime | None:
    """The local start asked for, where the visit moves."""
    return from_step(asked.place.start).astimezone(visit.tz) if asked.place else None
