from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import Role, Status
from scheduling.models import (
    Appointment,
    Order,
)
from tests.factories import NOW
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import HUGE, logged_in, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def visit(clinic: Clinic, order: Order) -> Appointment:
    return clinic.book(order).appointments.get(number=3)


def previewed(client: Client, visit: Appointment, place: str) -> Any:
    """The page that shows what moving there means."""
    return client.post(f"/appointments/{visit.pk}/move/", {"action": "preview", "place": place})


def confirmed(client: Client, visit: Appointment, page: Any, card: int = 0, **given: str) -> Any:
    """Press the button of one way that a preview shows."""
    text = page.context["preview"].cards[card].text
    return client.post(f"/appointments/{visit.pk}/rest/", {"way": text, **given})


def test_a_visit_moves_to_an_offered_place(desk: Client, visit: Appointment) -> None:
    page = desk.get(f"/appointments/{visit.pk}/move/")
    offer = page.context["offers"][0]
    answer = confirmed(desk, visit, previewed(desk, visit, offer.text))
    assert answer["Location"] == f"/series/{visit.series_id}/"
    moved = Appointment.objects.get(pk=visit.pk)
    assert (moved.starts_at, moved.number, moved.sequence) == (offer.visit.start, 3, 1)
    assert said(answer) == [
        "The course is changed. The patient is told once; until then it can be taken back."
    ]


def test_a_typed_place_is_judged_before_the_visit_moves(desk: Client, visit: Appointment) -> None:
    url = f"/appointments/{visit.pk}/move/"
    page = desk.post(url, {"action": "check", "day": "2026-01-12", "wall": "11:05"})
    assert page.context["answer"].fits
    confirmed(desk, visit, previewed(desk, visit, page.context["checked"].text))
    assert Appointment.objects.get(pk=visit.pk).starts_at == datetime(2026, 1, 12, 16, 5, tzinfo=UTC)


def test_a_prescriber_moves_against_a_rule_with_a_reason(
    desk: Client, prescriber: Client, visit: Appointment
) -> None:
    url = f"/appointments/{visit.pk}/move/"
    typed = {"action": "check", "day": "2026-01-10", "wall": "09:00"}
    text = desk.post(url, typed).context["checked"].text
    page = previewed(desk, visit, text)
    assert "Only a prescriber may do this, with a reason." in page.content.decode()
    page = previewed(prescriber, visit, text)
    page = confirmed(prescriber, visit, page)
    assert page.status_code == 409
    assert "These times need a prescriber" in page.content.decode()
    assert Appointment.objects.get(pk=visit.pk).starts_at == visit.starts_at
    answer = confirmed(prescriber, visit, page, override_reason="Travels")
    assert answer.status_code == 302
    assert Appointment.objects.get(pk=visit.pk).override_reason == "Travels"


@pytest.mark.parametrize(
    "place", ["", "x", "1-2", "1-2-3-4", f"{HUGE}-1-1", "5890000-999999-999999", "999999999-1-1", "1-1-1"]
)
def test_a_place_that_is_none_is_refused_in_words(desk: Client, visit: Appointment, place: str) -> None:
    page = previewed(desk, visit, place)
    assert page.status_code == 200
    if "preview" in page.context:
        assert not page.context["preview"].cards[0].way.is_possible
        assert page.context["preview"].cards[0].way.broken
    else:
        assert page.context["form"].errors
    assert Appointment.objects.get(pk=visit.pk).starts_at == visit.starts_at


def test_a_place_taken_meanwhile_is_answered_with_fresh_offers(
    desk: Client, clinic: Clinic, visit: Appointment
) -> None:
    url = f"/appointments/{visit.pk}/move/"
    offer = desk.get(url).context["offers"][0]
    clinic.book(clinic.order(), [offer.visit.start.astimezone(UTC)])
    shown = previewed(desk, visit, offer.text)
    assert shown.context["preview"].cards[0].way.broken
    assert offer.text not in [one.text for one in desk.get(url).context["offers"]]


def test_a_visit_that_has_begun_offers_nothing(desk: Client, visit: Appointment) -> None:
    Appointment.objects.filter(pk=visit.pk).update(status=Status.ARRIVED, arrived_at=NOW)
    for page in ("move", "cancel"):
        html = desk.get(f"/appointments/{visit.pk}/{page}/").content.decode()
        assert "Only a visit that has not begun can be" in html
    desk.post(f"/appointments/{visit.pk}/cancel/", {"canceller": "clinic"})
    assert Appointment.objects.get(pk=visit.pk).status == Status.ARRIVED


@pytest.mark.parametrize(
    ("now", "words", "status"),
    [
        (COURSE[2] - timedelta(hours=24), "in time", Status.CANCELLED_IN_TIME),
        (COURSE[2] - timedelta(hours=23), "late", Status.CANCELLED_LATE),
    ],
)
def test_the_page_says_what_cancelling_means(
    visit: Appointment, now: datetime, words: str, status: Status
) -> None:
    with time_machine.travel(now, tick=False):
        desk = logged_in(Role.FRONT_DESK)
        html = desk.get(f"/appointments/{visit.pk}/cancel/").content.decode()
        assert f"it counts as <strong>{words}</strong>" in html
        answer = desk.post(f"/appointments/{visit.pk}/cancel/", {"canceller": "patient", "reason": "Ill"})
    assert answer["Location"] == f"/series/{visit.series_id}/"
    cancelled = Appointment.objects.get(pk=visit.pk)
    assert (cancelled.status, cancelled.reason) == (status, "Ill")


def test_a_visit_is_changed_from_its_own_page(desk: Client, visit: Appointment) -> None:
    html = desk.get(f"/appointments/{visit.pk}/").content.decode()
    assert f"/appointments/{visit.pk}/move/" in html
    assert f"/appointments/{visit.pk}/cancel/" in html
