"""Changes of the configuration that take visits their place: listed first, then saved as a disruption."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.access import SYSTEM, Action, Actor
from scheduling.core.words import CANCELLED, AlertKind, CallState, DisruptionKind, Resolution, Severity
from scheduling.models import (
    Alert,
    Appointment,
    Chair,
    DisruptedVisit,
    Disruption,
    Hold,
    Location,
    StaffMember,
)

from .alerts import raise_alert, settle
from .audit import record
from .coverage import TO_COME, uncovered
from .faults import Refused
from .running import run

CALL_WITHIN = timedelta(hours=24)
"""Patients whose visit starts sooner are called (DESIGN)."""

Why = Mapping[int, tuple[str, ...]]
"""Reasons in words by visit."""


def uncovered_by(thing: Model, now: datetime) -> dict[int, tuple[str, ...]]:
    """Which visits to come that ``thing`` bears on are not covered, and why: a location, a chair or a person."""
    if isinstance(thing, Location):
        about = Q(location=thing)
    elif isinstance(thing, Chair):
        about = Q(chair=thing)
    elif isinstance(thing, StaffMember):
        about = Q(nurse=thing) | Q(protocol__prescriber_on_site=True)
    else:
        return {}
    rows = Appointment.objects.filter(about, status__in=TO_COME, ends_at__gt=now)
    return uncovered(rows.only("pk"), now)


def require_all_covered(before: Why, after: Why) -> None:
    """Raise Refused (``uncovered``), naming every visit that was covered before and is not after."""
    lost = {pk: why for pk, why in after.items() if pk not in before}
    if not lost:
        return
    words = ngettext(
        "This leaves %(count)d booked visit without its place. Nothing was changed.",
        "This leaves %(count)d booked visits without their places. Nothing was changed.",
        len(lost),
    ) % {"count": len(lost)}
    visits = Appointment.objects.filter(pk__in=lost).select_related("patient").order_by("starts_at", "pk")
    details = [_listed(visit, lost[visit.pk]) for visit in visits]
    raise Refused("uncovered", words, details=details)


def _listed(visit: Appointment, why: Sequence[str]) -> str:
    return _("%(patient)s, %(day)s, %(time)s: %(why)s") % {
        "patient": visit.patient,
        "day": formats.date_format(visit.local_date, "D j M Y"),
        "time": visit.local_time.strftime("%H:%M"),
        "why": " ".join(why),
    }


@transaction.atomic
def open_as_disruption(
    *, by: Actor, now: datetime, thing: Model, before: Why, after: Why
) -> list[Disruption]:
    """Put every visit that a saved change of ``thing`` left uncovered on the attention list.

    One disruption for each location and each chair that is out of use; none of them blocks, since the
    configuration itself says what is left.
    """
    by.require(Action.CONFIGURE)
    lost = [pk for pk in after if pk not in before]
    visits = Appointment.objects.filter(pk__in=lost).select_related("location", "chair", "patient")
    groups: dict[tuple[DisruptionKind, Location, Model | None], list[Appointment]] = defaultdict(list)
    for visit in visits.order_by("starts_at", "pk"):
        groups[_about(thing, visit)].append(visit)
    made = []
    for (kind, location, missing), group in groups.items():
        disruption = Disruption.objects.create(
            kind=kind,
            location=location,
            chair=missing if isinstance(missing, Chair) else None,
            staff=missing if isinstance(missing, StaffMember) else None,
            starts_at=group[0].starts_at,
            ends_at=max(visit.ends_at for visit in group),
            reason=_("changed in the set-up"),
            blocks=False,
            made_by_id=by.staff_id,
            made_at=now,
        )
        list_visits(disruption, group, after, now)
        made.append(disruption)
    record(
        by=by,
        now=now,
        action="open_as_disruption",
        subject=thing,
        disruptions=[one.pk for one in made],
        visits=sorted(lost),
    )
    return made


def _about(thing: Model, visit: Appointment) -> tuple[DisruptionKind, Location, Model | None]:
    """What is missing: by what was changed, and for a location's page by what the visit lost."""
    if isinstance(thing, StaffMember):
        kind = DisruptionKind.NURSE if visit.nurse_id == thing.pk else DisruptionKind.PRESCRIBER
        return kind, visit.location, thing
    if isinstance(thing, Chair) or not visit.chair.is_active:
        return DisruptionKind.CHAIR, visit.location, visit.chair
    return DisruptionKind.LOCATION, visit.location, None


def calls_for(starts_at: datetime, now: datetime) -> CallState:
    """Whether a patient with a visit at ``starts_at`` (UTC) is to be called."""
    return CallState.TO_CALL if starts_at - now <= CALL_WITHIN else CallState.NONE


