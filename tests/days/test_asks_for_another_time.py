"""Ada cannot make it on Friday: she asks for another time, cancels in time, takes it back, or has to call."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from scheduling.access import SYSTEM, Actor, NotAllowed
from scheduling.core.words import ActorKind, AlertKind, LinkPurpose, Role, Status
from scheduling.models import AccessLink, Alert, Appointment, AuditEntry, Claim, CourseChange, Series
from scheduling.services.acknowledging import acknowledge
from scheduling.services.appointments import Canceller, cancel_appointment, move_appointment
from scheduling.services.booking import BookedPlace
from scheduling.services.changes import undo_change, undoable
from scheduling.services.faults import Refused
from scheduling.services.links import link_for, token
from scheduling.services.my_requests import (
    ask_other_time,
    cancel_my_visit,
    choices_of,
    confirm_my_visit,
    withdraw_wish,
)
from tests.factories import NOW, make_patient
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import logged_in

from .adas_course import ada_of, post_by, visits_of

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def series(clinic: Clinic) -> Series:
    """Ada's course, confirmed by mail already."""
    booked = clinic.book(clinic.order(ada_of(clinic)))
    post_by(NOW)
    return booked


@pytest.fixture
def link(series: Series) -> AccessLink:
    return AccessLink.objects.get(patient=series.patient, purpose=LinkPurpose.VISITS)


@pytest.fixture
def ada(link: AccessLink) -> Actor:
    return Actor(ActorKind.LINK, link_id=link.pk)


@pytest.fixture
def friday(series: Series) -> Appointment:
    """Her second visit, on Friday 9 January at 09:00 in New York."""
    return visits_of(series)[1]


def browser(link: AccessLink, now: datetime = NOW) -> Client:
    client = Client()
    with time_machine.travel(now, tick=False):
        assert client.get(f"/v/{token(link)}/").status_code == 302
    return client


def seen(client: Client, url: str, now: datetime = NOW) -> str:
    with time_machine.travel(now, tick=False):
        return client.get(url).content.decode()


def sent(client: Client, url: str, now: datetime = NOW, **typed: str) -> Any:
    with time_machine.travel(now, tick=False):
        return client.post(url, typed)


def claims_of(visit: Appointment) -> list[Any]:
    return list(Claim.objects.filter(appointment=visit).order_by("seat").values_list("seat", "starts_at"))


def test_asking_releases_nothing_and_makes_a_task_due_at_the_start(friday: Appointment, ada: Actor) -> None:
    held = claims_of(friday)
    alert = ask_other_time(by=ada, now=NOW, appointment=friday, wish="After\n3 p.m. ")
    assert (alert.kind, alert.owner, alert.due_at) == (
        AlertKind.OTHER_TIME,
        Role.FRONT_DESK,
        friday.starts_at,
    )
    assert (alert.facts, alert.appointment_id) == ({"wish": "After 3 p.m."}, friday.pk)
    friday.refresh_from_db()
    assert (friday.status, friday.sequence, claims_of(friday)) == (Status.BOOKED, 0, held)
    assert held
    entry = AuditEntry.objects.get(action="ask_other_time")
    assert (entry.actor_kind, entry.link_id, entry.facts) == ("link", ada.link_id, {})
    assert post_by(NOW + HOUR) == []


def test_a_second_wish_replaces_the_first(friday: Appointment, ada: Actor) -> None:
    ask_other_time(by=ada, now=NOW, appointment=friday, wish="After 3 p.m.")
    ask_other_time(by=ada, now=NOW + HOUR, appointment=friday, wish="On Saturday")
    assert [alert.facts for alert in Alert.objects.all()] == [{"wish": "On Saturday"}]


