"""What has history is not deleted; what has none goes with all that hangs on it."""

from django.test import Client

from scheduling.core.words import Role, SeatKind
from scheduling.models import AuditEntry, Chair, Location, Prerequisite, Seat, StaffMember
from tests import factories
from tests.admin.pages import book, said
from tests.admin.test_setting_up import ADMIN


def test_deleting_what_has_history_says_why_and_what_to_do(
    manager: Client, location: Location, nurse: StaffMember
) -> None:
    chair = book(location, nurse)
    protocol = location.appointments.get().protocol
    refused = {
        f"location/{location.pk}": "it is used by appointments, chairs, patients, series, shifts. "
        "Untick “active” instead",
        f"chair/{chair.pk}": "it is used by appointments, claims. Untick “active” instead",
        f"staffmember/{nurse.pk}": "it is used by appointments, claims. Untick “active” instead",
        f"protocol/{protocol.pk}": "it is used by appointments, orders. Untick “may be ordered” instead",
    }
    for thing, words in refused.items():
        for method in (manager.get, manager.post):
            page = method(f"{ADMIN}/{thing}/delete/", {"post": "yes"}, follow=True)

            assert page.redirect_chain[-1][0] == f"{ADMIN}/{thing}/change/"
            assert words in said(page)[0]
    assert Chair.objects.count() == 1


def test_deleting_a_used_prerequisite_is_refused(manager: Client) -> None:
    wanted = Prerequisite.objects.create(code="rems", name="REMS enrolment", required_before="first")
    factories.make_protocol().prerequisites.add(wanted)
    page = manager.post(f"{ADMIN}/prerequisite/{wanted.pk}/delete/", {"post": "yes"}, follow=True)

    assert said(page) == [
        "“REMS enrolment” cannot be deleted: it is used by protocols. Remove it from there first."
    ]


def test_a_chair_that_nothing_used_is_deleted_with_its_seat(
    manager: Client, boss: StaffMember, location: Location
) -> None:
    chair = factories.make_chair(location)
    page = manager.get(f"{ADMIN}/chair/{chair.pk}/delete/")
    assert page.status_code == 200
    manager.post(f"{ADMIN}/chair/{chair.pk}/delete/", {"post": "yes"})

    assert not Seat.objects.filter(kind=SeatKind.CHAIR).exists()
    entry = AuditEntry.objects.get(action="configure")
    assert (entry.subject, entry.subject_id, entry.facts["act"]) == ("chair", chair.pk, "delete")


def test_a_person_who_never_did_anything_is_deleted_but_the_account_stays(manager: Client) -> None:
    clerk = factories.make_staff(Role.FRONT_DESK)
    manager.post(f"{ADMIN}/staffmember/{clerk.pk}/delete/", {"post": "yes"})

    assert not StaffMember.objects.filter(pk=clerk.pk).exists()
    clerk.user.refresh_from_db()
