from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from scheduling.core.words import (
    Role,
    Stage,
)
from scheduling.models import (
    Order,
    Patient,
    Protocol,
)
from tests.factories import (
    NOW,
    make_location,
    make_order,
    make_patient,
    make_protocol,
    make_visits,
)
from tests.views.clients import HUGE, LONG, logged_in, said

TODAY = NOW.date()
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def patient() -> Patient:
    return make_patient(make_location())


def signature(client: Client, order: Order, **fields: str) -> Any:
    seen = client.get(f"/orders/{order.pk}/sign/").context["form"]["seen"].value()
    return client.post(f"/orders/{order.pk}/sign/", {"seen": seen, **fields})


def test_the_page_shows_everything_that_is_signed(prescriber: Client, patient: Patient, iv: Protocol) -> None:
    order = make_order(
        patient, iv, signed=False, note="slowly", valid_until=date(2026, 3, 1), stage=Stage.FOLLOW_UP
    )
    page = " ".join(prescriber.get(f"/orders/{order.pk}/sign/").content.decode().split())
    for words in (
        str(patient),
        "IV infusion, version 1",
        "follow-up",
        "0.5 mg/kg",
        "70 kg",
        "slowly",
        "Mon 5 Jan 2026 to Sun 1 Mar 2026",
    ):
        assert words in page, words


def test_a_prescriber_signs(prescriber: Client, patient: Patient, iv: Protocol) -> None:
    order = make_order(patient, iv, signed=False)
    answer = signature(prescriber, order, confirmed="on")
    assert answer["Location"] == f"/patients/{patient.pk}/"
    order.refresh_from_db()
    assert (order.state, order.signed_at) == ("signed", NOW)


def test_a_signature_needs_its_tick(prescriber: Client, patient: Patient, iv: Protocol) -> None:
    order = make_order(patient, iv, signed=False)
    assert signature(prescriber, order).context["form"].errors == {
        "confirmed": ["Confirm that you have checked the order."]
    }
    order.refresh_from_db()
    assert order.state == "draft"


def test_an_unusual_dose_needs_a_second_tick(prescriber: Client, patient: Patient, iv: Protocol) -> None:
    order = make_order(patient, iv, signed=False, dose_amount=Decimal("1.5"))
    assert "outside the protocol's usual range" in (
        prescriber.get(f"/orders/{order.pk}/sign/").content.decode()
    )
    answer = signature(prescriber, order, confirmed="on")
    assert list(answer.context["form"].errors) == ["unusual_dose_confirmed"]
    signature(prescriber, order, confirmed="on", unusual_dose_confirmed="on")
    order.refresh_from_db()
    assert (order.state, order.unusual_dose_confirmed) == ("signed", True)


def test_a_usual_dose_asks_once(prescriber: Client, patient: Patient, iv: Protocol) -> None:
    order = make_order(patient, iv, signed=False)
    form = prescriber.get(f"/orders/{order.pk}/sign/").context["form"]
    assert set(form.fields) == {"seen", "confirmed"}


@pytest.mark.parametrize("seen", ["", "x", LONG, None])
def test_a_draft_changed_meanwhile_is_read_again_before_it_is_signed(
    prescriber: Client, patient: Patient, iv: Protocol, seen: str | None
) -> None:
    order = make_order(patient, iv, signed=False)
    if seen is None:
        seen = prescriber.get(f"/orders/{order.pk}/sign/").context["form"]["seen"].value()
    Order.objects.update(dose_amount=Decimal("0.9"))
    answer = prescriber.post(f"/orders/{order.pk}/sign/", {"seen": seen, "confirmed": "on"})
    assert answer["Location"] == f"/orders/{order.pk}/sign/"
    assert said(answer) == ["Somebody changed this draft while you read it. Read it again."]
    order.refresh_from_db()
    assert order.state == "draft"


def test_signing_twice_is_answered_in_words(prescriber: Client, patient: Patient, iv: Protocol) -> None:
    order = make_order(patient, iv)
    answer = prescriber.post(f"/orders/{order.pk}/sign/", {"confirmed": "on"})
    assert answer["Location"] == f"/patients/{patient.pk}/"
    assert said(answer) == ["There is nothing to sign. This order is signed."]


def test_a_draft_whose_time_is_over_is_answered_in_words(
    prescriber: Client, patient: Patient, iv: Protocol
) -> None:
    yesterday = TODAY - timedelta(days=1)
    order = make_order(patient, iv, signed=False, valid_from=yesterday, valid_until=yesterday)
    assert said(signature(prescriber, order, confirmed="on")) == ["The order would end in the past."]


def test_a_withdrawal_is_asked_first(desk: Client, patient: Patient, iv: Protocol) -> None:
    order = make_order(patient, iv, signed=False)
    assert "Withdraw this order?" in desk.get(f"/orders/{order.pk}/withdraw/").content.decode()
    order.refresh_from_db()
    assert order.state == "draft"
    assert desk.post(f"/orders/{order.pk}/withdraw/")["Location"] == f"/patients/{patient.pk}/"
    order.refresh_from_db()
    assert order.state == "withdrawn"


def test_an_order_with_visits_booked_says_what_to_do_first(
    prescriber: Client, patient: Patient, iv: Protocol
) -> None:
    order = make_order(patient, iv)
    make_visits(order, [NOW + timedelta(days=1)])
    answer = prescriber.post(f"/orders/{order.pk}/withdraw/")
    assert said(answer) == ["Cancel the visits booked under this order first."]
    order.refresh_from_db()
    assert order.state == "signed"


@pytest.mark.parametrize(
    ("role", "draft", "sign", "withdraw_signed"),
    [
        (Role.FRONT_DESK, 200, 403, 403),
        (Role.NURSE, 200, 403, 403),
        (Role.PRESCRIBER, 200, 200, 200),
        (Role.MANAGER, 403, 403, 403),
    ],
)
def test_each_role_may_what_the_table_says(
    patient: Patient, iv: Protocol, role: Role, draft: int, sign: int, withdraw_signed: int
) -> None:
    client = logged_in(role)
    a_draft, signed = make_order(patient, iv, signed=False), make_order(patient, make_protocol("b"))
    assert client.get(f"/patients/{patient.pk}/orders/add/?protocol={iv.pk}").status_code == draft
    assert client.get(f"/orders/{a_draft.pk}/edit/").status_code == draft
    assert client.get(f"/orders/{a_draft.pk}/withdraw/").status_code == draft
    assert client.get(f"/orders/{a_draft.pk}/sign/").status_code == sign
    assert client.get(f"/orders/{signed.pk}/withdraw/").status_code == withdraw_signed
    if sign == 403:
        assert client.post(f"/orders/{a_draft.pk}/sign/", {"confirmed": "on"}).status_code == 403
        assert client.post(f"/orders/{signed.pk}/withdraw/").status_code == 403
    assert set(Order.objects.values_list("state", flat=True)) == {"draft", "signed"}


def test_a_wrong_number_is_not_found(prescriber: Client, iv: Protocol) -> None:
    for number in (0, 999_999, HUGE):
        assert prescriber.get(f"/patients/{number}/orders/add/").status_code == 404
        for page in ("edit", "sign", "withdraw"):
            assert prescriber.get(f"/orders/{number}/{page}/").status_code == 404
            assert prescriber.post(f"/orders/{number}/{page}/").status_code == 404
