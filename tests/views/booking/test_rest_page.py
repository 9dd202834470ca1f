"""The preview of what a change means for the course: three ways, one confirmed."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import Role, Scope, Status
from scheduling.models import Appointment, Claim, Hold, Order
from scheduling.services.appointments import Canceller, cancel_appointment
from scheduling.services.faults import Refused
from tests.factories import NOW
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import logged_in, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def visit(clinic: Clinic, order: Order) -> Appointment:
    return clinic.book(order).appointments.get(number=3)


def too_near(client: Client, visit: Appointment) -> Any:
    """The preview of a move to the day before the next visit."""
    typed = {"action": "check", "day": "2026-01-15", "wall": "09:00"}
    page = client.post(f"/appointments/{visit.pk}/move/", typed)
    place = page.context["checked"].text
    return client.post(f"/appointments/{visit.pk}/move/", {"action": "preview", "place": place})


def cancelling(client: Client, visit: Appointment, **typed: str) -> Any:
    values = {"action": "preview", "canceller": "patient", "reason": "Travels", **typed}
    return client.post(f"/appointments/{visit.pk}/cancel/", values)


def confirm(client: Client, visit: Appointment, page: Any, scope: Scope, **given: str) -> Any:
    card = next(card for card in page.context["preview"].cards if card.way.scope is scope)
    return client.post(f"/appointments/{visit.pk}/rest/", {"way": card.text, **given})


def starts(visit: Appointment) -> list[Any]:
    rows = Appointment.objects.filter(series=visit.series_id, status=Status.BOOKED)
    return list(rows.order_by("starts_at").values_list("starts_at", flat=True))


def test_a_move_shows_the_course_now_and_three_ways_with_what_each_means(
    desk: Client, visit: Appointment
) -> None:
    page = too_near(desk, visit)
    html = page.content.decode()
    one, least, anew = page.context["preview"].cards
    assert [card.title for card in (one, least, anew)] == [
        "Only this visit",
        "With the least change",
        "The whole rest anew",
    ]
    assert (
        "Thu 15 Jan 09:00–11:00: only 1 day lies between it and another visit; at least 2 are needed." in html
    )
    assert "Only a prescriber may do this, with a reason." in html
    assert [change.number for change in least.changes] == [3, 4]
    assert least.changes[0].away == "2 days later"
    assert least.effects[:2] == ["1 other visit moves", "4 visits stay as they are"]
    assert least.button == "Move 2 visits"


def test_the_least_change_is_confirmed_once_and_can_be_taken_back(desk: Client, visit: Appointment) -> None:
    answer = confirm(desk, visit, too_near(desk, visit), Scope.LEAST)
    assert answer["Location"] == f"/series/{visit.series_id}/"
    assert said(answer) == [
        "The course is changed. The patient is told once; until then it can be taken back."
    ]
    moved = Appointment.objects.get(pk=visit.pk)
    assert (moved.starts_at, moved.sequence) == (COURSE[2] + timedelta(days=2), 1)
    change = desk.get(answer["Location"]).context["change"]
    desk.post(f"/changes/{change.pk}/undo/")
    assert starts(visit) == list(COURSE)


def test_a_cancelled_visit_is_made_up_in_the_same_act(desk: Client, visit: Appointment) -> None:
    page = cancelling(desk, visit)
    least = page.context["preview"].cards[1]
    assert least.button == "Cancel it and make it up"
    assert [(change.before is None, change.after is None) for change in least.changes] == [
        (False, True),
        (True, False),
    ]
    confirm(desk, visit, page, Scope.LEAST)
    assert len(starts(visit)) == 6
    cancelled = Appointment.objects.get(pk=visit.pk)
    assert (cancelled.status, cancelled.reason) == (Status.CANCELLED_IN_TIME, "Travels")


def test_cancelling_only_this_one_says_that_an_infusion_is_left(desk: Client, visit: Appointment) -> None:
    page = cancelling(desk, visit)
    one = page.context["preview"].cards[0]
    assert one.effects[:2] == [
        "All other visits stay as they are",
        "One infusion of the order is left to be booked",
    ]
    confirm(desk, visit, page, Scope.ONE)
    assert len(starts(visit)) == 5


def test_who_cancels_is_asked_before_anything_is_shown(desk: Client, visit: Appointment) -> None:
    page = cancelling(desk, visit, canceller="")
    assert page.context["form"].errors["canceller"]
    assert page.context["form"]["reason"].value() == "Travels"


def test_a_visit_cancelled_before_is_made_up_from_its_page(
    desk: Client, clinic: Clinic, visit: Appointment
) -> None:
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=visit, canceller=Canceller.CLINIC)
    page = desk.get(f"/appointments/{visit.pk}/rest/")
    one, least = page.context["preview"].cards[:2]
    assert one.title == "Leave the rest as it is"
    assert least.button == "Book the new visit"
    assert "Nothing to do: go back to the course." in page.content.decode()
    confirm(desk, visit, page, Scope.LEAST)
    assert len(starts(visit)) == 6


def test_only_a_visit_without_its_infusion_is_made_up(desk: Client, visit: Appointment) -> None:
    html = desk.get(f"/appointments/{visit.pk}/rest/").content.decode()
    assert "This visit is booked. Only a visit that took no infusion is made up." in html


def test_places_on_the_screen_are_held_until_one_way_is_confirmed(
    desk: Client, clinic: Clinic, visit: Appointment
) -> None:
    shown = too_near(desk, visit)
    first = shown.context["preview"].cards[1].changes[1].after.start
    assert (shown.context["on_hold"].until, shown.context["on_hold"].seconds) == ("08:10", 600)
    with pytest.raises(Refused) as refused:
        clinic.book(clinic.order(), [first])
    assert refused.value.code == "places_taken"
    # The same question again finds the same places: its own hold is not in the way.
    assert too_near(desk, visit).context["preview"].cards[1].changes[1].after.start == first
    confirm(desk, visit, shown, Scope.LEAST)
    assert not Hold.objects.exclude(proposal_key="").exists()


def test_who_looked_lets_the_places_go(desk: Client, visit: Appointment) -> None:
    page = too_near(desk, visit)
    assert "Held for you until" in page.content.decode()
    answer = desk.post(page.context["let_go_url"], {"action": "let_go"})
    assert said(answer) == ["The places are free again. Nothing was changed."]
    assert not Hold.objects.exclude(proposal_key="").exists()
    assert starts(visit) == list(COURSE)


def test_a_prescriber_takes_over_what_a_clerk_only_looks_at(
    desk: Client, prescriber: Client, visit: Appointment
) -> None:
    too_near(desk, visit)
    page = too_near(prescriber, visit)
    assert Hold.objects.exclude(proposal_key="").count() == 1
    assert confirm(prescriber, visit, page, Scope.ONE, override_reason="Travels").status_code == 302


def test_looking_at_a_make_up_writes_nothing(desk: Client, clinic: Clinic, visit: Appointment) -> None:
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=visit, canceller=Canceller.CLINIC)
    desk.get(f"/appointments/{visit.pk}/rest/")
    assert not Hold.objects.exclude(proposal_key="").exists()


def test_a_place_taken_once_the_hold_was_over_is_named_beside_a_fresh_preview(
    desk: Client, clinic: Clinic, visit: Appointment
) -> None:
    page = too_near(desk, visit)
    taken = page.context["preview"].cards[1].changes[1].after.start
    clinic.book(clinic.order(), [taken], now=NOW + timedelta(minutes=11))
    claims = Claim.objects.filter(hold=None).count()
    answer = confirm(desk, visit, page, Scope.LEAST)
    assert answer.status_code == 409
    assert "Some of these places are taken. Nothing was changed." in answer.content.decode()
    assert answer.context["preview"].cards[1].changes[1].after.start != taken
    assert (starts(visit), Claim.objects.filter(hold=None).count()) == (list(COURSE), claims)
    assert confirm(desk, visit, answer, Scope.LEAST).status_code == 302


def test_a_course_changed_by_somebody_else_is_shown_again(
    desk: Client, clinic: Clinic, visit: Appointment
) -> None:
    page = too_near(desk, visit)
    last = visit.series.appointments.get(number=6)
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=last, canceller=Canceller.CLINIC)
    answer = confirm(desk, visit, page, Scope.LEAST)
    assert answer.status_code == 409
    assert "The course was changed meanwhile. Look at it again." in answer.content.decode()


def test_an_old_preview_is_shown_again_and_a_damaged_one_explained(desk: Client, visit: Appointment) -> None:
    page = too_near(desk, visit)
    with time_machine.travel(NOW + timedelta(minutes=61), tick=False):
        desk = logged_in(Role.FRONT_DESK)
        assert "more than an hour old" in confirm(desk, visit, page, Scope.LEAST).content.decode()
    answer = desk.post(f"/appointments/{visit.pk}/rest/", {"way": "x"})
    assert answer["Location"] == f"/appointments/{visit.pk}/"
    assert said(answer) == [
        "This preview was damaged on its way here. Nothing was changed. Look at it again."
    ]


def test_a_way_of_another_visit_is_not_found(desk: Client, visit: Appointment) -> None:
    page = too_near(desk, visit)
    other = visit.series.appointments.get(number=4)
    text = page.context["preview"].cards[1].text
    assert desk.post(f"/appointments/{other.pk}/rest/", {"way": text}).status_code == 404
