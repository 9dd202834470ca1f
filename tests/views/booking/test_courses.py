from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from scheduling.core.words import Role, Status
from scheduling.models import (
    Order,
)
from tests.factories import NOW
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import HUGE, logged_in, said

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("number", [999_999, HUGE])
def test_a_wrong_number_is_missing(desk: Client, number: int) -> None:
    for page in (
        f"/patients/{number}/book/",
        f"/series/{number}/",
        f"/series/{number}/cancel-rest/",
        f"/appointments/{number}/move/",
        f"/appointments/{number}/cancel/",
    ):
        assert desk.get(page).status_code == 404


# --- one course ---


def test_the_course_shows_order_visits_and_what_is_left(desk: Client, clinic: Clinic, order: Order) -> None:
    series = clinic.book(order, COURSE[:4])
    page = desk.get(f"/series/{series.pk}/")
    html = page.content.decode()
    assert "Book the remaining 2 visits" in html
    assert "Tue 6 Jan 2026, 09:00" in html
    assert "0.5 mg/kg" in html
    assert page.context["zone"] == "New York, UTC-5"
    assert [mark.text for week in page.context["weeks"] for cell in week for mark in cell.marks] == [
        "09:00"
    ] * 4
    assert f"/series/{series.pk}/print/" in html


def test_a_course_over_a_clock_change_names_both_offsets(desk: Client, clinic: Clinic, order: Order) -> None:
    starts = [datetime(2026, 3, 6, 14, tzinfo=UTC), datetime(2026, 3, 9, 13, tzinfo=UTC)]
    series = clinic.book(order, starts)
    assert desk.get(f"/series/{series.pk}/").context["zone"] == "New York, UTC-5; from Mon 9 Mar UTC-4"


def test_a_manager_sees_the_course_but_no_buttons(clinic: Clinic, order: Order) -> None:
    series = clinic.book(order)
    html = logged_in(Role.MANAGER).get(f"/series/{series.pk}/").content.decode()
    assert "/cancel-rest/" not in html
    assert "/move/" not in html


def test_the_course_costs_the_same_queries_at_one_and_at_six_visits(
    desk: Client, clinic: Clinic, django_assert_num_queries: Any
) -> None:
    one, six = clinic.book(clinic.order(), [NOW + timedelta(days=40)]), clinic.book(clinic.order())
    desk.get(f"/series/{one.pk}/")
    with django_assert_num_queries(18):
        desk.get(f"/series/{one.pk}/")
    with django_assert_num_queries(18):
        desk.get(f"/series/{six.pk}/")


def test_the_rest_is_cancelled_after_a_question(desk: Client, clinic: Clinic, order: Order) -> None:
    series = clinic.book(order)
    page = desk.get(f"/series/{series.pk}/cancel-rest/").content.decode()
    assert "Cancel 6 visits" in page
    assert page.count("late, if the patient cancels") == 0
    answer = desk.post(f"/series/{series.pk}/cancel-rest/", {"canceller": "patient", "reason": "Moves away"})
    assert answer["Location"] == f"/series/{series.pk}/"
    assert said(answer) == ["6 visits are cancelled."]
    again = desk.post(f"/series/{series.pk}/cancel-rest/", {"canceller": "patient"})
    assert "No visit of this course is left to cancel." in again.content.decode()


def test_whose_wish_it_is_has_to_be_known(desk: Client, clinic: Clinic, order: Order) -> None:
    series = clinic.book(order)
    answer = desk.post(f"/series/{series.pk}/cancel-rest/", {"canceller": "nobody"})
    assert "canceller" in answer.context["form"].errors
    assert series.appointments.filter(status=Status.BOOKED).count() == 6
