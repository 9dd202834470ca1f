"""What an amended order means for acts that take something back, and for what nurses still have to see."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from scheduling.core.pattern import PhaseKind
from scheduling.core.words import AlertKind, Role, Status
from scheduling.models import Appointment, Claim, Order, Protocol, Series
from scheduling.services.amending import amend_order, is_news, see_dose
from scheduling.services.appointments import Canceller, cancel_appointment, cancel_rest
from scheduling.services.changes import undo_change, undoable
from scheduling.services.doses import record_dose
from scheduling.services.faults import Refused
from scheduling.services.running import run
from scheduling.services.undoing import undo_step
from scheduling.services.visits import record_step
from tests.days.one_day import NINE, at, brought, nurse_of, open_alerts
from tests.factories import NOW, actor, make_patient, make_protocol, make_staff
from tests.services.clinics import Clinic

pytestmark = pytest.mark.django_db

DAYS = (0, 2, 6)
LONGER = (
    (PhaseKind.CHECK_IN, 15),
    (PhaseKind.PREPARATION, 15),
    (PhaseKind.TREATMENT, 60),
    (PhaseKind.RECOVERY, 45),
    (PhaseKind.DISCHARGE, 15),
    (PhaseKind.TURNOVER, 15),
)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def course(clinic: Clinic) -> Series:
    """Three visits of six ordered, the first on Tuesday at 09:00."""
    order = clinic.order(make_patient(clinic.location))
    return clinic.book(order, [NINE + timedelta(days=day) for day in DAYS])


def amend(clinic: Clinic, old: Order, now: Any = NOW, **fields: Any) -> Order:
    order = Order.objects.get(pk=old.pk)
    order.pk = None
    for name, value in fields.items():
        setattr(order, name, value)
    return amend_order(by=clinic.prescriber, now=now, old=old, order=order)


def visits_of(course: Series) -> list[Appointment]:
    return list(course.appointments.order_by("number"))


def taken(order: Order) -> int:
    order.refresh_from_db()
    return order.taken


def test_a_cancelled_visit_comes_back_under_the_order_the_course_has_now(
    clinic: Clinic, course: Series
) -> None:
    old, last = course.order, visits_of(course)[2]
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=last, canceller=Canceller.PATIENT)
    new = amend(clinic, old, dose_amount=Decimal("0.6"))
    change = undoable(course, NOW)
    assert change is not None
    undo_change(by=clinic.clerk, now=NOW, change=change)
    last.refresh_from_db()
    assert (last.status, last.order_id) == (Status.BOOKED, new.pk)
    assert (taken(old), taken(new)) == (0, 3)


def test_a_cancelled_visit_stays_away_where_the_new_order_has_no_infusion_for_it(
    clinic: Clinic, course: Series
) -> None:
    last = visits_of(course)[2]
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=last, canceller=Canceller.PATIENT)
    amend(clinic, course.order, sessions=2)
    change = undoable(course, NOW)
    assert change is not None
    with pytest.raises(Refused) as refused:
        run(undo_change, by=clinic.clerk, now=NOW, change=change)
    assert refused.value.code == "order_not_overbooked"
    last.refresh_from_db()
    assert last.status == Status.CANCELLED_IN_TIME


def test_visits_of_two_versions_of_a_protocol_come_back_each_with_its_own_phases(
    clinic: Clinic, course: Series
) -> None:
    Protocol.objects.update(is_current=False)
    longer = make_protocol("iv", LONGER, version=2)
    amend(clinic, course.order, protocol=longer)
    course.refresh_from_db()
    clinic.book(course.order, [NINE + timedelta(days=8)])
    spans = sorted(Claim.objects.values_list("appointment", "seat__kind", "starts_at", "ends_at"))
    cancel_rest(by=clinic.clerk, now=NOW, series=course, canceller=Canceller.CLINIC)
    change = undoable(course, NOW)
    assert change is not None
    undo_change(by=clinic.clerk, now=NOW, change=change)
    held = Claim.objects.filter(appointment__isnull=False)
    assert sorted(held.values_list("appointment", "seat__kind", "starts_at", "ends_at")) == spans


def test_an_arrival_taken_back_is_a_visit_to_come_under_the_new_order(clinic: Clinic, course: Series) -> None:
    old, by = course.order, nurse_of(clinic)
    first = brought(visits_of(course)[0], by, "arrived_at")
    new = amend(clinic, old, now=at(5), dose_amount=Decimal("0.6"))
    first.refresh_from_db()
    assert first.order_id == old.pk
    undo_step(by=by, now=at(6), appointment=first)
    first.refresh_from_db()
    assert (first.status, first.order_id) == (Status.BOOKED, new.pk)
    assert (taken(old), taken(new)) == (0, 3)


def test_a_changed_dose_nobody_saw_is_still_news_after_one_more_infusion_was_signed(
    clinic: Clinic, course: Series
) -> None:
    higher = amend(clinic, course.order, dose_amount=Decimal("0.6"))
    one_more = amend(clinic, higher, sessions=7)
    assert is_news(one_more)
    by = actor(make_staff(Role.NURSE))
    seen = see_dose(by=by, now=NOW, order=one_more)
    assert (seen.seen_by_id, seen.seen_at) == (by.staff_id, NOW)
    assert not is_news(amend(clinic, seen, sessions=8))


def test_nothing_is_to_be_seen_where_no_dose_changed(clinic: Clinic, course: Series) -> None:
    with pytest.raises(Refused) as refused:
        see_dose(by=actor(clinic.nurse), now=NOW, order=course.order)
    assert refused.value.code == "dose_same"


def test_a_start_taken_back_forgets_the_dose_and_the_question_about_it(
    clinic: Clinic, course: Series
) -> None:
    by = nurse_of(clinic)
    first = brought(visits_of(course)[0], by, "started_at")
    record_dose(by=by, now=at(40), appointment=first, amount=Decimal("0.4"))
    assert len(open_alerts(AlertKind.DOSE_DIFFERS)) == 1
    undo_step(by=by, now=at(41), appointment=first)
    assert open_alerts(AlertKind.DOSE_DIFFERS) == []
    record_step(by=by, now=at(45), appointment=first, field="started_at")
    record_dose(by=by, now=at(50), appointment=first, amount=Decimal("0.4"))
    assert len(open_alerts(AlertKind.DOSE_DIFFERS)) == 1
