from datetime import timedelta

import pytest

from scheduling.access import Actor, NotAllowed
from scheduling.core.words import (
    AlertKind,
    AttemptOutcome,
    CheckInState,
    MessageKind,
    MessageState,
    MessageWay,
    Role,
    Status,
)
from scheduling.models import Alert, Appointment, AuditEntry, CheckIn, Message, Patient, Series
from scheduling.services.alerts import raise_alert
from scheduling.services.course_messages import last_told
from scheduling.services.faults import Refused
from scheduling.services.mail import message_id
from scheduling.services.message_handling import (
    drop_message,
    drop_untrue_tasks,
    finish_task,
    resend_message,
)
from tests.factories import (
    NOW,
    actor,
    agree_to_email,
    book_one_course,
    make_message,
    make_reminder,
    make_staff,
)

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def series() -> Series:
    return book_one_course(2)


@pytest.fixture
def visit(series: Series) -> Appointment:
    return series.appointments.order_by("starts_at")[0]


def task(visit: Appointment, **fields: object) -> Message:
    return make_reminder(visit, way=MessageWay.CALL, **fields)


def acts(message: Message) -> list[str]:
    rows = AuditEntry.objects.filter(subject="message", subject_id=message.pk).order_by("pk")
    return list(rows.values_list("action", flat=True))


def refusal(call: object, **arguments: object) -> str:
    with pytest.raises(Refused) as refused:
        call(**arguments)  # type: ignore[operator]
    return refused.value.code


# --- send again ---


@pytest.mark.parametrize("state", [MessageState.SENT, MessageState.FAILED])
def test_a_sent_or_failed_mail_waits_again_under_a_message_id_of_its_own(
    clerk: Actor, visit: Appointment, state: MessageState
) -> None:
    agree_to_email(visit.patient)
    sent = make_reminder(visit, state=state, tries=3, reason="550 no such mailbox")
    before = message_id(sent)
    again = resend_message(by=clerk, now=LATER, message=sent)
    again.refresh_from_db()
    assert (again.state, again.round, again.tries) == (MessageState.WAITING, 2, 0)
    assert (again.due_at, again.sent_at, again.reason) == (LATER, None, "")
    assert message_id(again) != before
    assert list(Message.objects.due(LATER)) == [again]
    assert acts(again) == ["resend_message"]


def test_a_confirmation_is_sent_again_though_nothing_changed(clerk: Actor, series: Series) -> None:
    agree_to_email(series.patient)
    Message.objects.filter(series=series).exclude(kind=MessageKind.CONFIRMATION).delete()
    sent = Message.objects.get(series=series)
    told = {str(visit.pk): visit.starts_at.isoformat() for visit in series.appointments.all()}
    Message.objects.update(way=MessageWay.EMAIL, state=MessageState.SENT, sent_at=NOW, told=told)
    assert resend_message(by=clerk, now=LATER, message=sent).state == MessageState.WAITING


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"state": MessageState.DROPPED, "reason": "Replaced."}, "not_resendable"),
        ({"state": MessageState.WAITING}, "not_resendable"),
        ({"way": MessageWay.CALL, "state": MessageState.DONE}, "not_resendable"),
        ({"way": MessageWay.CALL}, "not_resendable"),
    ],
)
def test_nothing_else_is_sent_again(
    clerk: Actor, visit: Appointment, fields: dict[str, object], code: str
) -> None:
    agree_to_email(visit.patient)
    message = make_reminder(visit, **fields)
    before = Message.objects.values().get(pk=message.pk)
    assert refusal(resend_message, by=clerk, now=LATER, message=message) == code
    assert Message.objects.values().get(pk=message.pk) == before
    assert acts(message) == []


def test_an_invitation_sent_again_is_known_to_stand_in_the_calendar_meanwhile(
    clerk: Actor, visit: Appointment
) -> None:
    agree_to_email(visit.patient)
    sent = make_reminder(visit, kind=MessageKind.INVITATION, state=MessageState.SENT)
    failed = make_reminder(visit, kind=MessageKind.INVITATION, state=MessageState.FAILED)
    for message in (sent, failed):
        resend_message(by=clerk, now=LATER, message=message)
    assert list(Message.objects.filter(kind=MessageKind.INVITATION).maybe_sent()) == [sent]


