"""Changing booked visits: move one, cancel one, cancel the rest."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.words import Status
from scheduling.models import Appointment, Claim, Series

from .audit import record
from .booking import BookedPlace, put
from .changes import as_it_was, free_if_silent, keep_for_undo
from .claims import claims_of, let_go, let_offers_go, release, take_places
from .course_messages import announce, leaves_at
from .faults import Refused
from .locks import locked_series, locked_visit, raise_revision
from .orders import recount
from .patient_wishes import follow_change
from .rules import require_rules
from .uncovering import settle_visits


class Canceller(StrEnum):
    """On whose wish a visit is cancelled."""

    PATIENT = "patient"
    CLINIC = "clinic"


@transaction.atomic
def move_appointment(
    *, by: Actor, now: datetime, appointment: Appointment, place: BookedPlace, override_reason: str = ""
) -> Appointment:
    """Give one booked visit another place; its number and UID stay, SEQUENCE rises when its time changes.

    Raises Refused when it has begun or is over, breaks a rule or meets a place that is taken.
    """
    by.require(Action.MOVE)
    visit = locked_visit(appointment.pk)
    if visit.status != Status.BOOKED:
        raise Refused("not_booked", _("Only a visit that has not begun can be moved."))
    move_booked(by, visit, place, now, override_reason=override_reason)
    return visit


def move_booked(
    by: Actor,
    visit: Appointment,
    place: BookedPlace,
    now: datetime,
    *,
    override_reason: str = "",
    leaves: datetime | None = None,
) -> None:
    """Move a locked booked visit and write the audit entry; the caller checked who acts. Refuses as moving does.

    ``leaves`` (UTC): when the patient is told; without it after the time in which it can be undone.
    """
    let_go(visit.series)
    let_offers_go([visit])
    before, was, held = visit.starts_at, as_it_was([visit]), claims_of([visit])
    pattern = Pattern.of(visit.protocol.pattern_phases())
    put(visit, visit.location, pattern, place, now)
    broken = require_rules(
        by=by, now=now, series=visit.series, visits=[visit], override_reason=override_reason
    )
    release([visit])
    if visit.starts_at != before:
        visit.sequence += 1
        visit.is_confirmed = False
    visit.save()
    take_places([visit], pattern, now, held)
    tell(by, now, [visit], was, held, leaves or leaves_at((before, visit.starts_at), now))
    record(
        by=by,
        now=now,
        action="move_appointment",
        subject=visit,
        patient_id=visit.patient_id,
        before=before.isoformat(),
        after=visit.starts_at.isoformat(),
        overridden=broken,
    )


@transaction.atomic
def cancel_appointment(
    *, by: Actor, now: datetime, appointment: Appointment, canceller: Canceller, reason: str = ""
) -> Appointment:
    """Cancel one booked visit and free its places. Raises Refused when it has begun or is over."""
    by.require(Action.CANCEL)
    visit = locked_visit(appointment.pk)
    if visit.status != Status.BOOKED:
        raise Refused("not_booked", _("Only a visit that has not begun can be cancelled."))
    cancel_booked(by, [visit], canceller, reason, now)
    record(
        by=by,
        now=now,
        action="cancel_appointment",
        subject=visit,
        patient_id=visit.patient_id,
        status=visit.status,
    )
    return visit


@transaction.atomic
def cancel_rest(
    *, by: Actor, now: datetime, series: Series, canceller: Canceller, reason: str = ""
) -> list[Appointment]:
    """Cancel every visit of a course that is still to come, as one change. Raises Refused when there is none."""
    by.require(Action.CANCEL)
    series = locked_series(series.pk)
    visits = list(
        series.appointments.select_for_update(no_key=True, of=("self",))
        .select_related("location", "patient__home_location", "protocol", "series__order")
        .filter(status=Status.BOOKED, starts_at__gt=now)
        .order_by("pk")
    )
    if not visits:
        raise Refused("nothing_to_cancel", _("No visit of this course is left to cancel."))
    cancel_booked(by, visits, canceller, reason, now)
    record(
        by=by,
        now=now,
        action="cancel_rest",
        subject=series,
        patient_id=series.patient_id,
        numbers=[visit.number for visit in visits],
    )
    return visits


def cancel_booked(
    by: Actor,
    visits: list[Appointment],
    canceller: Canceller,
    reason: str,
    now: datetime,
    leaves: datetime | None = None,
) -> None:
    """Cancel booked visits of one locked course as one change; the caller checked who acts and writes the audit.

    ``leaves`` (UTC): when the patient is told; without it after the time in which it can be undone.
    """
    let_go(visits[0].series)
    let_offers_go(visits)
    was, held = as_it_was(visits), claims_of(visits)
    release(visits)
    for visit in visits:
        visit.status = cancelled_status(visit, canceller, now)
        visit.reason, visit.changed_at = reason, now
        visit.sequence += 1
        visit.save()
    recount(visits[0].series.order)
    leaves = leaves or leaves_at([visit.starts_at for visit in visits], now)
    tell(by, now, visits, was, held, leaves)


def tell(
    by: Actor,
    now: datetime,
    visits: list[Appointment],
    was: list[dict[str, Any]],
    held: list[Claim],
    leaves: datetime,
) -> None:
    """Count the change, keep it undoable until ``leaves`` and write what the patient will be told then."""
    series = visits[0].series
    raise_revision(series)
    follow_change(visits, now)
    change = keep_for_undo(by=by, now=now, series=series, before=was, claims=held, leaves_at=leaves)
    announce(series=series, visits=visits, now=now, due_at=leaves, change=change)
    free_if_silent(change)
    settle_visits(by=by, now=now, visits=visits)


def cancelled_status(visit: Appointment, canceller: Canceller, now: datetime) -> Status:
    """What a visit is that is cancelled at ``now`` on somebody's wish."""
    if canceller is Canceller.CLINIC:
        return Status.CANCELLED_BY_CLINIC
    return Status.CANCELLED_IN_TIME if is_in_time(visit, now) else Status.CANCELLED_LATE


def is_in_time(visit: Appointment, now: datetime) -> bool:
    """Whether a patient who cancels at ``now`` keeps the location's notice, counted in elapsed hours."""
    return visit.starts_at - now >= timedelta(hours=visit.location.notice_hours)
