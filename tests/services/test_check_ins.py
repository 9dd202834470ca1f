from datetime import timedelta

import pytest

from scheduling.core.words import (
    CheckInState,
    MessageKind,
    MessageState,
    MessageWay,
    Role,
    Status,
)
from scheduling.models import (
    Appointment,
    AuditEntry,
    Consent,
    Message,
    Patient,
)
from scheduling.services.check_ins import (
    drop_check_in,
    drop_unwanted,
    is_still_wanted,
    mark_asked,
    plan_check_ins,
)
from scheduling.services.open_visits import close_open_visits
from scheduling.services.undoing import undo_step
from scheduling.services.visits import correct_time, discharge, record_step
from tests.factories import NOW, actor, book_one_course, make_staff, treat
from tests.services.treated import END, asking, check_ins, hours, states

pytestmark = pytest.mark.django_db


def test_a_discharge_plans_one_check_in_per_offset_after_the_actual_end(visit: Appointment) -> None:
    treat(visit, left=hours(-0.5))
    assert [(row.offset_hours, row.due_at, row.closes_at) for row in check_ins(visit)] == [
        (4, hours(3.5), hours(23.5)),
        (24, hours(23.5), hours(71.5)),
        (72, hours(71.5), hours(167.5)),
        (168, hours(167.5), hours(239.5)),
    ]
    assert {(row.state, row.from_plan, row.patient_id) for row in check_ins(visit)} == {
        (CheckInState.PLANNED, False, visit.patient_id)
    }


def test_every_check_in_has_one_message_due_with_it(visit: Appointment) -> None:
    treat(visit)
    for row in check_ins(visit):
        (message,) = asking(row)
        assert (message.kind, message.way, message.due_at) == (
            MessageKind.CHECK_IN,
            MessageWay.EMAIL,
            row.due_at,
        )
        assert (message.appointment_id, message.series_id) == (visit.pk, visit.series_id)


def test_without_consent_each_check_in_is_a_call_to_make() -> None:
    visit = book_one_course(1).appointments.get()
    Patient.objects.filter(pk=visit.patient_id).update(phone="+12125550199")
    treat(visit)
    messages = Message.objects.filter(check_in__appointment=visit)
    assert {(one.way, one.state) for one in messages} == {(MessageWay.CALL, MessageState.TO_DO)}
    assert messages.count() == 4


def test_the_discharge_writes_one_audit_entry(visit: Appointment) -> None:
    treat(visit)
    assert AuditEntry.objects.filter(action="discharge", subject_id=visit.pk).count() == 1
    assert not AuditEntry.objects.filter(subject="checkin").exists()


def test_a_visit_that_never_began_has_no_check_ins(visit: Appointment) -> None:
    assert plan_check_ins(visit, NOW) == []


def test_a_corrected_end_moves_what_is_not_yet_asked(visit: Appointment) -> None:
    treat(visit)
    first = check_ins(visit)[0]
    mark_asked(first.pk, hours(4))
    correct_time(
        by=actor(make_staff(Role.NURSE)),
        now=hours(5),
        appointment=visit,
        field="discharged_at",
        at=hours(1),
        reason="typed wrong",
    )
    assert [row.due_at for row in check_ins(visit)] == [hours(4), hours(25), hours(73), hours(169)]
    assert check_ins(visit)[0].closes_at == hours(25)
    for row in check_ins(visit)[1:]:
        assert [message.due_at for message in asking(row)] == [row.due_at]


def test_what_should_have_been_asked_in_the_night_is_asked_in_the_morning(visit: Appointment) -> None:
    treat(visit, is_open=True)
    by = actor(make_staff(Role.NURSE))
    night = hours(10.5)
    record_step(by=by, now=night, appointment=visit, field="treatment_ended_at", at=END)
    discharge(by=by, now=night, appointment=visit, escort="Sam", at=END)
    first = check_ins(visit)[0]
    assert first.due_at == hours(4)
    assert [message.due_at for message in asking(first)] == [hours(21)]


