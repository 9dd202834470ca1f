"""Running the day: what really happened is recorded beside the plan and never refused by the guard."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import formats
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.timeline import ceil_step, from_step
from scheduling.core.words import Status
from scheduling.models import Appointment, Claim

from .audit import record
from .check_ins import drop_unasked, plan_check_ins
from .claims import STEP, release, take_places
from .countersigning import require_countersigned
from .faults import Refused
from .locks import locked_visit
from .open_visits import settle_open_visit
from .orders import recount

STEP_FIELDS = {
    "arrived_at": (Status.BOOKED, Status.ARRIVED),
    "started_at": (Status.ARRIVED, Status.IN_TREATMENT),
    "treatment_ended_at": (Status.IN_TREATMENT, Status.RECOVERING),
    "discharged_at": (Status.RECOVERING, Status.DONE),
}
"""Each recorded time with the status before and after it, in the order they happen."""


LONGEST_OVERRUN = timedelta(hours=12)
"""A time later than this after the planned end belongs to another day: somebody forgot to type it."""


def next_step(visit: Appointment) -> str:
    """The time to record next: one of STEP_FIELDS, empty once the visit has its outcome."""
    return next((field for field, (before, _after) in STEP_FIELDS.items() if before == visit.status), "")


def last_step(visit: Appointment) -> str:
    """The recorded time that ``undo_step`` takes back; empty where that is none."""
    return next((field for field, (_before, after) in STEP_FIELDS.items() if after == visit.status), "")


def step_needs(field: str) -> Action:
    """What somebody must be allowed to do to record or take back a step."""
    return Action.RECORD_ARRIVAL if field == "arrived_at" else Action.RECORD_VISIT


def undo_needs(visit: Appointment) -> Action | None:
    """What somebody must be allowed to do to undo the last step; None where there is nothing to take back."""
    if visit.status == Status.MISSED:
        return Action.RECORD_ARRIVAL
    field = last_step(visit)
    return step_needs(field) if field else None


def may_be_missed(visit: Appointment, now: datetime) -> bool:
    """Whether the patient has been expected for longer than the location waits."""
    patience = timedelta(minutes=visit.location.late_minutes)
    return visit.status == Status.BOOKED and now >= visit.starts_at + patience


@transaction.atomic
def record_step(
    *, by: Actor, now: datetime, appointment: Appointment, field: str, at: datetime | None = None
) -> Appointment:
    """Record the arrival, the start or the end of treatment, at ``at`` or ``now`` (UTC).

    Raises Refused when the visit is not at the step before, or the time is in the future or out of order.
    """
    by.require(step_needs(field))
    if field not in STEP_FIELDS or field == "discharged_at":
        raise Refused("unknown_step", _("This step is not known."))
    visit = locked_visit(appointment.pk)
    before, after = STEP_FIELDS[field]
    _require_status(visit, before)
    if field == "started_at":
        require_countersigned(visit)
    setattr(visit, field, _sensible(visit, field, at or now, now))
    visit.status = after
    visit.save()
    _record(by, now, field, visit)
    return visit


@transaction.atomic
def discharge(
    *,
    by: Actor,
    now: datetime,
    appointment: Appointment,
    escort: str = "",
    no_escort_reason: str = "",
    at: datetime | None = None,
) -> Appointment:
    """End a visit: the patient leaves with ``escort``, or a nurse gives the reason why alone.

    Frees the rest of its places at once. Raises Refused without either, or before recovery.
    """
    by.require(Action.RECORD_VISIT)
    escort, no_escort_reason = escort.strip(), no_escort_reason.strip()
    visit = locked_visit(appointment.pk)
    _require_status(visit, Status.RECOVERING)
    if visit.protocol.needs_escort and not (escort or no_escort_reason):
        raise Refused(
            "no_escort", _("Record who the patient leaves with, or give a reason why alone."), field="escort"
        )
    visit.discharged_at = _sensible(visit, "discharged_at", at or now, now)
    visit.escort = escort or ("" if no_escort_reason else _("no escort needed"))
    visit.no_escort_reason = no_escort_reason
    visit.status = Status.DONE
    visit.save()
    _shorten(visit, visit.discharged_at)
    recount(visit.order)
    plan_check_ins(visit, now)
    settle_open_visit(visit, now)
    _record(by, now, "discharge", visit, override=bool(no_escort_reason))
    return visit


@transaction.atomic
def record_missed(*, by: Actor, now: datetime, appointment: Appointment) -> Appointment:
    """Record that the patient did not come, once the location's late time is over; frees the places."""
    by.require(Action.RECORD_ARRIVAL)
    visit = locked_visit(appointment.pk)
    _require_status(visit, Status.BOOKED)
    if not may_be_missed(visit, now):
        raise Refused(
            "not_late_yet",
            _("A visit counts as missed %(minutes)d minutes after its start.")
            % {"minutes": visit.location.late_minutes},
        )
    visit.status, visit.changed_at = Status.MISSED, now
    visit.sequence += 1
    visit.save()
    release([visit])
    recount(visit.order)
    _record(by, now, "record_missed", visit)
    return visit


