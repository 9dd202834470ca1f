from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from scheduling.core.words import MessageKind, MessageState, MessageWay
from scheduling.models import (
    Appointment,
    AuditEntry,
    Location,
    Message,
    Patient,
)
from tests.factories import (
    NOW,
    book_one_course,
    make_message,
    make_order,
    make_patient,
    make_protocol,
    make_reminder,
    make_visits,
)
from tests.views.clients import HUGE, LONG, NUL, queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def patient(location: Location) -> Patient:
    return make_patient(location, last_name="Lee", first_name="Ada", mrn="M77", phone="+12125550111")


@pytest.fixture
def visit(patient: Patient) -> Appointment:
    return make_visits(make_order(patient, make_protocol()), [NOW + DAY]).appointments.get()


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def listed(client: Client, **asked: Any) -> list[Message]:
    answer = client.get("/messages/", asked)
    assert answer.status_code == 200
    return [row.message for row in answer.context["rows"]]


# --- the list ---


def test_the_page_opens_with_what_is_to_be_done_the_longest_due_first(desk: Client, patient: Patient) -> None:
    later = make_message(patient, way=MessageWay.PRINT, due_at=NOW + DAY)
    due = make_message(patient, way=MessageWay.CALL, due_at=NOW - HOUR)
    make_message(patient)
    assert listed(desk) == [due, later]
    page = text(desk.get("/messages/"))
    assert 'href="tel:+1-212-555-0111"' in page
    assert "2 messages" in page
    assert '<time class="due"' in page
    assert "from <time" in page


def test_tabs_show_what_waits_what_failed_and_everything(desk: Client, patient: Patient) -> None:
    late, soon = make_message(patient, due_at=NOW + DAY), make_message(patient, due_at=NOW + HOUR)
    failed = make_message(patient, state=MessageState.FAILED, reason="550 mailbox unavailable", tries=2)
    sent = make_message(patient, state=MessageState.SENT, due_at=NOW - HOUR)
    assert listed(desk, tab="waiting") == [soon, late]
    assert listed(desk, tab="failed") == [failed]
    assert listed(desk, tab="all") == [late, soon, failed, sent]
    page = text(desk.get("/messages/", {"tab": "failed"}))
    assert "550 mailbox unavailable" in page
    assert "2 tries" in page


def test_times_are_those_of_the_location(desk: Client) -> None:
    series = book_one_course(zone="America/Denver", starts=[NOW + timedelta(days=1, hours=4)])
    Message.objects.all().delete()
    make_reminder(series.appointments.get(), state=MessageState.SENT, sent_at=NOW)
    page = text(desk.get("/messages/", {"tab": "all"}))
    assert "Mon 5 Jan 2026, 06:00" in page
    assert str(series.location) in page


def test_messages_are_filtered_by_patient_state_and_kind(
    desk: Client, patient: Patient, location: Location
) -> None:
    other = make_patient(location, last_name="Kim")
    mine = make_message(patient, state=MessageState.SENT)
    check_in = make_message(patient, kind=MessageKind.CHECK_IN)
    theirs = make_message(other, state=MessageState.SENT)
    assert listed(desk, q="lee m77", state="sent") == [mine]
    assert listed(desk, patient=patient.pk) == [check_in, mine]
    assert listed(desk, patient=patient.pk, kind="check_in") == [check_in]
    assert listed(desk, state="sent") == [theirs, mine]
    assert listed(desk, tab="waiting", q="kim") == []
    assert listed(desk, tab="waiting", state="sent") == [check_in]


def test_an_empty_list_says_so(desk: Client, patient: Patient) -> None:
    assert "Nothing is to be done by hand." in text(desk.get("/messages/"))
    assert "No message matches." in text(desk.get("/messages/", {"q": "zz"}))


@pytest.mark.parametrize(
    "asked",
    [
        {"q": LONG[:2000]},
        {"kind": "zz"},
        {"state": "zz", "tab": "all"},
        {"tab": "zz"},
        {"patient": HUGE},
        {"patient": "x"},
        {"patient": "-1"},
    ],
)
def test_a_question_that_means_nothing_is_answered_in_words(
    desk: Client, patient: Patient, asked: dict[str, Any]
) -> None:
    make_message(patient)
    answer = desk.get("/messages/", asked)
    assert answer.status_code == 200
    assert 'class="field-error"' in answer.content.decode()
    assert answer.context["rows"] == []


def test_a_nul_is_refused(desk: Client) -> None:
    assert desk.get("/messages/", {"q": NUL}).status_code == 400


def test_fifty_stand_on_a_page_and_the_question_is_kept(desk: Client, patient: Patient) -> None:
    for _number in range(51):
        make_message(patient, way=MessageWay.CALL)
    first = desk.get("/messages/", {"q": "lee", "tab": "to_do"})
    assert len(first.context["rows"]) == 50
    assert "?q=lee&amp;tab=to_do&amp;page=2" in first.content.decode()
    assert len(listed(desk, q="lee", tab="to_do", page="2")) == 1
    assert len(listed(desk, tab="to_do", page="99999999999999999999")) == 1


def test_the_list_takes_the_same_queries_for_one_and_for_many(desk: Client, location: Location) -> None:
    def add() -> None:
        patient = make_patient(location)
        visit = make_visits(make_order(patient, make_protocol()), [NOW + DAY]).appointments.get()
        for way in MessageWay:
            make_reminder(visit, way=way)

    add()
    asked = [f"/messages/?tab={tab}" for tab in ("to_do", "waiting", "all")]
    one = [queries(desk, address) for address in asked]
    for _number in range(5):
        add()
    assert (one, [queries(desk, address) for address in asked]) == ([5, 5, 5], [5, 5, 5])


def test_reading_writes_nothing_but_who_read(desk: Client, visit: Appointment) -> None:
    def rows() -> dict[str, list[Any]]:
        models = [model for model in apps.get_app_config("scheduling").get_models() if model != AuditEntry]
        return {model.__name__: list(model._base_manager.order_by("pk").values()) for model in models}

    message = make_reminder(visit, way=MessageWay.PRINT)
    before = rows()
    for address in ("", f"{message.pk}/", f"{message.pk}/print/"):
        assert desk.get(f"/messages/{address}").status_code == 200
    assert rows() == before
    reads = AuditEntry.objects.filter(action="read_patient", patient=visit.patient)
    assert reads.count() == 2


# --- the patient's page ---


def test_a_patients_page_shows_the_last_messages_and_leads_to_all(desk: Client, patient: Patient) -> None:
    for number in range(6):
        make_message(patient, state=MessageState.SENT, due_at=NOW - HOUR * number)
    answer = desk.get(f"/patients/{patient.pk}/")
    assert len(answer.context["last_messages"]) == 5
    assert f'href="/messages/?patient={patient.pk}"' in answer.content.decode()
    assert len(listed(desk, patient=patient.pk)) == 6


def test_the_top_bar_leads_to_the_messages(desk: Client) -> None:
    assert 'href="/messages/"' in desk.get("/patients/").content.decode()