def test_what_is_no_longer_true_is_not_sent_again(clerk: Actor, visit: Appointment) -> None:
    agree_to_email(visit.patient)
    sent = make_reminder(visit, state=MessageState.SENT)
    Appointment.objects.filter(pk=visit.pk).update(status=Status.CANCELLED_IN_TIME)
    with pytest.raises(Refused, match="The visit was moved, cancelled or has begun") as refused:
        resend_message(by=clerk, now=LATER, message=sent)
    sent.refresh_from_db()
    assert (refused.value.code, sent.state, sent.round) == ("no_longer_true", MessageState.SENT, 1)


def test_without_consent_nothing_is_sent_again(clerk: Actor, visit: Appointment) -> None:
    sent = make_reminder(visit, state=MessageState.SENT)
    assert refusal(resend_message, by=clerk, now=LATER, message=sent) == "no_email_consent"


def failure(message: Message, number: int = 1) -> Alert:
    alert = raise_alert(
        kind=AlertKind.MESSAGE_FAILED,
        key=f"message_failed:{message.pk}:{number}",
        patient=message.patient,
        location=message.patient.home_location,
        now=NOW,
    )
    assert alert
    return alert


def test_sending_again_or_telling_by_phone_takes_the_failure_off_the_attention_list(
    clerk: Actor, visit: Appointment
) -> None:
    agree_to_email(visit.patient)
    resent, told, other = (make_reminder(visit, state=MessageState.FAILED) for _ in range(3))
    alerts = [failure(message) for message in (resent, told, other)]
    resend_message(by=clerk, now=LATER, message=resent)
    finish_task(by=clerk, now=LATER, message=told, note="Reached her")
    assert [Alert.objects.get(pk=alert.pk).settled_at for alert in alerts] == [LATER, LATER, None]


# --- done by hand ---


def test_a_call_is_ticked_off_with_who_when_and_a_note(clerk: Actor, visit: Appointment) -> None:
    done = finish_task(by=clerk, now=LATER, message=task(visit), note="  Reached her husband ")
    done.refresh_from_db()
    attempt = done.attempts.get()
    assert (done.state, done.sent_at, done.done_by_id) == (MessageState.DONE, LATER, clerk.staff_id)
    assert (attempt.at, attempt.outcome, attempt.detail) == (
        LATER,
        AttemptOutcome.DONE,
        "Reached her husband",
    )
    assert acts(done) == ["finish_task"]


def test_what_was_handed_over_counts_as_told(clerk: Actor, series: Series) -> None:
    printed = Message.objects.get(series=series, kind=MessageKind.CONFIRMATION)
    assert (printed.way, last_told(series)) == (MessageWay.PRINT, None)
    finish_task(by=clerk, now=LATER, message=printed)
    visits = series.appointments.all()
    assert last_told(series) == {str(visit.pk): visit.starts_at.isoformat() for visit in visits}


def test_ticking_off_twice_is_refused_with_who_did_it(clerk: Actor, visit: Appointment) -> None:
    message = task(visit)
    finish_task(by=clerk, now=NOW, message=message)
    with pytest.raises(Refused, match="has already done it"):
        finish_task(by=clerk, now=LATER, message=message)
    assert message.attempts.count() == 1


@pytest.mark.parametrize("state", [MessageState.WAITING, MessageState.SENT, MessageState.DROPPED])
def test_a_mail_that_waits_or_has_ended_is_no_task(
    clerk: Actor, visit: Appointment, state: MessageState
) -> None:
    message = make_reminder(visit, state=state)
    assert refusal(finish_task, by=clerk, now=LATER, message=message) == "not_a_task"
    assert message.attempts.count() == 0


def test_a_call_recorded_after_the_visit_still_counts(clerk: Actor, visit: Appointment) -> None:
    done = finish_task(by=clerk, now=visit.ends_at, message=task(visit))
    assert done.state == MessageState.DONE


def test_a_check_in_asked_by_phone_counts_as_asked(clerk: Actor, visit: Appointment) -> None:
    check_in = CheckIn.objects.create(
        appointment=visit,
        patient=visit.patient,
        offset_hours=4,
        due_at=NOW,
        closes_at=NOW + timedelta(days=1),
    )
    message = task(visit, kind=MessageKind.CHECK_IN, check_in=check_in)
    finish_task(by=clerk, now=LATER, message=message)
    check_in.refresh_from_db()
    assert (check_in.state, check_in.asked_at) == (CheckInState.ASKED, LATER)


