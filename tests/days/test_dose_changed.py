"""The prescriber changes Ada's dose: her visits stay where they are, and nurses see it before the next infusion."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from scheduling.access import Actor, NotAllowed
from scheduling.core.words import OrderState, Role, Status
from scheduling.models import Appointment, Claim, Order, Series
from scheduling.services.amending import amend_order, is_news, see_dose
from scheduling.services.faults import Refused
from scheduling.services.missing import record_missed
from scheduling.services.undoing import undo_step
from tests.factories import NOW, actor, make_staff, treat
from tests.services.clinics import Clinic

from .adas_course import ada_of, post_by, visits_of

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
WEDNESDAY = NOW + timedelta(days=2)
"""The first visit was yesterday."""


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def course(clinic: Clinic) -> Series:
    """Six visits, told, of which the first was given."""
    series = clinic.book(clinic.order(ada_of(clinic)))
    post_by(NOW)
    treat(visits_of(series)[0])
    series.refresh_from_db()
    return series


def replacement(old: Order, **fields: Any) -> Order:
    """The same order once more, with these changes and five infusions still to give."""
    order = Order.objects.get(pk=old.pk)
    order.pk, order.sessions = None, 5
    for name, value in fields.items():
        setattr(order, name, value)
    return order


def amend(by: Actor, course: Series, **fields: Any) -> Order:
    fields = {"dose_amount": Decimal("0.6")} | fields
    return amend_order(by=by, now=WEDNESDAY, old=course.order, order=replacement(course.order, **fields))


def places() -> list[Any]:
    return sorted(Claim.objects.values_list("appointment", "seat", "starts_at", "ends_at"))


def test_visits_to_come_keep_place_and_calendar_entry(clinic: Clinic, course: Series) -> None:
    before, held = visits_of(course), places()
    old = course.order
    new = amend(clinic.prescriber, course)
    after = visits_of(course)
    assert [(one.uid, one.sequence, one.starts_at) for one in after] == [
        (one.uid, one.sequence, one.starts_at) for one in before
    ]
    assert places() == held
    assert [one.order_id for one in after] == [old.pk, *[new.pk] * 5]


def test_both_orders_count_their_own(clinic: Clinic, course: Series) -> None:
    old = course.order
    new = amend(clinic.prescriber, course)
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.state, old.taken) == (OrderState.REPLACED, 1)
    assert (new.taken, new.sessions, new.left) == (5, 5, 0)


def test_nobody_is_written_to(clinic: Clinic, course: Series) -> None:
    post_by(WEDNESDAY)
    amend(clinic.prescriber, course)
    assert post_by(WEDNESDAY + MINUTE) == []


def test_the_number_is_not_below_what_is_booked(clinic: Clinic, course: Series) -> None:
    with pytest.raises(Refused, match="5 visits are still booked"):
        amend(clinic.prescriber, course, sessions=4)
    course.order.refresh_from_db()
    assert course.order.state != OrderState.REPLACED


def test_an_order_is_amended_once(clinic: Clinic, course: Series) -> None:
    amend(clinic.prescriber, course)
    with pytest.raises(Refused, match="Only a signed order"):
        amend(clinic.prescriber, course)


def test_only_a_prescriber_amends(clinic: Clinic, course: Series) -> None:
    with pytest.raises(NotAllowed):
        amend(clinic.clerk, course)


def test_it_is_news_until_a_nurse_ticked_it(clinic: Clinic, course: Series) -> None:
    new = amend(clinic.prescriber, course)
    assert is_news(new)
    seen = see_dose(by=actor(make_staff(Role.NURSE)), now=WEDNESDAY + MINUTE, order=new)
    assert seen.seen_at == WEDNESDAY + MINUTE
    assert not is_news(seen)


def test_the_same_dose_is_no_news(clinic: Clinic, course: Series) -> None:
    assert not is_news(amend(clinic.prescriber, course, dose_amount=course.order.dose_amount, sessions=6))


def test_a_miss_taken_back_comes_back_under_the_new_order(clinic: Clinic, course: Series) -> None:
    friday: Appointment = visits_of(course)[1]
    record_missed(by=clinic.clerk, now=friday.starts_at + 15 * MINUTE, appointment=friday)
    now = friday.starts_at + 20 * MINUTE
    order = replacement(course.order, dose_amount=Decimal("0.6"))
    new = amend_order(by=clinic.prescriber, now=now, old=course.order, order=order)
    back = undo_step(by=clinic.clerk, now=now + MINUTE, appointment=friday)
    assert (back.status, back.order_id) == (Status.BOOKED, new.pk)
    new.refresh_from_db()
    assert new.taken == 5
