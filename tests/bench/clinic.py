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
        self.protocol_id = protocol.pk
        self.pattern = Pattern.of(protocol.pattern_phases())
        self.count = 0
        self.template = order
        self.visits: list[tuple[Any, ...]] = []
        self.claims: list[tuple[Any, ...]] = []
        self.people: list[tuple[Any, ...]] = []
        self.next_patient = 1_000_000

    def day(self, site: _Site, day: date, chance: random.Random, most: int | None = None) -> None:
        """Book about 60 % of a site's places on one local day."""
        for place, start in self._places(day):
            if chance.random() >= LOAD or (most is not None and most <= 0):
                continue
            self._visit(site, place, day, start)
            most = None if most is None else most - 1
        if len(self.visits) >= self.BATCH:
            self.flush()

    @staticmethod
    def _places(day: date) -> Iterator[tuple[int, datetime]]:
        for start in STARTS:
            moment = datetime.combine(day, start, ZoneInfo("America/New_York")).astimezone(UTC)
            for place in range(CHAIRS):
                yield place, moment

    def _visit(self, site: _Site, place: int, day: date, start: datetime) -> None:
        """One visit of a patient of its own, staggered by 25 minutes where two share a nurse's hands."""
        start += timedelta(minutes=0 if place % 2 == 0 else 25)
        self.count += 1
        visit = self.next_patient + self.count
        chair, chair_seat = site.chairs[place]
        nurse, hands, monitoring = site.nurses[place // 2]
        end = start + self.pattern.stay
        self.people.append((visit,))
        self.visits.append((visit, chair, nurse, site.location_id, day, start, end))
        spans = [(chair_seat, (0, self.pattern.chair)), (monitoring[place % 2], self.pattern.nurse)]
        spans += [(hands, span) for span in self.pattern.hands_on]
        for seat, (first, last) in spans:
            step = timedelta(minutes=STEP_MINUTES)
            self.claims.append((visit, seat, start + first * step, start + last * step))

    def flush(self) -> None:
        """Write what was collected in one transaction."""
        adapt = connection.ops.adapt_datetimefield_value
        now = adapt(factories.NOW)
        order = self.template
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO scheduling_patient (id, mrn, first_name, last_name, preferred_name, birth_date, email,"
                " phone, language, needs_interpreter, home_location_id, escort_name, escort_phone, note, is_active)"
                " VALUES (%s, %s, 'Ada', 'Bench', '', '1980-02-29', '', '', 'en', %s, %s, '', '', '', %s)",
                [(p, f"B{p}", False, order.patient.home_location_id, True) for (p,) in self.people],
            )
            cursor.executemany(
                "INSERT INTO scheduling_seat (id, kind, patient_id, number) VALUES (%s, 'patient', %s, 1)",
                [(p, p) for (p,) in self.people],
            )
            cursor.executemany(
                "INSERT INTO scheduling_order (id, patient_id, protocol_id, regimen, stage, state, dose_amount,"
                " dose_unit, weight_kg, unusual_dose_confirmed, sessions, taken, valid_from, valid_until, note,"
                " drafted_by_id, drafted_at, signed_by_id, signed_at) VALUES"
                " (%s, %s, %s, 'bench', 'induction', 'signed', 0.5, 'mg_per_kg', 70, %s, 6, 1, %s, %s, '', %s, %s,"
                " %s, %s)",
                [
                    (p, p, self.protocol_id, False, order.valid_from, order.valid_until, order.drafted_by_id)
                    + (now, order.drafted_by_id, now)
                    for (p,) in self.people
                ],
            )
            cursor.executemany(
                "INSERT INTO scheduling_series (id, patient_id, order_id, location_id, stage, revision, wishes,"
                " booked_by_id, booked_at) VALUES (%s, %s, %s, %s, 'induction', 1, '{}', %s, %s)",
                [(v[0], v[0], v[0], v[3], order.drafted_by_id, now) for v in self.visits],
            )
            cursor.executemany(
                "INSERT INTO scheduling_appointment (id, series_id, patient_id, protocol_id, location_id, chair_id,"
                " nurse_id, number, local_date, local_time, zone, starts_at, ends_at, status, is_confirmed, uid,"
                " sequence, changed_at, override_reason, reason, escort, no_escort_reason) VALUES (%s, %s, %s, %s,"
                " %s, %s, %s, 1, %s, %s, 'America/New_York', %s, %s, %s, %s, %s, 0, %s, '', '', '', '')",
                [self._visit_row(visit, now) for visit in self.visits],
            )
            cursor.executemany(
                "INSERT INTO scheduling_claim (seat_id, appointment_id, starts_at, ends_at)"
                " VALUES (%s, %s, %s, %s)",
                [(seat, visit, adapt(start), adapt(end)) for visit, seat, start, end in self._all_claims()],
            )
        self.people, self.visits, self.claims = [], [], []

    def _all_claims(self) -> Iterator[tuple[int, int, datetime, datetime]]:
        yield from self.claims
        for visit, *_places, start, end in self.visits:
            yield visit, visit, start, end

    def _visit_row(self, row: tuple[Any, ...], now: Any) -> tuple[Any, ...]:
        visit, chair, nurse, location, day, start, end = row
        adapt = connection.ops.adapt_datetimefield_value
        local = start.astimezone(ZoneInfo("America/New_York")).time()
        uid = str(UUID(int=visit))
        head = (visit, visit, visit, self.protocol_id, location, chair, nurse, day, local.isoformat())
        return (*head, adapt(start), adapt(end), Status.BOOKED.value, False, uid, now)
