from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from scheduling.models import (
    AuditEntry,
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
)
from tests.views.clients import HUGE, LONG, said

TODAY = NOW.date()
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def patient() -> Patient:
    return make_patient(make_location())


def typed(**fields: str) -> dict[str, str]:
    return {
        "stage": "induction",
        "dose_amount": "0.5",
        "weight_kg": "70",
        "sessions": "6",
        "valid_from": "2026-01-05",
        "valid_until": "2026-04-05",
        **fields,
    }


def test_a_draft_is_written_in_two_steps(
    desk: Client, patient: Patient, iv: Protocol, nasal: Protocol
) -> None:
    address = f"/patients/{patient.pk}/orders/add/"
    make_protocol("old", name="Retired", is_active=False)
    choice = desk.get(address).content.decode()
    assert f'href="?protocol={iv.pk}"' in choice
    assert f'href="?protocol={nasal.pk}"' in choice
    assert "Retired" not in choice
    answer = desk.post(f"{address}?protocol={iv.pk}", typed(note="slowly"))
    assert (answer.status_code, answer["Location"]) == (302, f"/patients/{patient.pk}/")
    order = Order.objects.get()
    assert (order.protocol, order.state, order.dose, order.weight_kg, order.sessions, order.note) == (
        iv,
        "draft",
        "0.5 mg/kg",
        Decimal("70.0"),
        6,
        "slowly",
    )


def test_the_form_begins_with_the_protocols_defaults(desk: Client, patient: Patient, nasal: Protocol) -> None:
    form = desk.get(f"/patients/{patient.pk}/orders/add/").context["form"]
    assert {name: form[name].value() for name in ("stage", "sessions", "valid_from", "valid_until")} == {
        "stage": "induction",
        "sessions": 8,
        "valid_from": TODAY,
        "valid_until": TODAY + timedelta(days=90),
    }
    assert [label for _value, label in form.fields["dose_amount"].choices] == [
        "Choose a dose",
        "56 mg",
        "84 mg",
    ]
    assert "weight_kg" not in form.fields


def test_an_order_begins_on_the_patients_own_day(desk: Client) -> None:
    make_protocol()
    patient = make_patient(make_location(zone="Pacific/Kiritimati"))
    form = desk.get(f"/patients/{patient.pk}/orders/add/").context["form"]
    assert form["valid_from"].value() == date(2026, 1, 6)


def test_after_the_first_stage_comes_the_follow_up(desk: Client, patient: Patient, iv: Protocol) -> None:
    make_order(patient, iv)
    form = desk.get(f"/patients/{patient.pk}/orders/add/").context["form"]
    assert form["stage"].value() == "follow_up"


def test_a_dose_in_mg_comes_from_the_list(desk: Client, patient: Patient, nasal: Protocol) -> None:
    address = f"/patients/{patient.pk}/orders/add/?protocol={nasal.pk}"
    for amount in ("", "55", "0.5", LONG):
        assert list(desk.post(address, typed(dose_amount=amount)).context["form"].errors) == ["dose_amount"]
    desk.post(address, typed(dose_amount="84"))
    order = Order.objects.get()
    assert (order.dose, order.weight_kg) == ("84 mg", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dose_amount", ""),
        ("dose_amount", "0"),
        ("dose_amount", "-1"),
        ("dose_amount", "0.555"),
        ("dose_amount", "99999"),
        ("dose_amount", "NaN"),
        ("dose_amount", "1e9"),
        ("dose_amount", LONG),
        ("weight_kg", ""),
        ("weight_kg", "0"),
        ("weight_kg", "700"),
        ("sessions", "0"),
        ("sessions", "101"),
        ("sessions", "1" * 5000),
        ("stage", "third"),
        ("valid_from", "yesterday"),
        ("valid_until", "2026-01-04"),
        ("valid_until", "99999-01-01"),
        ("note", LONG),
    ],
)
def test_bad_input_is_explained_next_to_its_field_and_kept(
    desk: Client, patient: Patient, iv: Protocol, field: str, value: str
) -> None:
    answer = desk.post(f"/patients/{patient.pk}/orders/add/", typed(note="kept") | {field: value})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    if field != "note":
        assert 'value="kept"' in answer.content.decode()
    assert not Order.objects.exists()


