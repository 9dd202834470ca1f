"""Sending against a scripted mail server: down, slow, refusing, dropping. Nothing is lost, nobody waits for others."""

import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from scheduling.core.words import AlertKind, AttemptOutcome, Channel, MessageKind, MessageState
from scheduling.models import Alert, Attempt, Message, Patient
from scheduling.services import delivery
from scheduling.services.appointments import Canceller, cancel_appointment
from scheduling.services.delivery import deliver
from scheduling.services.ledger import write
from scheduling.services.patients import revoke_consent
from tests.factories import NOW, make_patient
from tests.mail_server import MailServer, free_port
from tests.services.clinics import COURSE, Clinic

from .conftest import agree

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def messages(clinic: Clinic, settings: Any) -> list[Message]:
    """A new link for each of four patients, all due now."""
    patients = [agree(make_patient(clinic.location, email=f"p{n}@example.org")) for n in range(4)]
    return [
        write(kind=MessageKind.NEW_LINK, patient=patient, subject=patient, revision=1, now=NOW, due_at=NOW)
        for patient in patients
    ]


def states() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("state", flat=True))


def everything(now: datetime) -> None:
    while deliver(now):
        pass


def test_every_message_arrives_once_with_its_message_id(
    server: MailServer, messages: Sequence[Message]
) -> None:
    assert deliver(NOW) == 4
    assert states() == ["sent"] * 4
    assert server.script.recipients == [f"p{n}@example.org" for n in range(4)]
    expected = [f"<{message.uid}.1@127.0.0.1>" for message in messages]
    assert [mail["Message-ID"] for mail in server.script.received] == expected
    assert deliver(NOW) == 0


def test_a_server_that_is_down_loses_nothing(settings: Any, messages: Sequence[Message]) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", free_port(), 1
    assert deliver(NOW) == 1
    assert states() == ["waiting"] * 4
    assert Attempt.objects.get().outcome == AttemptOutcome.DELAYED
    assert not Message.objects.exclude(lease_token="").exists()
    assert deliver(NOW + 30 * timedelta(seconds=1)) == 0

    up = MailServer.start()
    settings.EMAIL_PORT = up.port
    try:
        assert deliver(NOW + MINUTE) == 4
        assert len(up.script.received) == 4
    finally:
        up.stop()


def test_a_stalling_server_is_left_after_one_timeout(server: MailServer, messages: Sequence[Message]) -> None:
    server.script.stall_seconds = 3
    assert deliver(NOW) == 1
    assert states() == ["waiting"] * 4
    server.script.stall_seconds = 0
    assert deliver(NOW + MINUTE) == 4


def test_one_refused_address_delays_nobody_and_makes_an_alert(
    server: MailServer, messages: Sequence[Message]
) -> None:
    server.script.rcpt = {"p1@example.org": "550 no such user p1@example.org"}
    assert deliver(NOW) == 4
    assert states() == ["sent", "failed", "sent", "sent"]
    refused = Attempt.objects.get(outcome=AttemptOutcome.REFUSED)
    assert (refused.code, refused.detail) == (550, "no such user …")
    alert = Alert.objects.get()
    assert (alert.kind, alert.patient_id) == (AlertKind.MESSAGE_FAILED, messages[1].patient_id)


def test_a_mailbox_that_refuses_all_is_one_thing_to_see_to(
    server: MailServer, clinic: Clinic, ada: Patient
) -> None:
    clinic.book(clinic.order(ada))
    server.script.rcpt = {"ada@example.org": "550 no such user"}
    assert deliver(NOW) == 7
    assert Message.objects.filter(state=MessageState.FAILED).count() == 7
    assert Alert.objects.filter(kind=AlertKind.MESSAGE_FAILED).count() == 1


def test_a_busy_mailbox_is_tried_again_ever_more_slowly(
    server: MailServer, messages: Sequence[Message]
) -> None:
    server.script.rcpt = {"p1@example.org": "451 later"}
    assert deliver(NOW) == 4
    message = Message.objects.get(pk=messages[1].pk)
    assert (message.state, message.due_at, message.tries) == (MessageState.WAITING, NOW + MINUTE, 1)
    assert deliver(NOW + MINUTE) == 1
    message.refresh_from_db()
    assert (message.due_at, message.tries) == (NOW + 6 * MINUTE, 2)
    server.script.rcpt = {}
    assert deliver(NOW + 6 * MINUTE) == 1
    assert states() == ["sent"] * 4