def list_visits(disruption: Disruption, visits: Sequence[Appointment], why: Why, now: datetime) -> None:
    """List visits under a disruption and raise one alert for each; those already listed stay as they are.

    The caller's service writes the audit entry.
    """
    for visit in visits:
        row, _is_new = DisruptedVisit.objects.get_or_create(
            disruption=disruption,
            appointment=visit,
            defaults={"was_at": visit.starts_at, "call": calls_for(visit.starts_at, now)},
        )
        raise_alert(
            kind=AlertKind.UNCOVERED,
            key=f"uncovered:{disruption.pk}:{visit.pk}",
            patient=visit.patient,
            location=visit.location,
            appointment=visit,
            now=now,
            due_at=visit.starts_at,
            facts={"reasons": list(why.get(visit.pk, ())), "disrupted": row.pk},
        )
    _press(now)


def _press(now: datetime) -> None:
    """Count uncovered visits of today, by the clock of their location, among what is to be seen first."""
    soon = Alert.objects.open().filter(
        kind=AlertKind.UNCOVERED, severity=Severity.PATIENT_WAITING, due_at__lte=now + timedelta(days=1)
    )
    today = [
        alert.pk
        for alert in soon.select_related("location")
        if alert.due_at
        and alert.due_at.astimezone(alert.location.tz).date() <= now.astimezone(alert.location.tz).date()
    ]
    Alert.objects.filter(pk__in=today).update(severity=Severity.SAME_DAY_VISIT)


def settle_covered(now: datetime) -> int:
    """Duty: take visits off the list that are covered again, moved, cancelled or under way; how many.

    What is still on it comes first once its day has come.
    """
    return run(_settle_covered, by=SYSTEM, now=now)


@transaction.atomic
def _settle_covered(*, by: Actor, now: datetime) -> int:
    _press(now)
    listed = Q(pk__in=_open_alerts().values("appointment"))
    listed |= Q(pk__in=DisruptedVisit.objects.open().values("appointment"))
    settled = settle_visits(by=by, now=now, visits=list(Appointment.objects.filter(listed)))
    for visit in settled:
        record(by=by, now=now, action="settle_uncovered", subject=visit, patient_id=visit.patient_id)
    return len(settled)


def _open_alerts() -> "QuerySet[Alert]":
    return Alert.objects.open().filter(kind=AlertKind.UNCOVERED, appointment__isnull=False)


def settle_visits(*, by: Actor, now: datetime, visits: Sequence[Appointment]) -> list[Appointment]:
    """Take those of ``visits`` off the list that have what they need, and note what became of them.

    Also those whose alert somebody acknowledged: the list of the disruption goes on. Returns them; the caller's
    service writes the audit entry.
    """
    wanted = [visit.pk for visit in visits]
    alerts = _open_alerts().filter(appointment__in=wanted)
    rows = list(DisruptedVisit.objects.open().filter(appointment__in=wanted).order_by("pk"))
    listed = {*alerts.values_list("appointment_id", flat=True), *(row.appointment_id for row in rows)}
    if not listed:
        return []
    found = Appointment.objects.in_bulk(listed)
    still = uncovered(found.values(), now)
    settled = {pk: visit for pk, visit in found.items() if pk not in still}
    settle(alerts.filter(appointment__in=settled), now)
    for row in rows:
        if visit := settled.get(row.appointment_id):
            resolve(by, DisruptedVisit.objects.filter(pk=row.pk), _outcome(visit, row), now)
    return list(settled.values())


def resolve(by: Actor, rows: "QuerySet[DisruptedVisit]", outcome: Resolution, now: datetime) -> None:
    """Note what became of these visits and free what was kept for calls about them.

    Where neither time nor day changed nobody is called any more, but for those who were told that it would: they are
    called again. Else the patient still has to be told.
    """
    found = list(rows.values_list("pk", flat=True))
    Hold.objects.filter(offered_to__in=found).delete()
    rows = DisruptedVisit.objects.filter(pk__in=found)
    if outcome in (Resolution.COVERED, Resolution.KEPT):
        rows.filter(told_at=None).update(call=CallState.NONE)
        rows.exclude(told_at=None).update(call=CallState.TO_CALL, told_at=None, told_by=None)
    rows.update(resolution=outcome, resolved_at=now, resolved_by=by.staff_id)


def _outcome(visit: Appointment, row: DisruptedVisit) -> Resolution:
    if visit.status in CANCELLED:
        return Resolution.CANCELLED
    if visit.starts_at != row.was_at:
        return Resolution.MOVED
    return Resolution.COVERED if visit.status in TO_COME else Resolution.KEPT
