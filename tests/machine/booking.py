"""What clerks do with courses: book, move, cancel, take back."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from scheduling.core.planner import Place
from scheduling.core.timeline import from_step, to_step
from scheduling.core.wishes import Wishes
from scheduling.core.words import CourseAct
from scheduling.models import Patient
from scheduling.services.appointments import Canceller, cancel_appointment, cancel_rest, move_appointment
from scheduling.services.booking import BookedPlace, book_series
from scheduling.services.changes import undo_change, undoable
from scheduling.services.course_changes import LOST, change_course
from scheduling.services.offers import offer_places
from scheduling.services.planning import propose_course
from scheduling.services.proposal_holds import hold_proposals, release_proposal
from scheduling.services.rest_holds import held_ways, hold_key
from scheduling.services.rest_plans import Asked

from .world import Draw, World, one_of


def book(world: World, draw: Draw) -> None:
    """Up to four sessions where the planner puts them."""
    patient = one_of(draw, world.active())
    if patient:
        book_best(world, patient, draw(st.integers(1, 4)), draw(st.integers(0, 9)))


def book_best(world: World, patient: Patient, sessions: int, days: int) -> None:
    """The best plan there is, if there is one, from so many days on."""
    order = world.order_of(patient)
    series = order.series.first()
    location = series.location if series else world.sites[0]
    _problem, found = propose_course(
        order=order,
        location=location,
        now=world.now,
        sessions=max(1, min(sessions, order.left)),
        earliest=world.today(location) + timedelta(days=days),
        wishes=Wishes(),
    )
    if isinstance(found, tuple):
        places = [BookedPlace(from_step(one.start), one.chair, one.nurse) for one in found[0].places]
        world.do(
            book_series,
            by=world.clerk,
            order=order,
            location=location,
            places=places,
            request_key=f"key-{next(world.keys)}",
        )


def look_at_proposals(world: World, draw: Draw) -> None:
    """Up to four sessions, several answers on screen: one is booked, or chosen, or all are let go or left to time."""
    patient = one_of(draw, world.active())
    if patient is None:
        return
    order = world.order_of(patient)
    series = order.series.first()
    location = series.location if series else world.sites[0]
    key = f"key-{next(world.keys)}"
    _problem, found = propose_course(
        order=order,
        location=location,
        now=world.now,
        sessions=max(1, min(draw(st.integers(1, 4)), order.left)),
        earliest=world.today(location) + timedelta(days=draw(st.integers(0, 9))),
        wishes=Wishes(),
        holding=key,
    )
    if not isinstance(found, tuple):
        return
    each = [
        [BookedPlace(from_step(one.start), one.chair, one.nurse) for one in plan.places] for plan in found
    ]
    about: Any = {"by": world.clerk, "order": order, "location": location}
    world.do(hold_proposals, places_of_each=each, key=key, **about)
    chosen, then = one_of(draw, each), draw(st.sampled_from(["book", "choose", "let go", "leave"]))
    if then == "book":
        world.do(book_series, places=chosen, request_key=key, **about)
    elif then == "choose":
        world.do(hold_proposals, places_of_each=[chosen], key=key, **about)
    elif then == "let go":
        world.do(release_proposal, by=world.clerk, key=key)


def book_at_any_hour(world: World, draw: Draw) -> None:
    """One session at an hour nobody proposed, sometimes with a prescriber's reason."""
    patient = one_of(draw, world.active())
    if patient is None:
        return
    site = world.sites[0]
    start = world.now.replace(minute=0, second=0) + timedelta(hours=draw(st.integers(1, 120)))
    world.do(
        book_series,
        by=world.doctors[0],
        order=world.order_of(patient),
        location=site,
        places=[BookedPlace(start, site.chairs.order_by("pk")[0].pk, world.nurses[0].pk)],
        request_key=f"key-{next(world.keys)}",
        override_reason=draw(st.sampled_from(["", "The patient travels"])),
    )


def move(world: World, draw: Draw) -> None:
    """A visit to one of the places offered."""
    visit = one_of(draw, world.booked())
    place: Any = one_of(draw, offer_places(appointment=visit, now=world.now).places) if visit else None
    if place:
        wanted = BookedPlace(from_step(place.start), place.chair, place.nurse)
        world.do(move_appointment, by=world.clerk, appointment=visit, place=wanted)


def cancel(world: World, draw: Draw) -> None:
    """One visit."""
    visit = one_of(draw, world.booked())
    if visit:
        who = draw(st.sampled_from(Canceller))
        world.do(cancel_appointment, by=world.clerk, appointment=visit, canceller=who)


def cancel_all_that_is_left(world: World, draw: Draw) -> None:
    """A course."""
    series = one_of(draw, world.courses())
    if series:
        world.do(cancel_rest, by=world.clerk, series=series, canceller=Canceller.CLINIC)


def take_a_change_back(world: World, draw: Draw) -> None:
    """The last change of a course, while it can be."""
    changes = [change for series in world.courses() if (change := undoable(series, world.now))]
    change = one_of(draw, changes)
    if change:
        world.do(undo_change, by=world.clerk, change=change)


def change_with_the_rest(world: World, draw: Draw) -> None:
    """Move a visit anywhere, cancel it or make a lost one up, and let the rest of its course follow in some way."""
    act = draw(st.sampled_from(CourseAct))
    lost = world.seen(status__in=LOST)
    visit = one_of(draw, lost if act is CourseAct.MAKE_UP else world.booked())
    if visit is None:
        return
    place = None
    if act is CourseAct.MOVE:
        start = visit.starts_at + timedelta(days=draw(st.integers(-2, 4)), hours=draw(st.integers(-2, 2)))
        place = Place(to_step(start), visit.chair_id, visit.nurse_id)
    asked = Asked(visit.pk, act, place, canceller=draw(st.sampled_from(Canceller)))
    ways, _hold = held_ways(by=world.clerk, asked=asked, visit=visit, now=world.now)
    way = one_of(draw, [way for way in ways if way.is_possible])
    if way:
        world.do(
            change_course,
            by=world.clerk,
            asked=asked,
            way=way,
            revision=visit.series.revision,
            holding=hold_key(visit),
        )
