"""Which prescribers are on site: marked when they come and go, and an alert where one leaves a patient behind."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import AlertKind, Status
from scheduling.models import Alert, Appointment, Location, Presence, StaffMember

from .alerts import raise_again, raise_alert, settle
from .audit import author, record
from .faults import Refused

OBSERVED = (Status.IN_TREATMENT, Status.RECOVERING)
"""Patients who need a prescriber on site where the protocol says so (facts: administration and monitoring)."""


def present_at(location: Location, now: datetime) -> list[Presence]:
    """Who is on site at ``now``, by name. One marked on an earlier local day was forgotten: left (DESIGN)."""
    rows = Presence.objects.filter(location=location, left_at=None)
    return _of_today(rows.select_related("staff", "location"), now)


def present_for_sure(location: Location, now: datetime) -> list[Presence]:
    """As ``present_at``, locked: nobody of them is marked as gone until the caller's transaction is over.

    The caller may hold a visit's lock: whoever leaves locks no visit.
    """
    return _of_today(_locked(Q(location=location)), now)


def _locked(about: Q) -> list[Presence]:
    """Who is marked as present and was not marked as gone, locked by primary key.

    Whoever comes or goes, and whoever starts, ends or takes back what needs a prescriber, locks all of a location:
    what one of them sees of the others is true until it is done.
    """
    rows = Presence.objects.select_for_update(no_key=True, of=("self",)).select_related("staff", "location")
    return list(rows.filter(about, left_at=None).order_by("pk"))


def _of_today(rows: Iterable[Presence], now: datetime) -> list[Presence]:
    named = sorted(rows, key=lambda row: (row.staff.name, row.pk))
    return [row for row in named if _is_of_today(row, now)]


def _is_of_today(row: Presence, now: datetime) -> bool:
    tz = row.location.tz
    return row.arrived_at.astimezone(tz).date() == now.astimezone(tz).date()


def may_be_marked(location: Location, now: datetime) -> list[StaffMember]:
    """Active prescribers who are not on site at ``now``, by name."""
    here = [row.staff_id for row in present_at(location, now)]
    return list(StaffMember.objects.filter(is_prescriber=True, is_active=True).exclude(pk__in=here))


@transaction.atomic
def mark_present(*, by: Actor, now: datetime, staff: StaffMember, location: Location) -> Presence:
    """Note that a prescriber is on site from ``now`` on; one who was at another location has left there.

    Raises Refused for anybody who is no active prescriber.
    """
    by.require(Action.MARK_PRESENT)
    if not (staff.is_prescriber and staff.is_active):
        raise Refused(
            "no_prescriber", _("Only a prescriber who works here is marked present."), field="staff"
        )
    StaffMember.objects.select_for_update(no_key=True).get(pk=staff.pk)
    former_places = Presence.objects.filter(staff=staff, left_at=None).values("location")
    locked = _locked(Q(location=location) | Q(location__in=former_places))
    hers = [row for row in locked if row.staff_id == staff.pk]
    for row in hers:
        if row.location_id == location.pk and _is_of_today(row, now):
            return row
    for former in hers:
        _leave(former, now)
    row = Presence.objects.create(staff=staff, location=location, arrived_at=now, recorded_by_id=author(by))
    settle(Alert.objects.filter(kind=AlertKind.NO_PRESCRIBER, location=location), now)
    record(by=by, now=now, action="mark_present", subject=row, staff=staff.pk, location=location.pk)
    return row


@transaction.atomic
def mark_left(*, by: Actor, now: datetime, presence: Presence) -> Presence:
    """Note that a prescriber has left at ``now``; whoever still needs one raises an alert. Twice changes nothing."""
    by.require(Action.MARK_PRESENT)
    here = {row.pk: row for row in _locked(Q(location=presence.location_id))}
    if presence.pk not in here:
        return Presence.objects.get(pk=presence.pk)
    row = here[presence.pk]
    _leave(row, now)
    record(by=by, now=now, action="mark_left", subject=row, staff=row.staff_id, location=row.location_id)
    return row


def _leave(row: Presence, now: datetime) -> None:
    """End a presence; patients who need a prescriber there and have none any more raise alerts."""
    row.left_at = now
    row.save(update_fields=["left_at"])
    if not present_at(row.location, now):
        for visit in observed(row.location):
            _warn(visit, row, now)


def observed(location: Location) -> "QuerySet[Appointment]":
    """Visits under observation at a location whose protocol needs a prescriber on site."""
    rows = Appointment.objects.filter(
        location=location, status__in=OBSERVED, protocol__prescriber_on_site=True
    )
    return rows.select_related("patient", "location").order_by("pk")


def _warn(visit: Appointment, row: Presence, now: datetime) -> None:
    key = f"no_prescriber:{visit.pk}:{row.pk}"
    alert = raise_alert(
        kind=AlertKind.NO_PRESCRIBER,
        key=key,
        patient=visit.patient,
        location=visit.location,
        now=now,
        appointment=visit,
        facts={"left_at": (row.left_at or now).isoformat(), "name": row.staff.name},
    )
    if alert is None:
        raise_again(Alert.objects.filter(key=key), now)


def follow_presence(visit: Appointment, now: datetime) -> None:
    """Nobody has to come once the patient is no longer observed; one whose discharge was taken back is again."""
    if not visit.protocol.prescriber_on_site:
        return
    here = present_for_sure(visit.location, now)
    if visit.status not in OBSERVED:
        settle(Alert.objects.filter(kind=AlertKind.NO_PRESCRIBER, appointment=visit), now)
    elif not here:
        last = Presence.objects.filter(location=visit.location).select_related("staff").first()
        if last:
            _warn(visit, last, now)
