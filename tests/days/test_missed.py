"""Ada does not come: her places are free at once, somebody calls today, and a second time the prescriber decides."""

from datetime import timedelta

import pytest

from scheduling.core.words import AlertKind, Decision, Role, Standing, Status
from scheduling.models import Alert, Appointment, Claim, Series
from scheduling.services.deciding import decide
from scheduling.services.faults import Refused
from scheduling.services.missing import record_missed
from scheduling.services.undoing import undo_step
from tests.factories import make_patient
from tests.services.clinics import Clinic

from .adas_course import ada_of, visits_of

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LATE = 15 * MINUTE
CLOSING = 9 * HOUR
"""From the start of a visit at 09:00 to 18:00."""


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def course(clinic: Clinic) -> Series:
    return clinic.book(clinic.order(ada_of(clinic)))


def miss(clinic: Clinic, course: Series, number: int) -> Appointment:
    """She did not come to the visit of this number (from 1)."""
    visit = visits_of(course)[number - 1]
    return record_missed(by=clinic.clerk, now=visit.starts_at + LATE, appointment=visit)


@pytest.fixture
def twice(clinic: Clinic, course: Series) -> Appointment:
    miss(clinic, course, 1)
    return miss(clinic, course, 2)


def question() -> Alert:
    return Alert.objects.open().get(kind=AlertKind.MISSES)


def answer(clinic: Clinic, visit: Appointment, decision: Decision, **given: object) -> Alert:
    values: dict[str, object] = {
        "by": clinic.prescriber,
        "now": visit.starts_at + HOUR,
        "alert": question(),
        "decision": decision,
        "note": "spoke with her",
    }
    return decide(**(values | given))  # type: ignore[arg-type]


def test_it_counts_only_once_the_location_has_waited(clinic: Clinic, course: Series) -> None:
    visit = visits_of(course)[0]
    with pytest.raises(Refused, match="15 minutes"):
        record_missed(by=clinic.clerk, now=visit.starts_at + LATE - MINUTE, appointment=visit)
    assert miss(clinic, course, 1).status == Status.MISSED


def test_its_places_are_free_at_once(clinic: Clinic, course: Series) -> None:
    visit = miss(clinic, course, 1)
    assert not Claim.objects.filter(appointment=visit).exists()
    visit.order.refresh_from_db()
    assert visit.order.taken == 5
    clinic.book(clinic.order(make_patient(clinic.location), sessions=1), [visit.starts_at + HOUR])


def test_the_front_desk_calls_today(clinic: Clinic, course: Series) -> None:
    visit = miss(clinic, course, 1)
    task = Alert.objects.open().get()
    assert (task.kind, task.owner, task.appointment) == (AlertKind.CALL_MISSED, Role.FRONT_DESK, visit)
    assert task.due_at == visit.starts_at + CLOSING


def test_nothing_is_booked_by_itself(clinic: Clinic, course: Series) -> None:
    miss(clinic, course, 1)
    assert [visit.status for visit in visits_of(course)] == [Status.MISSED, *[Status.BOOKED] * 5]


def test_she_came_after_all(clinic: Clinic, course: Series) -> None:
    before = sorted(Claim.objects.values_list("appointment", "seat", "starts_at", "ends_at"))
    visit = miss(clinic, course, 1)
    visit = undo_step(by=clinic.clerk, now=visit.starts_at + CLOSING - MINUTE, appointment=visit)
    assert visit.status == Status.BOOKED
    assert sorted(Claim.objects.values_list("appointment", "seat", "starts_at", "ends_at")) == before
    assert not Alert.objects.open().exists()
    visit.order.refresh_from_db()
    assert visit.order.taken == 6


def test_not_once_the_day_is_closed(clinic: Clinic, course: Series) -> None:
    visit = miss(clinic, course, 1)
    with pytest.raises(Refused, match="day is closed"):
        undo_step(by=clinic.clerk, now=visit.starts_at + CLOSING, appointment=visit)
    visit.refresh_from_db()
    assert visit.status == Status.MISSED


def test_not_when_somebody_has_the_chair_by_now(clinic: Clinic, course: Series) -> None:
    visit = miss(clinic, course, 1)
    clinic.book(clinic.order(make_patient(clinic.location), sessions=1), [visit.starts_at + HOUR])
    with pytest.raises(Refused):
        undo_step(by=clinic.clerk, now=visit.starts_at + 2 * HOUR, appointment=visit)


def test_the_first_miss_asks_no_prescriber(clinic: Clinic, course: Series) -> None:
    miss(clinic, course, 1)
    course.refresh_from_db()
    assert course.review_asked_at is None


def test_the_second_keeps_the_later_visits_and_asks(
    clinic: Clinic, course: Series, twice: Appointment
) -> None:
    later = visits_of(course)[2:]
    assert [visit.status for visit in later] == [Status.BOOKED] * 4
    assert all(visit.claims.exists() for visit in later)
    course.refresh_from_db()
    assert course.review_asked_at == twice.starts_at + LATE
    assert (question().owner, question().facts) == (Role.PRESCRIBER, {"count": 2})


def test_a_third_asks_once_and_counts_all(clinic: Clinic, course: Series, twice: Appointment) -> None:
    miss(clinic, course, 3)
    assert question().facts == {"count": 3}


def test_taking_the_second_back_takes_the_question_back(
    clinic: Clinic, course: Series, twice: Appointment
) -> None:
    undo_step(by=clinic.clerk, now=twice.starts_at + HOUR, appointment=twice)
    course.refresh_from_db()
    assert course.review_asked_at is None
    assert not Alert.objects.open().filter(kind=AlertKind.MISSES).exists()


def test_continue_ends_the_review(clinic: Clinic, course: Series, twice: Appointment) -> None:
    answer(clinic, twice, Decision.CONTINUE)
    course.refresh_from_db()
    assert course.review_asked_at is None
    assert [visit.status for visit in visits_of(course)[2:]] == [Status.BOOKED] * 4


def test_pause_needs_its_last_day(clinic: Clinic, course: Series, twice: Appointment) -> None:
    with pytest.raises(Refused, match="last day"):
        answer(clinic, twice, Decision.PAUSE)
    assert question().decision == ""
    until = twice.local_date + timedelta(days=30)
    answer(clinic, twice, Decision.PAUSE, until=until)
    course.patient.refresh_from_db()
    assert (course.patient.standing, course.patient.paused_until) == (Standing.PAUSED, until)
    assert {visit.status for visit in visits_of(course)[2:]} == {Status.CANCELLED_BY_CLINIC}


def test_end_stops_the_treatment(clinic: Clinic, course: Series, twice: Appointment) -> None:
    answer(clinic, twice, Decision.END)
    course.patient.refresh_from_db()
    assert course.patient.standing == Standing.STOPPED
    assert {visit.status for visit in visits_of(course)[2:]} == {Status.CANCELLED_BY_CLINIC}
