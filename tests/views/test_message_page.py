from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from scheduling.core.words import AttemptOutcome, LinkPurpose, MessageKind, MessageState, MessageWay, Role
from scheduling.models import (
    AccessLink,
    Appointment,
    Attempt,
    CheckIn,
    Location,
    Message,
    Patient,
)
from scheduling.services.links import token
from tests.factories import (
    NOW,
    agree_to_email,
    book_one_course,
    make_order,
    make_patient,
    make_protocol,
    make_reminder,
    make_visits,
)
from tests.views.clients import HUGE, LONG, logged_in, said

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


# --- one message ---


def test_a_call_shows_its_words_without_the_patients_key(desk: Client) -> None:
    series = book_one_course(1)
    Patient.objects.update(phone="+12125550111")
    link = AccessLink.objects.get(patient=series.patient, purpose=LinkPurpose.VISITS)
    visit = series.appointments.get()
    Message.objects.all().delete()
    call = make_reminder(visit, way=MessageWay.CALL)
    page = text(desk.get(f"/messages/{call.pk}/"))
    assert "What to say" in page
    assert "We look forward to seeing you: Tuesday, January 6, 2026" in page
    assert 'href="tel:+1-212-555-0111"' in page
    assert token(link) not in page
    assert "/v/***" in page


def test_a_check_in_by_phone_leads_to_its_questions(desk: Client, visit: Appointment) -> None:
    check_in = CheckIn.objects.create(
        appointment=visit, patient=visit.patient, offset_hours=4, due_at=NOW, closes_at=NOW + DAY
    )
    call = make_reminder(visit, kind=MessageKind.CHECK_IN, way=MessageWay.CALL, check_in=check_in)
    for address in ("/messages/", f"/messages/{call.pk}/"):
        assert f'href="/check-ins/{check_in.pk}/"' in desk.get(address).content.decode()


def test_a_sent_message_shows_what_it_said_and_every_try(desk: Client, visit: Appointment) -> None:
    sent = make_reminder(visit, state=MessageState.SENT)
    Attempt.objects.create(
        message=sent, at=NOW - HOUR, outcome=AttemptOutcome.DELAYED, code=451, detail="Greylisted"
    )
    Attempt.objects.create(
        message=sent, at=NOW, outcome=AttemptOutcome.SENT, subject="As told", text="Dear <Ada>,\nthen."
    )
    page = text(desk.get(f"/messages/{sent.pk}/"))
    for words in ("451", "Greylisted", "As it was sent: As told", "Dear &lt;Ada&gt;, then.", "08:00"):
        assert words in page, words


def test_an_invitation_lists_its_calendar_part(desk: Client) -> None:
    series = book_one_course(1)
    visit = series.appointments.get()
    invitation = make_reminder(visit, kind=MessageKind.INVITATION)
    page = text(desk.get(f"/messages/{invitation.pk}/"))
    assert "invite.ics" in page
    assert "request for the calendar" in page


def test_a_dropped_message_says_why_and_offers_nothing(desk: Client, visit: Appointment) -> None:
    dropped = make_reminder(visit, state=MessageState.DROPPED, reason="The visit was moved.", revision=7)
    page = text(desk.get(f"/messages/{dropped.pk}/"))
    assert "The visit was moved." in page
    assert not any(f"/messages/{dropped.pk}/{act}/" in page for act in ("resend", "done", "drop"))


@pytest.mark.parametrize(
    ("fields", "offered"),
    [
        ({}, {"drop"}),
        ({"state": MessageState.SENT}, {"resend"}),
        ({"state": MessageState.FAILED}, {"resend", "done", "drop"}),
        ({"way": MessageWay.CALL}, {"done", "drop"}),
        ({"way": MessageWay.PRINT}, {"done", "drop", "print"}),
        ({"way": MessageWay.CALL, "state": MessageState.DONE}, set()),
    ],
)
def test_each_state_offers_what_can_be_done(
    desk: Client, visit: Appointment, fields: dict[str, Any], offered: set[str]
) -> None:
    message = make_reminder(visit, **fields)
    acts = ("resend", "done", "drop", "print")
    page = text(desk.get(f"/messages/{message.pk}/"))
    assert {act for act in acts if f"/messages/{message.pk}/{act}/" in page} == offered
    seen = text(logged_in(Role.MANAGER).get(f"/messages/{message.pk}/"))
    assert not any(f"/messages/{message.pk}/{act}/" in seen for act in acts)


