from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from scheduling.core.words import CallState, DisruptionKind, Resolution, Role, Status
from scheduling.models import Appointment, DisruptedVisit, Disruption, Location
from tests.factories import NOW, make_nurse
from tests.services.clinics import Clinic
from tests.views.clients import logged_in, queries, said

pytestmark = pytest.mark.django_db

LIST = "/disruptions/"
HALF_A_DAY = {
    "first_day": "2026-01-06",
    "first_time": "08:00",
    "last_day": "2026-01-06",
    "last_time": "13:00",
}


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def visit(clinic: Clinic) -> Appointment:
    """Tomorrow at 09:00."""
    return clinic.book(clinic.order()).appointments.order_by("number")[0]


def declared(clinic: Clinic, **typed: Any) -> Any:
    """The answer to the form that says Ana is missing tomorrow morning."""
    values = {"kind": "nurse", "location": clinic.location.pk, "staff": clinic.nurse.pk, "reason": "Flu"}
    return logged_in(Role.FRONT_DESK).post(f"{LIST}add/", values | HALF_A_DAY | typed)


def missing(location: Location, at: datetime = NOW) -> Disruption:
    return Disruption.objects.create(
        kind=DisruptionKind.LOCATION,
        location=location,
        starts_at=at,
        ends_at=at + timedelta(hours=1),
        made_at=NOW,
    )


def test_an_empty_list_says_that_nothing_is_missing() -> None:
    assert "Nothing is missing" in logged_in(Role.NURSE).get(LIST).content.decode()


def test_a_missing_nurse_lists_her_visits_and_a_colleague_covers_them(
    clinic: Clinic, visit: Appointment
) -> None:
    answer = declared(clinic)
    assert said(answer) == ["1 visit is affected."]
    row = DisruptedVisit.objects.get()
    assert (row.appointment_id, row.resolution) == (visit.pk, Resolution.OPEN)
    other = make_nurse(clinic.location, name="Bea")
    client = logged_in(Role.NURSE)
    page = client.get(answer.headers["Location"]).content.decode()
    assert str(visit.patient) in page
    assert "Cover all that can be" in page
    covered = client.post(f"{LIST}{row.disruption_id}/cover/")
    assert said(covered) == ["1 covered by another nurse or chair, 0 still open."]
    visit.refresh_from_db()
    row.refresh_from_db()
    assert (visit.nurse_id, row.resolution) == (other.pk, Resolution.COVERED)


def test_whoever_is_back_takes_the_visits_off_the_list(clinic: Clinic, visit: Appointment) -> None:
    declared(clinic)
    row = DisruptedVisit.objects.get()
    client = logged_in(Role.NURSE)
    client.post(f"{LIST}{row.disruption_id}/lift/")
    row.refresh_from_db()
    assert (row.resolution, row.call) == (Resolution.KEPT, CallState.NONE)
    again = client.post(f"{LIST}{row.disruption_id}/lift/")
    assert said(again)[-1] == "This was lifted before."


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"staff": ""}, "Say who is missing, for a person only."),
        ({"kind": "chair"}, "Say who is missing, for a person only."),
        ({"last_time": "07:00"}, "It ends after it starts."),
        ({"first_day": "", "last_day": "0001-01-01"}, "This field is required."),
        ({"first_day": "2026-01-04", "last_day": "2026-01-04"}, "This is over already."),
    ],
)
def test_bad_input_is_named_and_nothing_is_lost(clinic: Clinic, typed: dict[str, str], words: str) -> None:
    answer = declared(clinic, **typed)
    page = answer.content.decode()
    assert (answer.status_code, words in page, "Flu" in page) == (200, True, True)
    assert not Disruption.objects.exists()


def test_a_patient_who_was_not_reached_is_called_again_until_told(clinic: Clinic, visit: Appointment) -> None:
    disruption = missing(clinic.location)
    row = DisruptedVisit.objects.create(disruption=disruption, appointment=visit, call=CallState.TO_CALL)
    client, url = logged_in(Role.FRONT_DESK), f"{LIST}visits/{row.pk}/call/"
    reached, not_reached = {"outcome": "none"}, {"outcome": "not_reached"}
    assert said(client.post(url, not_reached))[-1] == f"{visit.patient} was not reached; call again."
    assert said(client.post(url, reached))[-1] == f"{visit.patient} is told."
    row.refresh_from_db()
    assert (row.calls, row.told_at, row.call) == (2, NOW, CallState.NONE)
    assert said(client.post(url, reached))[-1] == "Nobody is to be called about this visit any more."
    assert said(client.post(url, {"outcome": "maybe"}))[-1] == "Say what the call ended with."


def test_a_day_is_closed_in_one_act_once_that_is_confirmed(clinic: Clinic, visit: Appointment) -> None:
    client = logged_in(Role.MANAGER)
    typed = {"location": clinic.location.pk, "day": "2026-01-06", "reason": "Snow"}
    refused = client.post("/closing/", typed)
    assert "Confirm that the day is to be closed." in refused.content.decode()
    assert not Disruption.objects.exists()
    answer = client.post("/closing/", typed | {"confirmed": "on"})
    assert said(answer) == ["The day is closed; 1 visit is cancelled."]
    visit.refresh_from_db()
    assert visit.status == Status.CANCELLED_BY_CLINIC
    page = client.get(answer.headers["Location"]).content.decode()
    assert (str(visit.patient) in page, "cancelled" in page) == (True, True)
    twice = client.post("/closing/", typed | {"confirmed": "on"})
    assert "This day is closed already." in twice.content.decode()


def test_the_number_of_queries_does_not_grow(clinic: Clinic, visit: Appointment) -> None:
    first = missing(clinic.location)
    missing(clinic.location, NOW - timedelta(days=1))
    DisruptedVisit.objects.create(disruption=first, appointment=visit)
    client = logged_in(Role.NURSE)
    few = queries(client, LIST), queries(client, f"{LIST}{first.pk}/")
    for number in range(5):
        missing(clinic.location, NOW + timedelta(hours=number))
        missing(clinic.location, NOW - timedelta(days=2 + number))
    for other in visit.series.appointments.exclude(pk=visit.pk):
        DisruptedVisit.objects.create(disruption=first, appointment=other)
    assert (queries(client, LIST), queries(client, f"{LIST}{first.pk}/")) == few