def test_a_red_flag_that_failed_is_not_told_by_phone(clerk: Actor, patient: Patient) -> None:
    flag = make_message(
        patient, kind=MessageKind.RED_FLAG, staff=make_staff(Role.NURSE), state=MessageState.FAILED
    )
    assert refusal(finish_task, by=clerk, now=LATER, message=flag) == "not_a_task"


# --- dropped ---


def test_what_waits_is_dropped_with_a_reason(clerk: Actor, visit: Appointment) -> None:
    for message in (make_reminder(visit), task(visit)):
        dropped = drop_message(by=clerk, now=LATER, message=message, reason=" Told at the desk ")
        dropped.refresh_from_db()
        assert (dropped.state, dropped.reason) == (MessageState.DROPPED, "Told at the desk")
        assert acts(dropped) == ["drop_message"]


def test_dropping_needs_a_reason_and_something_that_waits(clerk: Actor, visit: Appointment) -> None:
    waiting = make_reminder(visit)
    assert refusal(drop_message, by=clerk, now=NOW, message=waiting, reason="  ") == "no_reason"
    for state in (MessageState.SENT, MessageState.DROPPED):
        ended = make_reminder(visit, state=state)
        assert refusal(drop_message, by=clerk, now=NOW, message=ended, reason="x") == "not_pending"


def test_a_failed_message_is_taken_off_with_a_reason(clerk: Actor, visit: Appointment) -> None:
    failed = make_reminder(visit, state=MessageState.FAILED)
    drop_message(by=clerk, now=NOW, message=failed, reason="The visit is over.")
    failed.refresh_from_db()
    assert (failed.state, failed.reason) == (MessageState.DROPPED, "The visit is over.")


def test_what_a_worker_holds_is_not_dropped_until_its_lease_is_over(clerk: Actor, visit: Appointment) -> None:
    held = make_reminder(visit, lease_token="t", lease_until=LATER)
    assert refusal(drop_message, by=clerk, now=NOW, message=held, reason="x") == "is_leaving"
    drop_message(by=clerk, now=LATER, message=held, reason="x")
    held.refresh_from_db()
    assert (held.state, held.lease_token, held.lease_until) == (MessageState.DROPPED, "", None)
    assert held.in_doubt


def test_a_red_flag_is_never_dropped_by_hand(clerk: Actor, patient: Patient) -> None:
    flag = make_message(patient, kind=MessageKind.RED_FLAG, staff=make_staff(Role.NURSE))
    assert refusal(drop_message, by=clerk, now=NOW, message=flag, reason="x") == "red_flag"


# --- by itself, and who may ---


def test_tasks_that_are_no_longer_true_leave_the_list_by_themselves(visit: Appointment) -> None:
    stands, moved = task(visit), task(visit, revision=visit.sequence + 1)
    later = task(visit, revision=visit.sequence + 1, due_at=LATER)
    mail = make_reminder(visit, revision=visit.sequence + 1)
    assert drop_untrue_tasks(NOW) == 1
    states = [Message.objects.get(pk=one.pk).state for one in (stands, moved, later, mail)]
    assert states == ["to_do", "dropped", "to_do", "waiting"]
    assert Message.objects.get(pk=moved.pk).reason == "The visit was moved, cancelled or has begun."
    assert drop_untrue_tasks(NOW) == 0


@pytest.mark.parametrize("role", list(Role))
def test_the_manager_only_looks(visit: Appointment, role: Role) -> None:
    agree_to_email(visit.patient)
    by = actor(make_staff(role))

    def act() -> None:
        resend_message(by=by, now=NOW, message=make_reminder(visit, state=MessageState.SENT))
        finish_task(by=by, now=NOW, message=task(visit))
        drop_message(by=by, now=NOW, message=make_reminder(visit), reason="x")

    if role is not Role.MANAGER:
        act()
        return
    for call, message, more in (
        (resend_message, make_reminder(visit, state=MessageState.SENT), {}),
        (finish_task, task(visit), {}),
        (drop_message, make_reminder(visit), {"reason": "x"}),
    ):
        with pytest.raises(NotAllowed):
            call(by=by, now=NOW, message=message, **more)
