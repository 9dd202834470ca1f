"""Changing one visit and the rest of its course as one act: one transaction, one message, one undo."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.planner import Place
from scheduling.core.timeline import from_step
from scheduling.core.words import CANCELLED, AlertKind, CourseAct, Status
from scheduling.models import Alert, Appointment, Hold, Series

from .alerts import settle
from .appointments import Canceller, cancelled_status, tell
from .audit import record
from .booking import BookedPlace, new_visit, put, require_bookable
from .changes import as_it_was, take_all
from .claims import claims_of, let_go, let_offers_go, release
from .course_messages import leaves_at
from .faults import Refused
from .free_order import DayChange, in_free_order
from .locks import locked_visit
from .orders import recount
from .patient_wishes import follow_booking, settle_waits
from .rest_plans import Asked, RestPlan
from .rules import require_rules

LOST = (*CANCELLED, Status.MISSED, Status.NOT_GIVEN)
"""Took no infusion: the session can be made up."""


@transaction.atomic
def change_course(
    *,
    by: Actor,
    now: datetime,
    asked: Asked,
    way: RestPlan,
    revision: int,
    holding: str = "",
    override_reason: str = "",
) -> Series:
    """Do what was asked of one visit and give the others of its course their places, all or nothing.

    ``revision`` is the course's when ``way`` was planned; what is held by the key ``holding`` ends with it. Visits
    keep their numbers and UIDs, SEQUENCE rises where a time changes, the patient is told once and it can be undone
    until then. The same change asked for twice is done once. Raises Refused (``course_changed``) once the course is
    another one, and for all that moving, cancelling and booking refuse; then nothing changed.
    """
    visit = locked_visit(asked.visit_id)
    _require_may(by, asked, way)
    series = visit.series
    others = _locked(series, [pk for pk, _place in way.moves if pk != visit.pk])
    if asked.act is CourseAct.MAKE_UP and not (way.moves or way.added):
        raise Refused("nothing_to_change", _("Nothing would change. Choose another way."))
    if _is_done(visit, others, asked, way):
        return series
    if series.revision != revision or (visit.status not in _wanted(asked)):
        raise Refused("course_changed", _("The course was changed meanwhile. Look at it again."))
    _require_possible(others, asked, way, now)
    places = {pk: _booked(place) for pk, place in way.moves}
    moving = [one for one in (visit, *others.values()) if one.pk in places]
    gone = [visit] if asked.act is CourseAct.CANCEL else []
    let_go(series)
    let_offers_go([*moving, *gone])
    was, held = as_it_was([*gone, *moving]), claims_of([*gone, *moving])
    starts = [one.starts_at for one in (*gone, *moving)]
    release([*gone, *moving])
    for one in gone:
        _cancel(one, asked, now)
    left = {one.pk: (one.starts_at, one.local_date) for one in moving}
    for one in moving:
        put(one, one.location, Pattern.of(one.protocol.pattern_phases()), places[one.pk], now)
    added = _new_visits(series, visit, way.added, now)
    if moving or added:
        require_rules(
            by=by, now=now, series=series, visits=[*moving, *added], override_reason=override_reason
        )
    _save_moved(moving, left)
    Appointment.objects.bulk_create(added)
    if added:
        # Before places are taken: one offered to this patient may be among them.
        settle_waits(series.order, now)
    take_all([*moving, *added], now, held, Hold.objects.of_proposal(holding))
    recount(series.order)
    was += [entry | {"status": Status.CANCELLED_BY_CLINIC} for entry in as_it_was(added)]
    starts += [one.starts_at for one in (*moving, *added)]
    tell(by, now, [*gone, *moving, *added], was, held, leaves_at(starts, now))
    if added:
        follow_booking(series, now)
        settle(Alert.objects.filter(patient=series.patient, kind=AlertKind.BOOK_MAKE_UP), now)
    record(
        by=by,
        now=now,
        action="change_course",
        subject=visit,
        patient_id=series.patient_id,
        act=asked.act,
        scope=way.scope,
        before=starts[0].isoformat() if asked.place else None,
        after=visit.starts_at.isoformat() if asked.place else None,
        moved=sorted(one.number for one in moving),
        added=[one.number for one in added],
    )
    return series


def _require_may(by: Actor, asked: Asked, way: RestPlan) -> None:
    if way.moves:
        by.require(Action.MOVE)
    if asked.act is CourseAct.CANCEL:
        by.require(Action.CANCEL)
    if way.added:
        by.require(Action.BOOK)


def _locked(series: Series, ids: Sequence[int]) -> dict[int, Appointment]:
    """The other visits that move, locked, by start."""
    rows = (
        Appointment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("location", "patient__home_location", "protocol", "order")
        .filter(series=series, pk__in=ids)
        .order_by("pk")
    )
    found = sorted(rows, key=lambda one: one.starts_at)
    for one in found:
        one.series = series
    return {one.pk: one for one in found}


def _is_done(visit: Appointment, others: dict[int, Appointment], asked: Asked, way: RestPlan) -> bool:
    """Whether all of it is true already: the form came twice."""
    if asked.act is CourseAct.CANCEL and visit.status not in CANCELLED:
        return False
    by_id = {visit.pk: visit, **others}
    there = all(
        pk in by_id and by_id[pk].status == Status.BOOKED and _is_at(by_id[pk], place)
        for pk, place in way.moves
    )
    starts = [from_step(place.start) for place in way.added]
    added = visit.series.appointments.filter(status=Status.BOOKED, starts_at__in=starts).count()
    return there and added == len(starts)


def _is_at(visit: Appointment, place: Place) -> bool:
    return (visit.starts_at, visit.chair_id, visit.nurse_id) == (
        from_step(place.start),
        place.chair,
        place.nurse,
    )


def _wanted(asked: Asked) -> Sequence[Status]:
    """What a visit must be for what is asked of it."""
    return LOST if asked.act is CourseAct.MAKE_UP else (Status.BOOKED,)


def _require_possible(others: dict[int, Appointment], asked: Asked, way: RestPlan, now: datetime) -> None:
    wanted = {pk for pk, _place in way.moves} - {asked.visit_id}
    if wanted != others.keys() or any(one.status != Status.BOOKED for one in others.values()):
        raise Refused("course_changed", _("The course was changed meanwhile. Look at it again."))
    if any(one.starts_at <= now for one in others.values()):
        raise Refused("not_booked", _("Only a visit that has not begun can be moved."))


def _booked(place: Place) -> BookedPlace:
    return BookedPlace(from_step(place.start), place.chair, place.nurse)


def _cancel(visit: Appointment, asked: Asked, now: datetime) -> None:
    visit.status = cancelled_status(visit, Canceller(asked.canceller), now)
    visit.reason, visit.changed_at = asked.reason, now
    visit.sequence += 1
    visit.save()
    # What is made up below needs the infusion that this gives back.
    recount(visit.series.order)


def _new_visits(
    series: Series, visit: Appointment, places: Sequence[Place], now: datetime
) -> list[Appointment]:
    """The sessions that are made up, unsaved, with the next numbers."""
    booked = [_booked(place) for place in places]
    if not booked:
        return []
    require_bookable(series.order, booked, visit.location, now)
    last = series.appointments.aggregate(last=Max("number"))["last"] or 0
    pattern = Pattern.of(series.order.protocol.pattern_phases())
    return [new_visit(series, pattern, place, number, now) for number, place in enumerate(booked, last + 1)]


def _save_moved(moving: Sequence[Appointment], left: dict[int, tuple[datetime, date]]) -> None:
    """Save the visits with their new places; ``left`` has where each of them was."""
    for one in in_free_order(DayChange(one, left[one.pk][1], one.local_date) for one in moving):
        if one.starts_at != left[one.pk][0]:
            one.sequence += 1
            one.is_confirmed = False
        one.save()
