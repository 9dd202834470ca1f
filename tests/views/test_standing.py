from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from scheduling.core.words import MessageKind, OrderState, Role, Standing, Status
from scheduling.models import Appointment, AuditEntry, Message, Patient
from scheduling.services.links import token
from scheduling.services.standing import end_patient, pause_patient
from tests.factories import NOW, actor, agree_to_email, make_patient, make_staff, treat
from tests.services.clinics import Clinic
from tests.views.clients import HUGE, LONG, logged_in, said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    patient = make_patient(clinic.location)
    agree_to_email(patient)
    return patient


def page(client: Client, patient: Patient, way: str = "standing/") -> str:
    return client.get(f"/patients/{patient.pk}/{way}").content.decode()


def record(client: Client, patient: Patient, **values: Any) -> Any:
    return client.post(f"/patients/{patient.pk}/standing/", values)


def test_it_says_beforehand_what_stops_and_who_is_told(
    desk: Client, clinic: Clinic, patient: Patient
) -> None:
    clinic.book(clinic.order(patient))
    shown = " ".join(page(desk, patient).split())
    assert "<strong>6 booked visits</strong> are cancelled" in shown
    assert "one cancellation by e-mail" in shown
    assert "one closing message by e-mail" in shown
    assert "nothing is sent, on no channel" in shown
    assert "1 open order is withdrawn" in shown


def test_with_nothing_booked_a_pause_is_told_to_nobody(desk: Client, patient: Patient) -> None:
    shown = page(desk, patient)
    assert "No visit is booked." in shown
    assert "nothing, since no visit is booked" in shown


def test_looking_changes_nothing(desk: Client, clinic: Clinic, patient: Patient) -> None:
    clinic.book(clinic.order(patient))
    before = AuditEntry.objects.count()
    page(desk, patient)
    assert list(AuditEntry.objects.order_by("pk")[before:].values_list("action", flat=True)) == [
        "read_patient"
    ]
    assert Appointment.objects.filter(status=Status.BOOKED).count() == 6


def test_a_pause_leads_back_to_the_patient_with_a_banner(
    desk: Client, clinic: Clinic, patient: Patient
) -> None:
    order = clinic.order(patient)
    answer = record(desk, patient, standing="paused", until="2026-03-02", reason="abroad")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/patients/{patient.pk}/")
    assert said(answer) == ["It is on record, and what was booked is cancelled."]
    shown = " ".join(page(desk, patient, "").split())
    assert "Paused until Mon 2 Mar 2026" in shown
    assert f"/patients/{patient.pk}/reopen/" in shown
    for hidden in (f"/book/?order={order.pk}", "/orders/add/", "Show link"):
        assert hidden not in shown
    assert "paused" in desk.get("/patients/").content.decode()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "This field is required."),
        ({"standing": "paused"}, "Until when is the treatment paused?"),
        ({"standing": "paused", "until": "2026-01-05"}, "A pause ends in the future."),
        ({"standing": "paused", "until": "2028-01-01"}, "A pause lasts a year at most."),
        ({"standing": "paused", "until": "soon"}, "Enter a valid date."),
        ({"standing": "active"}, "Select a valid choice."),
        ({"standing": "finished", "reason": LONG}, "at most 200 characters"),
    ],
)
def test_what_is_wrong_is_said_next_to_it_and_nothing_is_lost(
    desk: Client, patient: Patient, values: dict[str, str], words: str
) -> None:
    answer = record(desk, patient, **values)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    patient.refresh_from_db()
    assert patient.standing == Standing.ACTIVE


def test_a_death_is_confirmed_a_second_time(desk: Client, clinic: Clinic, patient: Patient) -> None:
    clinic.book(clinic.order(patient))
    assert "died_confirmed" not in page(desk, patient)
    asked = record(desk, patient, standing="died", reason="her sister called").content.decode()
    assert "Nothing is recorded yet." in asked
    assert "Record the death" in asked
    assert "her sister called" in asked
    patient.refresh_from_db()
    assert patient.standing == Standing.ACTIVE
    assert record(desk, patient, standing="died", died_confirmed="on").status_code == 302
    patient.refresh_from_db()
    assert patient.standing == Standing.DIED
    assert not Message.objects.pending().exists()


def test_while_a_visit_is_under_way_it_is_refused_with_its_name(
    desk: Client, clinic: Clinic, patient: Patient
) -> None:
    visit = clinic.book(clinic.order(patient)).appointments.order_by("number")[0]
    treat(visit, is_open=True)
    shown = record(desk, patient, standing="finished").content.decode()
    assert "Visit 1 of Tue 6 Jan is under way. Close it first." in shown


