from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from scheduling.access import SYSTEM, Actor, NotAllowed
from scheduling.core.check_ins import EffectAnswer, FlagRule
from scheduling.core.words import (
    ActorKind,
    AlertKind,
    AnswerWay,
    CheckInState,
    Effect,
    LinkPurpose,
    MessageState,
    Role,
    SafetyQuestion,
)
from scheduling.models import Alert, Appointment, AuditEntry, CheckIn, Message, SideEffectReport
from scheduling.services.acknowledging import acknowledge
from scheduling.services.answers import answer_check_in, answer_of, is_amendable
from scheduling.services.check_ins import drop_check_in, mark_asked
from scheduling.services.faults import Refused
from scheduling.services.links import link_for, revoke_link
from scheduling.services.silence import ask_again_and_escalate
from tests.factories import NOW, actor, book_one_course, make_answer, make_patient, make_staff, treat

pytestmark = pytest.mark.django_db

END = NOW + timedelta(days=1, hours=3)
"""The planned and actual end of the visit: Tuesday 11:00 in New York."""


def hours(number: float) -> datetime:
    """So long after the visit."""
    return END + timedelta(hours=number)


@pytest.fixture
def visit() -> Appointment:
    return treat(book_one_course(1).appointments.get())


@pytest.fixture
def check_in(visit: Appointment) -> CheckIn:
    """The one 24 hours after the visit."""
    return CheckIn.objects.select_related("patient").get(appointment=visit, offset_hours=24)


@pytest.fixture
def link(check_in: CheckIn) -> Actor:
    row = link_for(by=SYSTEM, now=NOW, patient=check_in.patient, purpose=LinkPurpose.VISITS)
    return Actor(ActorKind.LINK, link_id=row.pk)


@pytest.fixture
def nurse() -> Actor:
    return actor(make_staff(Role.NURSE))


MILD = EffectAnswer(Effect.NAUSEA, 1, hours(1), hours(2))
SEVERE = EffectAnswer(Effect.NAUSEA, 3, hours(1))


def reports(check_in: CheckIn) -> dict[str, int]:
    rows = SideEffectReport.objects.filter(check_in=check_in)
    return {row.effect: row.grade for row in rows if row.grade}


def test_an_answer_of_the_patient_is_kept_whole(link: Actor, check_in: CheckIn) -> None:
    values = make_answer(MILD, note="Better than last time.")
    assert answer_check_in(by=link, now=hours(25), check_in=check_in, values=values) is None
    check_in.refresh_from_db()
    assert (check_in.state, check_in.answered_at, check_in.way) == ("answered", hours(25), "patient")
    assert (check_in.is_late, check_in.amended_at, check_in.answered_by) == (False, None, None)
    assert SideEffectReport.objects.filter(check_in=check_in).count() == 10
    found = answer_of(check_in)
    assert (found.safety, found.note) == (values.safety, values.note)
    assert sorted(found.effects, key=str) == sorted(values.effects, key=str)
    entry = AuditEntry.objects.get(action="answer_check_in")
    assert (entry.link_id, entry.facts) == (link.link_id, {"way": "patient", "red_flag": None})


@pytest.mark.parametrize("way", [AnswerWay.PHONE, AnswerWay.IN_PERSON])
def test_staff_answer_for_a_patient_by_the_same_rules(
    nurse: Actor, check_in: CheckIn, way: AnswerWay
) -> None:
    alert = answer_check_in(by=nurse, now=hours(25), check_in=check_in, values=make_answer(SEVERE), way=way)
    check_in.refresh_from_db()
    assert alert is not None
    assert (check_in.way, check_in.answered_by_id, check_in.answered_at) == (way, nurse.staff_id, hours(25))


def test_another_patients_link_may_not_answer(check_in: CheckIn) -> None:
    other = make_patient(check_in.appointment.location)
    row = link_for(by=SYSTEM, now=NOW, patient=other, purpose=LinkPurpose.VISITS)
    with pytest.raises(NotAllowed):
        answer_check_in(
            by=Actor(ActorKind.LINK, link_id=row.pk), now=hours(25), check_in=check_in, values=make_answer()
        )


