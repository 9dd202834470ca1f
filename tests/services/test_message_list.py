from datetime import timedelta

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries

from scheduling.core.words import AttemptOutcome, MessageKind, MessageState, MessageWay, Role
from scheduling.models import Attempt, Message, Patient
from scheduling.services.message_list import (
    WITH_PLACES,
    find_messages,
    message_counts,
    message_rows,
    messages_of,
    place_of,
    preview,
)
from tests.factories import (
    NOW,
    agree_to_email,
    book_one_course,
    make_location,
    make_message,
    make_patient,
    make_staff,
)

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_the_newest_due_comes_first_and_work_in_the_order_in_which_it_is_due(patient: Patient) -> None:
    early = make_message(patient, due_at=NOW - HOUR)
    late = make_message(patient, due_at=NOW + HOUR)
    sent = make_message(patient, due_at=NOW, state=MessageState.SENT)
    assert list(find_messages()) == [late, sent, early]
    assert list(find_messages(state=MessageState.WAITING)) == [early, late]


def test_messages_are_found_by_patient_state_and_kind_together(patient: Patient) -> None:
    other = make_patient(patient.home_location, last_name="Núñez", mrn="K5")
    mine = make_message(patient, kind=MessageKind.CHECK_IN, way=MessageWay.CALL)
    theirs = make_message(other, kind=MessageKind.CHECK_IN)
    make_message(other, state=MessageState.FAILED)
    assert list(find_messages(text="NÚÑEZ k5", kind=MessageKind.CHECK_IN)) == [theirs]
    assert list(find_messages(patient=patient)) == [mine]
    assert list(find_messages(kind=MessageKind.CHECK_IN, state=MessageState.TO_DO)) == [mine]
    assert list(find_messages(text="K5", state=MessageState.TO_DO)) == []
    assert find_messages(text="  ").count() == 3


def test_only_tasks_that_are_due_are_counted_as_to_do(patient: Patient) -> None:
    make_message(patient, way=MessageWay.CALL)
    make_message(patient, way=MessageWay.PRINT, due_at=NOW + HOUR)
    make_message(patient, due_at=NOW + DAY)
    make_message(patient, state=MessageState.FAILED)
    make_message(patient, state=MessageState.SENT)
    counts = message_counts(NOW)
    assert (counts.to_do, counts.waiting, counts.failed) == (1, 1, 1)


def test_a_message_is_shown_in_the_wall_time_of_its_visit_else_of_the_patients_location() -> None:
    series = book_one_course(zone="America/Denver", starts=[NOW + timedelta(days=1, hours=4)])
    patient = make_patient(make_location(zone="America/New_York"))
    visit = series.appointments.get()
    assert place_of(make_message(patient, appointment=visit)).zone == "America/Denver"
    assert place_of(make_message(patient, series=series)).zone == "America/Denver"
    assert place_of(make_message(patient)).zone == "America/New_York"


def test_a_task_is_late_once_it_is_due(patient: Patient) -> None:
    make_message(patient, way=MessageWay.CALL)
    make_message(patient, way=MessageWay.CALL, due_at=NOW + HOUR)
    make_message(patient)
    rows = message_rows(list(find_messages()), NOW)
    assert [(row.is_due, row.is_late) for row in rows] == [(False, False), (True, False), (True, True)]


def test_a_page_of_lines_needs_no_query_of_its_own(
    patient: Patient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    series = book_one_course(1)
    for _number in range(3):
        make_message(patient)
        make_message(series.patient, series=series, appointment=series.appointments.get())
    with django_assert_num_queries(1):
        rows = message_rows(list(find_messages()), NOW)
        assert {str(row.place) for row in rows} == {
            str(patient.home_location),
            str(series.patient.home_location),
        }


def test_a_patients_page_shows_five_of_the_last_and_of_the_next_day(patient: Patient) -> None:
    old = [make_message(patient, due_at=NOW - DAY * number) for number in range(5)]
    soon = make_message(patient, due_at=NOW + HOUR)
    make_message(patient, due_at=NOW + 3 * DAY)
    make_message(make_patient(patient.home_location))
    assert [row.message for row in messages_of(patient, NOW)] == [soon, *old[:4]]


def test_a_mail_to_staff_is_not_among_what_the_patient_was_told(patient: Patient) -> None:
    make_message(patient, kind=MessageKind.RED_FLAG, staff=make_staff(Role.NURSE))
    assert messages_of(patient, NOW) == []


def opened(message: Message) -> Message:
    return Message.objects.select_related(*WITH_PLACES).get(pk=message.pk)


def test_a_message_is_shown_with_its_tries_and_its_words(patient: Patient) -> None:
    series = book_one_course(2)
    agree_to_email(series.patient)
    confirmation = Message.objects.get(series=series, kind=MessageKind.CONFIRMATION)
    first = Attempt.objects.create(message=confirmation, at=NOW, outcome=AttemptOutcome.DELAYED, code=451)
    second = Attempt.objects.create(message=confirmation, at=NOW + HOUR, outcome=AttemptOutcome.SENT)
    found = preview(opened(confirmation), NOW)
    assert found.attempts == [second, first]
    assert found.dropped is None
    assert found.rendered
    assert "Tuesday, January 6, 2026" in found.rendered.text


def test_a_message_that_is_no_longer_true_says_why_instead() -> None:
    series = book_one_course(1)
    visit = series.appointments.get()
    reminder = make_message(series.patient, appointment=visit, series=series, revision=visit.sequence + 1)
    found = preview(opened(reminder), NOW)
    assert found.rendered is None
    assert found.dropped
    assert str(found.dropped.why) == "The visit was moved, cancelled or has begun."
