"""Patients at a glance: where each stands and what to do next. Nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import chain
from operator import attrgetter

from django.db.models import Prefetch

from scheduling.core.words import OPEN_ORDER, OrderState, RequiredBefore
from scheduling.models import Appointment, Order, Patient, Prerequisite, PrerequisiteRecord, Series


@dataclass(slots=True)
class PatientRow:
    """One line of the list: the patient, open orders and the next visit."""

    patient: Patient
    orders: list[Order] = field(default_factory=list)
    next_visit: Appointment | None = None


def patient_rows(patients: Sequence[Patient], now: datetime) -> list[PatientRow]:
    """The lines for one page of patients, in their order; two queries however many there are."""
    rows = {patient.pk: PatientRow(patient) for patient in patients}
    for order in Order.objects.open().select_related("protocol").filter(patient__in=rows).order_by("pk"):
        rows[order.patient_id].orders.append(order)
    visits = Appointment.objects.upcoming(now).select_related("location").filter(patient__in=rows)
    for visit in visits:
        row = rows[visit.patient_id]
        row.next_visit = row.next_visit or visit
    return list(rows.values())


class Step(StrEnum):
    """What a member of staff can do next for a patient."""

    DRAFT = "draft"
    SIGN = "sign"
    RENEW = "renew"
    RECORD = "record"
    BOOK = "book"
    COME = "come"


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do: with an order, with what is missing, or a visit to expect."""

    step: Step
    order: Order | None = None
    missing: tuple[Prerequisite, ...] = ()
    visit: Appointment | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """All that a patient's page shows; ``today`` is the local date at the home location."""

    today: date
    orders: list[Order]
    series: list[Series]
    upcoming: list[Appointment]
    recorded: list[PrerequisiteRecord]
    missing: list[Prerequisite]
    steps: list[NextStep]


def patient_chart(patient: Patient, now: datetime) -> Chart:
    """Orders, courses, visits to come and what to do next; the same number of queries for every patient."""
    today = now.astimezone(patient.home_location.tz).date()
    orders = list(
        patient.orders.select_related("protocol", "drafted_by", "signed_by").prefetch_related(
            "protocol__prerequisites"
        )
    )
    visits = Appointment.objects.with_places().order_by("starts_at")
    series = list(
        patient.series.select_related("order__protocol", "location").prefetch_related(
            Prefetch("appointments", visits)
        )
    )
    upcoming = sorted(
        (visit for course in series for visit in course.appointments.all() if _is_ahead(visit, now)),
        key=attrgetter("starts_at"),
    )
    recorded = list(patient.prerequisite_records.select_related("prerequisite", "recorded_by"))
    open_orders = [order for order in orders if order.state in OPEN_ORDER]
    missing = _missing(open_orders, {entry.prerequisite_id for entry in recorded})
    steps = _next_steps(open_orders, missing, upcoming, today) if patient.is_active else []
    return Chart(today, orders, series, upcoming, recorded, _each_once(missing), steps)


def _is_ahead(visit: Appointment, now: datetime) -> bool:
    return visit.is_open and visit.ends_at > now


def _missing(orders: list[Order], recorded: set[int]) -> dict[int, list[Prerequisite]]:
    """Per order: what has to be on record before booking or the first visit, and is not."""
    return {
        order.pk: [
            wanted
            for wanted in order.protocol.prerequisites.all()
            if wanted.required_before != RequiredBefore.EVERY and wanted.pk not in recorded
        ]
        for order in orders
    }


def _each_once(missing: dict[int, list[Prerequisite]]) -> list[Prerequisite]:
    return list({wanted.pk: wanted for wanted in chain.from_iterable(missing.values())}.values())


def _next_steps(
    orders: list[Order], missing: dict[int, list[Prerequisite]], upcoming: list[Appointment], today: date
) -> list[NextStep]:
    steps = [NextStep(Step.COME, visit=upcoming[0])] if upcoming else []
    wanted = _each_once(missing)
    if wanted:
        steps.append(NextStep(Step.RECORD, missing=tuple(wanted)))
    for order in orders:
        steps += _steps_of(order, missing[order.pk], today)
    if not orders and not upcoming:
        steps.append(NextStep(Step.DRAFT))
    return steps


def _steps_of(order: Order, missing: list[Prerequisite], today: date) -> list[NextStep]:
    if order.valid_until < today:
        return [NextStep(Step.RENEW, order)]
    if order.state == OrderState.DRAFT:
        return [NextStep(Step.SIGN, order)]
    waits = any(wanted.required_before == RequiredBefore.BOOKING for wanted in missing)
    return [NextStep(Step.BOOK, order)] if order.left and not waits else []
