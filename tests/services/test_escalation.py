from datetime import datetime, time, timedelta

import pytest

from scheduling.access import SYSTEM, Actor, NotAllowed
from scheduling.core.words import (
    ActorKind,
    AlertKind,
    LinkPurpose,
    MessageKind,
    MessageState,
    MessageWay,
    Role,
    SafetyQuestion,
)
from scheduling.models import (
    Alert,
    Appointment,
    AuditEntry,
    CheckIn,
    Message,
    OnCallShift,
    Shift,
    StaffMember,
)
from scheduling.services.acknowledging import acknowledge
from scheduling.services.alerts import settle
from scheduling.services.answers import answer_check_in
from scheduling.services.escalation import escalate
from scheduling.services.faults import Refused
from scheduling.services.links import link_for
from tests.factories import (
    NOW,
    actor,
    book_one_course,
    make_answer,
    make_nurse,
    make_staff,
    treat,
)

pytestmark = pytest.mark.django_db

END = NOW + timedelta(days=1, hours=3)
"""The end of the visit: Tuesday 11:00 in New York."""
NOON, NIGHT, MORNING = END + timedelta(hours=25), END + timedelta(hours=34), END + timedelta(hours=45)
"""Wednesday 12:00 and 21:00, Thursday 08:00."""
QUARTER = timedelta(minutes=15)


def with_mail(staff: StaffMember) -> StaffMember:
    staff.user.email = f"{staff.user.username}@example.org"
    staff.user.save()
    return staff


@pytest.fixture
def visit() -> Appointment:
    """Its nurse is on shift every day 08:00-18:00 and has an e-mail address."""
    visit = treat(book_one_course(1).appointments.select_related("nurse__user", "location").get())
    with_mail(visit.nurse)
    return visit


def flag(visit: Appointment, now: datetime) -> Alert:
    """A red flag in the patient's answer to the check-in of the day after."""
    check_in = CheckIn.objects.get(appointment=visit, offset_hours=24)
    link = link_for(by=SYSTEM, now=NOW, patient=visit.patient, purpose=LinkPurpose.VISITS)
    alert = answer_check_in(
        by=Actor(ActorKind.LINK, link_id=link.pk),
        now=now,
        check_in=check_in,
        values=make_answer(yes=SafetyQuestion.SELF_HARM),
    )
    assert alert is not None
    return alert


def told() -> list[int | None]:
    """Who was told, in order."""
    rows = Message.objects.filter(kind=MessageKind.RED_FLAG).order_by("revision")
    return list(rows.values_list("staff_id", flat=True))


def on_call(visit: Appointment) -> StaffMember:
    """A contact on Wednesday nights."""
    staff = with_mail(make_staff(Role.PRESCRIBER))
    OnCallShift.objects.create(location=visit.location, staff=staff, weekday=2, starts=time(18), ends=time(8))
    return staff


def test_the_first_contact_is_told_in_the_answers_transaction(visit: Appointment) -> None:
    alert = flag(visit, NOON)
    message = Message.objects.get(alert=alert)
    assert (message.kind, message.way, message.state, message.staff) == (
        MessageKind.RED_FLAG,
        MessageWay.EMAIL,
        MessageState.WAITING,
        visit.nurse,
    )
    assert (message.due_at, message.revision) == (NOON, 1)
    assert (alert.calls, alert.next_call_at, alert.not_seen_until) == (1, NOON + QUARTER, None)


def test_after_some_minutes_the_next_contact_is_told_and_then_it_starts_again(visit: Appointment) -> None:
    second = with_mail(make_nurse(visit.location, name="Zoe"))
    manager = with_mail(make_staff(Role.MANAGER))
    flag(visit, NOON)
    assert escalate(NOON + QUARTER - timedelta(seconds=1)) == 0
    for turn in range(1, 5):
        assert escalate(NOON + turn * QUARTER) == 1
        assert escalate(NOON + turn * QUARTER) == 0
    nurse = visit.nurse_id
    assert told() == [nurse, second.pk, manager.pk, nurse, second.pk]
    assert AuditEntry.objects.filter(action="escalate").count() == 4


def test_the_minutes_are_the_locations(visit: Appointment) -> None:
    visit.location.escalation_minutes = 5
    visit.location.save()
    assert flag(visit, NOON).next_call_at == NOON + timedelta(minutes=5)


def test_outside_shifts_the_on_call_contact_is_told(visit: Appointment) -> None:
    contact = on_call(visit)
    alert = flag(visit, NIGHT)
    assert (told(), alert.not_seen_until) == ([contact.pk], None)


