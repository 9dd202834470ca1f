"""A manager at the admin, at a fixed time."""

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import Role
from scheduling.models import Location, StaffMember
from tests import factories


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(factories.NOW, tick=False):
        yield


@pytest.fixture
def boss(db: None) -> StaffMember:
    return factories.make_staff(Role.MANAGER, username="boss", name="Mona Manager")


@pytest.fixture
def manager(boss: StaffMember, client: Client) -> Client:
    client.force_login(boss.user)
    return client


@pytest.fixture
def location(db: None) -> Location:
    return factories.make_location("Riverside")


@pytest.fixture
def nurse(location: Location) -> StaffMember:
    return factories.make_nurse(location, capacity=2, name="Nina Nurse")