def test_the_wish_can_be_taken_back_and_made_again(friday: Appointment, ada: Actor) -> None:
    ask_other_time(by=ada, now=NOW, appointment=friday, wish="After 3 p.m.")
    withdraw_wish(by=ada, now=NOW + MINUTE, appointment=friday)
    withdraw_wish(by=ada, now=NOW + MINUTE, appointment=friday)
    assert not Alert.objects.open().exists()
    assert AuditEntry.objects.filter(action="withdraw_wish").count() == 1
    ask_other_time(by=ada, now=NOW + HOUR, appointment=friday, wish="On Saturday")
    assert Alert.objects.open().get().facts == {"wish": "On Saturday"}


@pytest.mark.parametrize("wish", ["", " \n", "x" * 301])
def test_an_empty_or_endless_wish_is_refused_at_its_field(friday: Appointment, ada: Actor, wish: str) -> None:
    with pytest.raises(Refused) as refused:
        ask_other_time(by=ada, now=NOW, appointment=friday, wish=wish)
    assert (refused.value.code, refused.value.field) == ("no_wish", "wish")
    assert not Alert.objects.exists()


ACTS: list[Callable[..., Any]] = [
    lambda **given: ask_other_time(wish="Later", **given),
    withdraw_wish,
    confirm_my_visit,
    cancel_my_visit,
]


@pytest.mark.parametrize("act", ACTS)
def test_a_visit_that_began_or_is_off_is_a_matter_for_the_phone(
    friday: Appointment, ada: Actor, act: Callable[..., Any]
) -> None:
    with pytest.raises(Refused, match="Please call us"):
        act(by=ada, now=friday.starts_at, appointment=friday)
    cancel_my_visit(by=ada, now=NOW, appointment=friday)
    with pytest.raises(Refused, match="Please call us"):
        act(by=ada, now=NOW, appointment=friday)


@pytest.mark.parametrize("act", ACTS)
def test_nobody_else_speaks_for_ada(
    clinic: Clinic, friday: Appointment, link: AccessLink, act: Callable[..., Any]
) -> None:
    other = make_patient(clinic.location)
    theirs = link_for(by=SYSTEM, now=NOW, patient=other, purpose=LinkPurpose.VISITS)
    feed = link_for(by=SYSTEM, now=NOW, patient=friday.patient, purpose=LinkPurpose.FEED)
    AccessLink.objects.filter(pk=link.pk).update(revoked_at=NOW)
    for by in (clinic.clerk, *(Actor(ActorKind.LINK, link_id=one.pk) for one in (theirs, feed, link))):
        with pytest.raises(NotAllowed):
            act(by=by, now=NOW, appointment=friday)
    friday.refresh_from_db()
    assert (friday.status, friday.is_confirmed) == (Status.BOOKED, False)
    assert not Alert.objects.exists()


def test_moving_the_visit_settles_the_wish_and_undoing_the_move_opens_it_again(
    clinic: Clinic, friday: Appointment, ada: Actor
) -> None:
    ask_other_time(by=ada, now=NOW, appointment=friday, wish="After 3 p.m.")
    place = BookedPlace(COURSE[1] + 5 * HOUR, clinic.chair.pk, clinic.nurse.pk)
    move_appointment(by=clinic.clerk, now=NOW + HOUR, appointment=friday, place=place)
    assert not Alert.objects.open().exists()
    change = undoable(friday.series, NOW + HOUR)
    assert change
    undo_change(by=clinic.clerk, now=NOW + HOUR + MINUTE, change=change)
    assert Alert.objects.open().get().kind == AlertKind.OTHER_TIME


def test_the_front_desk_keeps_it_as_it_is_with_a_note(
    clinic: Clinic, friday: Appointment, ada: Actor
) -> None:
    alert = ask_other_time(by=ada, now=NOW, appointment=friday, wish="After 3 p.m.")
    acknowledge(by=clinic.clerk, now=NOW + HOUR, alert=alert, note="Nothing else is free; she will come.")
    assert choices_of(friday, NOW + HOUR).asked is None
    ask_other_time(by=ada, now=NOW + DAY, appointment=friday, wish="Then on Saturday")
    assert Alert.objects.open().get().facts == {"wish": "Then on Saturday"}