def test_in_the_morning_the_nurses_are_told_who_were_not_there_at_night(visit: Appointment) -> None:
    contact = on_call(visit)
    flag(visit, NIGHT)
    escalate(MORNING)
    assert told() == [contact.pk, visit.nurse_id]


def test_with_nobody_there_it_is_kept_until_when_nobody_sees_it(visit: Appointment) -> None:
    alert = flag(visit, NIGHT)
    assert (told(), alert.calls) == ([], 0)
    assert (alert.not_seen_until, alert.next_call_at) == (MORNING, MORNING)
    assert escalate(MORNING - timedelta(minutes=1)) == 0
    assert escalate(MORNING) == 1
    assert told() == [visit.nurse_id]
    alert.refresh_from_db()
    assert alert.not_seen_until == MORNING


def test_a_nurse_without_an_address_sees_the_board_and_the_next_try_comes(visit: Appointment) -> None:
    visit.nurse.user.email = ""
    visit.nurse.user.save()
    alert = flag(visit, NOON)
    assert (told(), alert.not_seen_until, alert.next_call_at) == ([], None, NOON + QUARTER)


def test_when_a_shift_ends_unacknowledged_it_goes_on_in_the_morning(visit: Appointment) -> None:
    evening = NOON + timedelta(hours=5, minutes=50)
    flag(visit, evening)
    assert escalate(evening + QUARTER) == 0
    alert = Alert.objects.get()
    assert (alert.next_call_at, alert.not_seen_until) == (MORNING, None)


def test_acknowledging_ends_the_calls_and_drops_what_has_not_left(visit: Appointment) -> None:
    alert = flag(visit, NOON)
    nurse = actor(visit.nurse)
    acknowledge(by=nurse, now=NOON + QUARTER, alert=alert, note="  Called: she is well. ")
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.acknowledged_at) == (visit.nurse, NOON + QUARTER)
    assert (alert.note, alert.next_call_at) == ("Called: she is well.", None)
    assert Message.objects.get(alert=alert).state == MessageState.DROPPED
    assert escalate(NOON + timedelta(hours=2)) == 0
    entry = AuditEntry.objects.get(action="acknowledge")
    assert (entry.staff, entry.facts) == (visit.nurse, {"kind": "red_flag"})


@pytest.mark.parametrize("note", ["", "   ", "x" * 501])
def test_acknowledging_needs_a_note(visit: Appointment, note: str) -> None:
    with pytest.raises(Refused) as refused:
        acknowledge(by=actor(visit.nurse), now=NOON, alert=flag(visit, NOON), note=note)
    assert (refused.value.code, refused.value.field) == ("no_note", "note")
    assert Alert.objects.open().count() == 1


def test_a_second_acknowledgement_is_refused_and_says_who_did_it(visit: Appointment) -> None:
    alert = flag(visit, NOON)
    acknowledge(by=actor(visit.nurse), now=NOON, alert=alert, note="done")
    with pytest.raises(Refused) as refused:
        acknowledge(by=actor(make_staff(Role.NURSE)), now=NOON + QUARTER, alert=alert, note="me too")
    assert str(refused.value) == f"{visit.nurse.name} acknowledged this on Jan. 7, 2026 at 12:00."
    alert.refresh_from_db()
    assert alert.note == "done"


def test_what_settled_itself_is_not_acknowledged(visit: Appointment) -> None:
    alert = Alert.objects.create(
        key="x",
        kind=AlertKind.VISIT_OPEN,
        severity=2,
        owner=Role.NURSE,
        patient=visit.patient,
        location=visit.location,
        raised_at=NOON,
        settled_at=NOON,
    )
    with pytest.raises(Refused) as refused:
        acknowledge(by=actor(visit.nurse), now=NOON, alert=alert, note="done")
    assert refused.value.code == "settled"


def test_a_manager_may_not_acknowledge(visit: Appointment) -> None:
    with pytest.raises(NotAllowed):
        acknowledge(by=actor(make_staff(Role.MANAGER)), now=NOON, alert=flag(visit, NOON), note="x")


def test_shifts_are_those_of_the_answers_moment(visit: Appointment) -> None:
    Shift.objects.filter(staff=visit.nurse, weekday=2).delete()
    alert = flag(visit, NOON)
    assert (alert.calls, alert.not_seen_until) == (0, MORNING)


def test_a_red_flag_is_never_settled(visit: Appointment) -> None:
    alert = Alert.objects.create(
        key="red",
        kind=AlertKind.RED_FLAG,
        severity=1,
        owner=Role.NURSE,
        patient=visit.patient,
        location=visit.location,
        raised_at=NOW,
    )
    assert settle(Alert.objects.filter(pk=alert.pk), NOW) == 0
