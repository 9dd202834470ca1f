"""Closing a location for one day, as for snow: one act cancels the day and tells everybody at once."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import DisruptionKind, Resolution, Status
from scheduling.models import Appointment, DisruptedVisit, Disruption, Location, Order, Series

from .appointments import Canceller, cancel_booked
from .audit import record
from .disruptions import calls_for
from .faults import Refused


@transaction.atomic
def close_day(*, by: Actor, now: datetime, location: Location, day: date, reason: str) -> Disruption:
    """Take the whole local ``day`` away and cancel every visit booked on it; whoever arrived or began stays.

    One change for each course, told at once: no delay in which it could be undone. Whoever is not written to by
    e-mail becomes a call task; patients whose visit starts within 24 h are called besides. Raises Refused for a
    day that is over, without a reason, and where the day is closed already.
    """
    by.require(Action.DISRUPT)
    reason = reason.strip()
    first, last = (
        datetime.combine(one, time.min, location.tz).astimezone(UTC) for one in (day, day + timedelta(days=1))
    )
    if last <= now:
        raise Refused("day_over", _("This day is over."), field="day")
    if not reason:
        raise Refused("no_reason", _("Give a reason."), field="reason")
    same = Disruption.objects.in_force().filter(
        kind=DisruptionKind.LOCATION, location=location, starts_at=first, ends_at=last
    )
    if same.exists():
        raise Refused("closed_already", _("This day is closed already."), field="day")
    visits = _locked_day(location, day)
    disruption = Disruption.objects.create(
        kind=DisruptionKind.LOCATION,
        location=location,
        starts_at=first,
        ends_at=last,
        reason=reason,
        made_by_id=by.staff_id,
        made_at=now,
    )
    _cancel_all(by, visits, reason, now)
    DisruptedVisit.objects.bulk_create(
        DisruptedVisit(
            disruption=disruption,
            appointment=visit,
            resolution=Resolution.CANCELLED,
            resolved_by_id=by.staff_id,
            resolved_at=now,
            call=calls_for(visit.starts_at, now),
        )
        for visit in visits
    )
    record(
        by=by,
        now=now,
        action="close_day",
        subject=disruption,
        day=day.isoformat(),
        visits=[visit.pk for visit in visits],
    )
    return disruption


def _locked_day(location: Location, day: date) -> list[Appointment]:
    """The visits booked on a local day, with their orders and courses, locked in the one order."""
    wanted = Appointment.objects.filter(location=location, local_date=day, status=Status.BOOKED)
    series_ids = list(wanted.values_list("series_id", flat=True))
    orders = Order.objects.select_for_update(no_key=True).filter(series__in=series_ids)
    list(orders.order_by("pk"))
    rows = Series.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=series_ids)
    courses = rows.select_related("order__protocol", "location", "patient__home_location")
    by_id = {series.pk: series for series in courses.order_by("pk")}
    visits = list(
        wanted.filter(series__in=series_ids)
        .select_for_update(no_key=True, of=("self",))
        .select_related("location", "patient__home_location", "protocol", "series__order")
        .order_by("pk")
    )
    for visit in visits:
        visit.series = by_id[visit.series_id]
    return visits


def _cancel_all(by: Actor, visits: Sequence[Appointment], reason: str, now: datetime) -> None:
    courses: dict[int, list[Appointment]] = defaultdict(list)
    for visit in visits:
        courses[visit.series_id].append(visit)
    for series_id in sorted(courses):
        cancel_booked(by, courses[series_id], Canceller.CLINIC, reason, now, leaves=now)
