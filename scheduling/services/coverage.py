"""Which booked visits no longer have what they were promised, and why. Nothing here writes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from scheduling.core.pattern import Needs, Pattern
from scheduling.core.seating import has_room
from scheduling.core.timeline import Horizon, floor_step
from scheduling.core.words import SeatKind, Status
from scheduling.models import Appointment, Claim, Location

from .frame import Frame, load_frame
from .lacking import capacity_raises

TO_COME = (Status.BOOKED, Status.ARRIVED)
"""A visit whose treatment has begun goes on where it is."""


def uncovered(visits: Iterable[Appointment], now: datetime) -> dict[int, tuple[str, ...]]:
    """Why the places of these visits no longer hold, in words, by visit; those that hold are left out.

    Only visits that are booked or arrived and not over at ``now`` are looked at, each with the phases of its own
    version of the protocol. Spacing, lead time, order and wishes do not count. The number of queries grows with
    the locations, not with the visits.
    """
    rows = Appointment.objects.filter(
        pk__in=[visit.pk for visit in visits], status__in=TO_COME, ends_at__gt=now
    )
    by_location: dict[Location, list[Appointment]] = defaultdict(list)
    for visit in rows.select_related("location", "chair", "nurse", "protocol").prefetch_related(
        "protocol__phases"
    ):
        by_location[visit.location].append(visit)
    crowded = _over_capacity([visit for group in by_location.values() for visit in group])
    found: dict[int, tuple[str, ...]] = {}
    for location, group in by_location.items():
        days = [visit.local_date for visit in group]
        # Turnover may run past midnight.
        frame = load_frame(location, Horizon.of(location.tz, min(days), max(days) + timedelta(days=1)))
        for visit in group:
            why = tuple(_reasons(visit, frame, is_crowded=visit.pk in crowded))
            if why:
                found[visit.pk] = why
    return found


def _reasons(visit: Appointment, frame: Frame, *, is_crowded: bool) -> Iterator[str]:
    needs = Pattern.of(visit.protocol.pattern_phases()).needs(floor_step(visit.starts_at))
    yield from _of_location(visit, frame, needs)
    yield from _of_chair(visit, frame, needs)
    yield from _of_nurse(visit, frame, needs)
    if is_crowded:
        yield _("%(nurse)s looks after too many patients at that time.") % {"nurse": visit.nurse}
    if visit.protocol.prescriber_on_site and not _within(frame, needs.prescriber, frame.prescriber):
        yield _("No prescriber works there for the whole treatment.")


def _within(frame: Frame, interval: tuple[int, int], mask: int) -> bool:
    return not frame.horizon.mask([interval]) & ~mask


def _of_location(visit: Appointment, frame: Frame, needs: Needs) -> Iterator[str]:
    days = {visit.local_date, frame.horizon.local_date(needs.patient[1] - 1)}
    if not visit.location.is_active:
        yield _("%(place)s takes no patients any more.") % {"place": visit.location}
    elif not _within(frame, needs.patient, ~frame.missing.location):
        yield _("%(place)s is closed then.") % {"place": visit.location}
    elif any(since <= day <= until for since, until in frame.closures for day in days):
        yield _("%(place)s is closed on that day.") % {"place": visit.location}
    elif not _within(frame, needs.patient, frame.open):
        yield _("It lies outside the opening hours.")


def _of_chair(visit: Appointment, frame: Frame, needs: Needs) -> Iterator[str]:
    if not visit.chair.is_active:
        yield _("%(chair)s is not in use.") % {"chair": visit.chair}
    elif not _within(frame, needs.chair, ~frame.missing.chairs.get(visit.chair_id, 0)):
        yield _("%(chair)s cannot be used then.") % {"chair": visit.chair}


def _of_nurse(visit: Appointment, frame: Frame, needs: Needs) -> Iterator[str]:
    nurse = {"nurse": visit.nurse}
    if not visit.nurse.is_active:
        yield _("%(nurse)s no longer works here.") % nurse
    elif not visit.nurse.is_nurse:
        yield _("%(nurse)s no longer works as a nurse.") % nurse
    elif not _within(frame, needs.monitoring, ~frame.missing.nurses.get(visit.nurse_id, 0)):
        yield _("%(nurse)s is missing then.") % nurse
    elif not _within(frame, needs.monitoring, frame.nurses.get(visit.nurse_id, 0)):
        yield _("%(nurse)s is not on shift for the whole visit.") % nurse


def _over_capacity(visits: Sequence[Appointment]) -> set[int]:
    """The visits that come on top of as many as their nurse may look after; whoever starts first comes first."""
    if not visits:
        return set()
    day = timedelta(days=1)
    since, until = min(visit.starts_at for visit in visits), max(visit.ends_at for visit in visits)
    nurses = {visit.nurse_id: visit.nurse.monitoring_capacity for visit in visits}
    claims = Claim.objects.filter(
        seat__nurse__in=nurses,
        seat__kind=SeatKind.MONITORING,
        appointment__isnull=False,
        starts_at__lt=until + day,
        starts_at__gt=since - 2 * day,
    ).select_related("seat")
    by_nurse: dict[int, list[Claim]] = defaultdict(list)
    for claim in claims.order_by("starts_at", "appointment_id"):
        by_nurse[claim.seat.nurse_id or 0].append(claim)
    raises = capacity_raises(nurses, since - 2 * day, until + day)
    return {
        claim.appointment_id or 0
        for nurse, hers in by_nurse.items()
        for claim in _on_top(hers, nurses[nurse], raises)
    } & {visit.pk for visit in visits}


def _on_top(
    claims: Sequence[Claim], capacity: int, raises: Mapping[int, Sequence[tuple[datetime, datetime, int]]]
) -> Iterator[Claim]:
    kept: list[tuple[datetime, datetime]] = []
    for claim in claims:
        more = raises.get(claim.seat.nurse_id or 0, ())
        kept = [one for one in kept if one[1] > claim.starts_at]
        if has_room(kept, claim.starts_at, claim.ends_at, capacity, more):
            kept.append((claim.starts_at, claim.ends_at))
        else:
            yield claim
