"""Changing booked visits: move one, cancel one, cancel the rest."""

from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.words import Status
from scheduling.models import Appointment, Order, Series

from .audit import record
from .booking import BookedPlace, put
from .claims import release, take_places
from .faults import Refused
from .orders import recount
from .rules import require_rules


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
    before = visit.starts_at
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
    take_places([visit], pattern, now)
    raise_revision(visit.series)
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
    return visit


@transaction.atomic
def cancel_appointment(
    *, by: Actor, now: datetime, appointment: Appointment, canceller: Canceller, reason: str = ""
) -> Appointment:
    """Cancel one booked visit and free its places. Raises Refused when it has begun or is over."""
    by.require(Action.CANCEL)
    visit = locked_visit(appointment.pk)
    if visit.status != Status.BOOKED:
        raise Refused("not_booked", _("Only a visit that has not begun can be cancelled."))
    _cancel([visit], canceller, reason, now)
    raise_revision(visit.series)
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
    series = _locked_series(series.pk)
    visits = list(
        series.appointments.select_for_update(no_key=True, of=("self",))
        .select_related("location", "series__order")
        .filter(status=Status.BOOKED, starts_at__gt=now)
        .order_by("pk")
    )
    if not visits:
        raise Refused("nothing_to_cancel", _("No visit of this course is left to cancel."))
    _cancel(visits, canceller, reason, now)
    raise_revision(series)
    record(
        by=by,
        now=now,
        action="cancel_rest",
        subject=series,
        patient_id=series.patient_id,
        numbers=[visit.number for visit in visits],
    )
    return visits


def _cancel(visits: list[Appointment], canceller: Canceller, reason: str, now: datetime) -> None:
    release(visits)
    for visit in visits:
        visit.status = _cancelled_status(visit, canceller, now)
        visit.reason, visit.changed_at = reason, now
        visit.sequence += 1
        visit.save()
    recount(visits[0].series.order)


def _cancelled_status(visit: Appointment, canceller: Canceller, now: datetime) -> Status:
    if canceller is Canceller.CLINIC:
        return Status.CANCELLED_BY_CLINIC
    return Status.CANCELLED_IN_TIME if is_in_time(visit, now) else Status.CANCELLED_LATE


def is_in_time(visit: Appointment, now: datetime) -> bool:
    """Whether a patient who cancels at ``now`` keeps the location's notice, counted in elapsed hours."""
    return visit.starts_at - now >= timedelta(hours=visit.location.notice_hours)


def raise_revision(series: Series) -> None:
    """Count one change of the course; the caller holds its lock."""
    series.revision += 1
    series.save(update_fields=["revision"])


def _locked_series(pk: int) -> Series:
    order_id = Series.objects.values_list("order_id", flat=True).get(pk=pk)
    Order.objects.select_for_update(no_key=True).get(pk=order_id)
    return (
        Series.objects.select_for_update(no_key=True, of=("self",))
        .select_related("order__protocol", "location", "patient")
        .get(pk=pk)
    )


def locked_visit(pk: int) -> Appointment:
    """One visit with its order, series and itself locked in that order; READ COMMITTED sees what is true now."""
    series = _locked_series(Appointment.objects.values_list("series_id", flat=True).get(pk=pk))
    visit = (
        Appointment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("location", "patient", "protocol", "chair", "nurse")
        .get(pk=pk)
    )
    visit.series = series
    return visit