def test_she_cancels_in_time_and_the_front_desk_looks_at_the_rest(
    clinic: Clinic, friday: Appointment, ada: Actor
) -> None:
    cancel_my_visit(by=ada, now=NOW, appointment=friday)
    friday.refresh_from_db()
    assert (friday.status, claims_of(friday)) == (Status.CANCELLED_IN_TIME, [])
    alert = Alert.objects.open().get()
    assert (alert.kind, alert.owner, alert.facts) == (AlertKind.REPLAN, Role.FRONT_DESK, {"is_late": False})
    assert post_by(NOW) == []
    day = "Friday, January 9, 2026, 9 a.m. to 11 a.m. (New York, UTC-5)"
    assert post_by(NOW + HOUR) == [
        f"Cancelled: appointment, {day} – Riverside Clinic",
        "Your appointments have changed – Riverside Clinic",
    ]
    clinic.book(friday.series.order, [COURSE[1] + DAY], now=NOW + 2 * HOUR)
    assert not Alert.objects.open().exists()


def test_inside_the_notice_she_cannot_cancel_by_herself(series: Series, ada: Actor) -> None:
    first = visits_of(series)[0]
    with pytest.raises(Refused, match="less than 24 hours"):
        cancel_my_visit(by=ada, now=first.starts_at - DAY + MINUTE, appointment=first)
    cancel_my_visit(by=ada, now=first.starts_at - DAY, appointment=first)
    first.refresh_from_db()
    assert first.status == Status.CANCELLED_IN_TIME


def test_told_by_phone_it_is_late_and_makes_the_same_task(clinic: Clinic, series: Series) -> None:
    first = visits_of(series)[0]
    now = first.starts_at - 5 * HOUR
    cancel_appointment(by=clinic.clerk, now=now, appointment=first, canceller=Canceller.PATIENT)
    alert = Alert.objects.open().get()
    assert (alert.kind, alert.facts) == (AlertKind.REPLAN, {"is_late": True})


def test_what_the_clinic_cancels_makes_no_such_task(clinic: Clinic, friday: Appointment) -> None:
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=friday, canceller=Canceller.CLINIC)
    assert not Alert.objects.exists()


def test_she_takes_her_cancellation_back_before_anybody_is_told(friday: Appointment, ada: Actor) -> None:
    held = claims_of(friday)
    cancel_my_visit(by=ada, now=NOW, appointment=friday)
    change = choices_of(Appointment.objects.get(pk=friday.pk), NOW + MINUTE).change
    assert change
    undo_change(by=ada, now=NOW + MINUTE, change=change)
    friday.refresh_from_db()
    assert (friday.status, claims_of(friday)) == (Status.BOOKED, held)
    assert not Alert.objects.open().exists()
    assert post_by(NOW + HOUR) == []


def test_she_takes_back_only_what_she_did_herself(clinic: Clinic, friday: Appointment, ada: Actor) -> None:
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=friday, canceller=Canceller.PATIENT)
    change = CourseChange.objects.get()
    with pytest.raises(NotAllowed):
        undo_change(by=ada, now=NOW + MINUTE, change=change)
    assert choices_of(Appointment.objects.get(pk=friday.pk), NOW + MINUTE).change is None


def test_another_patient_takes_nothing_back(clinic: Clinic, friday: Appointment, ada: Actor) -> None:
    cancel_my_visit(by=ada, now=NOW, appointment=friday)
    link = link_for(by=SYSTEM, now=NOW, patient=make_patient(clinic.location), purpose=LinkPurpose.VISITS)
    with pytest.raises(NotAllowed):
        undo_change(
            by=Actor(ActorKind.LINK, link_id=link.pk), now=NOW + MINUTE, change=CourseChange.objects.get()
        )


