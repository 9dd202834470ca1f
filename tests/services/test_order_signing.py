from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from scheduling.access import Actor, NotAllowed
from scheduling.core.words import OrderState, Role, Stage, Status
from scheduling.models import Appointment, Order, Patient, Protocol
from scheduling.services.orders import (
    edit_draft,
    expire_orders,
    fingerprint,
    outside_usual_dose,
    recount,
    sign_order,
    withdraw_order,
)
from scheduling.services.running import run
from tests.factories import (
    NOW,
    actor,
    make_order,
    make_protocol,
    make_staff,
    make_visits,
)
from tests.services.ordering import TODAY, actions, refusal, written

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.NURSE, Role.MANAGER])
def test_only_a_prescriber_signs(patient: Patient, iv: Protocol, role: Role) -> None:
    draft = make_order(patient, iv, signed=False)
    with pytest.raises(NotAllowed):
        sign_order(by=actor(make_staff(role)), now=NOW, order=draft)
    assert Order.objects.get().state == "draft"


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.NURSE])
def test_only_a_prescriber_withdraws_a_signed_order(patient: Patient, iv: Protocol, role: Role) -> None:
    by = actor(make_staff(role))
    signed = make_order(patient, iv)
    with pytest.raises(NotAllowed):
        withdraw_order(by=by, now=NOW, order=signed)
    draft = make_order(patient, iv, signed=False, stage=Stage.FOLLOW_UP)
    assert run(withdraw_order, by=by, now=NOW, order=draft).state == "withdrawn"


def test_a_signature_keeps_who_and_when(patient: Patient, iv: Protocol, prescriber: Actor) -> None:
    draft = make_order(patient, iv, signed=False)
    run(sign_order, by=prescriber, now=NOW, order=draft, seen=fingerprint(Order.objects.get()))
    order = Order.objects.get()
    assert (order.state, order.signed_by_id, order.signed_at, order.unusual_dose_confirmed) == (
        "signed",
        prescriber.staff_id,
        NOW,
        False,
    )
    assert actions() == ["sign_order"]


@pytest.mark.parametrize(
    ("amount", "outside"), [("0.09", True), ("0.1", False), ("0.5", False), ("1.00", False), ("1.01", True)]
)
def test_the_usual_range_includes_both_ends(
    patient: Patient, iv: Protocol, amount: str, outside: bool
) -> None:
    assert outside_usual_dose(written(patient, iv, dose_amount=Decimal(amount))) is outside


def test_without_a_range_no_dose_is_unusual(patient: Patient) -> None:
    protocol = make_protocol(dose_low=None, dose_high=None)
    assert not outside_usual_dose(written(patient, protocol, dose_amount=Decimal(9)))


def test_an_unusual_dose_is_confirmed_a_second_time(
    patient: Patient, iv: Protocol, prescriber: Actor
) -> None:
    draft = make_order(patient, iv, signed=False, dose_amount=Decimal("1.5"))
    refused = refusal(sign_order, by=prescriber, order=draft)
    assert (refused.code, refused.field) == ("dose_unusual", "unusual_dose_confirmed")
    run(sign_order, by=prescriber, now=NOW, order=draft, unusual_dose_confirmed=True)
    order = Order.objects.get()
    assert (order.state, order.unusual_dose_confirmed) == ("signed", True)


def test_an_edit_asks_for_the_second_confirmation_again(patient: Patient, iv: Protocol, clerk: Actor) -> None:
    draft = make_order(patient, iv, signed=False, unusual_dose_confirmed=True)
    run(edit_draft, by=clerk, now=NOW, order=draft)
    assert Order.objects.get().unusual_dose_confirmed is False


@pytest.mark.parametrize(
    "change",
    [
        {"dose_amount": Decimal("0.6")},
        {"weight_kg": Decimal("71")},
        {"sessions": 7},
        {"stage": Stage.FOLLOW_UP},
        {"valid_until": TODAY + timedelta(days=9)},
        {"note": "other"},
    ],
)
def test_what_was_read_is_what_gets_signed(
    patient: Patient, iv: Protocol, prescriber: Actor, change: dict[str, Any]
) -> None:
    make_order(patient, iv, signed=False)
    read = Order.objects.get()
    seen = fingerprint(read)
    Order.objects.update(**change)
    assert refusal(sign_order, by=prescriber, order=read, seen=seen).code == "order_changed"
    run(sign_order, by=prescriber, now=NOW, order=read, seen=fingerprint(Order.objects.get()))


