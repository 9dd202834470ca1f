"""A visit that is stopped: before the drug nothing was given; during it, observation goes on as for a full visit."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import AlertKind, Status, StopReason
from scheduling.models import Alert, Appointment

from .alerts import raise_again, raise_alert, settle
from .check_ins import drop_unasked
from .claims import release
from .coming_back import come_back
from .conflicts import follow_conflicts
from .faults import Refused
from .locks import locked_visit
from .open_visits import settle_open_visit
from .orders import recount
from .visit_status import require_status
from .visits import record_visit, sensible_time

NOTE_LENGTH = 200


@transaction.atomic
def stop_visit(
    *,
    by: Actor,
    now: datetime,
    appointment: Appointment,
    reason: StopReason,
    note: str = "",
    at: datetime | None = None,
) -> Appointment:
    """Stop the visit of a patient who is here, at ``at`` or ``now`` (UTC).

    Before the drug it is not given: no check-ins, the places are free, the infusion is not used (facts: place freed
    and visit counted by outcome). During it the treatment ends; observation, escort and check-ins follow, discharge
    makes it "stopped early", and the prescriber is asked whether to make the session up.

    Raises Refused before the arrival and after the treatment, for a note that is too long and a time out of order.
    """
    by.require(Action.RECORD_VISIT)
    if len(note.strip()) > NOTE_LENGTH:
        raise Refused("note_too_long", _("Please use at most 200 characters."), field="note")
    visit = locked_visit(appointment.pk)
    require_status(visit, Status.ARRIVED, Status.IN_TREATMENT)
    visit.stop_reason, visit.reason = reason, note.strip()
    if visit.status == Status.IN_TREATMENT:
        visit.treatment_ended_at = sensible_time(visit, "treatment_ended_at", at or now, now)
        visit.status = Status.RECOVERING
        visit.save()
        _ask_for_make_up(visit, now)
    else:
        visit.status, visit.changed_at = Status.NOT_GIVEN, now
        visit.sequence += 1
        visit.save()
        release([visit])
        recount(visit.order)
        drop_unasked(visit, now)
        settle_open_visit(visit, now)
    follow_conflicts(visit, now)
    record_visit(by, now, "stop_visit", visit, status=visit.status, stop=reason)
    return visit


def _ask_for_make_up(visit: Appointment, now: datetime) -> None:
    key = make_up_key(visit)
    alert = raise_alert(
        kind=AlertKind.MAKE_UP,
        key=key,
        patient=visit.patient,
        location=visit.location,
        now=now,
        appointment=visit,
        facts={"day": visit.local_date.isoformat(), "reason": visit.stop_reason},
    )
    if alert is None:
        stopped_again = Alert.objects.filter(key=key)
        stopped_again.update(facts={"day": visit.local_date.isoformat(), "reason": visit.stop_reason})
        raise_again(stopped_again, now)


def make_up_key(visit: Appointment) -> str:
    """The key of the question whether a visit that was stopped is made up."""
    return f"make_up:{visit.pk}"


def take_back_stop(visit: Appointment, now: datetime) -> None:
    """The visit goes on after all; one that was not given gets its places again.

    The caller holds its lock, recounts and writes the audit entry. Raises Refused as ``come_back`` does.
    """
    visit.stop_reason = visit.reason = ""
    if visit.status == Status.NOT_GIVEN:
        come_back(visit, Status.ARRIVED, now)
    settle(Alert.objects.filter(key=make_up_key(visit)), now)
