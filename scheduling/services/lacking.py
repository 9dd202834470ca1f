"""What declared disruptions take away from a location, as masks over a horizon, and who may do more than usual."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from scheduling.core.timeline import Horizon, ceil_step, floor_step, from_step
from scheduling.core.words import DisruptionKind
from scheduling.models import CapacityRaise, Disruption, Location

Raise = tuple[datetime, datetime, int]
"""From and until (UTC, half-open), and how many patients the nurse then looks after at one time."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """The steps at which something is missing: the whole location, and single chairs and people by id."""

    location: int
    chairs: Mapping[int, int]
    nurses: Mapping[int, int]
    prescribers: Mapping[int, int]


def lacking(location: Location, horizon: Horizon) -> Lacking:
    """What is missing at ``location``; a person is missing everywhere, wherever it was declared. One query."""
    since, until = from_step(horizon.origin), from_step(horizon.origin + horizon.length)
    rows = Disruption.objects.in_force().filter(
        Q(location=location) | Q(staff__isnull=False), starts_at__lt=until, ends_at__gt=since
    )
    spans: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for row in rows.order_by():
        about = row.chair_id or row.staff_id or 0
        spans[row.kind, about].append((floor_step(row.starts_at), ceil_step(row.ends_at)))
    masks: dict[str, dict[int, int]] = {kind: {} for kind in DisruptionKind}
    for (kind, about), times in spans.items():
        masks[kind][about] = horizon.mask(times)
    return Lacking(
        location=masks[DisruptionKind.LOCATION].get(0, 0),
        chairs=masks[DisruptionKind.CHAIR],
        nurses=masks[DisruptionKind.NURSE],
        prescribers=masks[DisruptionKind.PRESCRIBER],
    )


def capacity_raises(nurses: Collection[int], since: datetime, until: datetime) -> dict[int, list[Raise]]:
    """The raised capacities by nurse that reach into ``[since, until)``. One query."""
    found: dict[int, list[Raise]] = defaultdict(list)
    rows = CapacityRaise.objects.filter(nurse__in=nurses, starts_at__lt=until, ends_at__gt=since)
    for row in rows.order_by("pk"):
        found[row.nurse_id].append((row.starts_at, row.ends_at, row.capacity))
    return found
