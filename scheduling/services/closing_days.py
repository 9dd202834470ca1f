"""Closing a location for one day, as for snow: one act cancels or moves the day and tells everybody at once."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import CallState, DisruptionKind, Resolution, Status
from scheduling.models import Appointment, DisruptedVisit, Disruption, Location

from .appointments import Canceller, cancel_booked, move_booked
from .audit import record
from .faults import Refused
from .late import as_booked
from .locks import locked_visits
from .offers import offer_places
from .other_places import keep_for_call
from .uncovering import calls_for

TRIES = 3
"""So many of the best other places are tried for one visit."""


@transaction.atomic
def close_day(
    *,
    by: Actor,
    now: datetime,
    location: Location,
    day: date,
    reason: str,
    find_other_times: bool = False,
) -> Disruption:
    """Take the whole local ``day`` away and cancel every visit booked on it; whoever arrived or began stays.

    With ``find_other_times`` a visit that starts in more than 24 h is moved to the best other place instead; for
    one that starts sooner the best is held until closing, for the patient who is called to agree to. Where none is
    free the visit is cancelled, no more.

    One change for each course or move, told at once: no delay in which it could be undone. Whoever is not written
    to by e-mail becomes a call task; patients whose visit starts within 24 h are called besides. Raises Refused for
    a day that is over, without a reason, and where the day is closed already.
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
    visits = locked_visits(
        Appointment.objects.filter(location=location, local_date=day, status=Status.BOOKED)
    )
    disruption = Disruption.objects.create(
        kind=DisruptionKind.LOCATION,
        location=location,
        starts_at=first,
        ends_at=last,
        reason=reason,
        made_by_id=by.staff_id,
        made_at=now,
    )
    was_at = {visit.pk: visit.starts_at for visit in visits}
    calls = {visit.pk: calls_for(visit.starts_at, now) for visit in visits}
    moved = set()
    if find_other_times:
        later = [visit for visit in visits if calls[visit.pk] == CallState.NONE]
        moved = {visit.pk for visit in later if _moves(by, visit, now)}
    cancelled = [visit for visit in visits if visit.pk not in moved]
    _cancel_all(by, cancelled, reason, now)
    rows = DisruptedVisit.objects.bulk_create(
        DisruptedVisit(
            disruption=disruption,
            appointment=visit,
            was_at=was_at[visit.pk],
            resolution=Resolution.MOVED if visit.pk in moved else Resolution.CANCELLED,
            resolved_by_id=by.staff_id,
            resolved_at=now,
            call=calls[visit.pk],
        )
        for visit in visits
    )
    to_call = [row for row in rows if row.call != CallState.NONE] if find_other_times else []
    held = [row.appointment_id for row in to_call if _holds(by, row, now)]
    record(
        by=by,
        now=now,
        action="close_day",
        subject=disruption,
        day=day.isoformat(),
        visits=[visit.pk for visit in visits],
        moved=sorted(moved),
        held=held,
    )
    return disruption


def _moves(by: Actor, visit: Appointment, now: datetime) -> bool:
    """Whether the visit was moved to one of the best other places."""
    for place in offer_places(appointment=visit, now=now).places[:TRIES]:
        try:
            with transaction.atomic():
                move_booked(by, visit, as_booked(place), now, leaves=now)
        except Refused:
            # Somebody took it a moment ago: what the move wrote on the visit is not true.
            visit.refresh_from_db()
            continue
        return True
    return False


def _holds(by: Actor, row: DisruptedVisit, now: datetime) -> bool:
    """Whether one of the best other places for a cancelled visit is held for the call."""
    visit = row.appointment
    for place in offer_places(appointment=visit, now=now).places[:TRIES]:
        try:
            with transaction.atomic():
                keep_for_call(by=by, now=now, visit=visit, row=row, place=as_booked(place))
        except Refused:
            continue
        return True
    return False


def _cancel_all(by: Actor, visits: Sequence[Appointment], reason: str, now: datetime) -> None:
    courses: dict[int, list[Appointment]] = defaultdict(list)
    for visit in visits:
        courses[visit.series_id].append(visit)
    for series_id in sorted(courses):
        cancel_booked(by, courses[series_id], Canceller.CLINIC, reason, now, leaves=now)
