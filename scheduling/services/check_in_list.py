"""Check-ins as lists show them: to the patient those to answer, to staff all with what they said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from scheduling.core.check_ins import red_flags
from scheduling.core.words import AlertKind, CheckInState, SafetyQuestion
from scheduling.models import Alert, Appointment, AuditEntry, CheckIn, Patient

from .alert_words import EFFECTS, GRADES, SAFETY_WORDS
from .answers import answer_of, is_amendable

MOST = 12


@dataclass(frozen=True, slots=True)
class CheckInLine:
    """One check-in for staff: its worst grade, whether it has a red flag, and whether one was not yet seen."""

    check_in: CheckIn
    worst: int
    is_red: bool
    is_unseen: bool


def lines_of_visit(visit: Appointment) -> list[CheckInLine]:
    """All of one visit, in order of time, in three queries."""
    return _lines(CheckIn.objects.filter(appointment=visit).order_by("due_at"))


def lines_of_patient(patient: Patient) -> list[CheckInLine]:
    """The latest of a patient that are due or were answered, newest first."""
    return _lines(CheckIn.objects.filter(patient=patient).exclude(state=CheckInState.DROPPED)[:MOST])


def _lines(rows: "QuerySet[CheckIn]") -> list[CheckInLine]:
    flags = Prefetch("alerts", Alert.objects.filter(kind=AlertKind.RED_FLAG))
    return [_line(row) for row in rows.select_related("appointment").prefetch_related("reports", flags)]


def _line(row: CheckIn) -> CheckInLine:
    values = answer_of(row)
    return CheckInLine(
        row,
        worst=values.worst,
        is_red=bool(red_flags(values, row.offset_hours)),
        is_unseen=any(alert.is_open for alert in row.alerts.all()),
    )


def to_answer(patient: Patient, now: datetime) -> list[CheckIn]:
    """What a patient can answer or change at ``now``, the newest first."""
    rows = CheckIn.objects.filter(patient=patient, due_at__lte=now).exclude(state=CheckInState.DROPPED)
    latest = rows.select_related("appointment")[:MOST]
    return [row for row in latest if now < row.closes_at and is_amendable(row, now)]


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One answer or amendment; ``before``: what it said before, in words, empty for the first answer."""

    at: datetime
    who: str
    before: str


def history_of(check_in: CheckIn) -> list[HistoryLine]:
    """Who answered and amended it, the latest first."""
    rows = AuditEntry.objects.filter(
        patient=check_in.patient_id,
        subject="checkin",
        subject_id=check_in.pk,
        action__in=("answer_check_in", "amend_check_in"),
    )
    entries = rows.select_related("staff").order_by("-at", "-pk")
    return [
        HistoryLine(
            entry.at,
            entry.staff.name if entry.staff else str(check_in.patient),
            former_words(entry.facts.get("before") or {}),
        )
        for entry in entries
    ]


def former_words(before: Mapping[str, Any]) -> str:
    """A former answer as the audit entry keeps it, on one line; what was not there is left out."""
    if not before:
        return ""
    said = [str(capfirst(SAFETY_WORDS[SafetyQuestion(one)])) for one, yes in before["safety"].items() if yes]
    said += [f"{EFFECTS[one]}: “{GRADES[facts['grade']]}”" for one, facts in before["effects"].items()]
    said += [f"“{before['note']}”"] if before["note"] else []
    return "; ".join(said) or _("nothing to report")


def safety_of(check_in: CheckIn) -> list[tuple[str, bool]]:
    """The four questions in words, with yes or no."""
    return [(str(capfirst(words)), bool(getattr(check_in, one))) for one, words in SAFETY_WORDS.items()]
