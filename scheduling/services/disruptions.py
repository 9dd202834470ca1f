"""Declared disruptions: something is missing from a time to a time; the visits it uncovers are listed."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import AlertKind, DisruptionKind, Resolution, Status
from scheduling.models import (
    Alert,
    Appointment,
    Chair,
    Disruption,
    Location,
    StaffMember,
)

from .alerts import settle
from .audit import record
from .coverage import uncovered
from .faults import Refused
from .uncovering import list_visits, resolve


def affected(disruption: Disruption) -> "QuerySet[Appointment]":
    """The visits at its location, by start, whose stay and the disruption overlap."""
    return Appointment.objects.filter(
        location=disruption.location_id,
        starts_at__lt=disruption.ends_at,
        ends_at__gt=disruption.starts_at,
    ).order_by("starts_at", "pk")


@transaction.atomic
def open_disruption(
    *,
    by: Actor,
    now: datetime,
    kind: DisruptionKind,
    location: Location,
    starts_at: datetime,
    ends_at: datetime,
    staff: StaffMember | None = None,
    chair: Chair | None = None,
    reason: str = "",
) -> Disruption:
    """Take a nurse, prescriber, chair or location away in ``[starts_at, ends_at)`` (UTC) and list who is uncovered.

    Visits that arrived or began stay as they are and are not listed; nobody is moved and nobody is told. Raises
    Refused for an end that is past or not after the start, and for somebody or something of another kind or place.
    """
    by.require(Action.DISRUPT)
    _require_sound(kind, location, staff, chair, starts_at, ends_at, now)
    disruption = Disruption(
        kind=kind,
        location=location,
        staff=staff,
        chair=chair,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason.strip(),
        made_by_id=by.staff_id,
        made_at=now,
    )
    visits = list(
        affected(disruption)
        .filter(status=Status.BOOKED, ends_at__gt=now)
        .select_related("patient", "location")
    )
    before = uncovered(visits, now)
    disruption.save()
    after = uncovered(visits, now)
    lost = [visit for visit in visits if visit.pk in after and visit.pk not in before]
    list_visits(disruption, lost, after, now)
    record(
        by=by,
        now=now,
        action="open_disruption",
        subject=disruption,
        kind=kind,
        visits=[visit.pk for visit in lost],
    )
    return disruption


def _require_sound(
    kind: DisruptionKind,
    location: Location,
    staff: StaffMember | None,
    chair: Chair | None,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> None:
    if ends_at <= starts_at:
        raise Refused("disruption_order", _("A disruption ends after it starts."), field="ends_at")
    if ends_at <= now:
        raise Refused("disruption_over", _("This is over already."), field="ends_at")
    person = kind in (DisruptionKind.NURSE, DisruptionKind.PRESCRIBER)
    if person != (staff is not None):
        raise Refused("disruption_about", _("Say who is missing, for a person only."), field="staff")
    if (kind == DisruptionKind.CHAIR) != (chair is not None):
        raise Refused("disruption_about", _("Say which chair is missing, for a chair only."), field="chair")
    if chair and chair.location_id != location.pk:
        raise Refused("chair_elsewhere", _("This chair is at another location."), field="chair")
    if staff and not (staff.is_nurse if kind == DisruptionKind.NURSE else staff.is_prescriber):
        raise Refused("other_role", _("This person does not work as that."), field="staff")


@transaction.atomic
def lift_disruption(*, by: Actor, now: datetime, disruption: Disruption) -> Disruption:
    """Give back what was missing: open visits that are covered again go on as they are, their calls are off.

    What was cancelled, moved or covered meanwhile stays so. Raises Refused where it was lifted before.
    """
    by.require(Action.DISRUPT)
    row = Disruption.objects.select_for_update(no_key=True, of=("self",)).get(pk=disruption.pk)
    if row.lifted_at:
        raise Refused("lifted", _("This was lifted before."))
    row.lifted_at = now
    row.save(update_fields=["lifted_at"])
    open_rows = list(row.visits.open().select_related("appointment"))
    still = uncovered([one.appointment for one in open_rows], now)
    kept = [one for one in open_rows if one.appointment_id not in still]
    resolve(by, row.visits.filter(pk__in=[one.pk for one in kept]), Resolution.KEPT, now)
    keys = [f"uncovered:{row.pk}:{one.appointment_id}" for one in kept]
    settle(Alert.objects.filter(kind=AlertKind.UNCOVERED, key__in=keys), now)
    record(
        by=by,
        now=now,
        action="lift_disruption",
        subject=row,
        kept=[one.appointment_id for one in kept],
    )
    return row
