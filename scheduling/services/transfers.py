"""A course goes on at another location: the visits ahead are planned anew there, the rest stays where it was."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.words import AlertKind, PlanState, Resolution
from scheduling.models import (
    Alert,
    DisruptedVisit,
    FollowUpPlan,
    Location,
    Series,
    SeriesTransfer,
    WaitlistEntry,
)

from .alerts import raise_alert, settle
from .audit import author, record
from .booking import BookedPlace, put
from .claims import claims_of, let_go, let_offers_go, release, take_places
from .countersigning import may_countersign
from .course_messages import announce, leaves_at
from .faults import Refused
from .free_order import DayChange, in_free_order
from .locks import locked_series, raise_revision
from .transfer_plans import TransferPlan, propose_transfer

ANSWERED = (AlertKind.UNCOVERED, AlertKind.OTHER_TIME)
"""Tasks about a visit that another place answers."""


@transaction.atomic
def transfer_series(
    *,
    by: Actor,
    now: datetime,
    series: Series,
    location: Location,
    earliest: date | None = None,
    seen: str | None = None,
    reason: str = "",
) -> SeriesTransfer:
    """Let a course go on at ``location`` from the local date ``earliest`` on, as ``propose_transfer`` plans it.

    Numbers and UIDs stay, SEQUENCE rises, the patient gets one message about the change. A prescriber who works
    there countersigns the order; one who makes the transfer does so by it. ``seen`` is the fingerprint of the plan
    that was looked at. Raises Refused for all that proposing refuses, and ``times_changed``.
    """
    by.require(Action.TRANSFER)
    series = locked_series(series.pk)
    list(series.appointments.select_for_update(no_key=True).order_by("pk"))
    plan = propose_transfer(series=series, location=location, now=now, earliest=earliest)
    if seen is not None and seen != plan.fingerprint:
        raise Refused("times_changed", _("The times changed meanwhile. Look at the new ones below."))
    transfer = SeriesTransfer.objects.create(
        series=series,
        order=series.order,
        from_location=series.location,
        to_location=location,
        reason=reason.strip(),
        made_by_id=author(by),
        made_at=now,
    )
    befores = [move.visit.starts_at for move in plan.moves]
    _move(series, plan, now)
    _follow(by, now, series, plan)
    _ask_to_countersign(by, now, transfer)
    visits = [move.visit for move in plan.moves]
    leaves = leaves_at([*befores, *(visit.starts_at for visit in visits)], now)
    announce(series=series, visits=visits, now=now, due_at=leaves)
    record(
        by=by,
        now=now,
        action="transfer_series",
        subject=transfer,
        patient_id=series.patient_id,
        series=series.pk,
        before=transfer.from_location_id,
        after=location.pk,
        numbers=[visit.number for visit in visits],
        countersigned=transfer.countersigned_by_id is not None,
    )
    return transfer


def _move(series: Series, plan: TransferPlan, now: datetime) -> None:
    """Give the visits their new places; the course is the new location's from here on."""
    visits = [move.visit for move in plan.moves]
    let_go(series)
    let_offers_go(visits)
    held = claims_of(visits)
    release(visits)
    series.location = plan.location
    series.save(update_fields=["location"])
    raise_revision(series)
    pattern = Pattern.of(series.order.protocol.pattern_phases())
    left = [visit.local_date for visit in visits]
    for move in plan.moves:
        place = BookedPlace(move.starts_at, move.place.chair, move.place.nurse)
        # Planned by the order's version, which an amendment may have renewed since it was booked.
        move.visit.protocol = series.order.protocol
        put(move.visit, plan.location, pattern, place, now)
        move.visit.sequence += 1
        move.visit.is_confirmed = False
    days = zip(visits, left, strict=True)
    for visit in in_free_order(DayChange(visit, day, visit.local_date) for visit, day in days):
        visit.save()
    take_places(visits, pattern, now, held)


def _follow(by: Actor, now: datetime, series: Series, plan: TransferPlan) -> None:
    """What hangs on the course goes with it: its weekly plan, who waits, and tasks that another place answers."""
    visits = [move.visit for move in plan.moves]
    FollowUpPlan.objects.filter(series=series, state=PlanState.ACTIVE).update(location=plan.location)
    WaitlistEntry.objects.open().filter(appointment__in=visits).update(location=plan.location)
    DisruptedVisit.objects.open().filter(appointment__in=visits).update(
        resolution=Resolution.MOVED, resolved_by=author(by), resolved_at=now
    )
    settle(Alert.objects.filter(appointment__in=visits, kind__in=ANSWERED), now)


def _ask_to_countersign(by: Actor, now: datetime, transfer: SeriesTransfer) -> None:
    """Countersign at once where who acts may, else ask the prescribers of the new location."""
    # An earlier transfer that nobody signed is overtaken.
    earlier = Alert.objects.filter(patient=transfer.series.patient_id, kind=AlertKind.COUNTERSIGN)
    settle(earlier.filter(facts__series=transfer.series_id), now)
    if may_countersign(by, transfer.to_location, now):
        transfer.countersigned_by_id, transfer.countersigned_at = author(by), now
        transfer.save(update_fields=["countersigned_by", "countersigned_at"])
        return
    raise_alert(
        kind=AlertKind.COUNTERSIGN,
        key=f"countersign:{transfer.pk}",
        patient=transfer.series.patient,
        location=transfer.to_location,
        now=now,
        facts={"to": transfer.to_location.name, "transfer": transfer.pk, "series": transfer.series_id},
    )
