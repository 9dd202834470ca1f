"""Ada is late, or her infusion takes longer than planned: it is recorded as it is, and whoever waits is named."""

from datetime import datetime, timedelta

import pytest
from django.core import mail

from scheduling.access import Actor
from scheduling.core.words import AlertKind, Role, Status, StopReason
from scheduling.models import Alert, Appointment, Claim
from scheduling.services.board import day_board
from scheduling.services.booking import BookedPlace
from scheduling.services.conflicts import watch_conflicts
from scheduling.services.faults import Refused
from scheduling.services.late import late_offers, same_time_places, start_later
from scheduling.services.overruns import overruns
from scheduling.services.reassigning import reassign
from scheduling.services.stopping import stop_visit
from scheduling.services.visits import discharge, record_step
from tests.factories import actor, make_chair, make_nurse, make_patient, make_staff
from tests.services.clinics import COURSE, Clinic

from .adas_course import ada_of, post_by, visits_of

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NINE = COURSE[0]
"""Ada's visit, Tuesday 09:00 in New York; the patient is there until 11:00, the chair is turned over by 11:15."""
NEXT = NINE + timedelta(hours=2, minutes=15)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=1)


@pytest.fixture
def nurse() -> Actor:
    return actor(make_staff(Role.NURSE))


@pytest.fixture
def ada(clinic: Clinic) -> Appointment:
    return visits_of(clinic.book(clinic.order(ada_of(clinic), sessions=1), [NINE]))[0]


@pytest.fixture
def bob(clinic: Clinic, ada: Appointment) -> Appointment:
    """The next one in Ada's chair."""
    patient = make_patient(clinic.location, first_name="Bob", last_name="Next")
    return visits_of(clinic.book(clinic.order(patient, sessions=1), [NEXT]))[0]


@pytest.fixture
def recovering(ada: Appointment, nurse: Actor) -> Appointment:
    """The infusion went as planned until 10:10."""
    for minutes, field in ((0, "arrived_at"), (30, "started_at"), (70, "treatment_ended_at")):
        record_step(by=nurse, now=NINE + minutes * MINUTE, appointment=ada, field=field)
    ada.refresh_from_db()
    return ada


def overlapping() -> int:
    """Pairs of claims of one seat that share a moment."""
    rows = list(Claim.objects.order_by("seat", "starts_at"))
    return sum(
        one.seat_id == other.seat_id and one.starts_at < other.ends_at and other.starts_at < one.ends_at
        for number, one in enumerate(rows)
        for other in rows[number + 1 :]
    )


def claims() -> list[tuple[int, datetime, datetime]]:
    return sorted(Claim.objects.values_list("seat", "starts_at", "ends_at"))


def conflicts(now: datetime) -> set[tuple[int, int]]:
    found = overruns(list(Appointment.objects.with_places().prefetch_related("protocol__phases")), now)
    return {(one.visit.pk, one.following.pk) for one in found}


def open_alerts() -> list[Alert]:
    return list(Alert.objects.open().filter(kind=AlertKind.OVERRUN))


def test_45_minutes_over_into_a_booked_chair(recovering: Appointment, bob: Appointment, nurse: Actor) -> None:
    before = claims()
    left = recovering.ends_at + 45 * MINUTE
    visit = discharge(by=nurse, now=left, appointment=recovering, escort="Sam")
    assert (visit.status, visit.discharged_at) == (Status.DONE, left)
    assert claims() == before
    assert overlapping() == 0
    assert conflicts(left) == {(visit.pk, bob.pk)}


def test_the_alert_names_who_waits_as_time_goes_by(
    recovering: Appointment, bob: Appointment, nurse: Actor
) -> None:
    assert watch_conflicts(recovering.ends_at) == 0
    now = recovering.ends_at + 20 * MINUTE
    assert watch_conflicts(now) > 0
    alerts = open_alerts()
    assert {(one.appointment_id, one.facts["next"], one.due_at) for one in alerts} == {
        (recovering.pk, bob.pk, bob.starts_at)
    }
    assert {one.facts["next_patient"] for one in alerts} == {str(bob.patient)}
    assert watch_conflicts(now) == 0


def test_it_goes_once_the_next_one_has_started(
    recovering: Appointment, bob: Appointment, nurse: Actor
) -> None:
    now = recovering.ends_at + 20 * MINUTE
    watch_conflicts(now)
    assert open_alerts()
    discharge(by=nurse, now=now, appointment=recovering, escort="Sam")
    record_step(by=nurse, now=now, appointment=bob, field="arrived_at")
    record_step(by=nurse, now=now + 15 * MINUTE, appointment=bob, field="started_at")
    assert open_alerts() == []


def test_an_early_end_frees_the_rest_at_once(clinic: Clinic, recovering: Appointment, nurse: Actor) -> None:
    left = recovering.ends_at - 30 * MINUTE
    discharge(by=nurse, now=left, appointment=recovering, escort="Sam")
    ends = Claim.objects.filter(appointment=recovering).values_list("ends_at", flat=True)
    assert max(ends) == left + 15 * MINUTE
    clinic.book(clinic.order(make_patient(clinic.location), sessions=1), [NEXT - 30 * MINUTE])


