from datetime import datetime, timedelta

import pytest

from scheduling.core.words import (
    AlertKind,
    Role,
    Standing,
    Status,
)
from scheduling.models import (
    Alert,
    Appointment,
    FollowUpPlan,
    PlanStep,
)
from scheduling.services.overdue import find_overdue, step_interval
from tests.factories import (
    NOW,
    book,
    book_one_course,
    make_chair,
    make_order,
    make_protocol,
    treat,
)

pytestmark = pytest.mark.django_db


END = NOW + timedelta(days=1, hours=3)
"""The end of the visit: Tuesday 11:00 in New York."""


@pytest.fixture
def visit() -> Appointment:
    """The only infusion of its patient."""
    return treat(book_one_course(1).appointments.get())


def day(number: int) -> datetime:
    """Noon so many days after the infusion."""
    return END + timedelta(days=number, hours=1)


def plan_of(visit: Appointment, *steps: dict[str, int]) -> FollowUpPlan:
    """A plan counted from the visit."""
    plan = FollowUpPlan.objects.create(
        patient=visit.patient,
        order=visit.series.order,
        location=visit.location,
        starts_after=visit.local_date,
        set_by=visit.nurse,
        set_at=NOW,
    )
    for position, step in enumerate(steps, start=1):
        PlanStep.objects.create(plan=plan, position=position, **step)
    return plan


def test_without_a_plan_a_patient_is_overdue_after_fourteen_days_once(visit: Appointment) -> None:
    assert find_overdue(day(14)) == 0
    assert find_overdue(day(15)) == 1
    assert find_overdue(day(16)) == 0
    alert = Alert.objects.get()
    assert (alert.kind, alert.appointment_id, alert.owner) == (AlertKind.OVERDUE, visit.pk, Role.PRESCRIBER)
    assert alert.facts == {"last": "2026-01-06"}


@pytest.mark.parametrize(
    ("steps", "days"),
    [
        ([{"per_week": 1}], 14),
        ([{"per_week": 2}], 11),
        ([{"per_week": 3}], 10),
        ([{"every_weeks": 2}], 21),
        ([{"every_weeks": 4}], 35),
        ([{"per_week": 1, "weeks": 2}, {"every_weeks": 2}], 21),
        ([{"per_week": 1, "weeks": 1}, {"every_weeks": 3, "weeks": 3}], 28),
    ],
)
def test_with_a_plan_it_is_the_current_steps_interval_and_a_week(
    visit: Appointment, steps: list[dict[str, int]], days: int
) -> None:
    plan_of(visit, *steps)
    assert find_overdue(day(days)) == 0
    assert find_overdue(day(days + 1)) == 1


def test_a_plan_is_in_the_step_that_the_day_lies_in(visit: Appointment) -> None:
    plan = plan_of(
        visit, {"per_week": 1, "weeks": 4}, {"every_weeks": 2, "weeks": 8}, {"every_weeks": 4, "weeks": 12}
    )
    first = visit.local_date
    found = [step_interval(plan, first + timedelta(days=days)).days for days in (0, 28, 29, 84, 85, 999)]
    assert found == [7, 7, 14, 14, 28, 28]


def test_nobody_is_overdue_with_a_visit_booked_or_when_no_longer_active(visit: Appointment) -> None:
    patient = visit.patient
    patient.standing = Standing.STOPPED
    patient.save()
    assert find_overdue(day(30)) == 0
    patient.standing = Standing.ACTIVE
    patient.save()
    Appointment.objects.filter(pk=visit.pk).update(status=Status.MISSED)
    assert find_overdue(day(30)) == 0


def test_it_settles_when_a_visit_is_booked(visit: Appointment) -> None:
    find_overdue(day(15))
    order = make_order(visit.patient, make_protocol(), sessions=1)
    start = day(20).replace(hour=15)
    book(order, visit.location, make_chair(visit.location), visit.nurse, [start], now=day(16))
    assert find_overdue(day(16)) == 1
    assert Alert.objects.get().settled_at == day(16)
    assert find_overdue(day(17)) == 0