@pytest.mark.parametrize("state", [OrderState.SIGNED, OrderState.WITHDRAWN, OrderState.EXPIRED])
def test_only_a_draft_is_signed_or_edited(
    patient: Patient, iv: Protocol, prescriber: Actor, state: OrderState
) -> None:
    order = make_order(patient, iv, state=state)
    assert refusal(sign_order, by=prescriber, order=order).code == "order_not_draft"
    assert refusal(edit_draft, by=prescriber, order=order).code == "order_not_draft"


def test_a_draft_whose_time_is_over_is_not_signed(patient: Patient, iv: Protocol, prescriber: Actor) -> None:
    draft = make_order(patient, iv, signed=False, valid_until=TODAY)
    later = NOW + timedelta(days=1)
    assert refusal(sign_order, by=prescriber, now=later, order=draft).code == "order_expired"


def test_a_withdrawn_order_stays_withdrawn(patient: Patient, iv: Protocol, prescriber: Actor) -> None:
    order = make_order(patient, iv)
    run(withdraw_order, by=prescriber, now=NOW, order=order)
    assert refusal(withdraw_order, by=prescriber, order=order).code == "order_closed"
    assert refusal(sign_order, by=prescriber, order=order).code == "order_not_draft"
    assert actions() == ["withdraw_order"]


def test_an_order_with_visits_booked_is_not_withdrawn(
    patient: Patient, iv: Protocol, prescriber: Actor
) -> None:
    order = make_order(patient, iv)
    make_visits(order, [NOW + timedelta(days=2)])
    assert refusal(withdraw_order, by=prescriber, order=order).code == "order_in_use"
    Appointment.objects.update(status=Status.CANCELLED_BY_CLINIC)
    assert run(withdraw_order, by=prescriber, now=NOW, order=order).state == "withdrawn"


def test_open_orders_expire_after_their_last_local_day(patient: Patient, iv: Protocol) -> None:
    make_order(patient, iv, valid_until=TODAY)
    assert expire_orders(patient_id=patient.pk, today=TODAY) == 0
    assert expire_orders(patient_id=patient.pk, today=TODAY + timedelta(days=1)) == 1
    assert Order.objects.get().state == "expired"


def test_cancelled_and_missed_visits_give_their_infusion_back(patient: Patient, iv: Protocol) -> None:
    order = make_order(patient, iv, sessions=3)
    make_visits(order, [NOW + timedelta(days=day) for day in (1, 4, 8)])
    first, second, _third = Appointment.objects.order_by("number")
    Appointment.objects.filter(pk=first.pk).update(status=Status.MISSED)
    Appointment.objects.filter(pk=second.pk).update(status=Status.CANCELLED_LATE)
    recount(order)
    assert (order.taken, order.left, order.state) == (1, 2, "signed")


def test_an_order_is_used_up_when_every_infusion_was_given(patient: Patient, iv: Protocol) -> None:
    order = make_order(patient, iv, sessions=1)
    make_visits(order, [NOW])
    recount(order)
    assert order.state == "signed"
    steps = dict.fromkeys(("arrived_at", "started_at", "treatment_ended_at", "discharged_at"), NOW)
    Appointment.objects.update(status=Status.DONE, escort="Sam", **steps)
    recount(order)
    assert (order.taken, order.state) == (1, "used_up")


def test_what_can_be_booked_is_signed_in_force_and_not_used_up(patient: Patient, iv: Protocol) -> None:
    make_order(patient, iv, signed=False)
    yesterday = TODAY - timedelta(days=1)
    make_order(patient, make_protocol(), valid_from=yesterday, valid_until=yesterday)
    make_order(patient, make_protocol(), sessions=2, taken=2)
    good = make_order(patient, make_protocol(), valid_until=TODAY)
    assert list(Order.objects.bookable(TODAY)) == [good]