def test_what_has_nothing_to_say_any_more_is_not_offered_to_be_sent(desk: Client, visit: Appointment) -> None:
    failed = make_reminder(visit, state=MessageState.FAILED, revision=7)
    page = text(desk.get(f"/messages/{failed.pk}/"))
    assert "It has nothing to say any more" in page
    assert f"/messages/{failed.pk}/resend/" not in page
    assert f"/messages/{failed.pk}/done/" in page


def test_a_message_that_is_not_there_is_a_404(desk: Client) -> None:
    for address in ("999999/", f"{HUGE}/", "999999/print/"):
        assert desk.get(f"/messages/{address}").status_code == 404
    assert desk.post("/messages/999999/resend/").status_code == 404


# --- print ---


def test_a_print_is_in_the_patients_language_with_their_own_link(desk: Client) -> None:
    series = book_one_course(1)
    Patient.objects.update(language="es")
    printed = Message.objects.get(series=series, kind=MessageKind.CONFIRMATION)
    link = AccessLink.objects.get(patient=series.patient, purpose=LinkPurpose.VISITS)
    page = text(desk.get(f"/messages/{printed.pk}/print/"))
    assert '<article class="panel sheet" lang="es">' in page
    assert token(link) in page
    assert "data-print" in page


def test_there_is_nothing_to_print_of_what_is_no_longer_true(desk: Client, visit: Appointment) -> None:
    gone = make_reminder(visit, way=MessageWay.PRINT, revision=visit.sequence + 1)
    answer = desk.get(f"/messages/{gone.pk}/print/")
    assert answer["Location"] == f"/messages/{gone.pk}/"
    assert said(answer) == ["There is nothing to print."]


# --- doing ---


def test_a_task_is_ticked_off_in_the_list(desk: Client, visit: Appointment) -> None:
    call = make_reminder(visit, way=MessageWay.CALL)
    answer = desk.post(f"/messages/{call.pk}/done/", {"back": "list"})
    assert (answer.status_code, answer["Location"]) == (302, "/messages/")
    assert said(answer) == ["Reminder for Lee, Ada is done."]
    call.refresh_from_db()
    assert call.state == MessageState.DONE


def test_a_task_is_ticked_off_with_a_note_and_once(desk: Client, visit: Appointment) -> None:
    call = make_reminder(visit, way=MessageWay.CALL)
    address = f"/messages/{call.pk}/done/"
    assert desk.post(address, {"note": "Left word"})["Location"] == f"/messages/{call.pk}/"
    assert call.attempts.get().detail == "Left word"
    [words] = said(desk.post(address))[1:]
    assert words.startswith("Lee, Ada: ")
    assert words.endswith(" has already done it.")


def test_a_note_that_is_too_long_stays_typed_with_words_beside_it(desk: Client, visit: Appointment) -> None:
    call = make_reminder(visit, way=MessageWay.CALL)
    answer = desk.post(f"/messages/{call.pk}/done/", {"note": LONG[:300]})
    assert answer.status_code == 200
    assert "at most 200 characters" in text(answer)
    assert LONG[:300] in text(answer)
    call.refresh_from_db()
    assert call.state == MessageState.TO_DO


def test_a_message_is_dropped_with_a_reason_alone(desk: Client, visit: Appointment) -> None:
    waiting = make_reminder(visit)
    address = f"/messages/{waiting.pk}/drop/"
    assert "Say why it is not to be sent." in text(desk.post(address, {"reason": "  "}))
    answer = desk.post(address, {"reason": "Told at the desk"})
    assert answer["Location"] == f"/messages/{waiting.pk}/"
    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason) == (MessageState.DROPPED, "Told at the desk")
    again = text(desk.post(address, {"reason": "Once more"}))
    assert "It was dropped already: Told at the desk" in again
    assert 'value="Once more"' in again


def test_a_message_is_sent_again_or_says_why_not(desk: Client, visit: Appointment) -> None:
    sent = make_reminder(visit, state=MessageState.SENT)
    address = f"/messages/{sent.pk}/resend/"
    words = "The patient has no e-mail address or has not agreed to e-mail. Call instead."
    assert said(desk.post(address)) == [words]
    agree_to_email(visit.patient)
    assert said(desk.post(address))[-1:] == ["The message to Lee, Ada is sent again."]
    sent.refresh_from_db()
    assert (sent.state, sent.round, sent.due_at) == (MessageState.WAITING, 2, NOW)
