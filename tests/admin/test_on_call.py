"""On-call hours and the minutes between two contacts, set by a manager on the location's page."""

from datetime import time

import pytest
from django.test import Client

from scheduling.core.words import Role
from scheduling.models import Location, OnCallShift, StaffMember
from tests import factories
from tests.admin.pages import errors, row, send
from tests.admin.test_setting_up import ADMIN


@pytest.fixture
def contact(db: None) -> StaffMember:
    staff = factories.make_staff(Role.PRESCRIBER, name="Petra Prescriber")
    staff.user.email = "petra@example.org"
    staff.user.save()
    return staff


def hours(index: int, contact: StaffMember) -> dict[str, object]:
    """Monday evening until the next morning."""
    return row(
        "on_call", index, weekday=0, starts="18:00", ends="08:00", position=index + 1, staff=contact.pk
    )


def test_a_contact_is_put_on_call_over_night(
    manager: Client, location: Location, contact: StaffMember
) -> None:
    address = f"{ADMIN}/location/{location.pk}/change/"
    send(manager, address, on_call__TOTAL_FORMS=1, escalation_minutes=5, **hours(0, contact))

    shift = OnCallShift.objects.get()
    assert (shift.location, shift.staff, shift.starts, shift.ends) == (location, contact, time(18), time(8))
    location.refresh_from_db()
    assert location.escalation_minutes == 5


def test_a_contact_without_an_address_is_refused(manager: Client, location: Location) -> None:
    nobody = factories.make_staff(Role.NURSE, name="Nina Nomail")
    address = f"{ADMIN}/location/{location.pk}/change/"
    page = send(manager, address, on_call__TOTAL_FORMS=1, **hours(0, nobody))

    assert errors(page) == ["Nina Nomail has no e-mail address and could not be told."]
    assert not OnCallShift.objects.exists()


def test_the_same_contact_twice_at_the_same_time_is_refused(
    manager: Client, location: Location, contact: StaffMember
) -> None:
    address = f"{ADMIN}/location/{location.pk}/change/"
    page = send(manager, address, on_call__TOTAL_FORMS=2, **hours(0, contact), **hours(1, contact))

    assert errors(page)[0] == (
        "Please correct the duplicate data for staff, weekday and starts, which must be unique."
    )
    assert not OnCallShift.objects.exists()


@pytest.mark.parametrize("minutes", ["0", "241", "-1", "9" * 30, "soon", None])
def test_the_minutes_are_one_to_two_hundred_and_forty(
    manager: Client, location: Location, minutes: str | None
) -> None:
    page = send(manager, f"{ADMIN}/location/{location.pk}/change/", escalation_minutes=minutes)

    assert len(errors(page)) == 1
    location.refresh_from_db()
    assert location.escalation_minutes == 15
