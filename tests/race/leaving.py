"""The races about prescribers on site: each prepares a location of its own and names the acts that meet."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from scheduling.access import Actor
from scheduling.core.words import AlertKind, Role
from scheduling.models import Alert, Appointment, Location, Presence, StaffMember
from scheduling.services.presence import OBSERVED, mark_left, mark_present
from scheduling.services.undoing import undo_step
from scheduling.services.visits import discharge, record_step
from tests import factories

START = factories.NOW + timedelta(hours=1)
"""Everybody comes, is treated, leaves and acts at this moment."""
STEPS = ("arrived_at", "started_at", "treatment_ended_at")
Act = tuple[Callable[..., Any], dict[str, Any]]
"""A service and what it is given."""


@dataclass(frozen=True)
class Race:
    """``first`` meets ``others``; afterwards the alert says whether the visit lacks a prescriber."""

    kind: str
    visit: int
    first: Act
    others: list[Act]

    def is_consistent(self) -> bool:
        """Whether exactly a patient who is observed without a prescriber has one open alert."""
        visit = Appointment.objects.get(pk=self.visit)
        is_alone = not Presence.objects.filter(location=visit.location, left_at=None).exists()
        alerts = Alert.objects.open().filter(kind=AlertKind.NO_PRESCRIBER, appointment=visit)
        return alerts.count() == int(is_alone and visit.status in OBSERVED)


class Site:
    """One visit, brought so many steps far, and prescribers who are on site."""

    def __init__(self, steps: int, *, prescribers: int = 2) -> None:
        self.location: Location = factories.make_location()
        nurse = factories.make_nurse(self.location)
        factories.add_shifts(factories.make_staff(Role.PRESCRIBER), self.location, Role.PRESCRIBER)
        self.by: Actor = factories.actor(nurse)
        protocol = factories.make_protocol(prescriber_on_site=True)
        order = factories.make_order(factories.make_patient(self.location), protocol)
        chair = factories.make_chair(self.location)
        self.visit = factories.book(order, self.location, chair, nurse, [START]).appointments.get()
        # Their names stand against the order of their keys: who locks by name meets who locks by key.
        names = [f"Dr. {9 - number}" for number in range(prescribers)]
        self.here = [mark_present(**self.coming(name)) for name in names]
        for field in STEPS[:steps]:
            record_step(**self.about(field=field, prescriber=self.here[0].staff))

    def about(self, **given: Any) -> dict[str, Any]:
        """What a service is given that acts on the visit."""
        return {"by": self.by, "now": START, "appointment": self.visit} | given

    def coming(self, name: str) -> dict[str, Any]:
        """A new prescriber comes."""
        staff: StaffMember = factories.make_staff(Role.PRESCRIBER, name=name)
        return {"by": self.by, "now": START, "staff": staff, "location": self.location}

    def race(self, kind: str, first: Act | None = None) -> Race:
        """Everybody who is here leaves, at the moment of ``first``; without it the last one is the first."""
        leave: list[Act] = [(mark_left, {"by": self.by, "now": START, "presence": one}) for one in self.here]
        first = first or leave.pop()
        return Race(kind, self.visit.pk, first, leave)


def start() -> Race:
    """A patient is to be started while the only prescriber leaves."""
    return _start("start", 1)


def start_with_two() -> Race:
    """Both of them leave."""
    return _start("start_with_two", 2)


def _start(kind: str, prescribers: int) -> Race:
    site = Site(1, prescribers=prescribers)
    return site.race(kind, (record_step, site.about(field="started_at", prescriber=site.here[0].staff)))


def both_leave() -> Race:
    """Both leave a treated patient: neither sees that the other one goes."""
    return Site(3).race("both_leave")


def relieve() -> Race:
    """One comes as the only other one leaves."""
    site = Site(3, prescribers=1)
    return site.race("relieve", (mark_present, site.coming("Dr. 8")))


def end() -> Race:
    """The patient leaves with the prescriber."""
    site = Site(3, prescribers=1)
    return site.race("end", (discharge, site.about(escort="Sam")))


def take_back() -> Race:
    """The discharge was a mistake."""
    site = Site(3)
    discharge(**site.about(escort="Sam"))
    return site.race("take_back", (undo_step, site.about()))


RACES = (start, start_with_two, both_leave, relieve, end, take_back)
