"""One visit beside its plan: every step with its two times, and what was done to it. Nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduling.core.pattern import PhaseKind
from scheduling.models import Appointment, AuditEntry

from .overruns import minutes_of
from .visits import STEP_FIELDS

DONE_BEFORE = {
    "arrived_at": (),
    "started_at": (PhaseKind.CHECK_IN, PhaseKind.PREPARATION),
    "treatment_ended_at": (PhaseKind.CHECK_IN, PhaseKind.PREPARATION, PhaseKind.TREATMENT),
    "discharged_at": tuple(kind for kind in PhaseKind if kind is not PhaseKind.TURNOVER),
}
"""The phases that lie between the planned start and each step."""


ABOUT_TIMES = ("move_appointment", "change_course", "correct_time", "undo_step")
"""The acts whose facts ``before`` and ``after`` are instants (ISO 8601)."""


@dataclass(frozen=True, slots=True)
class StepTimes:
    """One step, planned and recorded (UTC); ``recorded`` is None while it is still to come."""

    field: str
    planned: datetime
    recorded: datetime | None

    @property
    def minutes_off(self) -> int:
        """How much later than planned it happened, in whole minutes; negative earlier, 0 while to come."""
        return round((self.recorded - self.planned) / timedelta(minutes=1)) if self.recorded else 0

    @property
    def minutes_sooner(self) -> int:
        """``minutes_off`` the other way round."""
        return -self.minutes_off


def step_times(visit: Appointment) -> tuple[StepTimes, ...]:
    """The four steps in order."""
    lasts = minutes_of(visit)
    return tuple(
        StepTimes(
            field,
            visit.starts_at + sum((lasts.get(kind, timedelta()) for kind in DONE_BEFORE[field]), timedelta()),
            getattr(visit, field),
        )
        for field in STEP_FIELDS
    )


@dataclass(frozen=True, slots=True)
class Act:
    """One entry of the audit trail about a visit, ready for a template."""

    at: datetime
    who: str
    action: str
    field: str
    before: datetime | None
    after: datetime | None
    reason: str


def acts(visit: Appointment) -> Sequence[Act]:
    """What was done to this visit, the latest first."""
    entries = AuditEntry.objects.filter(
        patient=visit.patient_id, subject="appointment", subject_id=visit.pk
    ).select_related("staff")
    return [_act(entry) for entry in entries]


def _act(entry: AuditEntry) -> Act:
    facts = entry.facts
    return Act(
        at=entry.at,
        who=entry.staff.name if entry.staff else entry.get_actor_kind_display(),
        action=entry.action,
        field=facts.get("field", ""),
        before=_instant(entry, "before"),
        after=_instant(entry, "after"),
        reason=facts.get("reason", ""),
    )


def _instant(entry: AuditEntry, fact: str) -> datetime | None:
    """A time of what was moved, corrected or taken back; elsewhere these facts are doses, chairs and nurses."""
    text = entry.facts.get(fact) if entry.action in ABOUT_TIMES else None
    return datetime.fromisoformat(text) if text else None