def test_a_mailbox_that_stays_busy_is_given_up_after_two_days(
    server: MailServer, messages: Sequence[Message]
) -> None:
    server.script.rcpt = {"p1@example.org": "451 later"}
    now = NOW
    while Message.objects.filter(state=MessageState.WAITING).exists():
        deliver(now)
        now += timedelta(hours=4)
    message = Message.objects.get(pk=messages[1].pk)
    assert message.state == MessageState.FAILED
    assert timedelta(days=2) < now - NOW < timedelta(days=3)


@pytest.mark.parametrize("answer", ["421 closing", None])
def test_a_server_that_hangs_up_is_asked_again_later(
    server: MailServer, messages: Sequence[Message], answer: str | None
) -> None:
    server.script.data = lambda envelope: answer
    assert deliver(NOW) == 1
    assert states() == ["waiting"] * 4
    server.script.data = lambda envelope: "250 taken"
    assert deliver(NOW + MINUTE) == 4
    assert len(server.script.received) == 4


def test_a_sender_that_the_server_refuses_is_no_fault_of_the_messages(
    server: MailServer, messages: Sequence[Message]
) -> None:
    server.script.sender = "553 sender not allowed"
    assert deliver(NOW) == 1
    assert states() == ["waiting"] * 4
    server.script.sender = ""
    assert deliver(NOW + MINUTE) == 4
    assert states() == ["sent"] * 4


def test_content_that_the_server_refuses_for_good_fails(
    server: MailServer, messages: Sequence[Message]
) -> None:
    server.script.data = lambda envelope: "554 looks like spam"
    assert deliver(NOW) == 4
    assert states() == ["failed"] * 4


def test_a_connection_lost_after_the_last_dot_may_send_twice_under_one_message_id(
    server: MailServer, messages: Sequence[Message]
) -> None:
    server.script.drop_after_data = {"p0@example.org"}
    everything(NOW)
    everything(NOW + MINUTE)
    ids = [mail["Message-ID"] for mail in server.script.received]
    assert len(ids) == 5
    assert len(set(ids)) == 4
    assert states() == ["sent"] * 4


def test_a_message_in_dead_hands_is_taken_over_once_the_lease_is_over(
    server: MailServer, messages: Sequence[Message], settings: Any
) -> None:
    delivery._claim(NOW, "dead")
    lease = timedelta(seconds=settings.LEASE_SECONDS)
    assert deliver(NOW + lease - timedelta(seconds=1)) == 0
    assert deliver(NOW + lease) == 4
    assert len(server.script.received) == 4