def test_every_page_that_books_orders_or_plans_says_so_too(
    desk: Client, clinic: Clinic, patient: Patient
) -> None:
    pause_patient(by=clinic.clerk, now=NOW, patient=patient, until=date(2026, 2, 1))
    for way in ("book/", "orders/add/", "plan/", ""):
        assert page(desk, patient, way).count("<strong>\n        Paused until Sun 1 Feb 2026") == 1, way


def test_reopening_says_what_does_not_come_back(desk: Client, clinic: Clinic, patient: Patient) -> None:
    order = clinic.order(patient)
    end_patient(by=clinic.clerk, now=NOW, patient=patient, standing=Standing.FINISHED)
    shown = page(desk, patient, "reopen/")
    assert "Only the record comes back." in shown
    answer = desk.post(f"/patients/{patient.pk}/reopen/")
    assert said(answer) == ["The record is open again. Visits can be booked."]
    patient.refresh_from_db()
    order.refresh_from_db()
    assert (patient.standing, order.state) == (Standing.ACTIVE, OrderState.WITHDRAWN)
    again = desk.post(f"/patients/{patient.pk}/reopen/")
    assert said(again)[-1] == "This patient is treated here; there is nothing to reopen."


def test_an_ended_patient_can_be_recorded_as_dead_but_the_dead_only_reopened(
    desk: Client, clinic: Clinic, patient: Patient
) -> None:
    end_patient(by=clinic.clerk, now=NOW, patient=patient, standing=Standing.MOVED)
    shown = page(desk, patient)
    assert 'value="paused"' not in shown
    assert 'value="moved"' not in shown
    assert record(desk, patient, standing="died", died_confirmed="on").status_code == 302
    assert "The death of this patient is on record." in page(desk, patient)
    assert record(desk, patient, standing="finished").status_code == 200


def test_a_link_is_not_handed_out_meanwhile(desk: Client, clinic: Clinic, patient: Patient) -> None:
    series = clinic.book(clinic.order(patient))
    pause_patient(by=clinic.clerk, now=NOW, patient=patient, until=date(2026, 2, 1))
    answer = desk.post(f"/patients/{patient.pk}/link/")
    assert said(answer) == ["This patient is paused until 1 Feb 2026. Reopen the record first."]
    assert desk.post(f"/series/{series.pk}/print/").status_code == 302
    assert not patient.links.filter(revoked_at=None).exists()


def test_the_patients_own_link_and_feed_are_closed(clinic: Clinic, patient: Patient) -> None:
    clinic.book(clinic.order(patient))
    link = patient.links.get()
    browser = Client()
    assert browser.get(f"/v/{token(link)}/").status_code == 302
    end_patient(by=clinic.clerk, now=NOW, patient=patient, standing=Standing.STOPPED)
    assert browser.get("/my/").status_code != 200
    assert Client().get(f"/v/{token(link)}/").status_code == 404


@pytest.mark.parametrize("way", ["standing", "reopen"])
def test_nobody_is_found_under_a_made_up_number(desk: Client, way: str) -> None:
    assert desk.get(f"/patients/{HUGE}/{way}/").status_code == 404
    assert desk.get(f"/patients/999999/{way}/").status_code == 404


def test_a_manager_looks_at_the_banner_and_changes_nothing(clinic: Clinic, patient: Patient) -> None:
    pause_patient(by=clinic.clerk, now=NOW, patient=patient, until=date(2026, 2, 1))
    manager = logged_in(Role.MANAGER)
    shown = page(manager, patient, "")
    assert "Paused until" in shown
    assert "/reopen/" not in shown
    assert manager.post(f"/patients/{patient.pk}/reopen/").status_code == 403


def test_the_closing_message_is_read_on_the_ledger_page(
    desk: Client, clinic: Clinic, patient: Patient
) -> None:
    clinic.book(clinic.order(patient))
    end_patient(by=actor(make_staff(Role.NURSE)), now=NOW, patient=patient, standing=Standing.FINISHED)
    closing = Message.objects.get(kind=MessageKind.CLOSING)
    shown = desk.get(f"/messages/{closing.pk}/").content.decode()
    assert "Your appointments with us have come to an end." in shown
    assert (closing.made_at, closing.due_at) == (NOW, NOW)
    assert Message.objects.filter(due_at__gt=NOW + timedelta(days=1)).pending().count() == 0
