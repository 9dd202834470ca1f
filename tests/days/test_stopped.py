"""Ada's visit is stopped: before the drug nothing was given, during it she is watched as after a full infusion."""

from datetime import timedelta

import pytest

from scheduling.access import Actor, NotAllowed
from scheduling.core.check_ins import offsets
from scheduling.core.words import AlertKind, CheckInState, Decision, OrderState, Role, Status, StopReason
from scheduling.models import Alert, Appointment, AuditEntry, CheckIn, Claim, Order, Series
from scheduling.services.deciding import decide
from scheduling.services.faults import Refused
from scheduling.services.stopping import stop_visit
from scheduling.services.undoing import undo_step
from scheduling.services.visits import discharge, record_step
from tests.factories import actor, make_patient, make_staff
from tests.services.clinics import COURSE, Clinic

from .adas_course import ada_of, visits_of

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
TUESDAY = COURSE[0]
"""Her first visit starts, 09:00 in New York."""


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def course(clinic: Clinic) -> Series:
    return clinic.book(clinic.order(ada_of(clinic)))


@pytest.fixture
def nurse() -> Actor:
    return actor(make_staff(Role.NURSE))


@pytest.fixture
def arrived(course: Series, nurse: Actor) -> Appointment:
    return record_step(by=nurse, now=TUESDAY, appointment=visits_of(course)[0], field="arrived_at")


@pytest.fixture
def treated(arrived: Appointment, nurse: Actor) -> Appointment:
    """The drug runs since 09:30."""
    return record_step(by=nurse, now=TUESDAY + 30 * MINUTE, appointment=arrived, field="started_at")


@pytest.fixture
def stopped(treated: Appointment, nurse: Actor) -> Appointment:
    """Ada felt sick at 09:40."""
    return stop_visit(
        by=nurse, now=TUESDAY + 40 * MINUTE, appointment=treated, reason=StopReason.UNWELL, note=" sick "
    )


def taken(order: Order) -> int:
    order.refresh_from_db()
    return order.taken


def question() -> Alert:
    return Alert.objects.get(kind=AlertKind.MAKE_UP)


def test_before_the_drug_nothing_was_given_and_the_chair_is_free(
    clinic: Clinic, arrived: Appointment, nurse: Actor
) -> None:
    visit = stop_visit(
        by=nurse, now=TUESDAY + 5 * MINUTE, appointment=arrived, reason=StopReason.NOT_FASTED, note="ate at 8"
    )
    assert (visit.status, visit.stop_reason, visit.reason) == (
        Status.NOT_GIVEN,
        StopReason.NOT_FASTED,
        "ate at 8",
    )
    assert not Claim.objects.filter(appointment=visit).exists()
    assert not CheckIn.objects.filter(appointment=visit).exists()
    assert taken(visit.order) == 5
    assert not Alert.objects.filter(kind=AlertKind.MAKE_UP).exists()
    clinic.book(clinic.order(make_patient(clinic.location), sessions=1), [TUESDAY])


def test_one_audit_entry_says_why(arrived: Appointment, nurse: Actor) -> None:
    stop_visit(by=nurse, now=TUESDAY, appointment=arrived, reason=StopReason.NO_ESCORT)
    entry = AuditEntry.objects.get(action="stop_visit")
    assert entry.facts == {"status": "not_given", "stop": "no_escort"}


def test_during_the_drug_she_is_watched_and_keeps_her_chair(stopped: Appointment) -> None:
    assert (stopped.status, stopped.reason) == (Status.RECOVERING, "sick")
    assert stopped.treatment_ended_at == TUESDAY + 40 * MINUTE
    assert Claim.objects.filter(appointment=stopped).exists()
    assert taken(stopped.order) == 6


def test_she_still_needs_somebody_to_leave_with(stopped: Appointment, nurse: Actor) -> None:
    with pytest.raises(Refused, match="leaves with"):
        discharge(by=nurse, now=TUESDAY + 90 * MINUTE, appointment=stopped)


def test_then_it_is_stopped_early_with_the_check_ins_of_a_full_visit(
    stopped: Appointment, nurse: Actor
) -> None:
    visit = discharge(by=nurse, now=TUESDAY + 90 * MINUTE, appointment=stopped, escort="Sam")
    assert visit.status == Status.STOPPED_EARLY
    states = CheckIn.objects.filter(appointment=visit).values_list("state", flat=True)
    assert len(states) == len(offsets(visit.protocol.check_in_hours)) > 0
    assert set(states) == {CheckInState.PLANNED}
    assert taken(visit.order) == 6


def test_the_prescriber_is_asked_whether_to_make_it_up(stopped: Appointment) -> None:
    alert = question()
    assert (alert.owner, alert.appointment, alert.facts) == (
        Role.PRESCRIBER,
        stopped,
        {"day": "2026-01-06", "reason": "unwell"},
    )


