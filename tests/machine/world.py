"""Two small sites, three patients and a clock: what the state machine of all services acts on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from scheduling.access import SYSTEM, Actor
from scheduling.core.words import ActorKind, Channel, LinkPurpose, OrderState, Role, Standing, Status
from scheduling.models import Appointment, Location, Order, Patient, Protocol, Series, StaffMember
from scheduling.services.delivery import deliver
from scheduling.services.duties import DUTIES
from scheduling.services.faults import Refused
from scheduling.services.links import link_for
from scheduling.services.patients import give_consent
from scheduling.services.running import run
from tests.factories import (
    NOW,
    actor,
    add_shifts,
    make_chair,
    make_location,
    make_nurse,
    make_order,
    make_patient,
    make_protocol,
    make_staff,
)

Draw = Callable[[SearchStrategy[Any]], Any]
R = TypeVar("R")
T = TypeVar("T")
SITES = (("Hudson", "America/New_York"), ("Pacific", "America/Los_Angeles"))


class Post(BaseEmailBackend):
    """Takes every mail."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """All of them left."""
        return len(email_messages)


@dataclass
class World:
    """Everything there is; ``now`` only goes forward. ``refusals`` counts what services said no to, by code."""

    now: datetime = NOW
    sites: list[Location] = field(init=False)
    nurses: list[StaffMember] = field(init=False)
    patients: list[Patient] = field(init=False)
    protocol: Protocol = field(init=False)
    refusals: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sites = [make_location(name, zone=zone) for name, zone in SITES]
        self.nurses = []
        self.doctors: list[Actor] = []
        for site in self.sites:
            make_chair(site, "Chair 1")
            make_chair(site, "Chair 2")
            self.nurses += [make_nurse(site, capacity=2), make_nurse(site, capacity=1)]
            doctor = make_staff(Role.PRESCRIBER)
            add_shifts(doctor, site, Role.PRESCRIBER)
            self.doctors.append(actor(doctor))
        self.clerk, self.nurse = actor(make_staff(Role.FRONT_DESK)), actor(self.nurses[0])
        self.manager = actor(make_staff(Role.MANAGER))
        self.protocol = make_protocol("iv")
        self.patients = [make_patient(self.sites[0], phone="+12125550177") for _turn in range(3)]
        for patient in self.patients[:2]:
            give_consent(by=self.clerk, now=self.now, patient=patient, channel=Channel.EMAIL)
        self.keys = count(1)

    def do(self, service: Callable[..., R], **given: Any) -> R | None:
        """Call a service at ``now``; None where it refuses, which is always its right."""
        try:
            result = run(service, now=self.now, **given)
        except Refused as refused:
            self.refusals[refused.code] = self.refusals.get(refused.code, 0) + 1
            return None
        self.done[service.__name__] = self.done.get(service.__name__, 0) + 1
        return result

    def go_to(self, at: datetime) -> None:
        """Let the clock run on; never backwards."""
        self.now = max(self.now, at)

    def work(self) -> None:
        """All that the worker does at ``now``."""
        for duty in DUTIES:
            duty.run(self.now)
        while deliver(self.now, connection=Post()):
            pass

    def order_of(self, patient: Patient) -> Order:
        """The patient's signed order, or a new one for eight infusions."""
        order = Order.objects.filter(patient=patient, state=OrderState.SIGNED).first()
        if order:
            return order
        Order.objects.filter(patient=patient, state=OrderState.DRAFT).update(state=OrderState.WITHDRAWN)
        day = self.now.date() - timedelta(days=1)
        return make_order(
            patient, self.protocol, sessions=8, valid_from=day, valid_until=day + timedelta(days=400)
        )

    def link_of(self, patient: Patient) -> Actor:
        """The patient acting by link."""
        link = link_for(by=SYSTEM, now=self.now, patient=patient, purpose=LinkPurpose.VISITS)
        return Actor(ActorKind.LINK, link_id=link.pk)

    def active(self) -> list[Patient]:
        """Those treated at present."""
        ids = [patient.pk for patient in self.patients]
        return list(Patient.objects.filter(pk__in=ids, standing=Standing.ACTIVE).order_by("pk"))

    def booked(self) -> list[Appointment]:
        """Visits to come, by start."""
        rows = Appointment.objects.filter(status=Status.BOOKED, starts_at__gt=self.now)
        return list(rows.select_related("location", "patient", "series").order_by("starts_at", "pk"))

    def seen(self, **which: Any) -> list[Appointment]:
        """Visits of which something is recorded, the latest first."""
        rows = Appointment.objects.exclude(status=Status.BOOKED).filter(**which)
        return list(rows.order_by("-starts_at", "pk"))

    def courses(self) -> list[Series]:
        """All courses."""
        return list(Series.objects.select_related("patient", "location", "order").order_by("pk"))

    def today(self, location: Location) -> date:
        """The local date."""
        return self.now.astimezone(location.tz).date()


def one_of(draw: Draw, things: Sequence[T]) -> T | None:
    """One of them; None where there is none."""
    return draw(st.sampled_from(things)) if things else None
