"""One clinic, one patient with a signed order, and who asks for pages; the clock stands still."""

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import Role
from scheduling.models import (
    Order,
    Patient,
)
from tests.factories import NOW, make_patient
from tests.services.clinics import Clinic
from tests.views.clients import logged_in


@pytest.fixture(autouse=True)
def _at_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def desk() -> Client:
    return logged_in(Role.FRONT_DESK)


@pytest.fixture
def prescriber() -> Client:
    return logged_in(Role.PRESCRIBER)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return make_patient(clinic.location, first_name="Grace", last_name="Hopper")


@pytest.fixture
def order(clinic: Clinic, patient: Patient) -> Order:
    return clinic.order(patient)
