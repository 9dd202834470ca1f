"""Answering a check-in: by the patient's link, or by staff for the patient under the same rules."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor, NotAllowed
from scheduling.core.check_ins import Answer, EffectAnswer, problems, red_flags
from scheduling.core.words import AlertKind, AnswerWay, CheckInState, Effect, SafetyQuestion
from scheduling.models import FAULT_WORDS, AccessLink, Alert, Appointment, CheckIn, SideEffectReport

from .alerts import settle
from .audit import record
from .check_ins import ASKING
from .escalation import raise_red_flag
from .faults import Refused
from .ledger import drop

SILENCE_KINDS = (AlertKind.NO_ANSWER_CALL, AlertKind.NO_ANSWER_ASK)


@transaction.atomic
def answer_check_in(
    *, by: Actor, now: datetime, check_in: CheckIn, values: Answer, way: AnswerWay = AnswerWay.PATIENT
) -> Alert | None:
    """Keep an answer; the alert it raised where it has a red flag not raised before.

    The first one is kept even after the check-in closed, and marked late; it can be amended until then, and the
    audit entry keeps what it said. Raises NotAllowed for another patient's link, Refused for an answer that
    lacks something, before the check-in is due and for an amendment that comes too late.
    """
    _require_may(by, check_in, way)
    row = _locked(check_in.pk)
    _require_open(row, now)
    found = problems(values, came_at(row.appointment), now)
    if found:
        raise Refused(found[0].fault, FAULT_WORDS[found[0].fault], field=found[0].where)
    before = _facts(answer_of(row)) if row.answered_at else None
    _keep(row, values, by, now, way)
    drop(row.messages.filter(kind__in=ASKING), now, _("The check-in is answered."))
    settle(Alert.objects.filter(check_in=row, kind__in=SILENCE_KINDS), now)
    alert = raise_red_flag(row, red_flags(values, row.offset_hours), now)
    facts: dict[str, Any] = {"way": way, "red_flag": alert.pk if alert else None}
    record(
        by=by,
        now=now,
        action="amend_check_in" if before else "answer_check_in",
        subject=row,
        patient_id=row.patient_id,
        **facts | ({"before": before} if before else {}),
    )
    return alert


def came_at(visit: Appointment) -> datetime:
    """From when on an effect can have begun (UTC): the patient's arrival, or the start as far as it is known."""
    return visit.arrived_at or visit.started_at or visit.starts_at


def is_amendable(check_in: CheckIn, now: datetime) -> bool:
    """Whether an answer can be given or changed at ``now``."""
    if check_in.state == CheckInState.DROPPED or now < check_in.due_at:
        return False
    return check_in.answered_at is None or now < check_in.closes_at


def answer_of(check_in: CheckIn) -> Answer:
    """What the check-in says now; empty before its first answer."""
    given = {one: getattr(check_in, one) for one in SafetyQuestion}
    effects = (
        EffectAnswer(Effect(row.effect), row.grade, row.began_at, row.stopped_at)
        for row in check_in.reports.all()
    )
    return Answer({one: yes for one, yes in given.items() if yes is not None}, tuple(effects), check_in.note)


def _require_may(by: Actor, check_in: CheckIn, way: AnswerWay) -> None:
    if by.link_id and way is AnswerWay.PATIENT:
        links = AccessLink.objects.filter(pk=by.link_id, patient=check_in.patient_id, revoked_at=None)
        if links.exists():
            return
    elif by.staff_id and way is not AnswerWay.PATIENT:
        return by.require(Action.ANSWER_CHECK_IN)
    raise NotAllowed(Action.ANSWER_CHECK_IN)


def _locked(pk: int) -> CheckIn:
    rows = CheckIn.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("patient", "appointment__location", "appointment__nurse").get(pk=pk)


def _require_open(row: CheckIn, now: datetime) -> None:
    if row.state == CheckInState.DROPPED:
        raise Refused("dropped", _("These questions are not asked any more."))
    if now < row.due_at:
        raise Refused("not_due", _("It is too early for these questions."))
    if row.answered_at and now >= row.closes_at:
        raise Refused("closed", _("This was answered and can no longer be changed. Please call us instead."))


def _keep(row: CheckIn, values: Answer, by: Actor, now: datetime, way: AnswerWay) -> None:
    if row.answered_at is None:
        row.answered_at, row.is_late = now, now >= row.closes_at
    else:
        row.amended_at = now
    row.state, row.way, row.answered_by_id = CheckInState.ANSWERED, way, by.staff_id
    for question, yes in values.safety.items():
        setattr(row, question, yes)
    row.note = values.note
    row.save()
    row.reports.all().delete()
    SideEffectReport.objects.bulk_create(
        SideEffectReport(
            check_in=row,
            effect=one.effect,
            grade=one.grade,
            began_at=one.began_at,
            stopped_at=one.stopped_at,
        )
        for one in values.effects
    )


def _facts(values: Answer) -> dict[str, Any]:
    """An answer in JSON, as the audit trail keeps it; effects that were absent are left out."""
    effects = {
        one.effect: {
            "grade": one.grade,
            "began": one.began_at.isoformat() if one.began_at else None,
            "stopped": one.stopped_at.isoformat() if one.stopped_at else None,
        }
        for one in values.effects
        if one.grade
    }
    return {"safety": dict(values.safety), "effects": effects, "note": values.note}
