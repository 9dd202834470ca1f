"""What the admin refuses of people, and that it says why where it is wrong, keeping what was typed."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from scheduling.core.words import SeatKind
from scheduling.models import AuditEntry, Location, Seat, StaffMember
from tests.admin.pages import book, errors, send
from tests.admin.test_setting_up import ADMIN


def test_lowering_a_capacity_below_what_is_booked_is_asked_about_first(
    manager: Client, location: Location, nurse: StaffMember
) -> None:
    book(location, nurse)
    # A second visit next to the first would need her hands at the same time; half an hour later it does not.
    book(location, nurse, datetime(2026, 1, 6, 14, 30, tzinfo=UTC))
    AuditEntry.objects.all().delete()
    page = send(
        manager, f"{ADMIN}/staffmember/{nurse.pk}/change/", monitoring_capacity=1, name="Nina Typed-Over"
    )

    assert errors(page)[0] == "This leaves 1 booked visit without its place. Nothing was changed."
    assert errors(page)[1].endswith("09:30: Nina Typed-Over looks after too many patients at that time.")
    assert page.context["adminform"].form["name"].value() == "Nina Typed-Over"
    nurse.refresh_from_db()
    assert (nurse.name, nurse.monitoring_capacity) == ("Nina Nurse", 2)
    assert Seat.objects.filter(nurse=nurse, kind=SeatKind.MONITORING, retired_at=None).count() == 2
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize("capacity", ["0", "13", "-1", "many", ""])
def test_a_capacity_out_of_range_is_refused(manager: Client, nurse: StaffMember, capacity: str) -> None:
    page = send(manager, f"{ADMIN}/staffmember/{nurse.pk}/change/", monitoring_capacity=capacity)

    assert len(page.context["adminform"].form.errors["monitoring_capacity"]) == 1


def test_a_person_without_a_role_is_refused(manager: Client, nurse: StaffMember) -> None:
    page = send(manager, f"{ADMIN}/staffmember/{nurse.pk}/change/", is_nurse=None)

    assert errors(page) == ["Choose at least one role."]


@pytest.mark.parametrize("field", ["is_active", "is_manager"])
def test_a_manager_does_not_lock_herself_out(manager: Client, boss: StaffMember, field: str) -> None:
    page = send(manager, f"{ADMIN}/staffmember/{boss.pk}/change/", **{field: None, "is_front_desk": "on"})

    assert errors(page) == ["You cannot take this from yourself; another manager can."]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"password": "made-up-pass-1"}, "A person needs a user name to log in."),
        ({"username": "nina"}, "A new account needs a password."),
        ({"username": "BOSS", "password": "made-up-pass-1"}, "This user name is taken."),
        ({"username": "nina", "password": "password12"}, "This password is too common."),
    ],
)
def test_a_new_person_needs_a_sound_account(manager: Client, typed: dict[str, object], words: str) -> None:
    page = send(manager, f"{ADMIN}/staffmember/add/", name="Nina", is_nurse="on", **typed)

    assert errors(page) == [words]
    assert not StaffMember.objects.filter(name="Nina").exists()
