"""People and protocols that the tests of services share; a file may still have its own by the same name."""

import pytest

from scheduling.access import Actor
from scheduling.core.words import DoseUnit, Role, Route
from scheduling.models import Patient, Protocol
from tests.factories import actor, make_location, make_patient, make_protocol, make_staff


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
