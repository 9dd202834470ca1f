"""The family calls: Ada died. From that moment nothing reaches her or them on any channel."""

from datetime import datetime, timedelta

import pytest
from django.core import mail

from scheduling.core.words import (
    AlertKind,
    CheckInState,
    MessageKind,
    MessageState,
    MessageWay,
    OrderState,
    Role,
    Standing,
    Status,
    StopReason,
)
from scheduling.models import Alert, CheckIn, Message, Patient, Series
from scheduling.services import delivery
from scheduling.services.delivery import deliver
from scheduling.services.delivery_ends import mark_sent
from scheduling.services.escalation import call_next, escalate
from scheduling.services.faults import Refused
from scheduling.services.message_handling import resend_message
from scheduling.services.open_visits import close_open_visits
from scheduling.services.overdue import find_overdue
from scheduling.services.rendering import Rendered
from scheduling.services.silence import ask_again_and_escalate
from scheduling.services.standing import end_patient, pause_patient, reopen_patient
from scheduling.services.stopping import stop_visit
from scheduling.services.visits import discharge, record_step
from tests.factories import NOW, actor, make_message, make_staff, treat
from tests.services.clinics import Clinic

from .adas_course import ada_of, post_by, visits_of

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def ada(clinic: Clinic) -> Patient:
    return ada_of(clinic)


@pytest.fixture
def course(clinic: Clinic, ada: Patient) -> Series:
    """Six visits; the patient was told of all."""
    series = clinic.book(clinic.order(ada))
    post_by(NOW)
    mail.outbox.clear()
    return series


def she_died(clinic: Clinic, ada: Patient, now: datetime = NOW) -> None:
    end_patient(by=clinic.clerk, now=now, patient=ada, standing=Standing.DIED, reason="her sister called")


def test_nothing_leaves_on_any_channel(clinic: Clinic, ada: Patient, course: Series) -> None:
    call = make_message(ada, way=MessageWay.CALL)
    she_died(clinic, ada)
    assert not Message.objects.pending().exists()
    call.refresh_from_db()
    assert call.state == MessageState.DROPPED
    assert post_by(NOW + timedelta(days=40)) == []
    assert not Message.objects.filter(kind__in=(MessageKind.CANCELLATION, MessageKind.CLOSING)).exists()


def test_her_visits_are_cancelled_and_the_places_free(clinic: Clinic, ada: Patient, course: Series) -> None:
    she_died(clinic, ada)
    visits = visits_of(course)
    assert {visit.status for visit in visits} == {Status.CANCELLED_BY_CLINIC}
    assert {visit.reason for visit in visits} == {"her sister called"}
    assert not ada.seat.claims.exists()
    course.order.refresh_from_db()
    assert (course.order.taken, course.order.state) == (0, OrderState.WITHDRAWN)


