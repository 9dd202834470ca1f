"""A time was typed wrong or too late: it is corrected with a reason, and nobody is asked in a burst."""

from datetime import timedelta

import pytest

from scheduling.access import Actor
from scheduling.core.words import CheckInState, Role, Status
from scheduling.models import Appointment, AuditEntry, CheckIn, Message
from scheduling.services.faults import Refused
from scheduling.services.visits import correct_time, discharge, record_step
from tests.factories import actor, make_staff, treat
from tests.services.clinics import COURSE, Clinic

from .adas_course import ada_of, post_by, visits_of

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NINE = COURSE[0]
ELEVEN = NINE + 2 * HOUR
"""Ada leaves as planned."""


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def by() -> Actor:
    return actor(make_staff(Role.NURSE))


@pytest.fixture
def booked(clinic: Clinic) -> Appointment:
    return visits_of(clinic.book(clinic.order(ada_of(clinic), sessions=1), [NINE]))[0]


@pytest.fixture
def done(booked: Appointment) -> Appointment:
    return treat(booked)


def check_ins(visit: Appointment) -> list[CheckIn]:
    return list(CheckIn.objects.filter(appointment=visit).order_by("offset_hours"))


def test_a_step_may_carry_an_earlier_time(booked: Appointment, by: Actor) -> None:
    at = NINE + 5 * MINUTE
    visit = record_step(by=by, now=NINE + 20 * MINUTE, appointment=booked, field="arrived_at", at=at)
    assert (visit.status, visit.arrived_at) == (Status.ARRIVED, at)


def test_but_not_one_to_come_or_out_of_order(booked: Appointment, by: Actor) -> None:
    with pytest.raises(Refused, match="still to come"):
        record_step(by=by, now=NINE, appointment=booked, field="arrived_at", at=NINE + MINUTE)
    record_step(by=by, now=NINE, appointment=booked, field="arrived_at")
    with pytest.raises(Refused, match="follow one another"):
        record_step(by=by, now=NINE + MINUTE, appointment=booked, field="started_at", at=NINE - MINUTE)


def test_a_correction_needs_its_reason_and_keeps_the_former_time(done: Appointment, by: Actor) -> None:
    at, now = ELEVEN - 10 * MINUTE, ELEVEN + MINUTE
    with pytest.raises(Refused, match="Give a reason"):
        correct_time(by=by, now=now, appointment=done, field="discharged_at", at=at, reason=" ")
    correct_time(by=by, now=now, appointment=done, field="discharged_at", at=at, reason="typed late")
    facts = AuditEntry.objects.get(action="correct_time").facts
    assert facts == {
        "field": "discharged_at",
        "reason": "typed late",
        "before": ELEVEN.isoformat(),
        "after": at.isoformat(),
    }


def test_what_was_asked_stays_and_the_rest_moves(done: Appointment, by: Actor) -> None:
    first = check_ins(done)[0]
    post_by(first.due_at)
    before = check_ins(done)
    assert before[0].state == CheckInState.ASKED
    correct_time(
        by=by,
        now=first.due_at + MINUTE,
        appointment=done,
        field="discharged_at",
        at=ELEVEN - 20 * MINUTE,
        reason="typed late",
    )
    after = check_ins(done)
    assert (after[0].due_at, after[0].asked_at) == (before[0].due_at, before[0].asked_at)
    assert after[1].due_at == before[1].due_at - 20 * MINUTE


def test_what_is_past_due_after_a_correction_is_skipped(done: Appointment, by: Actor) -> None:
    first = check_ins(done)[0]
    now = first.due_at - 10 * MINUTE
    correct_time(
        by=by, now=now, appointment=done, field="discharged_at", at=ELEVEN - 20 * MINUTE, reason="typed late"
    )
    assert check_ins(done)[0].state == CheckInState.DROPPED
    pending = Message.objects.pending().filter(check_in__isnull=False, due_at__lte=first.due_at)
    assert not pending.exists()


def test_a_leaving_recorded_late_asks_only_the_latest(booked: Appointment, by: Actor) -> None:
    treat(booked, is_open=True)
    record_step(
        by=by,
        now=NINE + 70 * MINUTE,
        appointment=booked,
        field="treatment_ended_at",
    )
    now = ELEVEN + timedelta(days=1, hours=4)
    discharge(by=by, now=now, appointment=booked, escort="Sam", at=ELEVEN)
    rows = check_ins(booked)
    late = [row for row in rows if row.due_at <= now]
    assert len(late) > 1
    assert [row.state for row in late] == [*[CheckInState.DROPPED] * (len(late) - 1), CheckInState.PLANNED]
