"""The clock, clients and protocols that tests of pages share; a file may have its own by the same name."""

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import DoseUnit, Role, Route
from scheduling.models import Location, Protocol
from tests.factories import NOW, make_location, make_protocol
from tests.views.clients import logged_in


@pytest.fixture
def at_now() -> Iterator[None]:
    """The clock stands at NOW."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def desk() -> Client:
    return logged_in(Role.FRONT_DESK)


@pytest.fixture
def prescriber() -> Client:
    return logged_in(Role.PRESCRIBER)


@pytest.fixture
def iv() -> Protocol:
    return make_protocol("iv")


@pytest.fixture
def nasal() -> Protocol:
    return make_protocol(
        "nasal",
        name="Nasal",
        route=Route.INTRANASAL,
        dose_unit=DoseUnit.MG,
        dose_low=None,
        dose_high=None,
        dose_choices="56, 84",
        induction_count=8,
    )


@pytest.fixture
def location() -> Location:
    return make_location("Riverside")