@transaction.atomic
def undo_step(*, by: Actor, now: datetime, appointment: Appointment) -> Appointment:
    """Take back the last recorded step; the audit trail keeps its time.

    A missed visit gets its places again. One that was discharged gets back what its leaving freed,
    unless somebody has it by now: then its places stay short, since what happens is never refused.

    Raises Refused when there is nothing to take back or a missed visit's place is taken by now.
    """
    by.require(Action.RECORD_ARRIVAL)
    visit = locked_visit(appointment.pk)
    facts: dict[str, object] = {"status": visit.status}
    if visit.status == Status.MISSED:
        visit.status, visit.changed_at = Status.BOOKED, now
        visit.sequence += 1
        visit.save()
        take_places([visit], Pattern.of(visit.protocol.pattern_phases()), now)
    else:
        facts |= _step_back(visit, by, now)
    recount(visit.order)
    _record(by, now, "undo_step", visit, **facts)
    return visit


def _step_back(visit: Appointment, by: Actor, now: datetime) -> dict[str, object]:
    """Clear the last recorded time and return it for the audit trail."""
    field = last_step(visit)
    if not field:
        raise Refused("nothing_to_undo", _("There is no recorded step to take back."))
    by.require(step_needs(field))
    before = getattr(visit, field)
    setattr(visit, field, None)
    visit.status = STEP_FIELDS[field][0]
    if field == "discharged_at":
        visit.escort = visit.no_escort_reason = ""
    visit.save()
    if field == "discharged_at":
        _take_back(visit, now)
    if field in ("started_at", "discharged_at"):
        drop_unasked(visit, now)
    settle_open_visit(visit, now)
    return {"field": field, "before": before.isoformat()}


def _take_back(visit: Appointment, now: datetime) -> None:
    """Claim the whole plan again, or leave the claims as they are where part of it is taken."""
    try:
        with transaction.atomic():
            release([visit])
            take_places([visit], Pattern.of(visit.protocol.pattern_phases()), now)
    except Refused:
        return


@transaction.atomic
def correct_time(
    *, by: Actor, now: datetime, appointment: Appointment, field: str, at: datetime, reason: str
) -> Appointment:
    """Correct a recorded time; the reason and the former time go to the audit trail.

    An earlier discharge frees more of its places; a later one takes none. Raises Refused without a reason,
    for a step not yet recorded, or out of order.
    """
    by.require(Action.CORRECT_TIMES)
    visit = locked_visit(appointment.pk)
    if field not in STEP_FIELDS or getattr(visit, field) is None:
        raise Refused("unknown_step", _("This step is not recorded yet."), field="field")
    if not reason.strip():
        raise Refused("no_reason", _("Give a reason for the correction."), field="reason")
    before = getattr(visit, field)
    setattr(visit, field, _sensible(visit, field, at, now))
    visit.save()
    if field == "discharged_at":
        _shorten(visit, at)
        plan_check_ins(visit, now)
    facts = {"before": before.isoformat(), "after": getattr(visit, field).isoformat()}
    _record(by, now, "correct_time", visit, field=field, reason=reason.strip(), **facts)
    return visit


def _require_status(visit: Appointment, status: Status) -> None:
    if visit.status != status:
        raise Refused(
            "other_status",
            _("This visit is %(status)s by now; nothing was changed.")
            % {"status": visit.get_status_display()},
        )


def _sensible(visit: Appointment, field: str, at: datetime, now: datetime) -> datetime:
    """``at`` in whole minutes. Raises Refused in the future, on another day or out of order."""
    at = at.replace(second=0, microsecond=0)
    if at > now:
        raise Refused("in_the_future", _("This time is still to come."), field="at")
    if at.astimezone(visit.tz).date() < visit.local_date or at > visit.ends_at + LONGEST_OVERRUN:
        raise Refused(
            "other_day",
            _("This visit is on %(day)s. Give a time of that day.")
            % {"day": formats.date_format(visit.local_date)},
            field="at",
        )
    times = [at if name == field else getattr(visit, name) for name in STEP_FIELDS]
    known = [time for time in times if time is not None]
    if known != sorted(known):
        raise Refused(
            "steps_out_of_order",
            _("Arrival, start, end of treatment and discharge follow one another."),
            field="at",
        )
    return at


def _shorten(visit: Appointment, left_at: datetime) -> None:
    """Free what lies after the patient's leaving; the chair keeps its turnover. Never lengthens a claim.

    Rounded up to the 5 minutes in which places are planned.
    """
    left_at = from_step(ceil_step(left_at))
    pattern = Pattern.of(visit.protocol.pattern_phases())
    turnover = STEP * (pattern.chair - pattern.patient)
    claims = list(visit.claims.select_related("seat"))
    kept = []
    for claim in claims:
        end = min(claim.ends_at, left_at + turnover if claim.seat.chair_id else left_at)
        if claim.starts_at < end:
            kept.append(Claim(seat=claim.seat, appointment=visit, starts_at=claim.starts_at, ends_at=end))
    release([visit])
    Claim.objects.bulk_create(kept)


def _record(by: Actor, now: datetime, action: str, visit: Appointment, **facts: object) -> None:
    record(by=by, now=now, action=action, subject=visit, patient_id=visit.patient_id, **facts)