def test_an_order_that_would_end_in_the_past_is_explained_next_to_its_end(
    desk: Client, patient: Patient, iv: Protocol
) -> None:
    past = typed(valid_from="2025-01-01", valid_until="2025-02-01")
    form = desk.post(f"/patients/{patient.pk}/orders/add/", past).context["form"]
    assert form.errors == {"valid_until": ["The order would end in the past."]}


def test_a_second_open_order_is_refused_and_what_was_typed_is_kept(
    desk: Client, patient: Patient, iv: Protocol
) -> None:
    make_order(patient, iv)
    answer = desk.post(f"/patients/{patient.pk}/orders/add/", typed(note="kept"))
    page = answer.content.decode()
    assert "This patient already has an open order for this protocol and stage." in page
    assert 'value="kept"' in page


def test_a_nul_is_refused(desk: Client, patient: Patient, iv: Protocol) -> None:
    assert desk.post(f"/patients/{patient.pk}/orders/add/", typed(note="a\x00b")).status_code == 400


@pytest.mark.parametrize("protocol", ["", "0", "x", "-1", "²", str(HUGE), "1" * 5000])
def test_an_unknown_protocol_asks_again(desk: Client, patient: Patient, iv: Protocol, protocol: str) -> None:
    for answer in (
        desk.get(f"/patients/{patient.pk}/orders/add/", {"protocol": protocol}),
        desk.post(f"/patients/{patient.pk}/orders/add/?protocol={protocol}", typed()),
    ):
        assert answer.status_code == 200
        assert "Which protocol?" in answer.content.decode()
    assert not Order.objects.exists()


def test_an_old_version_leads_to_the_current_one(desk: Client, patient: Patient) -> None:
    old = make_protocol("iv", is_current=False)
    new = make_protocol("iv", version=2)
    desk.post(f"/patients/{patient.pk}/orders/add/?protocol={old.pk}", typed())
    assert Order.objects.get().protocol == new


def test_a_protocol_retired_meanwhile_keeps_what_was_typed(
    desk: Client, patient: Patient, iv: Protocol
) -> None:
    retired = make_protocol(is_active=False)
    answer = desk.post(f"/patients/{patient.pk}/orders/add/?protocol={retired.pk}", typed(note="kept"))
    page = answer.content.decode()
    assert "no longer ordered" in page
    assert 'value="kept"' in page


def test_without_any_protocol_the_page_says_so(desk: Client, patient: Patient) -> None:
    assert "No protocol is in use." in desk.get(f"/patients/{patient.pk}/orders/add/").content.decode()


def test_a_draft_is_edited(desk: Client, patient: Patient, iv: Protocol, nasal: Protocol) -> None:
    order = make_order(patient, iv, signed=False, valid_until=TODAY + timedelta(days=30))
    form = desk.get(f"/orders/{order.pk}/edit/").context["form"]
    assert form["dose_amount"].value() == "0.5"
    assert desk.post(f"/orders/{order.pk}/edit/", typed(dose_amount="0.75")).status_code == 302
    order.refresh_from_db()
    assert (order.dose, order.valid_until) == ("0.75 mg/kg", date(2026, 4, 5))
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "read_patient",
        "edit_draft",
    ]


def test_a_draft_moves_to_another_protocol_and_its_dose_is_asked_again(
    desk: Client, patient: Patient, iv: Protocol, nasal: Protocol
) -> None:
    order = make_order(patient, iv, signed=False)
    assert "Which protocol?" in desk.get(f"/orders/{order.pk}/edit/?protocol=").content.decode()
    form = desk.get(f"/orders/{order.pk}/edit/?protocol={nasal.pk}").context["form"]
    assert form["dose_amount"].value() is None
    desk.post(f"/orders/{order.pk}/edit/?protocol={nasal.pk}", typed(dose_amount="56"))
    order.refresh_from_db()
    assert (order.protocol, order.regimen, order.dose, order.weight_kg) == (nasal, "nasal", "56 mg", None)


def test_a_signed_order_is_not_edited(desk: Client, patient: Patient, iv: Protocol) -> None:
    order = make_order(patient, iv)
    answer = desk.post(f"/orders/{order.pk}/edit/", typed(dose_amount="0.9"))
    assert answer["Location"] == f"/patients/{patient.pk}/"
    assert said(answer) == ["Only a draft can be changed. This order is signed."]
    order.refresh_from_db()
    assert order.dose == "0.5 mg/kg"
