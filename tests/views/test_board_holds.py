"""The board shows what is held, for whom and until when; its maker or a manager lets it go."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import DisruptionKind, Role
from scheduling.models import AuditEntry, DisruptedVisit, Disruption, Hold, Order
from scheduling.services.appointments import move_appointment
from scheduling.services.booking import BookedPlace
from scheduling.services.draft_holds import hold_for_draft
from scheduling.services.other_places import hold_other_place
from scheduling.services.proposal_holds import hold_proposals
from tests.factories import NOW, actor, make_patient, make_staff
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import logged_in, said

pytestmark = pytest.mark.django_db

DAY = "/board/2026-01-06/"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=3)


@pytest.fixture
def ben(clinic: Clinic) -> Client:
    """A clerk with proposals for Ada Quick on screen, from 09:00 on."""
    staff = make_staff(Role.FRONT_DESK, name="Ben")
    order = clinic.order(make_patient(clinic.location, last_name="Quick"))
    hold_proposals(
        by=actor(staff),
        now=NOW,
        order=order,
        location=clinic.location,
        places_of_each=[clinic.places(COURSE[:1]), clinic.places([COURSE[0] + HOUR])],
        key="key",
    )
    client = Client()
    client.force_login(staff.user)
    return client


def words(client: Client) -> str:
    return " ".join(client.get(DAY).content.decode().split())


def let_go(client: Client, hold: Hold) -> str:
    answer = client.post(f"/holds/{hold.pk}/release/", {"day": "2026-01-06"})
    assert answer["Location"].startswith(DAY)
    return said(answer)[-1]


def test_the_board_says_what_is_held_by_whom_for_what_and_until_when(clinic: Clinic, ben: Client) -> None:
    draft = clinic.order(make_patient(clinic.location, last_name="Slow"), signed=False)
    kept = hold_for_draft(
        by=clinic.clerk,
        now=NOW,
        order=draft,
        location=clinic.location,
        places=clinic.places([COURSE[0] + 4 * HOUR]),
    )
    visit = clinic.book(clinic.order(), [COURSE[0] + 7 * HOUR]).appointments.get()
    tomorrow = BookedPlace(visit.starts_at + timedelta(days=1), visit.chair_id, visit.nurse_id)
    move_appointment(by=clinic.clerk, now=NOW, appointment=visit, place=tomorrow)
    html = words(ben)
    assert "held by Ben for a proposal until 08:10" in html
    assert "09:00–12:15 Chair 1" in html
    assert f"held by {kept.made_by} for a draft until Tue 6 Jan 18:00" in html
    assert "13:00–15:15 Chair 1" in html
    assert "so that a change can be taken back until" in html
    assert html.count('class="held"') == 4, "three bars and the legend"
    # Each may let go what is theirs, a manager everything but the way back of a change.
    assert html.count("Let the places go") == 1
    assert words(logged_in(Role.MANAGER)).count("Let the places go") == 2
    assert words(logged_in(Role.NURSE)).count("Let the places go") == 0
    with time_machine.travel(NOW + timedelta(minutes=10), tick=False):
        assert "held by Ben" not in words(ben)


def test_its_maker_or_a_manager_lets_a_hold_go_and_nobody_else(clinic: Clinic, ben: Client) -> None:
    hold = Hold.objects.get()
    assert let_go(logged_in(Role.FRONT_DESK), hold) == "Only Ben or a manager can let these places go."
    assert Hold.objects.exists()
    assert let_go(ben, hold) == "The places are free again. Nothing was booked."
    assert not Hold.objects.exists()
    assert let_go(ben, hold) == "These places are not held any more."
    assert list(AuditEntry.objects.filter(action="release_hold").values_list("patient_id", flat=True)) == [
        Order.objects.get().patient_id
    ]


def test_a_manager_lets_a_hold_go_and_the_way_back_of_a_change_stays(clinic: Clinic, ben: Client) -> None:
    manager = logged_in(Role.MANAGER)
    assert let_go(manager, Hold.objects.get()) == "The places are free again. Nothing was booked."
    visit = clinic.book(clinic.order(), COURSE[:1]).appointments.get()
    place = BookedPlace(COURSE[1], visit.chair_id, visit.nurse_id)
    move_appointment(by=clinic.clerk, now=NOW, appointment=visit, place=place)
    words_said = let_go(manager, Hold.objects.get())
    assert words_said == "These places are kept so that a change can be taken back."


def test_a_place_held_for_a_call_is_shown_and_let_go_like_the_others(clinic: Clinic) -> None:
    visit = clinic.book(
        clinic.order(make_patient(clinic.location, last_name="Quick")), COURSE[:1]
    ).appointments.get()
    ill = Disruption.objects.create(
        kind=DisruptionKind.NURSE,
        location=clinic.location,
        staff=clinic.nurse,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        made_at=NOW,
    )
    row = DisruptedVisit.objects.create(disruption=ill, appointment=visit, was_at=visit.starts_at)
    (place,) = clinic.places([COURSE[0] + 4 * HOUR])
    hold = hold_other_place(by=clinic.clerk, now=NOW, row=row, place=place)
    manager = logged_in(Role.MANAGER)
    assert f"held by {hold.made_by} for a call until 18:00" in words(manager)
    assert let_go(manager, hold) == "The places are free again. Nothing was booked."
    row.refresh_from_db()
    assert row.hold is None
