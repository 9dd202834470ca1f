"""Taking back the last thing recorded of a visit; the audit trail keeps what it was."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.words import Status
from scheduling.models import Appointment

from .check_ins import drop_unasked
from .claims import release, take_places
from .conflicts import follow_conflicts
from .doses import follow_dose
from .faults import Refused
from .locks import locked_visit
from .missing import take_back_miss
from .open_visits import settle_open_visit
from .orders import recount
from .presence import follow_presence
from .starting import take_back_start
from .stopping import take_back_stop
from .visits import STEP_FIELDS, last_step, record_visit, step_needs


def undo_needs(visit: Appointment) -> Action | None:
    """What somebody must be allowed to do to undo the last step; None where there is nothing to take back."""
    if visit.status == Status.MISSED:
        return Action.RECORD_ARRIVAL
    if visit.status == Status.NOT_GIVEN:
        return Action.RECORD_VISIT
    field = last_step(visit)
    return step_needs(field) if field else None


@transaction.atomic
def undo_step(*, by: Actor, now: datetime, appointment: Appointment) -> Appointment:
    """Take back the last recorded step; the audit trail keeps its time.

    A missed visit, and one that was not given, gets its places again; a miss only until the location closes. One
    that was discharged gets back what its leaving freed, unless somebody has it by now: then its places stay short,
    since what happens is never refused.

    Raises Refused when there is nothing to take back or the place of a visit that held none is taken by now.
    """
    by.require(Action.RECORD_ARRIVAL)
    visit = locked_visit(appointment.pk)
    facts: dict[str, object] = {"status": visit.status}
    before = visit.order
    if visit.status == Status.MISSED:
        take_back_miss(visit, now)
    elif visit.status == Status.NOT_GIVEN:
        by.require(Action.RECORD_VISIT)
        facts |= {"stop": visit.stop_reason, "reason": visit.reason}
        take_back_stop(visit, now)
    else:
        facts |= _step_back(visit, by, now)
    if before.pk != visit.order_id:
        recount(before)
    recount(visit.order)
    follow_conflicts(visit, now)
    record_visit(by, now, "undo_step", visit, **facts)
    return visit


def _step_back(visit: Appointment, by: Actor, now: datetime) -> dict[str, object]:
    """Clear the last recorded time and return it for the audit trail."""
    field = last_step(visit)
    if not field:
        raise Refused("nothing_to_undo", _("There is no recorded step to take back."))
    by.require(step_needs(field))
    facts: dict[str, object] = {"field": field, "before": getattr(visit, field).isoformat()}
    setattr(visit, field, None)
    visit.status = STEP_FIELDS[field][0]
    if field == "arrived_at":
        # A visit to come is under the order the course has now.
        visit.order = visit.series.order
    if field == "treatment_ended_at" and visit.stop_reason:
        facts |= {"stop": visit.stop_reason, "reason": visit.reason}
        take_back_stop(visit, now)
    if field == "started_at":
        facts |= take_back_start(visit)
    if field == "discharged_at":
        visit.escort = visit.no_escort_reason = visit.observation_override_reason = ""
    visit.save()
    if field == "discharged_at":
        _take_back_places(visit, now)
    if field in ("started_at", "discharged_at"):
        drop_unasked(visit, now)
    settle_open_visit(visit, now)
    follow_presence(visit, now)
    follow_dose(visit, now)
    return facts


def _take_back_places(visit: Appointment, now: datetime) -> None:
    """Claim the whole plan again, or leave the claims as they are where part of it is taken."""
    try:
        with transaction.atomic():
            release([visit])
            take_places([visit], Pattern.of(visit.protocol.pattern_phases()), now)
    except Refused:
        return
