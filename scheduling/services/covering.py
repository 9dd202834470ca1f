"""Covering before anybody is moved: another nurse or chair at the same time, a raised number, an added shift."""

from datetime import datetime, time, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Needs, Pattern
from scheduling.core.planner import Place
from scheduling.core.problem import CourseProblem
from scheduling.core.timeline import from_step, to_step
from scheduling.core.words import Role, SeatKind, Status
from scheduling.models import (
    Appointment,
    CapacityRaise,
    Claim,
    Disruption,
    ShiftException,
    StaffMember,
)

from .audit import author, record
from .faults import Refused
from .late import one_day, same_time_places
from .locks import locked_visit
from .reassigning import reassign
from .running import run

MOST_PATIENTS = 12
"""Nobody looks after more at one time, raised or not (a CHECK)."""


def cover_all(*, by: Actor, now: datetime, disruption: Disruption) -> tuple[int, int]:
    """Cover by start every open visit that another nurse or chair at its time can take: how many, and how many not.

    Each visit is its own change with its own audit entry: one that cannot be covered keeps no other from it.
    """
    by.require(Action.COVER)
    covered = left = 0
    rows = disruption.visits.open().filter(appointment__status=Status.BOOKED)
    for row in rows.select_related("appointment__location", "appointment__series__order__protocol"):
        places = same_time_places(row.appointment, now)
        if any(_takes(by, now, row.appointment, place) for place in places):
            covered += 1
        else:
            left += 1
    return covered, left


def _takes(by: Actor, now: datetime, visit: Appointment, place: Place) -> bool:
    """Whether the visit has that place now; one that somebody took a moment ago is not forced."""
    try:
        run(reassign, by=by, now=now, appointment=visit, chair_id=place.chair, nurse_id=place.nurse)
    except Refused:
        return False
    return True


def could_take_one_more(visit: Appointment, now: datetime) -> list[Place]:
    """Who is on shift with free hands and full only in number, each with a free chair, at the visit's time."""
    problem, needs = one_day(visit, now), _needs(visit)
    chair = _free_chair(problem, visit, needs)
    if chair is None:
        return []
    mask = problem.horizon.mask
    return [
        Place(to_step(visit.starts_at), chair, nurse.id)
        for nurse in problem.nurses
        if not mask([needs.monitoring]) & ~nurse.shift
        and not mask(needs.hands_on) & ~nurse.hands_on
        and mask([needs.monitoring]) & ~nurse.monitoring
        and _crowd(nurse.id, visit) < MOST_PATIENTS
    ]


def _needs(visit: Appointment) -> Needs:
    return Pattern.of(visit.protocol.pattern_phases()).needs(to_step(visit.starts_at))


def _free_chair(problem: CourseProblem, visit: Appointment, needs: Needs) -> int | None:
    """The visit's own chair where it can be used, else the first free one."""
    wanted = problem.horizon.mask([needs.chair])
    free = [pk for pk, mask in problem.chairs.items() if not wanted & ~mask]
    return visit.chair_id if visit.chair_id in free else next(iter(free), None)


def _crowd(nurse: int, visit: Appointment) -> int:
    """How many others the nurse looks after at the fullest moment of the visit."""
    since, until = (from_step(step) for step in _needs(visit).monitoring)
    rows = Claim.objects.overlapping(since, until).filter(seat__nurse=nurse, seat__kind=SeatKind.MONITORING)
    spans = list(rows.exclude(appointment=visit).values_list("starts_at", "ends_at"))
    moments = [max(since, first) for first, _last in spans]
    return max((sum(first <= at < last for first, last in spans) for at in moments), default=0)


@transaction.atomic
def cover_by_raise(
    *, by: Actor, now: datetime, appointment: Appointment, nurse: StaffMember, reason: str
) -> CapacityRaise:
    """Let ``nurse`` look after one patient more than she has during this visit alone, and give it to her.

    Nobody is moved or told. Raises Refused without a reason, beyond twelve patients, for a nurse who cannot take it
    even so, and where no chair is free.
    """
    by.require(Action.COVER)
    if not reason.strip():
        raise Refused("no_reason", _("Give a reason."), field="reason")
    visit = locked_visit(appointment.pk)
    chair = _free_chair(one_day(visit, now), visit, _needs(visit))
    if chair is None:
        raise Refused("no_chair", _("No chair is free for the whole visit."))
    capacity = max(_crowd(nurse.pk, visit) + 1, nurse.monitoring_capacity)
    if capacity > MOST_PATIENTS:
        raise Refused("capacity", _("Nobody looks after more than 12 patients at one time."), field="nurse")
    since, until = (from_step(step) for step in _needs(visit).monitoring)
    made = CapacityRaise.objects.create(
        nurse=nurse,
        starts_at=since,
        ends_at=until,
        capacity=capacity,
        reason=reason.strip(),
        made_by_id=author(by),
        made_at=now,
    )
    record(
        by=by, now=now, action="raise_capacity", subject=made, patient_id=visit.patient_id, capacity=capacity
    )
    reassign(by=by, now=now, appointment=visit, chair_id=chair, nurse_id=nurse.pk)
    return made


@transaction.atomic
def cover_by_shift(
    *,
    by: Actor,
    now: datetime,
    appointment: Appointment,
    nurse: StaffMember,
    starts: time,
    ends: time,
    reason: str = "",
) -> ShiftException:
    """Have ``nurse`` work an extra shift on the visit's day, in its location's wall time, and give her the visit.

    Nobody is moved or told. Raises Refused for a shift that ends before it starts, for a nurse who cannot take the
    visit even so, and where no chair is free; then no shift is added.
    """
    by.require(Action.COVER)
    if ends <= starts:
        raise Refused("shift_order", _("It ends after it starts."), field="ends")
    visit = locked_visit(appointment.pk)
    made = ShiftException.objects.create(
        staff=nurse,
        location=visit.location,
        kind=ShiftException.Kind.EXTRA,
        role=Role.NURSE,
        day=visit.local_date,
        starts=starts,
        ends=ends,
        reason=reason.strip(),
    )
    chair = _free_chair(one_day(visit, now), visit, _needs(visit))
    if chair is None:
        raise Refused("no_chair", _("No chair is free for the whole visit."))
    record(by=by, now=now, action="add_shift", subject=made, patient_id=visit.patient_id, nurse=nurse.pk)
    reassign(by=by, now=now, appointment=visit, chair_id=chair, nurse_id=nurse.pk)
    return made


def shift_for(visit: Appointment) -> tuple[time, time]:
    """The wall times an added shift has to reach over: arrival to discharge, rounded to whole hours outwards."""
    start, end = visit.local_start, visit.ends_at.astimezone(visit.tz)
    until = end if not end.minute else end.replace(minute=0) + timedelta(hours=1)
    return time(start.hour), until.time() if until.date() == start.date() else time(23, 59)
