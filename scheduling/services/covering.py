"""Covering before anybody is moved: another nurse on shift or another chair at the same time."""

from datetime import datetime

from scheduling.access import Action, Actor
from scheduling.core.planner import Place
from scheduling.core.words import Status
from scheduling.models import Appointment, Disruption

from .faults import Refused
from .late import same_time_places
from .reassigning import reassign
from .running import run


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
