"""One day at Riverside: Ada at 09:00, Bo in the same chair afterwards; shared by the days of a single visit."""

from datetime import datetime, timedelta
from typing import Any

from scheduling.access import Actor
from scheduling.core.words import DisruptionKind
from scheduling.models import Alert, Appointment, Chair, Claim, Disruption, StaffMember
from scheduling.services.disruptions import open_disruption
from scheduling.services.visits import discharge, record_step
from tests.factories import NOW, actor
from tests.services.clinics import Clinic

NINE = NOW + timedelta(days=1, hours=1)
"""Tuesday 09:00 in New York. Planned: treatment 09:30-10:10, leaves 11:00, chair free 11:15."""
STEPS = ("arrived_at", "started_at", "treatment_ended_at")
PLANNED = {"arrived_at": 0, "started_at": 30, "treatment_ended_at": 70}


def at(minutes: int) -> datetime:
    """So many minutes after 09:00."""
    return NINE + timedelta(minutes=minutes)


def nurse_of(clinic: Clinic) -> Actor:
    """Ana."""
    return actor(clinic.nurse)


def brought(visit: Appointment, by: Actor, upto: str, late: int = 0) -> Appointment:
    """The visit as far as that step, each so many minutes later than planned."""
    for field in STEPS[: STEPS.index(upto) + 1]:
        record_step(by=by, now=at(PLANNED[field] + late), appointment=visit, field=field)
    visit.refresh_from_db()
    return visit


def left(visit: Appointment, by: Actor, minutes: int) -> Appointment:
    """Ada leaves with Sam so many minutes after 09:00."""
    discharge(by=by, now=at(minutes), appointment=visit, escort="Sam")
    visit.refresh_from_db()
    return visit


def open_alerts(kind: str) -> list[Alert]:
    """Those of a kind that somebody has to see."""
    return list(Alert.objects.open().filter(kind=kind).order_by("pk"))


def claims(visit: Appointment) -> int:
    """How many places it holds."""
    return Claim.objects.filter(appointment=visit).count()


SIX = NINE - timedelta(hours=3)
"""06:00 of that day, when somebody rings in."""


def is_missing(
    clinic: Clinic, by: Actor, what: StaffMember | Chair | None, now: datetime = SIX, reason: str = ""
) -> Disruption:
    """From six until nine in the evening the clinic lacks a nurse or a chair, or is closed altogether."""
    about: dict[str, Any] = {"kind": DisruptionKind.LOCATION}
    if isinstance(what, Chair):
        about = {"kind": DisruptionKind.CHAIR, "chair": what}
    elif what:
        about = {"kind": DisruptionKind.NURSE, "staff": what}
    return open_disruption(
        by=by,
        now=now,
        location=clinic.location,
        starts_at=SIX,
        ends_at=NINE + timedelta(hours=12),
        reason=reason,
        **about,
    )
