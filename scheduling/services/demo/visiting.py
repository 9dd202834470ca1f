"""One visit as it really went: a little early, a little late, now and then missed or in the next one's way."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random

from scheduling.core.pattern import PhaseKind
from scheduling.models import Appointment, StaffMember
from scheduling.services.missing import record_missed
from scheduling.services.overruns import minutes_of
from scheduling.services.presence import mark_present
from scheduling.services.visits import discharge, record_step

from .clinic import DemoClinic
from .simulation import Life

ESCORTS = ("her husband", "his wife", "a neighbor", "a friend", "her sister", "his brother", "their daughter")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a visit differs from its plan, in minutes; ``comes`` is false for one who does not appear."""

    arrival: int
    start: int
    treatment: int
    rest: int
    comes: bool = True


def usual_manner(chance: Random) -> Manner:
    """What happens on any day."""
    return Manner(chance.randint(-12, 5), chance.randint(-4, 6), chance.randint(-1, 3), chance.randint(-5, 8))


class BusyDay:
    """Who of today's patients at one location are late, prompt or in somebody's way, seen from ``as_of``."""

    def __init__(self, as_of: datetime) -> None:
        """Decide when the first visit of that day asks."""
        self.as_of = as_of
        self._manners: dict[int, dict[int, Manner]] = {}

    def manner(self, visit: Appointment, chance: Random) -> Manner:
        """How one visit of the day goes."""
        location = visit.location_id
        if location not in self._manners:
            self._manners[location] = self._decide(visit)
        return self._manners[location].get(visit.pk) or usual_manner(chance)

    def _decide(self, one: Appointment) -> dict[int, Manner]:
        visits = list(
            Appointment.objects.open()
            .filter(location=one.location_id, local_date=one.local_date)
            .order_by("starts_at", "pk")
        )
        manners = {
            visit.pk: Manner(arrival=-12, start=2, treatment=1, rest=2)
            for visit in visits
            if self._since(visit, -10, 10)
        }
        late = next((visit for visit in reversed(visits) if self._since(visit, 16, 50)), None)
        if late:
            manners[late.pk] = Manner(0, 0, 0, 0, comes=False)
        slow = next((visit for visit in visits if self._is_in_the_way(visit, visits)), None)
        if slow:
            manners[slow.pk] = Manner(arrival=24, start=30, treatment=1, rest=10)
        return manners

    def _since(self, visit: Appointment, least: int, most: int) -> bool:
        minutes = timedelta(minutes=1)
        return least * minutes <= self.as_of - visit.starts_at <= most * minutes

    def _is_in_the_way(self, visit: Appointment, visits: list[Appointment]) -> bool:
        """Whether somebody should have its chair soon after it ends, a little later than now."""
        return self._since(visit, 70, 135) and any(
            other.chair_id == visit.chair_id
            and timedelta(0) <= other.starts_at - visit.ends_at <= timedelta(minutes=15)
            for other in visits
        )


def attend(clinic: DemoClinic, visit: Appointment, chance: Random, today: BusyDay, *, misses: bool) -> Life:
    """Go through one booked visit; one of the busy day is decided on in its first minute."""
    manner = usual_manner(chance)
    if visit.local_date == today.as_of.astimezone(visit.tz).date():
        yield datetime.combine(visit.local_date, time(), visit.tz)
        manner = today.manner(visit, chance)
    if misses:
        at = visit.starts_at + timedelta(minutes=visit.location.late_minutes + 10 + chance.randrange(10))
        yield at
        record_missed(by=clinic.front_desk, now=at, appointment=visit)
    elif manner.comes:
        yield from _come(clinic, visit, chance, manner)


def _come(clinic: DemoClinic, visit: Appointment, chance: Random, manner: Manner) -> Life:
    lasts = minutes_of(visit)
    nurse = clinic.actors[visit.nurse_id]
    minute = timedelta(minutes=1)
    at = visit.starts_at + manner.arrival * minute
    yield at
    record_step(by=clinic.front_desk, now=at, appointment=visit, field="arrived_at")
    at = visit.starts_at + lasts[PhaseKind.CHECK_IN] + lasts[PhaseKind.PREPARATION] + manner.start * minute
    yield at
    if visit.protocol.prescriber_on_site:
        mark_present(by=clinic.front_desk, now=at, staff=_doctor(clinic, visit), location=visit.location)
    record_step(by=nurse, now=at, appointment=visit, field="started_at")
    at += lasts[PhaseKind.TREATMENT] + manner.treatment * minute
    yield at
    record_step(by=nurse, now=at, appointment=visit, field="treatment_ended_at")
    at += lasts[PhaseKind.RECOVERY] + lasts[PhaseKind.DISCHARGE] + manner.rest * minute
    yield at
    alone = "A taxi the clinic called; felt well for an hour" if chance.random() < 0.06 else ""
    escort = "" if alone else visit.patient.escort_name or chance.choice(ESCORTS)
    discharge(by=nurse, now=at, appointment=visit, escort=escort, no_escort_reason=alone)


def _doctor(clinic: DemoClinic, visit: Appointment) -> StaffMember:
    """The first prescriber of the visit's site."""
    first = 0 if visit.location_id == clinic.sites[0].pk else 2
    return StaffMember.objects.get(pk=clinic.prescribers[first].staff_id or 0)
