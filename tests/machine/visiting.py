"""What nurses do on the day: treat, miss, correct, take back."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from scheduling.core.timeline import from_step
from scheduling.core.words import UNDER_WAY, Status, StopReason
from scheduling.models import Appointment
from scheduling.services.late import as_booked, late_offers, start_later
from scheduling.services.missing import record_missed
from scheduling.services.reassigning import reassign
from scheduling.services.stopping import stop_visit
from scheduling.services.undoing import undo_step
from scheduling.services.visits import correct_time, discharge, record_step

from .world import Draw, World, one_of

STEPS = {"arrived_at": 0, "started_at": 30, "treatment_ended_at": 70, "discharged_at": 120}
"""Planned minutes after the start."""
MINUTE = timedelta(minutes=1)


def treat(world: World, draw: Draw) -> None:
    """One of the next visits goes as far as it goes, late or early, and may run over."""
    visit = one_of(draw, world.booked()[:2])
    if visit is None:
        return
    late, over = draw(st.integers(-10, 40)), draw(st.integers(-30, 60))
    for field in list(STEPS)[: draw(st.sampled_from([4, 4, 4, 3, 2, 1]))]:
        step(world, visit, field, late + (over if field == "discharged_at" else 0))


def step(world: World, visit: Appointment, field: str, off: int) -> None:
    """One step, so many minutes off its plan."""
    world.go_to(visit.starts_at + (STEPS[field] + off) * MINUTE)
    if field == "discharged_at":
        world.do(discharge, by=world.nurse, appointment=visit, escort="Sam")
    else:
        world.do(record_step, by=world.nurse, appointment=visit, field=field)


def go_on(world: World, draw: Draw) -> None:
    """The next step of a visit under way, now."""
    visit = one_of(draw, world.seen(status__in=UNDER_WAY))
    if visit is None:
        return
    if visit.status == Status.RECOVERING:
        world.do(discharge, by=world.nurse, appointment=visit, escort="Sam", at=max(visit.ends_at, world.now))
        return
    field = "started_at" if visit.status == Status.ARRIVED else "treatment_ended_at"
    world.do(record_step, by=world.nurse, appointment=visit, field=field)


def miss(world: World, draw: Draw) -> None:
    """One of the next patients does not come."""
    visit = one_of(draw, world.booked()[:2])
    if visit:
        world.go_to(visit.starts_at + draw(st.integers(10, 200)) * MINUTE)
        world.do(record_missed, by=world.clerk, appointment=visit)


def take_a_step_back(world: World, draw: Draw) -> None:
    """What was recorded last of a visit."""
    visit = one_of(draw, world.seen()[:4])
    if visit:
        world.do(undo_step, by=world.nurse, appointment=visit)


def correct(world: World, draw: Draw) -> None:
    """A recorded time."""
    visit = one_of(draw, world.seen(arrived_at__isnull=False)[:4])
    field = draw(st.sampled_from(list(STEPS)))
    at = getattr(visit, field) if visit else None
    if at:
        off = draw(st.integers(-60, 60)) * MINUTE
        by, why = world.nurse, "Read off wrongly"
        world.do(correct_time, by=by, appointment=visit, field=field, at=at + off, reason=why)


def stop(world: World, draw: Draw) -> None:
    """One of the next visits is stopped, before the drug or during it."""
    visit = one_of(draw, world.booked()[:2])
    if visit is None:
        return
    step(world, visit, "arrived_at", 0)
    if draw(st.booleans()):
        step(world, visit, "started_at", 0)
    world.go_to(world.now + 10 * MINUTE)
    world.do(stop_visit, by=world.nurse, appointment=visit, reason=draw(st.sampled_from(StopReason)))


def put_off(world: World, draw: Draw) -> None:
    """A patient who is late takes another place at the same time, or a later one today."""
    visit = one_of(draw, world.booked()[:2])
    if visit is None:
        return
    world.go_to(visit.starts_at + draw(st.integers(1, 30)) * MINUTE)
    if draw(st.booleans()):
        world.do(record_step, by=world.clerk, appointment=visit, field="arrived_at")
    offers = late_offers(visit, world.now)
    place: Any = one_of(draw, (*offers.same_time, *offers.later))
    if place is None:
        return
    if from_step(place.start) == visit.starts_at:
        world.do(reassign, by=world.clerk, appointment=visit, chair_id=place.chair, nurse_id=place.nurse)
    else:
        world.do(start_later, by=world.clerk, appointment=visit, place=as_booked(place))
