"""The booking desk for one session that is booked anew, named by ``?again=``."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from scheduling.access import SYSTEM
from scheduling.core.words import Role, StopReason
from scheduling.models import Appointment, Order, Patient, Series
from scheduling.services.missing import record_missed
from scheduling.services.stopping import stop_visit
from scheduling.services.visits import record_step
from tests.factories import make_location, make_patient
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import HUGE, LONG, logged_in

from .pages import address, asked, book

pytestmark = pytest.mark.django_db

HALF_AN_HOUR = timedelta(minutes=30)
LAST = date(2026, 1, 23)
"""Friday: the sixth visit of the course."""


@pytest.fixture(autouse=True)
def _at_now() -> Iterator[None]:
    """An hour into the second visit."""
    with time_machine.travel(COURSE[1] + 2 * HALF_AN_HOUR, tick=False):
        yield


@pytest.fixture
def course(clinic: Clinic, order: Order) -> Series:
    return clinic.book(order)


@pytest.fixture
def missed(course: Series) -> Appointment:
    """Nobody came on Tuesday."""
    visit = course.appointments.get(number=1)
    return record_missed(by=SYSTEM, now=visit.starts_at + HALF_AN_HOUR, appointment=visit)


def again(client: Client, visit: Appointment) -> Any:
    return client.get(f"{address(visit.patient)}?again={visit.pk}")


def suggested(answer: Any) -> tuple[Any, ...]:
    """Order, place, number and first day that the form suggests."""
    assert answer.status_code == 200
    initial = answer.context["form"].initial
    return tuple(initial[name] for name in ("order", "location", "sessions", "earliest"))


def test_a_missed_session_is_appended_to_its_course(
    desk: Client, clinic: Clinic, order: Order, missed: Appointment
) -> None:
    found = suggested(again(desk, missed))
    assert found == (order.pk, clinic.location.pk, 1, LAST + timedelta(days=1))


def test_so_is_one_that_was_not_given(desk: Client, clinic: Clinic, order: Order, course: Series) -> None:
    visit = course.appointments.get(number=2)
    record_step(by=SYSTEM, now=visit.starts_at, appointment=visit, field="arrived_at")
    stop_visit(by=SYSTEM, now=visit.starts_at, appointment=visit, reason=StopReason.NOT_FASTED)
    found = suggested(again(desk, visit))
    assert found == (order.pk, clinic.location.pk, 1, LAST + timedelta(days=1))


def test_where_nothing_else_is_left_of_the_course_it_is_from_today(
    desk: Client, clinic: Clinic, order: Order
) -> None:
    visit = clinic.book(order, COURSE[:1]).appointments.get()
    record_missed(by=SYSTEM, now=visit.starts_at + HALF_AN_HOUR, appointment=visit)
    assert suggested(again(desk, visit)) == (order.pk, clinic.location.pk, 1, date(2026, 1, 9))


def test_it_is_booked_with_the_next_number(desk: Client, order: Order, missed: Appointment) -> None:
    question = asked(order, sessions="1", earliest=(LAST + timedelta(days=1)).isoformat())
    page = desk.post(f"{address(missed.patient)}?again={missed.pk}", question)
    assert page.status_code == 200
    assert book(desk, missed.patient, page.context["cards"][0].text).status_code == 302
    visits = Appointment.objects.filter(series=missed.series).order_by("number")
    assert [visit.number for visit in visits] == [1, 2, 3, 4, 5, 6, 7]
    last = visits[6]
    assert last.local_date > LAST
    missed.refresh_from_db()
    assert (missed.number, missed.status) == (1, "missed")


def test_the_page_of_a_missed_visit_leads_there(desk: Client, missed: Appointment) -> None:
    page = desk.get(f"/appointments/{missed.pk}/").content.decode()
    assert f"{address(missed.patient)}?again={missed.pk}" in page


@pytest.mark.parametrize("named", ["x", "-1", "1.5", "0", str(HUGE), LONG, "\u0661", "999999999999999999"])
def test_what_is_no_visit_is_not_found(desk: Client, patient: Patient, course: Series, named: str) -> None:
    assert desk.get(address(patient), {"again": named}).status_code == 404


def test_a_visit_of_somebody_else_is_not_found(desk: Client, clinic: Clinic, missed: Appointment) -> None:
    other = make_patient(clinic.location)
    assert desk.get(f"{address(other)}?again={missed.pk}").status_code == 404


def test_without_a_number_it_is_any_booking(desk: Client, patient: Patient, order: Order) -> None:
    answer = desk.get(f"{address(patient)}?again=")
    assert suggested(answer)[:3] == (order.pk, patient.home_location_id, 6)


def test_it_goes_on_where_the_course_is(desk: Client, missed: Appointment, patient: Patient) -> None:
    Patient.objects.filter(pk=patient.pk).update(home_location=make_location("Elsewhere"))
    assert suggested(again(desk, missed))[1] == missed.location_id


def test_an_order_that_is_over_says_what_is_missing(desk: Client, missed: Appointment, order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(state="withdrawn")
    answer = again(desk, missed)
    assert answer.status_code == 200
    assert "order" not in answer.context["form"].initial


def test_a_manager_does_not_book(missed: Appointment) -> None:
    assert again(logged_in(Role.MANAGER), missed).status_code == 403
