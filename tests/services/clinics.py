"""One small clinic for the tests of booking, moving and offering."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from scheduling.access import Actor
from scheduling.core.words import Role
from scheduling.models import Chair, Location, Order, Patient, Protocol, Series, StaffMember
from scheduling.services.booking import BookedPlace, book_series
from tests.factories import (
    COURSE_DAYS,
    NOW,
    actor,
    make_chair,
    make_location,
    make_nurse,
    make_order,
    make_patient,
    make_protocol,
    make_staff,
)

COURSE = tuple(NOW + timedelta(days=days, hours=1) for days in COURSE_DAYS)
"""Six visits, Tuesdays and Fridays at 09:00 in New York, as UTC."""


@dataclass
class Clinic:
    """New York, open and staffed every day 08:00-18:00, one chair and one nurse unless more are added."""

    capacity: int = 1
    zone: str = "America/New_York"
    location: Location = field(init=False)
    chair: Chair = field(init=False)
    nurse: StaffMember = field(init=False)
    protocol: Protocol = field(init=False)
    clerk: Actor = field(init=False)
    prescriber: Actor = field(init=False)

    def __post_init__(self) -> None:
        self.location = make_location("Riverside", zone=self.zone)
        self.chair = make_chair(self.location, "Chair 1")
        self.nurse = make_nurse(self.location, capacity=self.capacity, name="Ana")
        self.protocol = make_protocol("iv")
        self.clerk = actor(make_staff(Role.FRONT_DESK))
        self.prescriber = actor(make_staff(Role.PRESCRIBER))
        self._keys = count(1)

    def order(self, patient: Patient | None = None, **fields: Any) -> Order:
        """A signed order for six infusions, of a new patient unless one is given."""
        return make_order(patient or make_patient(self.location), self.protocol, **fields)

    def places(
        self, starts: Sequence[datetime], chair: Chair | None = None, nurse: StaffMember | None = None
    ) -> list[BookedPlace]:
        """Places in one chair with one nurse."""
        return [BookedPlace(start, (chair or self.chair).pk, (nurse or self.nurse).pk) for start in starts]

    def book(self, order: Order, starts: Sequence[datetime] = COURSE, **given: Any) -> Series:
        """Book as the clerk, with a key of its own."""
        seats = {name: given.pop(name) for name in ("chair", "nurse") if name in given}
        values: dict[str, Any] = {
            "by": self.clerk,
            "now": NOW,
            "order": order,
            "location": self.location,
            "places": self.places(starts, **seats),
            "request_key": f"key-{next(self._keys)}",
        }
        return book_series(**(values | given))