def test_offers_first_another_chair_then_waiting_then_later(
    clinic: Clinic, ada: Appointment, bob: Appointment
) -> None:
    other = make_chair(clinic.location, "Chair 2")
    bea = make_nurse(clinic.location, name="Bea")
    offers = late_offers(ada, NINE + 20 * MINUTE)
    assert [(place.chair, place.nurse) for place in offers.same_time] == [
        (clinic.chair.pk, bea.pk),
        (other.pk, clinic.nurse.pk),
        (other.pk, bea.pk),
    ]
    assert offers.now.delays == (bob,)
    assert offers.later


def test_alone_in_her_chair_she_delays_nobody(ada: Appointment) -> None:
    offers = late_offers(ada, NINE + 20 * MINUTE)
    assert (offers.same_time, offers.now.delays) == ((), ())
    assert offers.now.leaves_at == ada.ends_at + 20 * MINUTE


def test_who_is_not_here_yet_gets_one_letter_and_its_calendar_entry(clinic: Clinic, ada: Appointment) -> None:
    post_by(NINE - HOUR)
    mail.outbox.clear()
    later = BookedPlace(NINE + 2 * HOUR, clinic.chair.pk, clinic.nurse.pk)
    visit = start_later(by=clinic.clerk, now=NINE + 5 * MINUTE, appointment=ada, place=later)
    assert (visit.starts_at, visit.uid, visit.sequence) == (NINE + 2 * HOUR, ada.uid, ada.sequence + 1)
    entry, letter = post_by(NINE + 6 * MINUTE)
    assert entry.startswith("Changed: appointment, Tuesday, January 6, 2026, 11 a.m.")
    assert letter.startswith("Your appointments have changed")
    assert overlapping() == 0


def test_who_is_here_is_not_written_to(clinic: Clinic, ada: Appointment) -> None:
    post_by(NINE - HOUR)
    record_step(by=clinic.clerk, now=NINE, appointment=ada, field="arrived_at")
    later = BookedPlace(NINE + HOUR, clinic.chair.pk, clinic.nurse.pk)
    visit = start_later(by=clinic.clerk, now=NINE + 5 * MINUTE, appointment=ada, place=later)
    assert (visit.status, visit.uid) == (Status.ARRIVED, ada.uid)
    assert post_by(NINE + 6 * MINUTE) == []


@pytest.mark.parametrize("hours", [0, -1, 24])
def test_later_means_later_today(clinic: Clinic, ada: Appointment, hours: int) -> None:
    place = BookedPlace(NINE + hours * HOUR, clinic.chair.pk, clinic.nurse.pk)
    with pytest.raises(Refused, match="later start on the same day"):
        start_later(by=clinic.clerk, now=NINE - 2 * HOUR, appointment=ada, place=place)


def test_a_visit_of_tomorrow_is_moved_and_not_put_off(clinic: Clinic, ada: Appointment) -> None:
    place = BookedPlace(NINE + HOUR, clinic.chair.pk, clinic.nurse.pk)
    with pytest.raises(Refused, match="later start on the same day"):
        start_later(by=clinic.clerk, now=NINE - 24 * HOUR, appointment=ada, place=place)


def test_another_chair_moves_nobody_and_sends_nothing(clinic: Clinic, ada: Appointment, nurse: Actor) -> None:
    post_by(NINE - HOUR)
    other = make_chair(clinic.location, "Chair 2")
    visit = reassign(by=nurse, now=NINE, appointment=ada, chair_id=other.pk, nurse_id=clinic.nurse.pk)
    assert (visit.chair_id, visit.starts_at, visit.sequence) == (other.pk, NINE, ada.sequence)
    assert not Claim.objects.filter(seat__chair=clinic.chair).exists()
    assert post_by(NINE + MINUTE) == []


def test_not_into_a_chair_that_is_taken(
    clinic: Clinic, ada: Appointment, bob: Appointment, nurse: Actor
) -> None:
    other, bea = make_chair(clinic.location, "Chair 2"), make_nurse(clinic.location, name="Bea")
    clinic.book(clinic.order(make_patient(clinic.location), sessions=1), [NINE], chair=other, nurse=bea)
    before = claims()
    with pytest.raises(Refused):
        reassign(by=nurse, now=NINE, appointment=ada, chair_id=other.pk, nurse_id=clinic.nurse.pk)
    assert claims() == before


def test_a_chair_whose_patient_should_have_left_is_not_offered(
    clinic: Clinic, nurse: Actor, recovering: Appointment
) -> None:
    """Ada is still there at a quarter past eleven; by the plan her chair is free."""
    second = make_chair(clinic.location, "Chair 2")
    ben = make_nurse(clinic.location, capacity=2, name="Ben")
    cleo = clinic.book(clinic.order(sessions=1), [NEXT], chair=second, nurse=ben).appointments.get()

    planned, still_there = NINE + 115 * MINUTE, NEXT
    assert clinic.chair.pk in [place.chair for place in same_time_places(cleo, planned)]
    assert clinic.chair.pk not in [place.chair for place in same_time_places(cleo, still_there)]


def test_a_visit_stopped_before_the_drug_waits_no_longer_on_the_board(ada: Appointment, nurse: Actor) -> None:
    record_step(by=nurse, now=NINE, appointment=ada, field="arrived_at")
    stop_visit(by=nurse, now=NINE + 20 * MINUTE, appointment=ada, reason=StopReason.UNWELL)
    board = day_board(ada.location, ada.local_date, NINE + 3 * HOUR)
    (row,) = board.over
    assert [(one.starts_at, one.ends_at) for one in row.actual] == [(NINE, NINE + 20 * MINUTE)]
