"""What is written to the ledger when a course is booked, changed, and changed back."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from scheduling.core.words import CalendarWay, MessageKind, MessageState, MessageWay
from scheduling.models import Claim, Hold, Message, Patient, Series
from scheduling.services.appointments import Canceller, cancel_appointment, cancel_rest, move_appointment
from scheduling.services.changes import undo_change, undoable
from scheduling.services.delivery import deliver
from scheduling.services.faults import Refused
from tests.factories import NOW, make_patient
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def written(**filters: object) -> list[tuple[str, str]]:
    rows = Message.objects.filter(**filters).exclude(kind=MessageKind.REMINDER).order_by("pk")
    return list(rows.values_list("kind", "state"))


def waiting(kind: MessageKind) -> Message:
    return Message.objects.get(kind=kind, state=MessageState.WAITING)


def parts_of(sent: Any) -> list[tuple[str, str]]:
    """Content and type of the alternatives to the plain text."""
    return [(str(part.content), str(part.mimetype)) for part in sent.alternatives]


@pytest.fixture
def course(clinic: Clinic, ada: Patient) -> Series:
    """A course whose patient was told of it."""
    series = clinic.book(clinic.order(ada))
    while deliver(NOW):
        pass
    mail.outbox.clear()
    return series


@pytest.mark.parametrize(("way", "mails"), [("invitations", 7), ("feed", 1), ("files", 1)])
def test_six_sessions_are_seven_mails_or_one(clinic: Clinic, ada: Patient, way: str, mails: int) -> None:
    ada.calendar_way = way
    ada.save()
    clinic.book(clinic.order(ada))
    while deliver(NOW):
        pass
    assert len(mail.outbox) == mails
    assert mail.outbox[0].subject == "Your appointments – Riverside Clinic"


def test_the_confirmation_lists_all_dates_and_says_nothing_about_treatment(course: Series) -> None:
    text = Message.objects.get(kind=MessageKind.CONFIRMATION).attempts.get().text
    for day in ("January 6", "January 9", "January 13", "January 16", "January 20", "January 23"):
        assert f"{day}, 2026, 9 a.m. to 11 a.m. (New York, UTC-5)" in text
    assert "/v/***" in text
    for word in ("infusion", "ketamine", "depression", "session", "treatment"):
        assert word not in text.lower()


def test_without_consent_each_message_is_a_task(clinic: Clinic) -> None:
    patient = make_patient(clinic.location, phone="+12125550123")
    clinic.book(clinic.order(patient))
    confirmation = Message.objects.get(kind=MessageKind.CONFIRMATION)
    assert (confirmation.way, confirmation.state) == (MessageWay.PRINT, MessageState.TO_DO)
    reminders = Message.objects.filter(kind=MessageKind.REMINDER)
    assert {(row.way, row.state) for row in reminders} == {(MessageWay.CALL, MessageState.TO_DO)}
    assert not Message.objects.filter(kind=MessageKind.INVITATION).exists()
    assert deliver(NOW) == 0


def test_a_move_waits_three_minutes_and_two_moves_are_one_mail(clinic: Clinic, course: Series) -> None:
    first, second = course.appointments.order_by("number")[:2]
    hour = timedelta(hours=2)
    move_appointment(by=clinic.clerk, now=NOW, appointment=first, place=clinic.places([COURSE[0] + hour])[0])
    move_appointment(
        by=clinic.clerk, now=NOW + MINUTE, appointment=second, place=clinic.places([COURSE[1] + hour])[0]
    )
    assert written(kind=MessageKind.CHANGE) == [("change", "dropped"), ("change", "waiting")]
    assert deliver(NOW + 2 * MINUTE) == 0
    assert deliver(NOW + 4 * MINUTE) == 3
    assert [sent.subject for sent in mail.outbox] == [
        "Changed: appointment, Tuesday, January 6, 2026, 11 a.m. to 1 p.m. (New York, UTC-5) – Riverside Clinic",
        "Your appointments have changed – Riverside Clinic",
        "Changed: appointment, Friday, January 9, 2026, 11 a.m. to 1 p.m. (New York, UTC-5) – Riverside Clinic",
    ]
    change = str(mail.outbox[1].body)
    assert "- MOVED: Tuesday, January 6, 2026, 11 a.m. to 1 p.m. (New York, UTC-5) (was: Tuesday" in change
    assert "- MOVED: Friday, January 9, 2026" in change
    assert "- Tuesday, January 13, 2026" in change


def test_a_visit_within_four_hours_is_told_at_once_and_cannot_be_taken_back(
    clinic: Clinic, course: Series
) -> None:
    first = course.appointments.get(number=1)
    soon = first.starts_at - timedelta(hours=3, minutes=59)
    cancel_appointment(by=clinic.clerk, now=soon, appointment=first, canceller=Canceller.PATIENT)
    assert waiting(MessageKind.CHANGE).due_at == soon
    assert undoable(course, soon) is None
    assert not Hold.objects.exists()


def test_a_cancelled_visit_is_a_real_cancel_and_its_reminder_never_leaves(
    clinic: Clinic, course: Series
) -> None:
    first = course.appointments.get(number=2)
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=first, canceller=Canceller.CLINIC)
    assert deliver(NOW + 3 * MINUTE) == 2
    content, mimetype = parts_of(mail.outbox[1])[-1]
    assert mimetype == "text/calendar; method=CANCEL"
    assert f"UID:{first.uid}" in content
    assert "STATUS:CANCELLED" in content
    assert Message.objects.get(kind=MessageKind.REMINDER, appointment=first).state == MessageState.DROPPED


def test_cancelling_the_rest_is_one_mail(clinic: Clinic, course: Series) -> None:
    cancel_rest(by=clinic.clerk, now=NOW, series=course, canceller=Canceller.PATIENT)
    assert deliver(NOW + 3 * MINUTE) == 7
    assert [sent.subject for sent in mail.outbox if "are cancelled" in sent.subject] == [
        "Your appointments are cancelled – Riverside Clinic"
    ]


def test_a_course_cancelled_before_its_confirmation_left_is_never_told(clinic: Clinic, ada: Patient) -> None:
    series = clinic.book(clinic.order(ada))
    cancel_rest(by=clinic.clerk, now=NOW, series=series, canceller=Canceller.CLINIC)
    while deliver(NOW + 5 * MINUTE):
        pass
    assert mail.outbox == []


def test_whoever_changed_to_a_feed_still_gets_updates_of_what_was_invited(
    clinic: Clinic, course: Series
) -> None:
    course.patient.calendar_way = CalendarWay.FEED
    course.patient.save()
    first = course.appointments.get(number=1)
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=first, canceller=Canceller.CLINIC)
    deliver(NOW + 3 * MINUTE)
    assert "text/calendar; method=CANCEL" in [mimetype for _content, mimetype in parts_of(mail.outbox[1])]


def test_a_cancellation_taken_back_is_never_told(clinic: Clinic, course: Series) -> None:
    before = list(Claim.objects.order_by("starts_at", "seat").values_list("seat", "starts_at", "ends_at"))
    first = course.appointments.get(number=1)
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=first, canceller=Canceller.CLINIC)
    change = undoable(course, NOW + 2 * MINUTE)
    assert change is not None
    undo_change(by=clinic.clerk, now=NOW + 2 * MINUTE, change=change)
    first.refresh_from_db()
    assert (first.status, first.starts_at, first.sequence) == ("booked", COURSE[0], 2)
    after = list(Claim.objects.order_by("starts_at", "seat").values_list("seat", "starts_at", "ends_at"))
    assert after == before
    course.order.refresh_from_db()
    assert course.order.taken == 6
    while deliver(NOW + 5 * MINUTE):
        pass
    assert mail.outbox == []


def test_what_was_changed_before_is_still_told_when_the_last_change_is_taken_back(
    clinic: Clinic, course: Series
) -> None:
    first, second = course.appointments.order_by("number")[:2]
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=first, canceller=Canceller.CLINIC)
    cancel_appointment(by=clinic.clerk, now=NOW + MINUTE, appointment=second, canceller=Canceller.CLINIC)
    change = undoable(course, NOW + 2 * MINUTE)
    assert change is not None
    undo_change(by=clinic.clerk, now=NOW + 2 * MINUTE, change=change)
    while deliver(NOW + 5 * MINUTE):
        pass
    assert [mimetype for sent in mail.outbox for _content, mimetype in parts_of(sent)[1:]] == [
        "text/calendar; method=CANCEL"
    ]
    change_mail = next(str(sent.body) for sent in mail.outbox if "have changed" in sent.subject)
    assert "- CANCELLED: Tuesday, January 6" in change_mail
    assert "- Friday, January 9" in change_mail


def test_the_freed_place_is_for_nobody_until_the_messages_leave(clinic: Clinic, course: Series) -> None:
    first = course.appointments.get(number=1)
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=first, canceller=Canceller.CLINIC)
    other = clinic.order()
    with pytest.raises(Refused, match="taken by a hold"):
        clinic.book(other, COURSE[:1], now=NOW + 5 * MINUTE)
    deliver(NOW + 5 * MINUTE)
    clinic.book(other, COURSE[:1], now=NOW + 5 * MINUTE)


def test_once_a_message_left_nothing_is_taken_back(clinic: Clinic, course: Series) -> None:
    first = course.appointments.get(number=1)
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=first, canceller=Canceller.CLINIC)
    change = undoable(course, NOW + 2 * MINUTE)
    assert change is not None
    deliver(NOW + 3 * MINUTE)
    assert undoable(course, NOW + 3 * MINUTE) is None
    with pytest.raises(Refused) as refused:
        undo_change(by=clinic.clerk, now=NOW + 3 * MINUTE, change=change)
    assert refused.value.code == "messages_left"


def test_a_course_may_take_the_place_it_just_left(clinic: Clinic, course: Series) -> None:
    first, second = course.appointments.order_by("number")[:2]
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=first, canceller=Canceller.CLINIC)
    move_appointment(
        by=clinic.clerk, now=NOW + MINUTE, appointment=second, place=clinic.places(COURSE[:1])[0]
    )
    second.refresh_from_db()
    assert second.starts_at == COURSE[0]