def test_an_undone_discharge_drops_what_is_not_yet_asked_and_deletes_nothing(visit: Appointment) -> None:
    treat(visit)
    mark_asked(check_ins(visit)[0].pk, hours(4))
    undo_step(by=actor(make_staff(Role.NURSE)), now=hours(5), appointment=visit)
    assert states(visit) == ["asked", "dropped", "dropped", "dropped"]
    for row in check_ins(visit)[1:]:
        assert [one.reason for one in asking(row, MessageState.DROPPED)] == ["The visit is not over."]
        assert asking(row) == []


def test_a_second_discharge_revives_them_with_messages_of_their_own(visit: Appointment) -> None:
    treat(visit)
    by = actor(make_staff(Role.NURSE))
    undo_step(by=by, now=hours(0.5), appointment=visit)
    discharge(by=by, now=hours(1), appointment=visit, escort="Sam")
    assert [(row.state, row.due_at) for row in check_ins(visit)] == [
        (CheckInState.PLANNED, hours(5)),
        (CheckInState.PLANNED, hours(25)),
        (CheckInState.PLANNED, hours(73)),
        (CheckInState.PLANNED, hours(169)),
    ]
    for row in check_ins(visit):
        assert [(one.revision, one.due_at) for one in asking(row)] == [(1, row.due_at)]
        assert len(asking(row, MessageState.DROPPED)) == 1


def test_a_start_taken_back_leaves_no_check_ins_to_ask(visit: Appointment) -> None:
    treat(visit, is_open=True)
    close_open_visits(hours(7))
    undo_step(by=actor(make_staff(Role.NURSE)), now=hours(8), appointment=visit)
    assert states(visit) == ["dropped"] * 4


def test_a_check_in_is_wanted_until_it_closes(visit: Appointment) -> None:
    treat(visit)
    first = check_ins(visit)[0]
    assert is_still_wanted(first, hours(4))
    assert is_still_wanted(first, hours(24) - timedelta(minutes=1))
    assert not is_still_wanted(first, hours(24))


def test_those_after_the_start_of_the_next_visit_are_not_asked(visits: list[Appointment]) -> None:
    treat(visits[0])
    treat(visits[1])
    last = check_ins(visits[0])[3]
    started = visits[1].started_at
    assert started is not None
    assert is_still_wanted(last, started - timedelta(minutes=1))
    assert not is_still_wanted(last, started)


def test_a_next_visit_that_was_missed_drops_nothing(visits: list[Appointment]) -> None:
    treat(visits[0])
    Appointment.objects.filter(pk=visits[1].pk).update(status=Status.MISSED)
    assert is_still_wanted(check_ins(visits[0])[3], hours(168))


def test_dropping_keeps_the_row_and_says_why(visit: Appointment) -> None:
    treat(visit)
    first = check_ins(visit)[0]
    assert drop_check_in(first, hours(4), "The next visit has begun.")
    assert states(visit)[0] == CheckInState.DROPPED
    assert [one.reason for one in asking(first, MessageState.DROPPED)] == ["The next visit has begun."]


def test_what_was_asked_is_not_dropped(visit: Appointment) -> None:
    treat(visit)
    first = check_ins(visit)[0]
    mark_asked(first.pk, hours(4))
    assert not drop_check_in(first, hours(5), "")
    assert states(visit)[0] == CheckInState.ASKED


def test_what_was_due_and_is_unwanted_is_dropped_with_its_call_to_make(visits: list[Appointment]) -> None:
    Consent.objects.all().delete()
    treat(visits[0])
    treat(visits[1])
    started = visits[1].started_at
    assert started is not None
    mark_asked(check_ins(visits[0])[1].pk, hours(24))
    drop_unwanted(hours(24))
    assert states(visits[0]) == ["dropped", "asked", "planned", "planned"]
    assert drop_unwanted(hours(72)) == 2  # One of them was asked by other means than its call.
    assert drop_unwanted(hours(168)) == 3  # With two of the second visit, which closed unsent.
    assert states(visits[0]) == ["dropped", "asked", "dropped", "dropped"]
    assert not Message.objects.pending().filter(check_in__appointment=visits[0]).exists()
    assert drop_unwanted(hours(168)) == 0