def test_yes_signs_one_infusion_more_and_asks_the_front_desk(
    clinic: Clinic, stopped: Appointment, nurse: Actor
) -> None:
    visit = discharge(by=nurse, now=TUESDAY + 90 * MINUTE, appointment=stopped, escort="Sam")
    before = visit.order
    now = TUESDAY + 100 * MINUTE
    alert = decide(by=clinic.prescriber, now=now, alert=question(), decision=Decision.YES, note="not enough")
    assert (alert.decision, alert.note, alert.acknowledged_at) == (Decision.YES, "not enough", now)
    visit.series.refresh_from_db()
    after = visit.series.order
    assert (after.replaces_id, after.state, after.sessions) == (before.pk, OrderState.SIGNED, 6)
    assert (taken(after), taken(before)) == (5, 1)
    task = Alert.objects.get(kind=AlertKind.BOOK_MAKE_UP)
    assert (task.owner, task.appointment, task.acknowledged_at) == (Role.FRONT_DESK, visit, None)


def test_no_changes_nothing(clinic: Clinic, stopped: Appointment) -> None:
    decide(by=clinic.prescriber, now=TUESDAY + 50 * MINUTE, alert=question(), decision=Decision.NO, note="ok")
    assert Order.objects.count() == 1
    assert not Alert.objects.open().filter(kind__in=(AlertKind.MAKE_UP, AlertKind.BOOK_MAKE_UP)).exists()


def test_the_answer_needs_a_reason_and_is_given_once(clinic: Clinic, stopped: Appointment) -> None:
    now = TUESDAY + 50 * MINUTE
    with pytest.raises(Refused, match="Say why"):
        decide(by=clinic.prescriber, now=now, alert=question(), decision=Decision.NO, note=" ")
    with pytest.raises(Refused, match="Choose one"):
        decide(by=clinic.prescriber, now=now, alert=question(), decision=Decision.PAUSE, note="x")
    decide(by=clinic.prescriber, now=now, alert=question(), decision=Decision.NO, note="x")
    with pytest.raises(Refused):
        decide(by=clinic.prescriber, now=now, alert=question(), decision=Decision.YES, note="x")
    assert Order.objects.count() == 1


def test_a_nurse_does_not_decide(stopped: Appointment, nurse: Actor) -> None:
    with pytest.raises(NotAllowed):
        decide(by=nurse, now=TUESDAY + 50 * MINUTE, alert=question(), decision=Decision.NO, note="x")


def test_one_not_given_by_mistake_gets_its_places_again(arrived: Appointment, nurse: Actor) -> None:
    before = sorted(Claim.objects.filter(appointment=arrived).values_list("seat", "starts_at", "ends_at"))
    stop_visit(by=nurse, now=TUESDAY + MINUTE, appointment=arrived, reason=StopReason.EQUIPMENT)
    visit = undo_step(by=nurse, now=TUESDAY + 2 * MINUTE, appointment=arrived)
    assert (visit.status, visit.stop_reason, visit.reason) == (Status.ARRIVED, "", "")
    after = sorted(Claim.objects.filter(appointment=arrived).values_list("seat", "starts_at", "ends_at"))
    assert after == before
    assert taken(visit.order) == 6


def test_not_when_somebody_has_the_place_by_now(clinic: Clinic, arrived: Appointment, nurse: Actor) -> None:
    stop_visit(by=nurse, now=TUESDAY + MINUTE, appointment=arrived, reason=StopReason.EQUIPMENT)
    clinic.book(clinic.order(make_patient(clinic.location), sessions=1), [TUESDAY])
    with pytest.raises(Refused):
        undo_step(by=nurse, now=TUESDAY + 2 * MINUTE, appointment=arrived)
    arrived.refresh_from_db()
    assert arrived.status == Status.NOT_GIVEN


def test_taking_back_a_stop_goes_on_with_the_drug_and_takes_the_question_back(
    stopped: Appointment, nurse: Actor
) -> None:
    visit = undo_step(by=nurse, now=TUESDAY + 42 * MINUTE, appointment=stopped)
    assert (visit.status, visit.stop_reason, visit.treatment_ended_at) == (Status.IN_TREATMENT, "", None)
    assert not Alert.objects.open().filter(kind=AlertKind.MAKE_UP).exists()
    stop_visit(by=nurse, now=TUESDAY + 45 * MINUTE, appointment=visit, reason=StopReason.EQUIPMENT)
    assert Alert.objects.open().get(kind=AlertKind.MAKE_UP).facts["reason"] == "equipment"


def test_nobody_is_stopped_before_the_arrival_or_after_the_treatment(
    course: Series, stopped: Appointment, nurse: Actor
) -> None:
    for visit in (visits_of(course)[1], stopped):
        with pytest.raises(Refused):
            stop_visit(by=nurse, now=TUESDAY + 50 * MINUTE, appointment=visit, reason=StopReason.OTHER)


def test_the_front_desk_does_not_stop_a_visit(clinic: Clinic, arrived: Appointment) -> None:
    with pytest.raises(NotAllowed):
        stop_visit(by=clinic.clerk, now=TUESDAY, appointment=arrived, reason=StopReason.OTHER)
