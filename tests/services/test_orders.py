from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from scheduling.access import SYSTEM, Actor, NotAllowed
from scheduling.core.words import DoseUnit, Role, Stage
from scheduling.models import Order, Patient, Protocol
from scheduling.services.orders import (
    draft_order,
    edit_draft,
    withdraw_order,
)
from scheduling.services.running import run
from tests.factories import (
    NOW,
    actor,
    make_location,
    make_order,
    make_patient,
    make_protocol,
    make_staff,
)
from tests.services.ordering import TODAY, actions, refusal, written

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.NURSE, Role.PRESCRIBER])
def test_any_of_the_treating_staff_drafts(patient: Patient, iv: Protocol, role: Role) -> None:
    by = actor(make_staff(role))
    order = run(draft_order, by=by, now=NOW, order=written(patient, iv))
    assert (order.state, order.regimen, order.drafted_by_id, order.drafted_at) == (
        "draft",
        "iv",
        by.staff_id,
        NOW,
    )
    assert order.signed_by is None
    assert actions() == ["draft_order"]


def test_a_manager_neither_drafts_nor_edits_nor_withdraws(patient: Patient, iv: Protocol) -> None:
    manager, draft = actor(make_staff(Role.MANAGER)), make_order(patient, iv, signed=False)
    services: tuple[Callable[..., Order], ...] = (draft_order, edit_draft, withdraw_order)
    for service in services:
        with pytest.raises(NotAllowed):
            service(by=manager, now=NOW, order=draft)


def test_the_program_itself_drafts_nothing(patient: Patient, iv: Protocol) -> None:
    assert refusal(draft_order, by=SYSTEM, order=written(patient, iv)).code == "no_author"


def test_the_dose_is_kept_exactly_as_written(patient: Patient, iv: Protocol, clerk: Actor) -> None:
    order = written(patient, iv, dose_amount=Decimal("0.55"), weight_kg=Decimal("71.3"))
    run(draft_order, by=clerk, now=NOW, order=order)
    kept = Order.objects.get()
    assert (kept.dose_amount, kept.weight_kg, kept.dose) == (Decimal("0.55"), Decimal("71.3"), "0.55 mg/kg")


def test_a_patient_has_one_open_order_per_protocol_and_stage(
    patient: Patient, iv: Protocol, nasal: Protocol, clerk: Actor
) -> None:
    make_order(patient, iv)
    assert refusal(draft_order, by=clerk, order=written(patient, iv)).code == "order_one_open"
    run(draft_order, by=clerk, now=NOW, order=written(patient, iv, stage=Stage.FOLLOW_UP))
    run(draft_order, by=clerk, now=NOW, order=written(patient, nasal, dose_amount=Decimal(56)))
    assert Order.objects.count() == 3


def test_a_new_version_of_the_protocol_is_still_the_same_protocol(patient: Patient, clerk: Actor) -> None:
    make_order(patient, make_protocol("iv", is_current=False))
    second = make_protocol("iv", version=2)
    assert refusal(draft_order, by=clerk, order=written(patient, second)).code == "order_one_open"


def test_an_expired_order_gives_way_to_a_new_one(patient: Patient, iv: Protocol, clerk: Actor) -> None:
    old = make_order(patient, iv, valid_from=date(2025, 1, 1), valid_until=TODAY - timedelta(days=1))
    run(draft_order, by=clerk, now=NOW, order=written(patient, iv))
    old.refresh_from_db()
    assert old.state == "expired"


@pytest.mark.parametrize("fields", [{"is_current": False}, {"is_active": False}])
def test_a_protocol_out_of_use_is_not_ordered(patient: Patient, clerk: Actor, fields: dict[str, Any]) -> None:
    out_of_use = make_protocol(**fields)
    refused = refusal(draft_order, by=clerk, order=written(patient, out_of_use))
    assert (refused.code, refused.field) == ("protocol_not_in_use", "protocol")


def test_a_draft_moves_only_to_a_protocol_in_use(patient: Patient, iv: Protocol, clerk: Actor) -> None:
    draft = make_order(patient, iv, signed=False)
    Protocol.objects.filter(pk=iv.pk).update(is_current=False)
    draft.note = "kept under its own version"
    run(edit_draft, by=clerk, now=NOW, order=draft)
    draft.protocol = make_protocol(is_active=False)
    assert refusal(edit_draft, by=clerk, order=draft).code == "protocol_not_in_use"


def test_the_unit_is_the_protocols(patient: Patient, iv: Protocol, nasal: Protocol, clerk: Actor) -> None:
    for protocol, unit in ((iv, DoseUnit.MG), (nasal, DoseUnit.MG_PER_KG)):
        refused = refusal(draft_order, by=clerk, order=written(patient, protocol, dose_unit=unit))
        assert (refused.code, refused.field) == ("dose_unit", "dose_unit")


def test_a_dose_by_weight_needs_the_weight(patient: Patient, iv: Protocol, clerk: Actor) -> None:
    refused = refusal(draft_order, by=clerk, order=written(patient, iv, weight_kg=None))
    assert (refused.code, refused.field) == ("order_weight", "weight_kg")


@pytest.mark.parametrize("amount", ["55", "56.5", "560", "8.4"])
def test_a_dose_that_is_not_listed_is_refused(
    patient: Patient, nasal: Protocol, clerk: Actor, amount: str
) -> None:
    refused = refusal(draft_order, by=clerk, order=written(patient, nasal, dose_amount=Decimal(amount)))
    assert (refused.code, refused.field) == ("dose_not_listed", "dose_amount")
    assert "56, 84" in str(refused)


@pytest.mark.parametrize("amount", ["56", "84.00"])
def test_a_listed_dose_is_taken(patient: Patient, nasal: Protocol, clerk: Actor, amount: str) -> None:
    run(draft_order, by=clerk, now=NOW, order=written(patient, nasal, dose_amount=Decimal(amount)))
    assert Order.objects.get().dose_amount == Decimal(amount)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"dose_amount": Decimal(0)}, "order_dose"),
        ({"dose_amount": Decimal(-1)}, "order_dose"),
        ({"sessions": 0}, "order_sessions"),
        ({"sessions": 101}, "order_sessions"),
        ({"valid_from": TODAY + timedelta(days=91)}, "order_validity"),
        ({"valid_until": TODAY - timedelta(days=1)}, "order_expired"),
    ],
)
def test_what_cannot_be_is_refused(
    patient: Patient, iv: Protocol, clerk: Actor, fields: dict[str, Any], code: str
) -> None:
    assert refusal(draft_order, by=clerk, order=written(patient, iv, **fields)).code == code
    assert not Order.objects.exists()


def test_the_last_day_is_counted_where_the_patient_is_at_home(iv: Protocol, clerk: Actor) -> None:
    patient = make_patient(make_location(zone="Pacific/Honolulu"))
    late = datetime(2026, 1, 6, 5, 0, tzinfo=UTC)  # 19:00 on the 5th in Honolulu
    run(draft_order, by=clerk, now=late, order=written(patient, iv, valid_until=date(2026, 1, 5)))
    assert (
        refusal(
            draft_order,
            by=clerk,
            now=late + timedelta(hours=5),
            order=written(patient, iv, stage=Stage.FOLLOW_UP, valid_until=date(2026, 1, 5)),
        ).code
        == "order_expired"
    )
