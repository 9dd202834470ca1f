"""One visit as it really went: a little early, a little late, now and then missed or in the next one's way."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random

from scheduling.access import Actor
from scheduling.core.pattern import PhaseKind
from scheduling.core.words import RequiredBefore, VitalMoment
from scheduling.models import Appointment, Order, Prerequisite
from scheduling.services.doses import record_dose
from scheduling.services.missing import record_missed
from scheduling.services.overruns import minutes_of
from scheduling.services.patients import record_prerequisite
from scheduling.services.pressures import record_pressure
from scheduling.services.visits import discharge, record_step

from .clinic import DemoClinic
from .simulation import Life

ESCORTS = ("her husband", "his wife", "a neighbor", "a friend", "her sister", "his brother", "their daughter")
RECORDED_SINCE = timedelta(days=7)
"""Doses and blood pressures are on record for the visits of the last week."""


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
        is_recent = visit.starts_at > today.as_of - RECORDED_SINCE
        yield from _come(clinic, visit, chance, manner, is_recent=is_recent)


def _come(clinic: DemoClinic, visit: Appointment, chance: Random, manner: Manner, *, is_recent: bool) -> Life:
    lasts = minutes_of(visit)
    nurse = clinic.actors[visit.nurse_id]
    minute = timedelta(minutes=1)
    at = visit.starts_at + manner.arrival * minute
    yield at
    record_step(by=clinic.front_desk, now=at, appointment=visit, field="arrived_at")
    at = visit.starts_at + lasts[PhaseKind.CHECK_IN] + lasts[PhaseKind.PREPARATION] + manner.start * minute
    yield at
    _confirm_for_this_visit(nurse, visit, at)
    if is_recent:
        _measure(nurse, visit, VitalMoment.BEFORE, at)
    record_step(by=nurse, now=at, appointment=visit, field="started_at")
    if is_recent:
        # Read now: the order may have been amended since the visit was looked up.
        amount = Order.objects.get(appointments=visit.pk).dose_amount
        record_dose(by=nurse, now=at, appointment=visit, amount=amount)
    at += lasts[PhaseKind.TREATMENT] + manner.treatment * minute
    yield at
    record_step(by=nurse, now=at, appointment=visit, field="treatment_ended_at")
    at += lasts[PhaseKind.RECOVERY] + lasts[PhaseKind.DISCHARGE] + manner.rest * minute
    yield at
    if is_recent:
        _measure(nurse, visit, VitalMoment.LEAVING, at)
    alone = "A taxi the clinic called; felt well for an hour" if chance.random() < 0.06 else ""
    escort = "" if alone else visit.patient.escort_name or chance.choice(ESCORTS)
    discharge(by=nurse, now=at, appointment=visit, escort=escort, no_escort_reason=alone)


def _confirm_for_this_visit(nurse: Actor, visit: Appointment, now: datetime) -> None:
    """Record what the protocol wants before every visit."""
    every = Prerequisite.objects.filter(protocols=visit.protocol_id, required_before=RequiredBefore.EVERY)
    for wanted in every:
        record_prerequisite(by=nurse, now=now, patient=visit.patient, prerequisite=wanted, appointment=visit)


def _measure(nurse: Actor, visit: Appointment, moment: VitalMoment, now: datetime) -> None:
    """A made-up blood pressure, the same for the same visit, within the usual limits."""
    chance = Random(f"{visit.patient.mrn} {visit.starts_at} {moment}")  # noqa: S311 - made-up data
    record_pressure(
        by=nurse,
        now=now,
        appointment=visit,
        moment=moment,
        systolic=chance.randint(108, 146),
        diastolic=chance.randint(64, 92),
        pulse=chance.randint(58, 92),
    )