def test_a_revoked_link_may_not_answer(link: Actor, check_in: CheckIn) -> None:
    row = link_for(by=SYSTEM, now=NOW, patient=check_in.patient, purpose=LinkPurpose.VISITS)
    revoke_link(by=actor(make_staff(Role.FRONT_DESK)), now=NOW, link=row)
    with pytest.raises(NotAllowed):
        answer_check_in(by=link, now=hours(25), check_in=check_in, values=make_answer())


@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.MANAGER])
def test_only_nurses_and_prescribers_answer_for_a_patient(check_in: CheckIn, role: Role) -> None:
    with pytest.raises(NotAllowed):
        answer_check_in(
            by=actor(make_staff(role)),
            now=hours(25),
            check_in=check_in,
            values=make_answer(),
            way=AnswerWay.PHONE,
        )


def test_staff_do_not_answer_as_the_patient_nor_a_link_as_staff(
    nurse: Actor, link: Actor, check_in: CheckIn
) -> None:
    for by, way in ((nurse, AnswerWay.PATIENT), (link, AnswerWay.PHONE), (SYSTEM, AnswerWay.PHONE)):
        with pytest.raises(NotAllowed):
            answer_check_in(by=by, now=hours(25), check_in=check_in, values=make_answer(), way=way)


def test_what_is_missing_is_refused_where_it_stands(link: Actor, check_in: CheckIn) -> None:
    values = make_answer()
    without = replace(values, safety={SafetyQuestion.CHEST_PAIN: False})
    with pytest.raises(Refused) as refused:
        answer_check_in(by=link, now=hours(25), check_in=check_in, values=without)
    assert (refused.value.code, refused.value.field) == ("unanswered", "self_harm")
    with pytest.raises(Refused) as refused:
        answer_check_in(
            by=link, now=hours(25), check_in=check_in, values=replace(values, effects=values.effects[1:])
        )
    assert refused.value.field == "drowsiness"
    check_in.refresh_from_db()
    assert check_in.answered_at is None


def test_an_effect_cannot_have_begun_before_the_patient_came(link: Actor, check_in: CheckIn) -> None:
    arrived = check_in.appointment.arrived_at
    assert arrived is not None
    early = make_answer(EffectAnswer(Effect.NAUSEA, 1, arrived - timedelta(minutes=1)))
    with pytest.raises(Refused) as refused:
        answer_check_in(by=link, now=hours(25), check_in=check_in, values=early)
    assert (refused.value.code, refused.value.field) == ("before_visit", "nausea_began")


def test_before_it_is_due_nothing_is_asked(link: Actor, check_in: CheckIn) -> None:
    with pytest.raises(Refused) as refused:
        answer_check_in(
            by=link, now=hours(24) - timedelta(minutes=1), check_in=check_in, values=make_answer()
        )
    assert refused.value.code == "not_due"


def test_a_dropped_one_is_not_asked_any_more(link: Actor, check_in: CheckIn) -> None:
    drop_check_in(check_in, hours(24), "")
    with pytest.raises(Refused) as refused:
        answer_check_in(by=link, now=hours(25), check_in=check_in, values=make_answer())
    assert refused.value.code == "dropped"


def test_until_it_closes_an_answer_can_be_amended_and_the_audit_keeps_the_former(
    link: Actor, check_in: CheckIn
) -> None:
    first = make_answer(MILD, yes=SafetyQuestion.CHEST_PAIN, note="before")
    answer_check_in(by=link, now=hours(25), check_in=check_in, values=first)
    answer_check_in(by=link, now=hours(26), check_in=check_in, values=make_answer())
    check_in.refresh_from_db()
    assert (check_in.answered_at, check_in.amended_at) == (hours(25), hours(26))
    assert reports(check_in) == {}
    entry = AuditEntry.objects.get(action="amend_check_in")
    assert entry.facts["before"] == {
        "safety": {"self_harm": False, "chest_pain": True, "breathing": False, "worst_headache": False},
        "effects": {
            "nausea": {"grade": 1, "began": hours(1).isoformat(), "stopped": hours(2).isoformat()},
        },
        "note": "before",
    }


def test_once_closed_an_answered_one_is_refused_in_words(link: Actor, check_in: CheckIn) -> None:
    answer_check_in(by=link, now=hours(25), check_in=check_in, values=make_answer())
    assert not is_amendable(CheckIn.objects.get(pk=check_in.pk), check_in.closes_at)
    with pytest.raises(Refused) as refused:
        answer_check_in(by=link, now=check_in.closes_at, check_in=check_in, values=make_answer(SEVERE))
    assert str(refused.value) == "This was answered and can no longer be changed. Please call us instead."
    assert not Alert.objects.exists()