def test_her_page_says_that_the_visit_stays(friday: Appointment, link: AccessLink) -> None:
    client, url = browser(link), reverse("my_appointment", args=(friday.pk,))
    assert "Your visit stays booked until we confirm." in seen(client, url)
    answer = sent(client, reverse("my_other_time", args=(friday.pk,)), wish="After 3 <b>p.m.</b>")
    assert (answer.status_code, answer["Location"]) == (302, url)
    page = seen(client, url)
    assert "We have your wish. Your visit stays booked until we confirm." in page
    assert "After 3 &lt;b&gt;p.m.&lt;/b&gt;" in page
    sent(client, reverse("my_keep", args=(friday.pk,)))
    assert "We have your wish" not in seen(client, url)


def test_nothing_typed_is_lost(friday: Appointment, link: AccessLink) -> None:
    answer = sent(browser(link), reverse("my_other_time", args=(friday.pk,)), wish="w" * 301)
    page = answer.content.decode()
    assert (answer.status_code, "w" * 301 in page, "at most 300 characters" in page) == (200, True, True)


def test_her_page_takes_a_cancellation_and_takes_it_back(friday: Appointment, link: AccessLink) -> None:
    client, url = browser(link), reverse("my_cancel", args=(friday.pk,))
    assert "Yes, cancel it" in seen(client, url)
    sent(client, url)
    page = seen(client, reverse("my_appointment", args=(friday.pk,)))
    assert "You cancelled this visit" in page
    sent(client, reverse("my_take_back", args=(friday.pk,)), NOW + MINUTE)
    friday.refresh_from_db()
    assert friday.status == Status.BOOKED


def test_too_near_her_page_gives_the_phone_number_instead(series: Series, link: AccessLink) -> None:
    first, now = visits_of(series)[0], NOW + 2 * HOUR
    client, url = browser(link, now), reverse("my_cancel", args=(first.pk,))
    for page in (seen(client, url, now), seen(client, reverse("my_appointment", args=(first.pk,)), now)):
        assert "Please call us" in page
        assert "tel:+1-212-555-0100" in page
        assert "Cancel this visit" not in page
        assert "Yes, cancel it" not in page
    answer = sent(client, url, now)
    assert "It begins in less than 24 hours" in answer.content.decode()
    first.refresh_from_db()
    assert first.status == Status.BOOKED


def test_i_will_come_is_seen_on_her_page_and_on_the_board(friday: Appointment, link: AccessLink) -> None:
    client = browser(link)
    for _twice in range(2):
        sent(client, reverse("my_confirm", args=(friday.pk,)))
    assert "You told us that you will come." in seen(client, reverse("my_appointment", args=(friday.pk,)))
    assert "confirmed" in seen(logged_in(Role.NURSE), reverse("board_day", args=("2026-01-09",)))
    assert AuditEntry.objects.filter(action="confirm_visit").count() == 1


def test_the_attention_list_has_the_deadline_and_afterwards_says_that_it_has_passed(
    friday: Appointment, ada: Actor
) -> None:
    ask_other_time(by=ada, now=NOW, appointment=friday, wish="After 3 p.m.")
    clerk, url = logged_in(Role.FRONT_DESK), reverse("attention")
    page = seen(clerk, url)
    assert "by Fri 9 Jan 09:00" in page
    assert "“After 3 p.m.”" in page
    assert reverse("appointment_move", args=(friday.pk,)) in page
    assert "Keep it as it is" in page
    assert "the visit has begun" not in page
    assert "the visit has begun" in seen(clerk, url, friday.starts_at)


def test_staff_see_that_the_patient_cancelled(friday: Appointment, ada: Actor) -> None:
    cancel_my_visit(by=ada, now=NOW, appointment=friday)
    clerk = logged_in(Role.FRONT_DESK)
    assert "by the patient" in seen(clerk, reverse("series_detail", args=(friday.series_id,)))
    assert reverse("series_detail", args=(friday.series_id,)) in seen(clerk, reverse("attention"))
