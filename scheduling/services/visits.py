"""Running the day: what really happened is recorded beside the plan and never refused by the guard."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import formats
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.timeline import ceil_step, from_step
from scheduling.core.words import Status
from scheduling.models import Appointment, Claim, StaffMember

from .audit import record
from .check_ins import plan_check_ins
from .claims import STEP, release
from .conflicts import follow_conflicts
from .countersigning import require_countersigned
from .faults import Refused
from .locks import locked_visit
from .open_visits import settle_open_visit
from .orders import recount
from .presence import follow_presence
from .starting import begin, start_facts
from .visit_status import require_status

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
    if visit.status == Status.STOPPED_EARLY:
        return "discharged_at"
    return next((field for field, (_before, after) in STEP_FIELDS.items() if after == visit.status), "")


def step_needs(field: str) -> Action:
    """What somebody must be allowed to do to record or take back a step."""
    return Action.RECORD_ARRIVAL if field == "arrived_at" else Action.RECORD_VISIT


@transaction.atomic
def record_step(
    *,
    by: Actor,
    now: datetime,
    appointment: Appointment,
    field: str,
    at: datetime | None = None,
    override_reason: str = "",
    prescriber: StaffMember | None = None,
) -> Appointment:
    """Record the arrival, the start or the end of treatment, at ``at`` or ``now`` (UTC).

    A start names the ``prescriber`` on site where the protocol needs one, and ``override_reason`` where something
    required is not on record. Raises Refused for what ``starting.begin`` refuses, when the visit is not at the step
    before, or the time is in the future or out of order.
    """
    by.require(step_needs(field))
    if field not in STEP_FIELDS or field == "discharged_at":
        raise Refused("unknown_step", _("This step is not known."))
    visit = locked_visit(appointment.pk)
    before, after = STEP_FIELDS[field]
    require_status(visit, before)
    if field == "started_at":
        require_countersigned(visit)
        begin(visit, now, override_reason=override_reason, prescriber=prescriber)
    setattr(visit, field, sensible_time(visit, field, at or now, now))
    visit.status = after
    visit.save()
    follow_conflicts(visit, now)
    record_visit(by, now, field, visit, **(start_facts(visit) if field == "started_at" else {}))
    return visit


@transaction.atomic
def discharge(
    *,
    by: Actor,
    now: datetime,
    appointment: Appointment,
    escort: str = "",
    no_escort_reason: str = "",
    observation_reason: str = "",
    at: datetime | None = None,
) -> Appointment:
    """End a visit: the patient leaves with ``escort``, or a nurse gives the reason why alone.

    One that was stopped during the drug is then "stopped early". Frees the rest of its places at once. Raises
    Refused without either, before recovery, and before the protocol's observation is over unless
    ``observation_reason`` says why.
    """
    by.require(Action.RECORD_VISIT)
    escort, no_escort_reason = escort.strip(), no_escort_reason.strip()
    visit = locked_visit(appointment.pk)
    require_status(visit, Status.RECOVERING)
    if visit.protocol.needs_escort and not (escort or no_escort_reason):
        raise Refused(
            "no_escort", _("Record who the patient leaves with, or give a reason why alone."), field="escort"
        )
    visit.discharged_at = sensible_time(visit, "discharged_at", at or now, now)
    visit.observation_override_reason = _require_observed(visit, observation_reason.strip())
    visit.escort = escort or ("" if no_escort_reason else _("no escort needed"))
    visit.no_escort_reason = no_escort_reason
    visit.status = Status.STOPPED_EARLY if visit.stop_reason else Status.DONE
    visit.save()
    shorten_places(visit, visit.discharged_at)
    recount(visit.order)
    plan_check_ins(visit, now)
    settle_open_visit(visit, now)
    follow_presence(visit, now)
    follow_conflicts(visit, now)
    sooner = visit.observation_override_reason
    facts = {"observation_reason": sooner} if sooner else {}
    record_visit(by, now, "discharge", visit, override=bool(no_escort_reason), **facts)
    return visit


def may_leave_at(visit: Appointment) -> datetime | None:
    """From when on (UTC) the protocol lets a treated patient leave; None where it says nothing."""
    minutes = visit.protocol.observed_minutes
    return visit.started_at + timedelta(minutes=minutes) if visit.started_at and minutes else None


def _require_observed(visit: Appointment, reason: str) -> str:
    """The reason to keep; empty where the observation was long enough (facts: intranasal 2 h, sources 22 and 23)."""
    earliest = may_leave_at(visit)
    if earliest is None or visit.discharged_at is None or visit.discharged_at >= earliest:
        return ""
    if not reason:
        raise Refused(
            "observation_too_short",
            _("The observation lasts until %(time)s. Wait, or give the reason for leaving sooner.")
            % {"time": earliest.astimezone(visit.tz).strftime("%H:%M")},
            field="observation_reason",
        )
    return reason


@transaction.atomic
def correct_time(
    *, by: Actor, now: datetime, appointment: Appointment, field: str, at: datetime, reason: str
) -> Appointment:
    """Correct a recorded time; the reason and the former time go to the audit trail.

    An earlier discharge frees more of its places; a later one takes none. Check-ins that have left stay, the others
    move; one that should have left by now is skipped. Where the observation turns out shorter than the protocol asks,
    the reason stands as the reason for that. Raises Refused without a reason, for a step not yet recorded, or out
    of order.
    """
    by.require(Action.CORRECT_TIMES)
    visit = locked_visit(appointment.pk)
    if field not in STEP_FIELDS or getattr(visit, field) is None:
        raise Refused("unknown_step", _("This step is not recorded yet."), field="field")
    if not reason.strip():
        raise Refused("no_reason", _("Give a reason for the correction."), field="reason")
    before = getattr(visit, field)
    setattr(visit, field, sensible_time(visit, field, at, now))
    visit.observation_override_reason = _require_observed(
        visit, visit.observation_override_reason or reason.strip()
    )
    visit.save()
    if field == "discharged_at":
        shorten_places(visit, at)
        plan_check_ins(visit, now, is_correction=True)
    follow_conflicts(visit, now)
    facts = {"before": before.isoformat(), "after": getattr(visit, field).isoformat()}
    record_visit(by, now, "correct_time", visit, field=field, reason=reason.strip(), **facts)
    return visit


def require_sensible(visit: Appointment, at: datetime, now: datetime) -> datetime:
    """``at`` in whole minutes. Raises Refused in the future or on another day."""
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
    return at


def sensible_time(visit: Appointment, field: str, at: datetime, now: datetime) -> datetime:
    """``at`` in whole minutes. Raises Refused in the future, on another day or out of order."""
    at = require_sensible(visit, at, now)
    times = [at if name == field else getattr(visit, name) for name in STEP_FIELDS]
    known = [time for time in times if time is not None]
    if known != sorted(known):
        raise Refused(
            "steps_out_of_order",
            _("Arrival, start, end of treatment and discharge follow one another."),
            field="at",
        )
    return at


def shorten_places(visit: Appointment, left_at: datetime) -> None:
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


def record_visit(by: Actor, now: datetime, action: str, visit: Appointment, **facts: object) -> None:
    """The one audit entry of an act on a visit."""
    record(by=by, now=now, action=action, subject=visit, patient_id=visit.patient_id, **facts)
