"""One generator of big clinics: the same visible window at every size, history spread over many locations."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from scheduling.core.pattern import Pattern
from scheduling.core.timeline import STEP_MINUTES
from scheduling.core.words import Role, Status
from scheduling.models import Location, Order, Protocol, Seat, StaffMember
from tests import factories

SEED = 20260105
CHAIRS, NURSES, CAPACITY, WINDOW_DAYS, LOAD = 20, 10, 3, 28, 0.6
HISTORY_LOCATIONS = 40
STARTS = (time(8), time(10, 15), time(12, 30), time(14, 45))
"""Four visits of 135 minutes fill a chair from 08:00 to 17:00."""
ZONE = ZoneInfo("America/New_York")
STEP = timedelta(minutes=STEP_MINUTES)
TABLES = ("patient", "seat", "order", "series", "appointment", "claim")
FIRST_PK = 1_000_000
"""Rows written in plain SQL start here, well above those of the ORM."""


@dataclass(frozen=True, slots=True)
class BenchClinic:
    """What a measure needs of the generated clinic."""

    location: Location
    protocol: Protocol
    orders: Sequence[Order]
    prescriber: StaffMember


@dataclass(frozen=True, slots=True)
class _Site:
    location_id: int
    chairs: Sequence[tuple[int, int]]
    nurses: Sequence[tuple[int, int, Sequence[int]]]


def build(size: int, *, orders: int = 60) -> BenchClinic:
    """Fill an empty database with ``size`` appointments and their claims; the last 28 days are the window.

    Each nurse serves two neighbouring chairs, so that a third of her monitoring seats stays free.
    """
    protocol = factories.make_protocol("bench")
    visible = _site()
    sites = [_site() for _ in range(HISTORY_LOCATIONS)]
    location = Location.objects.get(pk=visible.location_id)
    order = factories.make_order(factories.make_patient(location), protocol, sessions=6)
    chance = random.Random(SEED)
    rows = _Rows(protocol, order)
    first = factories.NOW.date()
    for offset in range(WINDOW_DAYS):
        rows.day(visible, first + timedelta(days=offset), chance)
    offset = 1
    while rows.count < size:
        for site in sites:
            rows.day(site, first - timedelta(days=offset), chance, most=size - rows.count)
        offset += 1
    rows.flush()
    waiting = [factories.make_order(factories.make_patient(location), protocol) for _ in range(orders)]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return BenchClinic(location, protocol, waiting, factories.make_staff(Role.PRESCRIBER))


def _site() -> _Site:
    location = factories.make_location()
    chairs = [factories.make_chair(location) for _ in range(CHAIRS)]
    nurses = [factories.make_nurse(location, capacity=CAPACITY) for _ in range(NURSES)]
    seats: list[tuple[int, int, Sequence[int]]] = []
    for nurse in nurses:
        hers = list(Seat.objects.filter(nurse=nurse).order_by("kind", "number").values_list("pk", flat=True))
        seats.append((nurse.pk, hers[0], hers[1:]))
    return _Site(location.pk, [(chair.pk, chair.seat.pk) for chair in chairs], seats)


class _Rows:
    """Collects rows and writes them in plain SQL: the ORM would take an hour for a million visits."""

    BATCH = 20_000

    def __init__(self, protocol: Protocol, order: Order) -> None:
        self.pattern = Pattern.of(protocol.pattern_phases())
        self.order = order
        self.count = 0
        self.tables: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}

    def day(self, site: _Site, day: date, chance: random.Random, most: int | None = None) -> None:
        """Book about 60 % of a site's places on one local day."""
        for place, start in _places(day):
            if chance.random() >= LOAD or (most is not None and most <= 0):
                continue
            self._visit(site, place, day, start)
            most = None if most is None else most - 1
        if len(self.tables["appointment"]) >= self.BATCH:
            self.flush()

    def _visit(self, site: _Site, place: int, day: date, start: datetime) -> None:
        """One visit of a patient of its own, staggered by 25 minutes where two share a nurse's hands."""
        self.count += 1
        pk = FIRST_PK + self.count
        start += timedelta(minutes=0 if place % 2 == 0 else 25)
        chair, chair_seat = site.chairs[place]
        nurse, hands, monitoring = site.nurses[place // 2]
        self._records(pk, site.location_id)
        self.tables["appointment"].append(
            {"id": pk, "series_id": pk, "order_id": pk, "patient_id": pk}
            | {"protocol_id": self.order.protocol_id}
            | {"location_id": site.location_id, "chair_id": chair, "nurse_id": nurse, "number": 1}
            | {"local_date": day, "local_time": start.astimezone(ZONE).time().isoformat(), "zone": ZONE.key}
            | {"starts_at": _stored(start), "ends_at": _stored(start + self.pattern.stay)}
            | {"status": Status.BOOKED.value, "is_confirmed": False, "uid": str(UUID(int=pk)), "sequence": 0}
            | {"changed_at": _stored(factories.NOW), "override_reason": "", "reason": ""}
            | {"escort": "", "no_escort_reason": "", "stop_reason": "", "start_override_reason": ""}
            | {"observation_override_reason": "", "dose_given_unit": ""}
        )
        spans = [(chair_seat, (0, self.pattern.chair)), (pk, (0, self.pattern.patient))]
        spans += [(monitoring[place % 2], self.pattern.nurse)]
        spans += [(hands, span) for span in self.pattern.hands_on]
        self.tables["claim"] += [
            {"appointment_id": pk, "seat_id": seat}
            | {"starts_at": _stored(start + first * STEP), "ends_at": _stored(start + last * STEP)}
            for seat, (first, last) in spans
        ]

    def _records(self, pk: int, location_id: int) -> None:
        """The patient, seat, order and series of one visit, all with its primary key."""
        signed = {"drafted_by_id": self.order.drafted_by_id, "drafted_at": _stored(factories.NOW)}
        signed |= {"signed_by_id": self.order.drafted_by_id, "signed_at": _stored(factories.NOW)}
        self.tables["patient"].append(
            {"id": pk, "mrn": f"B{pk}", "first_name": "Ada", "last_name": "Bench", "preferred_name": ""}
            | {"birth_date": date(1980, 2, 29), "email": "", "phone": "", "language": "en", "note": ""}
            | {"needs_interpreter": False, "home_location_id": location_id, "standing": "active"}
            | {"calendar_way": "", "escort_name": "", "escort_phone": ""}
        )
        self.tables["seat"].append({"id": pk, "kind": "patient", "patient_id": pk, "number": 1})
        self.tables["order"].append(
            {"id": pk, "patient_id": pk, "protocol_id": self.order.protocol_id, "regimen": "bench"}
            | {"stage": "induction", "state": "signed", "dose_amount": "0.5", "dose_unit": "mg_per_kg"}
            | {"weight_kg": 70, "unusual_dose_confirmed": False, "sessions": 6, "taken": 1, "note": ""}
            | {"valid_from": self.order.valid_from, "valid_until": self.order.valid_until}
            | signed
        )
        self.tables["series"].append(
            {"id": pk, "patient_id": pk, "order_id": pk, "location_id": location_id, "stage": "induction"}
            | {"revision": 1, "wishes": "{}", "booked_at": _stored(factories.NOW)}
            | {"booked_by_id": self.order.drafted_by_id}
        )

    def flush(self) -> None:
        """Write what was collected in one transaction."""
        with transaction.atomic(), connection.cursor() as cursor:
            for table in TABLES:
                _insert(cursor, table, self.tables[table])
                self.tables[table] = []


def _insert(cursor: Any, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        columns, marks = ", ".join(rows[0]), ", ".join(["%s"] * len(rows[0]))
        # Table and columns are this file's own words.
        sql = f"INSERT INTO scheduling_{table} ({columns}) VALUES ({marks})"
        cursor.executemany(sql, [tuple(row.values()) for row in rows])


def _stored(instant: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(instant)


def _places(day: date) -> Iterator[tuple[int, datetime]]:
    for wall in STARTS:
        start = datetime.combine(day, wall, ZONE).astimezone(UTC)
        for place in range(CHAIRS):
            yield place, start
