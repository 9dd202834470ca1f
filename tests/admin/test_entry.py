"""Who enters the admin, and what they may do there."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from scheduling.core.words import Role
from scheduling.models import AuditEntry, StaffMember
from tests.factories import make_staff


def test_a_manager_enters_without_being_django_staff(manager: Client, boss: StaffMember) -> None:
    assert boss.user.is_staff is False
    assert manager.get("/admin/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.NURSE, Role.PRESCRIBER])
@pytest.mark.parametrize(
    "address", ["/admin/", "/admin/login/", "/admin/scheduling/location/", "/admin/auth/user/"]
)
def test_nobody_else_of_the_staff_does(client: Client, role: Role, address: str) -> None:
    client.force_login(make_staff(role).user)

    assert client.get(address).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/admin/", "/admin/login/", "/admin/scheduling/location/"])
def test_a_stranger_is_sent_to_the_one_log_in_page(client: Client, address: str) -> None:
    last = client.get(address, follow=True).redirect_chain[-1][0]

    assert last.startswith("/accounts/login/?next=/admin/")


def test_the_role_is_asked_on_every_request(manager: Client, boss: StaffMember) -> None:
    StaffMember.objects.filter(pk=boss.pk).update(is_manager=False, is_front_desk=True)

    assert manager.get("/admin/").status_code == 403


def test_an_inactive_manager_stays_out(manager: Client, boss: StaffMember) -> None:
    StaffMember.objects.filter(pk=boss.pk).update(is_active=False)

    assert manager.get("/admin/").status_code == 403


@pytest.mark.django_db
def test_permissions_that_django_hands_out_mean_nothing(client: Client) -> None:
    clerk = make_staff(Role.FRONT_DESK).user
    clerk.is_staff = True
    clerk.save()
    clerk.user_permissions.set(Permission.objects.all())
    client.force_login(User.objects.get(pk=clerk.pk))

    assert client.get("/admin/").status_code == 403


@pytest.mark.django_db
def test_a_superuser_enters_without_being_a_member_of_staff(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))

    assert client.get("/admin/").status_code == 200


def test_a_manager_may_change_configuration_and_look_at_records(boss: StaffMember) -> None:
    user = User.objects.get(pk=boss.user.pk)

    assert user.has_perm("scheduling.change_location")
    assert user.has_perm("scheduling.view_claim")
    assert not user.has_perm("scheduling.change_claim")
    assert not user.has_perm("scheduling.delete_patient")
    assert not user.has_perm("auth.add_user")


@pytest.mark.django_db
def test_nobody_else_has_any_permission() -> None:
    for role in (Role.FRONT_DESK, Role.NURSE, Role.PRESCRIBER):
        assert make_staff(role).user.get_all_permissions() == set()


def test_a_manager_does_not_meet_superusers(manager: Client) -> None:
    root = User.objects.create_superuser("root", password="only-for-tests-1")

    assert "root" not in manager.get("/admin/auth/user/").content.decode()
    answer = manager.post(
        f"/admin/auth/user/{root.pk}/password/",
        {"password1": "another-pass-99", "password2": "another-pass-99", "usable_password": "true"},
    )
    assert answer.status_code == 404
    root.refresh_from_db()
    assert root.check_password("only-for-tests-1")


def test_a_manager_sets_a_password_and_the_trail_says_so(manager: Client, boss: StaffMember) -> None:
    nurse = make_staff(Role.NURSE)
    manager.post(
        f"/admin/auth/user/{nurse.user.pk}/password/",
        {"password1": "another-pass-99", "password2": "another-pass-99", "usable_password": "true"},
    )

    nurse.user.refresh_from_db()
    assert nurse.user.check_password("another-pass-99")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.subject_id, entry.staff) == (
        "configure", "user", nurse.user.pk, boss,
    )  # fmt: skip


def test_a_manager_cannot_make_anybody_a_superuser(manager: Client) -> None:
    nurse = make_staff(Role.NURSE)
    manager.post(
        f"/admin/auth/user/{nurse.user.pk}/change/",
        {"username": "nina", "email": "", "is_active": "on", "is_superuser": "on", "is_staff": "on"},
    )

    nurse.user.refresh_from_db()
    assert (nurse.user.username, nurse.user.is_superuser, nurse.user.is_staff) == ("nina", False, False)
