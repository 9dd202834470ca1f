"""A changed dose stands on the board, at every visit it is about, until a nurse has seen it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import Role
from scheduling.models import Appointment, Order, Series
from scheduling.services.amending import amend_order
from tests.factories import NOW, make_patient
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import HUGE, LONG, logged_in, queries, said

pytestmark = pytest.mark.django_db

NINE = COURSE[0]
"""Tuesday 09:00 in New York, the first visit."""
BOARD = "/board/2026-01-06/"


@pytest.fixture(autouse=True)
def _before() -> Iterator[None]:
    with time_machine.travel(NINE - timedelta(minutes=30), tick=False):
        yield


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def course(clinic: Clinic) -> Series:
    return clinic.book(clinic.order(make_patient(clinic.location, first_name="Ada", last_name="Dose")))


@pytest.fixture
def amended(clinic: Clinic, course: Series) -> Order:
    """0.6 instead of 0.5 mg/kg."""
    return amend(clinic, course, Decimal("0.6"))


@pytest.fixture
def nurse() -> Client:
    return logged_in(Role.NURSE)


def amend(clinic: Clinic, course: Series, dose: Decimal) -> Order:
    new = Order.objects.get(pk=course.order_id)
    new.pk, new.dose_amount = None, dose
    return amend_order(by=clinic.prescriber, now=NOW, old=course.order, order=new)


def flags(client: Client, address: str = BOARD) -> int:
    """How many rows of the page say that the dose changed."""
    answer = client.get(address)
    assert answer.status_code == 200
    return len(re.findall(r">\s*dose changed\s*<", re.sub(r"<svg.*?</svg>", "", answer.content.decode())))


def test_every_one_of_the_staff_sees_it_until_a_nurse_ticked_it(nurse: Client, amended: Order) -> None:
    visit = amended.appointments.order_by("number")[0]
    shown = {role: flags(logged_in(role)) for role in Role}
    assert set(shown.values()) == {shown[Role.NURSE]} != {0}
    assert flags(nurse, "/board/2026-01-09/") == shown[Role.NURSE]
    assert flags(nurse, f"/appointments/{visit.pk}/") == 1

    answer = nurse.post(f"/orders/{amended.pk}/seen/", {"visit": str(visit.pk)})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/appointments/{visit.pk}/")
    assert said(answer) == ["Noted: you have seen the changed dose."]
    assert [flags(nurse, page) for page in (BOARD, "/board/2026-01-09/")] == [0, 0]
    assert flags(nurse, f"/appointments/{visit.pk}/") == 0


def test_the_front_desk_and_managers_do_not_tick_it(amended: Order) -> None:
    for role in (Role.FRONT_DESK, Role.MANAGER):
        assert logged_in(role).post(f"/orders/{amended.pk}/seen/").status_code == 403
    assert flags(logged_in(Role.NURSE)) > 0


def test_a_second_change_is_news_again(nurse: Client, clinic: Clinic, course: Series, amended: Order) -> None:
    nurse.post(f"/orders/{amended.pk}/seen/")
    course.refresh_from_db()
    amend(clinic, course, Decimal("0.7"))
    assert flags(nurse) > 0


def test_the_same_dose_is_no_news(nurse: Client, clinic: Clinic, course: Series) -> None:
    amend(clinic, course, course.order.dose_amount)
    assert flags(nurse) == 0


@pytest.mark.parametrize("named", ["", "x", "0", "-1", str(HUGE), LONG])
def test_a_tick_for_no_visit_leads_to_the_patient(nurse: Client, amended: Order, named: str) -> None:
    answer = nurse.post(f"/orders/{amended.pk}/seen/", {"visit": named})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/patients/{amended.patient_id}/")


def test_a_visit_of_somebody_else_is_not_opened_by_it(nurse: Client, clinic: Clinic, amended: Order) -> None:
    other: Appointment = clinic.book(clinic.order(), [NINE + timedelta(hours=4)]).appointments.get()
    answer = nurse.post(f"/orders/{amended.pk}/seen/", {"visit": str(other.pk)})
    assert answer.headers["Location"] == f"/patients/{amended.patient_id}/"


def test_the_board_asks_as_often_for_many_changed_doses_as_for_one(
    nurse: Client, clinic: Clinic, amended: Order
) -> None:
    few = queries(nurse, BOARD)
    for hours in (2.25, 4.5, 6.75):
        start = NINE + timedelta(hours=hours)
        amend(clinic, clinic.book(clinic.order(), [start]), Decimal("0.6"))
    assert queries(nurse, BOARD) == few
