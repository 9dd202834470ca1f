"""The page that stops a visit: why, what it means, and when it may not be."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client

from scheduling.access import SYSTEM
from scheduling.core.words import AlertKind, Role, Status, StopReason
from scheduling.models import STOP_LABELS, Alert, Appointment, Claim
from scheduling.services.visits import discharge, record_step
from tests.factories import make_patient
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import LONG, logged_in, said

pytestmark = pytest.mark.django_db

NINE = COURSE[0]
"""Tuesday 09:00 in New York; the drug from 09:30."""
MINUTE = timedelta(minutes=1)
STEPS = {"arrived_at": 0, "started_at": 30, "treatment_ended_at": 35}
GONE_ON = "A visit is stopped after the arrival and before the treatment has ended."


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NINE + 45 * MINUTE, tick=False):
        yield


@pytest.fixture
def visit() -> Appointment:
    clinic = Clinic()
    patient = make_patient(clinic.location, first_name="Ada", last_name="Stop")
    return clinic.book(clinic.order(patient), [NINE]).appointments.get()


@pytest.fixture
def nurse() -> Client:
    return logged_in(Role.NURSE)


def brought(visit: Appointment, upto: str) -> Appointment:
    """As far as that step, each on time."""
    for field in list(STEPS)[: list(STEPS).index(upto) + 1]:
        record_step(by=SYSTEM, now=NINE + STEPS[field] * MINUTE, appointment=visit, field=field)
    visit.refresh_from_db()
    return visit


def address(visit: Appointment) -> str:
    return f"/appointments/{visit.pk}/stop/"


def words(answer: Any) -> str:
    main = re.search(r"<main.*?</main>", answer.content.decode(), re.DOTALL)
    assert main is not None
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", main[0]).split()))


def test_every_reason_can_be_chosen(visit: Appointment, nurse: Client) -> None:
    brought(visit, "arrived_at")
    answer = nurse.get(address(visit))
    shown = re.findall(r'name="reason"[^>]*value="(\w+)"', answer.content.decode())
    assert shown == [reason.value for reason in StopReason]
    assert all(str(label) in words(answer) for _reason, label in STOP_LABELS)
    assert "the infusion is not used" in words(answer)
    assert "Stop the visit</button>" in answer.content.decode()
    assert 'name="at"' not in answer.content.decode()


@pytest.mark.parametrize("reason", list(StopReason))
def test_before_the_drug_nothing_was_given(visit: Appointment, nurse: Client, reason: StopReason) -> None:
    brought(visit, "arrived_at")
    answer = nurse.post(address(visit), {"reason": reason.value, "note": " as she said "})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/appointments/{visit.pk}/")
    assert said(answer) == [
        "Stop, Ada was not given anything; the places are free and the infusion is not used."
    ]
    visit.refresh_from_db()
    assert (visit.status, visit.stop_reason, visit.reason) == (Status.NOT_GIVEN, reason, "as she said")
    assert not Claim.objects.filter(appointment=visit).exists()


@pytest.mark.parametrize("reason", list(StopReason))
def test_during_the_drug_observation_goes_on(visit: Appointment, nurse: Client, reason: StopReason) -> None:
    brought(visit, "started_at")
    assert "as for a full visit" in words(nurse.get(address(visit)))
    answer = nurse.post(address(visit), {"reason": reason.value, "at": "09:40"})
    assert said(answer) == [
        "The treatment of Stop, Ada is stopped. Observe as usual; the prescriber decides on a make-up."
    ]
    visit.refresh_from_db()
    assert (visit.status, visit.stop_reason) == (Status.RECOVERING, reason)
    assert visit.treatment_ended_at == NINE + 40 * MINUTE
    assert Alert.objects.get(kind=AlertKind.MAKE_UP).facts["reason"] == reason


@pytest.mark.parametrize(
    ("sent", "field", "error"),
    [
        ({"note": "x"}, "reason", "This field is required."),
        ({"reason": "", "note": "x"}, "reason", "This field is required."),
        (
            {"reason": "bored"},
            "reason",
            "Select a valid choice. bored is not one of the available choices.",
        ),
        (
            {"reason": "unwell", "note": LONG},
            "note",
            "Ensure this value has at most 200 characters (it has 10000).",
        ),
        ({"reason": "unwell", "at": "25:00"}, "at", "Enter a valid time."),
        ({"reason": "unwell", "at": "09:50"}, "at", "This time is still to come."),
        (
            {"reason": "unwell", "at": "09:10"},
            "at",
            "Arrival, start, end of treatment and discharge follow one another.",
        ),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_stopped(
    visit: Appointment, nurse: Client, sent: dict[str, str], field: str, error: str
) -> None:
    brought(visit, "started_at")
    answer = nurse.post(address(visit), sent)
    assert answer.status_code == 200
    assert answer.context["form"].errors == {field: [error]}
    assert error in words(answer)
    visit.refresh_from_db()
    assert (visit.status, visit.stop_reason) == (Status.IN_TREATMENT, "")


@pytest.mark.parametrize("upto", ["", "treatment_ended_at", "discharged_at"])
def test_too_early_or_too_late_it_says_so_and_takes_nothing(
    visit: Appointment, nurse: Client, upto: str
) -> None:
    if upto:
        brought(visit, "treatment_ended_at")
    if upto == "discharged_at":
        discharge(by=SYSTEM, now=NINE + 40 * MINUTE, appointment=visit, escort="Sam")
    visit.refresh_from_db()
    before = visit.status
    for answer in (nurse.get(address(visit)), nurse.post(address(visit), {"reason": "unwell"})):
        assert answer.status_code == 200
        assert GONE_ON in words(answer)
        assert "Stop the visit</button>" not in answer.content.decode()
    visit.refresh_from_db()
    assert (visit.status, visit.stop_reason) == (before, "")


def test_a_visit_that_is_not_there_is_not_found(nurse: Client) -> None:
    assert nurse.get("/appointments/1/stop/").status_code == 404
