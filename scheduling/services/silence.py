"""A check-in without an answer: asked again, then a task for a person. One never asked is never silent."""

from datetime import datetime
from itertools import takewhile

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from scheduling.access import SYSTEM, Actor
from scheduling.core.check_ins import WAKING_HOURS_TO_ANSWER, Silence, silence_means
from scheduling.core.quiet import waking_hours_later
from scheduling.core.words import AlertKind, CheckInState, MessageKind, Standing
from scheduling.models import Appointment, CheckIn, Message, SideEffectReport

from .alerts import raise_alert
from .audit import record
from .check_ins import is_still_wanted
from .ledger import write
from .running import run

KIND_OF = {Silence.CALL: AlertKind.NO_ANSWER_CALL, Silence.ASK: AlertKind.NO_ANSWER_ASK}
ALL = ("patient", "appointment__location", "appointment__order")


def ask_again_and_escalate(now: datetime) -> int:
    """Duty: write the second message 4 waking hours after the first, and an alert 4 waking hours after that."""
    rows = [row.pk for row in _waiting(now) if _is_time(row, now)]
    return sum(run(_one_step, by=SYSTEM, now=now, pk=pk) for pk in rows)


def _waiting(now: datetime) -> "QuerySet[CheckIn]":
    """Those still open and asked once, and those asked twice; a second message on its way is waited for.

    Nobody who is paused or ended is asked or called.
    """
    again = Message.objects.filter(check_in=OuterRef("pk"), kind=MessageKind.CHECK_IN_AGAIN)
    rows = CheckIn.objects.asked().filter(
        Q(asked_again_at__isnull=False) | Q(~Exists(again), closes_at__gt=now),
        patient__standing=Standing.ACTIVE,
    )
    return rows.select_related("appointment").order_by("pk")


def _is_time(row: CheckIn, now: datetime) -> bool:
    last = row.asked_again_at or row.asked_at
    return last is not None and waking_hours_later(last, WAKING_HOURS_TO_ANSWER, row.appointment.tz) <= now


@transaction.atomic
def _one_step(*, by: Actor, now: datetime, pk: int) -> bool:
    """One check-in, locked and then looked at again: it may have been answered, or another worker was quicker."""
    row = CheckIn.objects.select_for_update(no_key=True, of=("self",)).select_related(*ALL).get(pk=pk)
    if not _waiting(now).filter(pk=pk).exists() or not _is_time(row, now):
        return False
    facts = _fall_silent(row, now) if row.asked_again_at else _ask_again(row, now)
    if facts:
        record(by=by, now=now, subject=row, patient_id=row.patient_id, **facts)
    return bool(facts)


def _ask_again(row: CheckIn, now: datetime) -> dict[str, str]:
    if not is_still_wanted(row, now):
        # The next questions came first; what they say counts, and nobody is called about these.
        row.state = CheckInState.SILENT
        row.save(update_fields=["state"])
        return {"action": "no_answer", "meaning": "overtaken"}
    visit = row.appointment
    write(
        kind=MessageKind.CHECK_IN_AGAIN,
        patient=row.patient,
        subject=row,
        revision=0,
        now=now,
        due_at=now,
        series=visit.series,
        appointment=visit,
        check_in=row,
    )
    return {"action": "ask_again"}


def _fall_silent(row: CheckIn, now: datetime) -> dict[str, str]:
    meaning = silence_means(row.offset_hours, infusion_at_dose(row.appointment), last_grade(row))
    row.state = CheckInState.SILENT
    row.save(update_fields=["state"])
    raise_alert(
        kind=KIND_OF[meaning],
        key=f"no_answer:{row.pk}",
        patient=row.patient,
        location=row.appointment.location,
        now=now,
        appointment=row.appointment,
        check_in=row,
        facts={"offset": row.offset_hours},
    )
    return {"action": "no_answer", "meaning": meaning}


def infusion_at_dose(visit: Appointment) -> int:
    """Which started visit of its course this is, from 1, counted anew where an amended order changed the dose."""
    rows = Appointment.objects.filter(series=visit.series_id, started_at__isnull=False)
    doses = rows.filter(starts_at__lte=visit.starts_at).order_by("-starts_at")
    here = visit.order.dose_amount, visit.order.dose_unit
    return len([*takewhile(here.__eq__, doses.values_list("order__dose_amount", "order__dose_unit"))])


def last_grade(check_in: CheckIn) -> int:
    """The worst grade of the latest check-in that this patient answered; 0 where there is none."""
    rows = CheckIn.objects.filter(patient=check_in.patient_id, state=CheckInState.ANSWERED)
    latest = rows.order_by("-due_at", "-pk").values("pk")[:1]
    grades = SideEffectReport.objects.filter(check_in__in=latest).values_list("grade", flat=True)
    return max(grades, default=0)
