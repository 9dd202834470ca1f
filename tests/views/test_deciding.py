"""The forms on the attention list that ask a prescriber: every answer does what it says, a bad one nothing."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from scheduling.access import SYSTEM
from scheduling.core.words import AlertKind, OrderState, Role, Standing, Status, StopReason
from scheduling.models import Alert, Appointment, Order, Series
from scheduling.services.missing import record_missed
from scheduling.services.stopping import stop_visit
from scheduling.services.visits import discharge, record_step
from tests.factories import make_patient
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import HUGE, LONG, logged_in, said

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
AFTERWARDS = COURSE[1] + timedelta(hours=5)
"""Friday 14:00 in New York, after the second visit."""
LIST = "/attention/"


@pytest.fixture(autouse=True)
def _afterwards() -> Iterator[None]:
    with time_machine.travel(AFTERWARDS, tick=False):
        yield


@pytest.fixture
def course() -> Series:
    clinic = Clinic()
    patient = make_patient(clinic.location, first_name="Ada", last_name="Ask")
    return clinic.book(clinic.order(patient))


@pytest.fixture
def visits(course: Series) -> list[Appointment]:
    return list(course.appointments.order_by("number"))


@pytest.fixture
def stopped(visits: list[Appointment]) -> Alert:
    """The second visit was stopped during the drug: is it made up?"""
    visit = visits[1]
    for minutes, field in ((0, "arrived_at"), (30, "started_at")):
        record_step(by=SYSTEM, now=visit.starts_at + minutes * MINUTE, appointment=visit, field=field)
    stop_visit(
        by=SYSTEM, now=visit.starts_at + 40 * MINUTE, appointment=visit, reason=StopReason.UNWELL, note=""
    )
    discharge(by=SYSTEM, now=visit.starts_at + 90 * MINUTE, appointment=visit, escort="Sam")
    return Alert.objects.get(kind=AlertKind.MAKE_UP)


@pytest.fixture
def missed(visits: list[Appointment]) -> Alert:
    """The first two were missed: how to go on?"""
    for visit in visits[:2]:
        record_missed(by=SYSTEM, now=visit.starts_at + 30 * MINUTE, appointment=visit)
    return Alert.objects.get(kind=AlertKind.MISSES)


@pytest.fixture
def prescriber() -> Client:
    return logged_in(Role.PRESCRIBER)


def send(client: Client, alert: Alert, **fields: str) -> Any:
    return client.post(f"/attention/{alert.pk}/decide/", fields)


def decided(alert: Alert) -> tuple[str, str, bool]:
    alert.refresh_from_db()
    return alert.decision, alert.note, alert.is_open


def errors(answer: Any, alert: Alert) -> dict[str, list[str]]:
    """What the page says beside the alert."""
    forms = {row.alert.pk: form for row, form in answer.context["rows"]}
    return dict(forms[alert.pk].errors)


def answers(answer: Any) -> list[str]:
    return re.findall(r'name="decision"\s+value="(\w+)"', answer.content.decode())


def orders(course: Series) -> list[tuple[str, int]]:
    rows = Order.objects.filter(patient=course.patient_id).order_by("pk")
    return list(rows.values_list("state", "sessions"))


def booked(course: Series) -> int:
    return course.appointments.filter(status=Status.BOOKED).count()


def test_it_offers_the_answers_of_each_question(prescriber: Client, stopped: Alert) -> None:
    assert answers(prescriber.get(LIST)) == ["yes", "no"]


def test_it_asks_until_when_only_where_a_pause_is_an_answer(prescriber: Client, missed: Alert) -> None:
    answer = prescriber.get(LIST)
    assert answers(answer) == ["continue", "pause", "end"]
    assert f'id="alert-{missed.pk}-until"' in answer.content.decode()


def test_only_a_prescriber_is_offered_them(missed: Alert) -> None:
    answer = logged_in(Role.NURSE).get(f"{LIST}?show=all")
    assert answers(answer) == []
    assert "A prescriber decides." in answer.content.decode()


def test_yes_signs_one_infusion_more_and_asks_the_front_desk_to_book_it(
    prescriber: Client, stopped: Alert, course: Series
) -> None:
    answer = send(prescriber, stopped, decision="yes", note="She felt better.", show="mine")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{LIST}?show=mine")
    assert said(answer) == ["Stopped early: make it up?: Ask, Ada is decided."]
    assert decided(stopped) == ("yes", "She felt better.", False)
    # Five of the six are still booked, and one more.
    assert orders(course) == [(OrderState.REPLACED, 6), (OrderState.SIGNED, 6)]
    task = Alert.objects.get(kind=AlertKind.BOOK_MAKE_UP)
    assert task.appointment == stopped.appointment
    page = logged_in(Role.FRONT_DESK).get(LIST).content.decode()
    assert f"/patients/{course.patient_id}/book/?again={stopped.appointment_id}" in page


def test_no_leaves_everything_as_it_is(prescriber: Client, stopped: Alert, course: Series) -> None:
    before = orders(course)
    assert send(prescriber, stopped, decision="no", note="Enough.").status_code == 302
    assert decided(stopped) == ("no", "Enough.", False)
    assert orders(course) == before
    assert not Alert.objects.filter(kind=AlertKind.BOOK_MAKE_UP).exists()


def test_continue_ends_the_review(prescriber: Client, missed: Alert, course: Series) -> None:
    course.refresh_from_db()
    assert course.review_asked_at is not None
    assert send(prescriber, missed, decision="continue", note="Flu.").status_code == 302
    assert decided(missed) == ("continue", "Flu.", False)
    after = Series.objects.get(pk=course.pk)
    assert (after.review_asked_at, booked(course)) == (None, 4)


def test_pause_pauses_the_patient_until_that_day(prescriber: Client, missed: Alert, course: Series) -> None:
    answer = send(prescriber, missed, decision="pause", note="Flu.", until="2026-02-01")
    assert answer.status_code == 302
    course.patient.refresh_from_db()
    assert (course.patient.standing, course.patient.paused_until) == (Standing.PAUSED, date(2026, 2, 1))
    assert (decided(missed), booked(course)) == (("pause", "Flu.", False), 0)


def test_end_ends_the_treatment(prescriber: Client, missed: Alert, course: Series) -> None:
    assert send(prescriber, missed, decision="end", note="Moved away.").status_code == 302
    course.patient.refresh_from_db()
    assert course.patient.standing == Standing.STOPPED
    assert (decided(missed), booked(course)) == (("end", "Moved away.", False), 0)


WRONG = "Select a valid choice. %s is not one of the available choices."


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({}, {"decision": ["Choose one of the answers."], "note": ["Say why."]}),
        ({"note": "x"}, {"decision": ["Choose one of the answers."]}),
        ({"note": "x", "decision": "maybe"}, {"decision": [WRONG % "maybe"]}),
        ({"note": "x", "decision": "yes"}, {"decision": [WRONG % "yes"]}),
        ({"note": "  ", "decision": "continue"}, {"note": ["Say why."]}),
        (
            {"note": LONG, "decision": "continue"},
            {"note": ["Ensure this value has at most 500 characters (it has 10000)."]},
        ),
        ({"note": "x", "decision": "pause"}, {"until": ["Give the last day of the pause."]}),
        ({"note": "x", "decision": "pause", "until": "soon"}, {"until": ["Enter a valid date."]}),
    ],
)
def test_a_bad_answer_is_refused_beside_its_alert(
    prescriber: Client, missed: Alert, course: Series, sent: dict[str, str], found: dict[str, list[str]]
) -> None:
    answer = send(prescriber, missed, **sent)
    assert answer.status_code == 200
    assert errors(answer, missed) == found
    assert all(error in answer.content.decode() for of_it in found.values() for error in of_it)
    assert decided(missed) == ("", "", True)
    course.refresh_from_db()
    assert course.review_asked_at is not None


@pytest.mark.parametrize("until", ["2026-01-08", "2126-01-01"])
def test_a_pause_until_a_day_that_is_none_is_refused(
    prescriber: Client, missed: Alert, course: Series, until: str
) -> None:
    answer = send(prescriber, missed, decision="pause", note="x", until=until)
    assert (answer.status_code, len(errors(answer, missed))) == (200, 1)
    assert (decided(missed), booked(course)) == (("", "", True), 4)


def test_the_answers_of_another_question_are_none_of_this_one(
    prescriber: Client, stopped: Alert, course: Series
) -> None:
    answer = send(prescriber, stopped, decision="end", note="x", until="2026-02-01")
    assert errors(answer, stopped) == {"decision": [WRONG % "end"]}
    assert decided(stopped) == ("", "", True)


def test_what_only_has_to_be_seen_takes_no_answer(prescriber: Client, missed: Alert) -> None:
    call = Alert.objects.filter(kind=AlertKind.CALL_MISSED).first()
    assert call is not None
    answer = prescriber.post(f"/attention/{call.pk}/decide/", {"decision": "yes", "note": "x", "show": "all"})
    assert answer.status_code == 200
    assert errors(answer, call) == {"decision": [WRONG % "yes"]}
    assert decided(call) == ("", "", True)


def test_a_second_answer_says_who_was_first(prescriber: Client, missed: Alert) -> None:
    send(prescriber, missed, decision="continue", note="first")
    answer = send(logged_in(Role.PRESCRIBER), missed, decision="end", note="my own words")
    text = answer.content.decode()
    assert re.search(r"Person \d+ acknowledged this on Jan. 9, 2026 at 14:00.", text)
    assert "my own words" in text
    assert decided(missed) == ("continue", "first", False)


def test_a_question_that_is_not_there_is_not_found(prescriber: Client) -> None:
    for pk in (1, HUGE):
        answer = prescriber.post(f"/attention/{pk}/decide/", {"decision": "yes", "note": "x"})
        assert answer.status_code == 404
