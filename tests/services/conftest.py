"""People and protocols that the tests of services share; a file may still have its own by the same name."""

import pytest

from scheduling.access import Actor
from scheduling.core.words import Channel, DoseUnit, Role, Route
from scheduling.models import Appointment, Patient, Protocol
from scheduling.services.patients import give_consent
from tests.factories import (
    NOW,
    actor,
    book_one_course,
    make_location,
    make_patient,
    make_protocol,
    make_staff,
)


@pytest.fixture
def patient() -> Patient:
    return make_patient(make_location())


@pytest.fixture
def iv() -> Protocol:
    return make_protocol("iv")


@pytest.fixture
def nasal() -> Protocol:
    return make_protocol(
        "nasal",
        route=Route.INTRANASAL,
        dose_unit=DoseUnit.MG,
        dose_low=None,
        dose_high=None,
        dose_choices="56, 84",
    )


@pytest.fixture
def clerk() -> Actor:
    return actor(make_staff(Role.FRONT_DESK))


@pytest.fixture
def prescriber() -> Actor:
    return actor(make_staff(Role.PRESCRIBER))


@pytest.fixture
def visits() -> list[Appointment]:
    """Six visits, of which none has begun, of a patient who may be written to."""
    series = book_one_course()
    by = actor(make_staff(Role.FRONT_DESK))
    give_consent(by=by, now=NOW, patient=series.patient, channel=Channel.EMAIL)
    return list(series.appointments.order_by("number"))


@pytest.fixture
def visit(visits: list[Appointment]) -> Appointment:
    """The first of them."""
    return visits[0]
