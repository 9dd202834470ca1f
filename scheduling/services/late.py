"""A patient is late, or the place is not free: another place at the same time, a later start today, another day."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.planner import Place, check
from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import Rule
from scheduling.core.timeline import ceil_step, from_step, to_step
from scheduling.core.words import UNDER_WAY, Status
from scheduling.models import Appointment

from .audit import record
from .booking import BookedPlace, put
from .claims import claims_of, let_go, let_offers_go, release, take_places
from .course_messages import announce
from .faults import Refused
from .locks import locked_visit, raise_revision
from .overruns import chair_free, overruns
from .planning import load_problem
from .reason_words import in_words
from .reassigning import PLACE_RULES, STILL_TO_START
from .rules import broken_rules, require_seats

MOST = 4
"""So many other places, and so many later starts, are offered."""


@dataclass(frozen=True, slots=True)
class StartNow:
    """Starting late in the own place: nothing is moved, but ``delays`` wait for the chair or the nurse."""

    leaves_at: datetime
    delays: tuple[Appointment, ...]


@dataclass(frozen=True, slots=True)
class LateOffers:
    """What can be done now, in the order in which it is offered."""

    same_time: tuple[Place, ...]
    now: StartNow
    later: tuple[Place, ...]


def late_offers(visit: Appointment, now: datetime) -> LateOffers:
    """For a visit of today that has not started. Nothing is written."""
    problem, still_there = one_day(visit, now), _still_there(visit, now)
    return LateOffers(
        tuple(_same_time(problem, visit, still_there)),
        _start_now(visit, now),
        tuple(_later(problem, visit, now, still_there)),
    )


def same_time_places(visit: Appointment, now: datetime) -> tuple[Place, ...]:
    """Other chairs and nurses for a visit that has not started, at its time. Nothing is written."""
    return tuple(_same_time(one_day(visit, now), visit, _still_there(visit, now)))


def one_day(visit: Appointment, now: datetime) -> CourseProblem:
    """One visit, booked or here, on its day; no lead time binds somebody who stands at the desk."""
    problem = load_problem(
        order=visit.series.order,
        location=visit.location,
        now=now,
        sessions=1,
        since=visit.local_date,
        until=visit.local_date,
        ignoring=[visit],
    )
    return replace(problem, not_before=problem.horizon.origin)


def _same_time(
    problem: CourseProblem, visit: Appointment, still_there: Mapping[int, datetime]
) -> Iterator[Place]:
    """Other chairs and nurses that are free for the whole visit, as near to the present ones as possible."""
    start, found = to_step(visit.starts_at), 0
    chairs = [visit.chair_id, *(pk for pk in problem.chairs if pk != visit.chair_id)]
    nurses = [visit.nurse_id, *(one.id for one in problem.nurses if one.id != visit.nurse_id)]
    for chair in chairs:
        for nurse in nurses:
            if (chair, nurse) == (visit.chair_id, visit.nurse_id) or found == MOST:
                continue
            place = Place(start, chair, nurse)
            reasons = check(problem, [start], [chair], [nurse]).reasons
            if not any(reason.rule in PLACE_RULES for reason in reasons) and not _waits(place, still_there):
                found += 1
                yield place


def _still_there(visit: Appointment, now: datetime) -> dict[int, datetime]:
    """By chair, until when (UTC) others are in it by what is recorded, whatever the plan says."""
    others = (
        Appointment.objects.with_places()
        .filter(location=visit.location, local_date=visit.local_date, status__in=UNDER_WAY)
        .exclude(pk=visit.pk)
        .prefetch_related("protocol__phases")
    )
    return {other.chair_id: chair_free(other, now) for other in others}


def _start_now(visit: Appointment, now: datetime) -> StartNow:
    """Whom it keeps waiting if the visit begins now where it is booked, by what is planned."""
    late = copy(visit)
    if late.status == Status.BOOKED:
        late.status, late.arrived_at = Status.ARRIVED, max(now, visit.starts_at)
    others = (
        Appointment.objects.with_places()
        .filter(location=visit.location, local_date=visit.local_date)
        .exclude(pk=visit.pk)
        .prefetch_related("protocol__phases")
    )
    found = [one for one in overruns([late, *others], now) if one.visit is late]
    delayed = {one.following.pk: one.following for one in found}
    until = found[0].until if found else max(now, visit.starts_at) + (visit.ends_at - visit.starts_at)
    return StartNow(until, tuple(sorted(delayed.values(), key=lambda one: one.starts_at)))


def _later(
    problem: CourseProblem, visit: Appointment, now: datetime, still_there: Mapping[int, datetime]
) -> Iterator[Place]:
    """Free places later today, in the own chair with the own nurse where that is possible."""
    first, found = max(ceil_step(now), to_step(visit.starts_at) + 1), 0
    last = problem.horizon.origin + problem.horizon.length
    for start in range(first, last):
        on_grid = start == first or problem.horizon.wall_minute(start) % problem.grid_minutes == 0
        if found == MOST or not on_grid:
            continue
        for chair, nurse in ((visit.chair_id, visit.nurse_id), (None, None)):
            verdict = check(problem, [start], [chair], [nurse])
            if verdict.fits and not _waits(verdict.places[0], still_there):
                found += 1
                yield verdict.places[0]
                break


def _waits(place: Place, still_there: Mapping[int, datetime]) -> bool:
    start = from_step(place.start)
    return start < still_there.get(place.chair, start)


@transaction.atomic
def start_later(*, by: Actor, now: datetime, appointment: Appointment, place: BookedPlace) -> Appointment:
    """Give a visit of today a later free place on the same local day; UID stays, SEQUENCE rises.

    Whoever is not here yet is told at once; a patient who is here is not written to. The lead time does not bind.
    Raises Refused once the treatment started, for another day or an earlier start, for a broken rule and for a place
    that is taken.
    """
    by.require(Action.MOVE)
    visit = locked_visit(appointment.pk)
    if visit.status not in STILL_TO_START:
        raise Refused("not_booked", _("Only a visit that has not begun can be moved."))
    before, held, day = visit.starts_at, claims_of([visit]), visit.local_date
    let_go(visit.series)
    let_offers_go([visit])
    pattern = Pattern.of(visit.protocol.pattern_phases())
    put(visit, visit.location, pattern, place, now)
    if {visit.local_date, now.astimezone(visit.tz).date()} != {day} or visit.starts_at <= before:
        raise Refused("not_later_today", _("Choose a later start on the same day, or move the visit."))
    require_seats(visit.location, [visit])
    reasons = broken_rules(now=now, series=visit.series, visits=[visit])
    broken = [reason for reason in reasons if reason.rule is not Rule.LEAD_TIME]
    if broken:
        raise Refused(
            "rules_broken",
            _("These times do not fit. Nothing was changed."),
            details=[in_words(reason, visit.location) for reason in broken],
        )
    release([visit])
    visit.sequence += 1
    visit.save()
    take_places([visit], pattern, now, held)
    raise_revision(visit.series)
    if visit.status == Status.BOOKED:
        announce(series=visit.series, visits=[visit], now=now, due_at=now)
    record(
        by=by,
        now=now,
        action="move_appointment",
        subject=visit,
        patient_id=visit.patient_id,
        before=before.isoformat(),
        after=visit.starts_at.isoformat(),
        overridden=[],
    )
    return visit


def is_late_or_in_conflict(visit: Appointment, now: datetime, conflicts: Sequence[object] = ()) -> bool:
    """Whether the page of choices is of use: not started, and past its planned start or named by a conflict."""
    return visit.status in STILL_TO_START and (bool(conflicts) or now > visit.starts_at)


def as_booked(place: Place) -> BookedPlace:
    """The place as the services take it."""
    return BookedPlace(from_step(place.start), place.chair, place.nurse)