def test_a_worker_that_lost_its_lease_marks_nothing(
    server: MailServer, messages: Sequence[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = vars(delivery)["build"]

    def stolen(message: Message, rendered: Any) -> Any:
        Message.objects.filter(pk=message.pk).update(lease_token="another")
        return build(message, rendered)

    monkeypatch.setattr(delivery, "build", stolen)
    deliver(NOW)
    assert states() == ["waiting"] * 4


def test_asked_to_stop_it_gives_the_rest_back(server: MailServer, messages: Sequence[Message]) -> None:
    asked = iter([False, False, True])
    assert deliver(NOW, lambda: next(asked)) == 2
    assert states() == ["sent", "sent", "waiting", "waiting"]
    assert not Message.objects.exclude(lease_token="").exists()


def test_a_message_that_cannot_be_put_into_words_stops_no_other(
    server: MailServer, messages: Sequence[Message], caplog: pytest.LogCaptureFixture
) -> None:
    Message.objects.filter(pk=messages[1].pk).update(kind=MessageKind.REMINDER)
    assert deliver(NOW) == 4
    assert states() == ["sent", "failed", "sent", "sent"]
    assert f"Message {messages[1].pk} cannot be rendered." in caplog.text


def test_a_consent_that_ended_makes_it_a_task(server: MailServer, clinic: Clinic, ada: Patient) -> None:
    clinic.book(clinic.order(ada))
    revoke_consent(by=clinic.clerk, now=NOW, consent=ada.consents.get())
    everything(NOW)
    assert server.script.received == []
    told = Message.objects.filter(kind=MessageKind.CONFIRMATION).values_list("way", "state")
    assert sorted(told) == [("email", "dropped"), ("print", "to_do")]
    dropped = Message.objects.filter(kind=MessageKind.INVITATION, state=MessageState.DROPPED)
    assert dropped.count() == 6


def test_a_reminder_of_a_visit_cancelled_in_a_workers_hands_is_not_sent(
    server: MailServer, clinic: Clinic, ada: Patient
) -> None:
    clinic.book(clinic.order(ada))
    everything(NOW)
    server.script.received.clear()
    reminder = Message.objects.filter(kind=MessageKind.REMINDER).order_by("due_at")[0]
    # Claimed by a worker that died: the cancellation cannot drop it any more.
    delivery._claim(reminder.due_at, "dead")
    assert reminder.appointment
    visit = reminder.appointment
    cancel_appointment(by=clinic.clerk, now=reminder.due_at, appointment=visit, canceller=Canceller.PATIENT)
    everything(reminder.due_at + 10 * MINUTE)
    reminder.refresh_from_db()
    assert reminder.state == MessageState.DROPPED
    assert not any("Reminder" in mail["Subject"] for mail in server.script.received)


def test_the_reminder_leaves_the_day_before(server: MailServer, clinic: Clinic, ada: Patient) -> None:
    clinic.book(clinic.order(ada), COURSE[1:2])
    everything(NOW)
    server.script.received.clear()
    the_day_before = COURSE[1] - timedelta(days=1)
    assert deliver(the_day_before - MINUTE) == 0
    assert deliver(the_day_before) == 1
    [reminder] = server.script.received
    assert reminder["Subject"] == "Reminder of your appointment – Riverside Clinic"
    assert reminder["From"] == "Riverside Clinic <no-reply@localhost>"
    assert reminder["Auto-Submitted"] == "auto-generated"


def test_an_invitation_has_the_calendar_part_last_and_attached(
    server: MailServer, clinic: Clinic, ada: Patient
) -> None:
    visit = clinic.book(clinic.order(ada), COURSE[:1]).appointments.get()
    everything(NOW)
    invitation = server.script.received[1]
    assert invitation.get_content_type() == "multipart/mixed"
    body, attached = list(invitation.iter_parts())
    parts = list(body.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html", "text/calendar"]
    calendar = parts[-1]
    assert calendar.get_param("method") == "REQUEST"
    assert calendar.get_param("charset") == "utf-8"
    assert attached.get_filename() == "invite.ics"
    text = calendar.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert attached.get_payload(decode=True) == text
    unfolded = text.replace(b"\r\n ", b"").decode()
    assert "METHOD:REQUEST" in unfolded.split("BEGIN:VEVENT")[0]
    assert f"UID:{visit.uid}" in unfolded
    assert 'ORGANIZER;CN="Riverside Clinic":mailto:no-reply@localhost' in unfolded
    assert "mailto:ada@example.org" in unfolded
    assert "Example" not in unfolded


def test_a_patient_in_spanish_is_written_to_in_spanish(
    server: MailServer, clinic: Clinic, ada: Patient
) -> None:
    ada.language = "es"
    ada.save()
    clinic.book(clinic.order(ada), COURSE[:1])
    everything(NOW)
    assert server.script.received[0]["Subject"] == "Sus citas – Riverside Clinic"


def test_nothing_is_written_to_whoever_has_no_consent(clinic: Clinic) -> None:
    patient = make_patient(clinic.location)
    message = write(
        kind=MessageKind.NEW_LINK, patient=patient, subject=patient, revision=1, now=NOW, due_at=NOW
    )
    assert not patient.consents.filter(channel=Channel.EMAIL).exists()
    assert (message.state, message.way) == (MessageState.TO_DO, "print")


def test_booking_never_waits_for_the_mail_server(
    clinic: Clinic, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("booking asked for a connection")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(delivery, "get_connection", refuse)
    assert clinic.book(clinic.order(ada)).appointments.count() == 6
    waiting = Message.objects.filter(state=MessageState.WAITING, due_at=NOW)
    assert waiting.count() == 7
    with pytest.raises(AssertionError, match="asked for a connection"):
        deliver(NOW)
