"""The patient goes abroad for a month, comes back, finishes; another stops or moves away."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail

from scheduling.access import NotAllowed
from scheduling.core.words import (
    AlertKind,
    CallState,
    CheckInState,
    DisruptionKind,
    LinkPurpose,
    MessageKind,
    MessageState,
    OrderState,
    PlanState,
    Resolution,
    Role,
    Standing,
    Status,
)
from scheduling.models import (
    AccessLink,
    Alert,
    AuditEntry,
    CheckIn,
    Claim,
    DisruptedVisit,
    Disruption,
    Hold,
    Message,
    Patient,
    Series,
)
from scheduling.services.appointments import Canceller, cancel_appointment, cancel_rest
from scheduling.services.changes import undo_change, undoable
from scheduling.services.delivery import _claim
from scheduling.services.faults import Refused
from scheduling.services.links import hand_out_link, link_for, read_token, token
from scheduling.services.missing import record_missed
from scheduling.services.orders import draft_order, sign_order
from scheduling.services.overdue import find_overdue
from scheduling.services.patients import save_patient
from scheduling.services.pauses import notice_ended_pauses
from scheduling.services.plan_extension import extend_plans
from scheduling.services.silence import ask_again_and_escalate
from scheduling.services.standing import end_patient, pause_patient, reopen_patient
from scheduling.services.undoing import undo_step
from scheduling.services.visits import correct_time
from tests.factories import (
    NOW,
    actor,
    make_follow_up,
    make_location,
    make_order,
    make_patient,
    make_plan,
    make_protocol,
    make_staff,
    treat,
)
from tests.services.clinics import COURSE, Clinic

from .adas_course import ada_of, post_by, visits_of

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=2)
"""Wednesday 08:00: the first visit, on Tuesday, is over."""
MARCH = date(2026, 3, 2)


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
    return series


def pause(clinic: Clinic, patient: Patient, until: date = MARCH, now: datetime = LATER) -> Patient:
    return pause_patient(by=clinic.clerk, now=now, patient=patient, until=until, reason="abroad")


def end(clinic: Clinic, patient: Patient, standing: Standing, now: datetime = LATER) -> Patient:
    return end_patient(by=clinic.clerk, now=now, patient=patient, standing=standing)


def test_a_pause_cancels_what_is_ahead_and_frees_its_places(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    treat(visits_of(course)[0])
    pause(clinic, ada)
    visits = visits_of(course)
    assert Counter(visit.status for visit in visits) == {Status.DONE: 1, Status.CANCELLED_BY_CLINIC: 5}
    assert [visit.sequence for visit in visits] == [0, 1, 1, 1, 1, 1]
    assert {visit.reason for visit in visits[1:]} == {"abroad"}
    assert not Claim.objects.filter(appointment__in=visits[1:]).exists()
    assert not Claim.objects.filter(hold__isnull=False).exists()
    course.order.refresh_from_db()
    assert (course.order.taken, course.order.state) == (1, OrderState.SIGNED)
    ada.refresh_from_db()
    assert (ada.standing, ada.standing_since, ada.paused_until) == (Standing.PAUSED, LATER, MARCH)
    entry = AuditEntry.objects.get(action="pause_patient")
    assert (entry.facts["until"], len(entry.facts["visits"])) == ("2026-03-02", 5)


def test_a_pause_is_told_by_one_mail_and_taken_off_the_calendar(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    mail.outbox.clear()
    pause(clinic, ada, now=NOW)
    subjects = post_by(NOW)
    assert subjects.count("Your appointments are cancelled – Riverside Clinic") == 1
    assert sum("METHOD:CANCEL" in str(one.message()) for one in mail.outbox) == 6
    assert len(subjects) == 7


def test_nobody_hears_of_a_pause_with_nothing_booked(clinic: Clinic, ada: Patient) -> None:
    pause(clinic, ada)
    assert Message.objects.count() == 0


@pytest.mark.parametrize(
    ("until", "code"),
    [
        (date(2026, 1, 7), "pause_past"),
        (date(2025, 12, 1), "pause_past"),
        (date(2027, 1, 9), "pause_far"),
    ],
)
def test_a_pause_ends_in_the_coming_year(clinic: Clinic, ada: Patient, until: date, code: str) -> None:
    with pytest.raises(Refused) as refused:
        pause(clinic, ada, until)
    assert (refused.value.code, refused.value.field) == (code, "until")


def test_who_is_here_now_is_not_paused_or_ended(clinic: Clinic, ada: Patient, course: Series) -> None:
    visit = treat(visits_of(course)[0], is_open=True)
    with pytest.raises(Refused, match=r"Visit 1 of Tue 6 Jan is under way") as paused:
        pause(clinic, ada)
    with pytest.raises(Refused, match=r"Visit 1 of Tue 6 Jan is under way") as ended:
        end(clinic, ada, Standing.FINISHED)
    assert (paused.value.code, ended.value.code) == ("visit_under_way", "visit_under_way")
    visit.refresh_from_db()
    assert visit.status == Status.IN_TREATMENT


def test_the_plan_ends_and_is_never_booked_on(clinic: Clinic, ada: Patient) -> None:
    plan = make_plan(make_follow_up(ada, clinic.protocol))
    assert ada.appointments.count() > 0
    pause(clinic, ada)
    plan.refresh_from_db()
    assert (plan.state, plan.end_reason) == (PlanState.ENDED, "abroad")
    assert extend_plans(LATER) == 0
    assert not ada.appointments.open().exists()


def test_questions_end_with_the_pause_and_do_not_come_back(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    visit = treat(visits_of(course)[0])
    asked = CheckIn.objects.filter(appointment=visit).order_by("offset_hours")[0]
    post_by(asked.due_at)
    pause(clinic, ada, now=asked.due_at)
    states = list(CheckIn.objects.order_by("offset_hours").values_list("state", flat=True))
    assert states[0] == CheckInState.SILENT
    assert set(states[1:]) == {CheckInState.DROPPED}
    assert ask_again_and_escalate(LATER + timedelta(days=3)) == 0
    correct_time(
        by=actor(make_staff(Role.NURSE)),
        now=LATER,
        appointment=visit,
        field="discharged_at",
        at=visit.ends_at - timedelta(minutes=5),
        reason="misread",
    )
    assert set(CheckIn.objects.values_list("state", flat=True)) == {CheckInState.SILENT, CheckInState.DROPPED}
    assert not Message.objects.pending().filter(kind=MessageKind.CHECK_IN).exists()


def test_tasks_holds_and_links_go_but_a_red_flag_stays(clinic: Clinic, ada: Patient, course: Series) -> None:
    feed = link_for(by=clinic.clerk, now=NOW, patient=ada, purpose=LinkPurpose.FEED)
    flag, overdue = (
        Alert.objects.create(
            key=kind,
            kind=kind,
            severity=severity,
            owner=Role.NURSE,
            patient=ada,
            location=clinic.location,
            raised_at=NOW,
        )
        for kind, severity in ((AlertKind.RED_FLAG, 1), (AlertKind.OVERDUE, 3))
    )
    visit = visits_of(course)[2]
    draft = make_order(ada, clinic.protocol, signed=False, stage="follow_up")
    kept = [
        Hold.objects.create(expires_at=LATER + timedelta(days=9), made_at=NOW, order=draft),
        Hold.objects.create(expires_at=LATER + timedelta(days=9), made_at=NOW),
    ]
    disrupted = DisruptedVisit.objects.create(
        disruption=Disruption.objects.create(
            kind=DisruptionKind.LOCATION,
            location=clinic.location,
            starts_at=visit.starts_at,
            ends_at=visit.ends_at,
            made_at=NOW,
        ),
        appointment=visit,
        was_at=visit.starts_at,
        call=CallState.TO_CALL,
        hold=kept[1],
    )
    pause(clinic, ada)
    assert not Hold.objects.exists()
    disrupted.refresh_from_db()
    assert (disrupted.resolution, disrupted.call) == (Resolution.CANCELLED, CallState.NONE)
    assert list(Alert.objects.open()) == [flag]
    overdue.refresh_from_db()
    assert overdue.settled_at == LATER
    assert not AccessLink.objects.filter(patient=ada, revoked_at=None).exists()
    assert read_token(token(feed), LinkPurpose.FEED) is None
    draft.refresh_from_db()
    assert draft.state == OrderState.DRAFT


def test_nothing_is_booked_ordered_or_handed_out_meanwhile(clinic: Clinic, ada: Patient) -> None:
    order, follow_up = clinic.order(ada), make_follow_up(ada, clinic.protocol)
    draft = make_order(ada, make_protocol("nasal"), signed=False)
    pause(clinic, ada)
    ada.refresh_from_db()
    attempts = (
        lambda: clinic.book(order, COURSE[1:], now=LATER),
        lambda: draft_order(by=clinic.clerk, now=LATER, order=draft),
        lambda: sign_order(by=clinic.prescriber, now=LATER, order=draft),
        lambda: make_plan(follow_up, now=LATER, starts_after=LATER.date()),
        lambda: hand_out_link(by=clinic.clerk, now=LATER, patient=ada, purpose=LinkPurpose.VISITS),
    )
    for attempt in attempts:
        with pytest.raises(Refused, match=r"paused until 2 Mar 2026") as refused:
            attempt()
        assert refused.value.code == "patient_inactive"
    assert not ada.appointments.exists()


def test_booking_looks_at_the_standing_again_once_it_has_its_locks(clinic: Clinic, ada: Patient) -> None:
    order = clinic.order(ada)
    assert order.patient.is_active
    pause(clinic, Patient.objects.get(pk=ada.pk))
    assert order.patient.is_active, "the clerk's page is older than the pause"
    with pytest.raises(Refused) as refused:
        clinic.book(order, COURSE[1:], now=LATER)
    assert refused.value.code == "patient_inactive"


def test_a_cancellation_from_before_is_not_taken_back_during_a_pause(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    cancel_appointment(
        by=clinic.clerk, now=NOW, appointment=visits_of(course)[5], canceller=Canceller.PATIENT
    )
    change = undoable(course, NOW)
    assert change is not None
    pause(clinic, ada, now=NOW)
    with pytest.raises(Refused):
        undo_change(by=clinic.clerk, now=NOW, change=change)
    assert not ada.appointments.open().exists()


def test_a_course_cancelled_before_stays_cancelled_during_a_pause(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    """Nothing was left for the pause to cancel, so the change is the last one of the course."""
    cancel_rest(by=clinic.clerk, now=NOW, series=course, canceller=Canceller.PATIENT)
    change = undoable(course, NOW)
    assert change is not None
    pause(clinic, ada, now=NOW)
    with pytest.raises(Refused) as refused:
        undo_change(by=clinic.clerk, now=NOW, change=change)
    assert refused.value.code == "patient_inactive"


def test_a_second_question_in_a_workers_hands_is_not_asked_any_more(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    treat(visits_of(course)[0])
    asked = CheckIn.objects.order_by("offset_hours")[0]
    post_by(asked.due_at)
    again = asked.due_at + timedelta(hours=5)
    assert ask_again_and_escalate(again) == 1
    _claim(again, "a worker that died")
    pause(clinic, ada, now=again)
    mail.outbox.clear()
    post_by(again + timedelta(hours=1))
    message = Message.objects.get(kind=MessageKind.CHECK_IN_AGAIN)
    assert (message.state, len(mail.outbox)) == (MessageState.DROPPED, 6)


def test_who_had_left_before_is_neither_asked_again_nor_called(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    """Records from before this rule, and a question that left while the end was recorded."""
    treat(visits_of(course)[0])
    asked = CheckIn.objects.order_by("offset_hours")[0]
    post_by(asked.due_at)
    Patient.objects.filter(pk=ada.pk).update(standing=Standing.STOPPED)
    assert ask_again_and_escalate(asked.due_at + timedelta(days=1)) == 0


def test_a_missed_visit_is_not_on_again_during_a_pause(clinic: Clinic, ada: Patient, course: Series) -> None:
    visit = visits_of(course)[0]
    late = visit.starts_at + timedelta(minutes=20)
    record_missed(by=clinic.clerk, now=late, appointment=visit)
    pause(clinic, ada, now=late)
    with pytest.raises(Refused) as refused:
        undo_step(by=clinic.clerk, now=late, appointment=visit)
    assert refused.value.code == "patient_inactive"


def test_an_address_typed_into_an_older_page_does_not_end_the_pause(clinic: Clinic, ada: Patient) -> None:
    older = Patient.objects.get(pk=ada.pk)
    pause(clinic, ada)
    older.note = "rings twice"
    save_patient(by=clinic.clerk, now=LATER, patient=older)
    ada.refresh_from_db()
    assert (ada.standing, ada.paused_until, ada.note) == (Standing.PAUSED, MARCH, "rings twice")


@pytest.mark.parametrize("standing", [Standing.PAUSED, Standing.FINISHED, Standing.MOVED])
def test_nobody_is_overdue_who_is_not_treated_here(
    clinic: Clinic, ada: Patient, course: Series, standing: Standing
) -> None:
    treat(visits_of(course)[0])
    if standing is Standing.PAUSED:
        pause(clinic, ada)
    else:
        end(clinic, ada, standing)
    assert find_overdue(LATER + timedelta(days=30)) == 0
    reopen_patient(by=clinic.clerk, now=LATER, patient=ada)
    assert find_overdue(LATER + timedelta(days=30)) == 1


def test_a_pause_that_is_over_is_noticed_once_on_its_day_at_home(clinic: Clinic, ada: Patient) -> None:
    pause(clinic, ada)
    midnight = datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert notice_ended_pauses(midnight - timedelta(minutes=1)) == 0
    assert notice_ended_pauses(midnight) == 1
    assert notice_ended_pauses(midnight + timedelta(days=1)) == 0
    alert = Alert.objects.open().get()
    assert (alert.kind, alert.owner, alert.facts) == (
        AlertKind.PAUSE_OVER,
        Role.PRESCRIBER,
        {"until": "2026-03-02"},
    )
    reopen_patient(by=clinic.clerk, now=midnight, patient=ada)
    assert not Alert.objects.open().exists()


def test_reopening_brings_the_record_back_and_nothing_else(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    treat(visits_of(course)[0])
    pause(clinic, ada)
    post_by(LATER)
    reopen_patient(by=clinic.clerk, now=LATER, patient=ada)
    ada.refresh_from_db()
    assert (ada.standing, ada.paused_until) == (Standing.ACTIVE, None)
    assert not ada.appointments.open().exists()
    assert not AccessLink.objects.filter(patient=ada, revoked_at=None).exists()
    assert post_by(LATER) == []
    clinic.book(course.order, COURSE[2:4], now=LATER)
    assert AccessLink.objects.get(patient=ada, revoked_at=None).purpose == LinkPurpose.VISITS


def test_an_active_patient_has_nothing_to_reopen(clinic: Clinic, ada: Patient) -> None:
    with pytest.raises(Refused) as refused:
        reopen_patient(by=clinic.clerk, now=LATER, patient=ada)
    assert refused.value.code == "patient_active"


@pytest.mark.parametrize("standing", [Standing.FINISHED, Standing.STOPPED])
def test_finished_and_stopped_send_one_closing_message_and_clear_the_calendar(
    clinic: Clinic, ada: Patient, course: Series, standing: Standing
) -> None:
    mail.outbox.clear()
    end(clinic, ada, standing, NOW)
    post_by(NOW)
    closing, *others = sorted(mail.outbox, key=lambda one: "ended" not in one.subject)
    assert closing.subject == "Your appointments have ended – Riverside Clinic"
    assert str(closing.body).count("\n- ") == 6
    assert "- Tuesday, January 6, 2026, 9 a.m. to 11 a.m. (New York, UTC-5)" in str(closing.body)
    assert "+12125550100" in str(closing.body).replace(" ", "").replace("-", "")
    for word in ("/v/", "/my/", "infusion", "treatment", "ketamine"):
        assert word not in str(closing.body)
    assert len(others) == 6
    for one in others:
        assert "METHOD:CANCEL" in str(one.message())
    assert post_by(NOW + timedelta(days=30)) == []
    course.order.refresh_from_db()
    assert course.order.state == OrderState.WITHDRAWN


def test_who_moves_away_gets_the_ordinary_cancellation(clinic: Clinic, ada: Patient, course: Series) -> None:
    mail.outbox.clear()
    end(clinic, ada, Standing.MOVED, NOW)
    kinds = Message.objects.pending().values_list("kind", flat=True)
    assert Counter(kinds) == {MessageKind.CANCELLATION: 1, MessageKind.INVITATION: 6}
    post_by(NOW)
    assert len(mail.outbox) == 7


def test_a_cancellation_not_yet_told_is_part_of_the_closing_message(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    cancel_appointment(
        by=clinic.clerk, now=NOW, appointment=visits_of(course)[5], canceller=Canceller.PATIENT
    )
    end(clinic, ada, Standing.FINISHED, NOW + timedelta(minutes=1))
    mail.outbox.clear()
    post_by(NOW + timedelta(hours=2))
    (closing,) = [one for one in mail.outbox if "ended" in one.subject]
    assert str(closing.body).count("\n- ") == 6
    assert sum("METHOD:CANCEL" in str(one.message()) for one in mail.outbox) == 6
    assert len(mail.outbox) == 7


def test_an_end_by_mistake_that_was_not_told_yet_becomes_a_cancellation(
    clinic: Clinic, ada: Patient, course: Series
) -> None:
    end(clinic, ada, Standing.FINISHED, NOW)
    reopen_patient(by=clinic.clerk, now=NOW, patient=ada)
    kinds = Message.objects.pending().values_list("kind", flat=True)
    assert Counter(kinds) == {MessageKind.CANCELLATION: 1, MessageKind.INVITATION: 6}


def test_without_e_mail_the_front_desk_tells_of_the_end(clinic: Clinic) -> None:
    bob = make_patient(make_location(), email="", phone="+12125550111")
    end(clinic, bob, Standing.STOPPED)
    closing = Message.objects.get()
    assert (closing.kind, closing.way, closing.state) == (MessageKind.CLOSING, "call", MessageState.TO_DO)


def test_an_end_is_not_recorded_twice_nor_a_pause_after_it(clinic: Clinic, ada: Patient) -> None:
    end(clinic, ada, Standing.FINISHED)
    with pytest.raises(Refused) as again:
        end(clinic, ada, Standing.FINISHED)
    assert (again.value.code, again.value.field) == ("same_standing", "standing")
    with pytest.raises(Refused) as paused:
        pause(clinic, ada)
    assert paused.value.code == "patient_ended"
    with pytest.raises(Refused) as active:
        end(clinic, ada, Standing.ACTIVE)
    assert active.value.code == "no_end"


def test_a_manager_does_not_change_how_a_patient_is_treated(ada: Patient, clinic: Clinic) -> None:
    by = actor(make_staff(Role.MANAGER))
    with pytest.raises(NotAllowed):
        end_patient(by=by, now=LATER, patient=ada, standing=Standing.FINISHED)