def test_a_visit_she_no_longer_came_to_is_cancelled_not_missed(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    she_died(clinic, ada, NOW + timedelta(days=2))
    assert visits_of(course)[0].status == Status.CANCELLED_BY_CLINIC


def test_a_message_in_a_workers_hands_is_dropped_by_the_worker(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    due = NOW + timedelta(hours=1)
    make_message(ada, kind=MessageKind.NEW_LINK, due_at=due)
    delivery._claim(due, "a worker that died")
    she_died(clinic, ada, due)
    assert Message.objects.get(kind=MessageKind.NEW_LINK).state == MessageState.WAITING
    assert post_by(due + 30 * MINUTE) == []
    assert Message.objects.get(kind=MessageKind.NEW_LINK).state == MessageState.DROPPED


def test_the_standing_is_read_again_with_every_batch(
    clinic: Clinic, ada: Patient, course: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has two mails for her in its hands; she dies while the first is under way."""
    due = NOW + timedelta(hours=1)
    for number in range(2):
        make_message(ada, kind=MessageKind.NEW_LINK, due_at=due, key=f"link:{number}")
    monkeypatch.setattr(delivery, "FRESH_SECONDS", -1)

    def then_she_dies(message: Message, rendered: Rendered, now: datetime) -> None:
        mark_sent(message, rendered, now)
        she_died(clinic, ada, due)

    monkeypatch.setattr(delivery, "mark_sent", then_she_dies)
    deliver(due)
    assert len(mail.outbox) == 1
    states = Message.objects.filter(kind=MessageKind.NEW_LINK).order_by("pk").values_list("state", flat=True)
    assert list(states) == [MessageState.SENT, MessageState.DROPPED]


def test_a_message_that_is_tried_again_is_not(clinic: Clinic, ada: Patient, course: Series) -> None:
    retrying = make_message(ada, kind=MessageKind.NEW_LINK, due_at=NOW + 5 * MINUTE, tries=2)
    she_died(clinic, ada)
    retrying.refresh_from_db()
    assert retrying.state == MessageState.DROPPED
    assert post_by(NOW + 10 * MINUTE) == []


def test_she_is_not_asked_how_she_feels(clinic: Clinic, ada: Patient, course: Series) -> None:
    visit = treat(visits_of(course)[0])
    now = visit.ends_at + MINUTE
    she_died(clinic, ada, now)
    assert set(CheckIn.objects.values_list("state", flat=True)) == {CheckInState.DROPPED}
    assert ask_again_and_escalate(now + timedelta(days=3)) == 0
    assert find_overdue(now + timedelta(days=60)) == 0
    assert post_by(now + timedelta(days=3)) == []


def test_dead_during_a_visit_staff_close_it_and_no_question_follows(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    visit = treat(visits_of(course)[0], is_open=True)
    now = visit.starts_at + timedelta(minutes=50)
    she_died(clinic, ada, now)
    visit.refresh_from_db()
    assert visit.status == Status.IN_TREATMENT
    assert close_open_visits(visit.ends_at + timedelta(hours=12)) == 1, "it is still to be closed"
    nurse = actor(make_staff(Role.NURSE))
    record_step(by=nurse, now=now, appointment=visit, field="treatment_ended_at")
    discharge(by=nurse, now=now, appointment=visit, no_escort_reason="died")
    assert not CheckIn.objects.exists()
    assert not Message.objects.pending().exists()
    assert close_open_visits(visit.ends_at + timedelta(hours=12)) == 0


def test_a_visit_stopped_by_her_death_asks_nobody_to_make_it_up(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    visit = treat(visits_of(course)[0], is_open=True)
    now = visit.starts_at + timedelta(minutes=50)
    she_died(clinic, ada, now)
    stop_visit(by=actor(make_staff(Role.NURSE)), now=now, appointment=visit, reason=StopReason.UNWELL)
    assert not Alert.objects.open().exists()


def test_an_open_red_flag_is_acknowledged_so_that_nobody_is_called_on(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    flag = Alert.objects.create(
        key="flag",
        kind=AlertKind.RED_FLAG,
        severity=1,
        owner=Role.NURSE,
        patient=ada,
        location=clinic.location,
        raised_at=NOW,
        facts={"reasons": [], "offset": 4},
    )
    clinic.nurse.user.email = "ana@example.org"
    clinic.nurse.user.save()
    call_next(flag, NOW)
    she_died(clinic, ada)
    flag.refresh_from_db()
    assert (flag.acknowledged_by_id, flag.note, flag.next_call_at) == (
        clinic.clerk.staff_id,
        "her sister called",
        None,
    )
    assert escalate(NOW + timedelta(hours=1)) == 0
    assert not Message.objects.pending().exists()


def test_a_death_after_the_end_holds_back_the_closing_message(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    end_patient(by=clinic.clerk, now=NOW, patient=ada, standing=Standing.FINISHED)
    she_died(clinic, ada)
    assert post_by(NOW) == []


def test_nobody_sends_it_again_by_hand(clinic: Clinic, ada: Patient, course: Series) -> None:
    sent = Message.objects.get(kind=MessageKind.CONFIRMATION)
    she_died(clinic, ada)
    with pytest.raises(Refused) as refused:
        resend_message(by=clinic.clerk, now=NOW, message=sent)
    assert refused.value.code == "patient_died"


def test_a_death_recorded_by_mistake_is_taken_back_and_the_cancellations_told(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    she_died(clinic, ada)
    with pytest.raises(Refused):
        pause_patient(by=clinic.clerk, now=NOW, patient=ada, until=NOW.date() + timedelta(days=9))
    reopen_patient(by=clinic.clerk, now=NOW + MINUTE, patient=ada)
    assert len(post_by(NOW + MINUTE)) == 7
    assert {visit.status for visit in visits_of(course)} == {Status.CANCELLED_BY_CLINIC}