def test_a_late_first_answer_is_kept_and_marked(link: Actor, check_in: CheckIn) -> None:
    answer_check_in(by=link, now=check_in.closes_at, check_in=check_in, values=make_answer(SEVERE))
    check_in.refresh_from_db()
    assert (check_in.state, check_in.is_late) == (CheckInState.ANSWERED, True)
    assert Alert.objects.get().kind == AlertKind.RED_FLAG


def test_a_red_flag_raises_an_alert_with_its_reasons(link: Actor, check_in: CheckIn) -> None:
    values = make_answer(SEVERE, yes=SafetyQuestion.SELF_HARM)
    alert = answer_check_in(by=link, now=hours(25), check_in=check_in, values=values)
    assert alert is not None
    assert alert.key == f"red_flag:{check_in.pk}:1"
    assert alert.facts == {
        "offset": 24,
        "reasons": [
            {"rule": FlagRule.SAFETY, "about": "self_harm", "grade": 0},
            {"rule": FlagRule.SEVERE, "about": "nausea", "grade": 3},
            {"rule": FlagRule.STILL_THERE, "about": "nausea", "grade": 3},
        ],
    }
    assert (alert.severity, alert.owner, alert.raised_at) == (1, Role.NURSE, hours(25))


def test_an_amendment_raises_another_alert_only_for_a_new_reason(link: Actor, check_in: CheckIn) -> None:
    urinary = EffectAnswer(Effect.URINARY_TROUBLE, 1)
    answer_check_in(by=link, now=hours(25), check_in=check_in, values=make_answer(urinary))
    same = answer_check_in(by=link, now=hours(26), check_in=check_in, values=make_answer(urinary))
    worse = answer_check_in(
        by=link, now=hours(27), check_in=check_in, values=make_answer(urinary, yes=SafetyQuestion.BREATHING)
    )
    calm = answer_check_in(by=link, now=hours(28), check_in=check_in, values=make_answer())
    assert (same, calm) == (None, None)
    assert worse is not None
    assert worse.key == f"red_flag:{check_in.pk}:2"
    assert Alert.objects.open().count() == 2


def test_a_new_reason_raises_again_after_the_first_was_acknowledged(
    link: Actor, nurse: Actor, check_in: CheckIn
) -> None:
    alert = answer_check_in(by=link, now=hours(25), check_in=check_in, values=make_answer(SEVERE))
    assert alert is not None
    acknowledge(by=nurse, now=hours(26), alert=alert, note="called")
    worse = make_answer(SEVERE, yes=SafetyQuestion.CHEST_PAIN)
    assert answer_check_in(by=link, now=hours(27), check_in=check_in, values=worse) is not None


def test_an_answer_drops_what_is_still_to_be_asked(link: Actor, check_in: CheckIn) -> None:
    answer_check_in(by=link, now=hours(25), check_in=check_in, values=make_answer())
    message = Message.objects.get(check_in=check_in)
    assert (message.state, message.reason) == (MessageState.DROPPED, "The check-in is answered.")


def test_an_answer_after_silence_settles_the_alert(link: Actor, check_in: CheckIn) -> None:
    mark_asked(check_in.pk, hours(24))
    ask_again_and_escalate(hours(28))
    mark_asked(check_in.pk, hours(28))
    ask_again_and_escalate(hours(32))
    assert Alert.objects.open().count() == 1
    answer_check_in(by=link, now=hours(33), check_in=check_in, values=make_answer())
    check_in.refresh_from_db()
    assert check_in.state == CheckInState.ANSWERED
    assert Alert.objects.get().settled_at == hours(33)


def test_an_answered_check_in_is_asked_no_more(link: Actor, check_in: CheckIn) -> None:
    mark_asked(check_in.pk, hours(24))
    answer_check_in(by=link, now=hours(25), check_in=check_in, values=make_answer())
    mark_asked(check_in.pk, hours(25))
    assert ask_again_and_escalate(hours(60)) == 0
    check_in.refresh_from_db()
    assert (check_in.state, check_in.asked_again_at) == (CheckInState.ANSWERED, None)
