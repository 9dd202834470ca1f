"""Bad days: something is missing, visits are covered, patients called, a day is closed, and it is back again."""

from datetime import time, timedelta
from typing import Any

from hypothesis import strategies as st

from scheduling.core.words import CALL_OUTCOMES, CallState, DisruptionKind, Status
from scheduling.models import Appointment, DisruptedVisit, Disruption, StaffMember
from scheduling.services.call_lists import is_to_call, record_call
from scheduling.services.closing_days import close_day
from scheduling.services.covering import could_take_one_more, cover_all, cover_by_raise, cover_by_shift
from scheduling.services.disruptions import lift_disruption, open_disruption
from scheduling.services.late import as_booked
from scheduling.services.other_places import hold_other_place, let_place_go, other_places
from scheduling.services.repair_acceptance import accept_repair
from scheduling.services.repair_runs import ask_repair, repair_of, search

from .world import Draw, World, one_of


def something_is_missing(world: World, draw: Draw) -> None:
    """A nurse, a prescriber, a chair or a site, around a visit to come, for an hour to two days."""
    visit = one_of(draw, world.booked())
    if visit is None:
        return
    kind = draw(st.sampled_from(DisruptionKind))
    doctors = StaffMember.objects.filter(is_prescriber=True).order_by("pk")
    about: dict[DisruptionKind, dict[str, Any]] = {
        DisruptionKind.NURSE: {"staff": visit.nurse},
        DisruptionKind.PRESCRIBER: {"staff": doctors[0]},
        DisruptionKind.CHAIR: {"chair": visit.chair},
        DisruptionKind.LOCATION: {},
    }
    starts_at = visit.starts_at - timedelta(hours=draw(st.integers(0, 2)))
    world.do(
        open_disruption,
        by=world.clerk,
        kind=kind,
        location=visit.location,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=draw(st.sampled_from([1, 4, 48]))),
        **about[kind],
    )


def it_is_back(world: World, draw: Draw) -> None:
    """One that is in force."""
    disruption = one_of(draw, list(Disruption.objects.in_force().order_by("pk")))
    if disruption:
        world.do(lift_disruption, by=world.clerk, disruption=disruption)


def cover_what_can_be(world: World, draw: Draw) -> None:
    """All visits of one disruption by who is there."""
    disruption = one_of(draw, list(Disruption.objects.in_force().order_by("pk")))
    if disruption:
        cover_all(by=world.clerk, now=world.now, disruption=disruption)


def _listed(world: World) -> list[DisruptedVisit]:
    rows = DisruptedVisit.objects.filter(appointment__starts_at__gt=world.now)
    return list(rows.select_related("appointment__location", "appointment__protocol").order_by("pk"))


def _lost(world: World, draw: Draw) -> Appointment | None:
    """A booked visit on some list."""
    visits = [row.appointment for row in _listed(world) if row.appointment.status == Status.BOOKED]
    return one_of(draw, visits)


def look_after_one_more(world: World, draw: Draw) -> None:
    """By a nurse who could, or by any."""
    visit = _lost(world, draw)
    if visit:
        able = [place.nurse for place in could_take_one_more(visit, world.now)]
        nurse = draw(st.sampled_from(able or [one.pk for one in world.nurses]))
        who = StaffMember.objects.get(pk=nurse)
        world.do(cover_by_raise, by=world.clerk, appointment=visit, nurse=who, reason="A full morning")


def come_in(world: World, draw: Draw) -> None:
    """A nurse works an extra shift."""
    visit = _lost(world, draw)
    if visit:
        who = draw(st.sampled_from(world.nurses))
        world.do(cover_by_shift, by=world.clerk, appointment=visit, nurse=who, starts=time(7), ends=time(19))


def hold_a_place(world: World, draw: Draw) -> None:
    """One of those offered for a visit on a list."""
    row = one_of(draw, _listed(world))
    place = one_of(draw, other_places(row, world.now).places) if row else None
    if place:
        world.do(hold_other_place, by=world.clerk, row=row, place=as_booked(place))


def call(world: World, draw: Draw) -> None:
    """A patient on a list, with any outcome; a place is held before somebody can agree to it."""
    to_call = [row for row in _listed(world) if is_to_call(row, world.now)]
    row = one_of(draw, to_call or _listed(world))
    if row is None:
        return
    outcome = draw(st.sampled_from((CallState.AGREED, *CALL_OUTCOMES)))
    place = one_of(draw, other_places(row, world.now).places) if outcome == CallState.AGREED else None
    if place and row.hold_id is None:
        world.do(hold_other_place, by=world.clerk, row=row, place=as_booked(place))
    world.do(record_call, by=world.clerk, row=row, outcome=outcome)


def let_go(world: World, draw: Draw) -> None:
    """Of a held place."""
    row = one_of(draw, _listed(world))
    if row:
        world.do(let_place_go, by=world.clerk, row=row)


def close(world: World, draw: Draw) -> None:
    """A day on which somebody is booked, with other times or without."""
    visit = one_of(draw, world.booked())
    if visit:
        world.do(
            close_day,
            by=world.manager,
            location=visit.location,
            day=visit.local_date,
            reason="Snow",
            find_other_times=draw(st.booleans()),
        )


def repair(world: World, draw: Draw) -> None:
    """One proposal for all that a disruption took, of which all or some is accepted, perhaps a while later."""
    disruption = one_of(draw, list(Disruption.objects.in_force().order_by("pk")))
    asked = world.do(ask_repair, by=world.clerk, disruption=disruption) if disruption else None
    if asked is None:
        return
    search(asked, world.now)
    asked.refresh_from_db()
    found = repair_of(asked.found)
    groups = sorted({change.group for change in found.changes}) if found else []
    chosen = [group for group in groups if draw(st.integers(0, 3))]
    if draw(st.integers(0, 4)) == 0:
        world.go_to(world.now + timedelta(hours=2))
    world.do(accept_repair, by=world.clerk, run=asked, groups=chosen)
