"""The places of a preview on a clerk's screen are held until it is confirmed, let go or over."""

from collections.abc import Sequence
from copy import copy
from datetime import datetime

from django.db import transaction

from scheduling.access import Actor
from scheduling.core.pattern import Pattern
from scheduling.core.planner import Place
from scheduling.core.timeline import from_step
from scheduling.models import Appointment, Hold

from .booking import BookedPlace, new_visit, put
from .claims import claims_of
from .faults import Refused
from .proposal_holds import hold_moves
from .rest_plans import Asked, RestPlan, rest_plans
from .running import run


def hold_key(visit: Appointment) -> str:
    """The key of what is looked at for one visit: a new preview takes the place of the last, whoever made that.

    So a prescriber can do at once what a clerk may only look at; who confirms first changes the course.
    """
    return f"rest:{visit.pk}"


def held_ways(
    *, by: Actor, asked: Asked, visit: Appointment, now: datetime
) -> tuple[tuple[RestPlan, ...], Hold | None]:
    """The ways to go on, and the hold that keeps the places of those that are possible; None where nothing is held.

    Somebody may take a place between planning and holding: then it is planned once more, and shown without a hold if
    that happens again.
    """
    key = hold_key(visit)
    for _try in range(2):
        ways = rest_plans(asked=asked, visit=visit, now=now, holding=key)
        try:
            return ways, run(_hold, by=by, now=now, visit=visit, ways=ways)
        except Refused:
            continue
    return ways, None


@transaction.atomic
def _hold(*, by: Actor, now: datetime, visit: Appointment, ways: Sequence[RestPlan]) -> Hold | None:
    key = hold_key(visit)
    Hold.objects.of_proposal(key).exclude(made_by=by.staff_id).delete()
    possible = [way for way in ways if way.is_possible]
    moves = sorted({move for way in possible for move in way.moves})
    added = sorted({place for way in possible for place in way.added})
    if not moves and not added:
        Hold.objects.of_proposal(key).delete()
        return None
    series = visit.series
    rows = Appointment.objects.select_related("series__order", "location", "protocol", "patient")
    booked = rows.in_bulk({pk for pk, _place in moves})
    visits = [_moved(copy(booked[pk]), place, now) for pk, place in moves]
    pattern = Pattern.of(series.order.protocol.pattern_phases())
    visits += [new_visit(series, pattern, _booked(place), 1, now) for place in added]
    return hold_moves(by=by, now=now, visits=visits, key=key, own=claims_of(booked.values()))


def _moved(visit: Appointment, place: Place, now: datetime) -> Appointment:
    """The visit, a copy that is never saved, at another place."""
    return put(visit, visit.location, Pattern.of(visit.protocol.pattern_phases()), _booked(place), now)


def _booked(place: Place) -> BookedPlace:
    return BookedPlace(from_step(place.start), place.chair, place.nurse)
