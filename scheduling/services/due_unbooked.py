"""Treatments that are due and not booked: signed orders, plans that ran dry, patients beyond their interval."""

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Exists, F, Max, OuterRef
from django.utils.translation import gettext as _

from scheduling.core.words import OPEN, OrderState, PlanState, Standing
from scheduling.models import Appointment, FollowUpPlan, Order, Patient, Series

from .overdue import last_infusions, overdue_since, unbooked
from .plan_next import WHY_NONE

WITH_PATIENT = ("patient__home_location", "protocol")


@dataclass(slots=True)
class DueRow:
    """One patient with nothing booked that should be: why, each in words, and since which local date.

    ``order``: the one to book under; None where a prescriber has to sign one first.
    """

    patient: Patient
    since: date
    order: Order | None = None
    why: list[str] = field(default_factory=list)


def due_unbooked(now: datetime) -> list[DueRow]:
    """One row a patient, the longest due first; a handful of queries however many there are.

    Signed orders without a series; active plans with nothing booked ahead although their order has room; patients
    beyond the interval of their plan's step and seven days more.
    """
    rows: dict[int, DueRow] = {}

    def add(patient: Patient, since: date, why: str, order: Order | None = None) -> None:
        row = rows.setdefault(patient.pk, DueRow(patient, since))
        row.since, row.order = min(row.since, since), row.order or order
        row.why.append(why)

    for order in _orders_without_a_series(now):
        day = order.signed_at.astimezone(order.patient.home_location.tz).date() if order.signed_at else None
        add(order.patient, day or order.valid_from, _("signed, and nothing is booked under it"), order)
    plans = _plans_run_dry(now)
    visits = Appointment.objects.counted().filter(patient__in=[plan.patient_id for plan in plans])
    last = dict(visits.order_by().values_list("patient").annotate(last=Max("local_date")))
    for plan in plans:
        words = _("the weekly plan has nothing booked ahead: %(why)s")
        why = WHY_NONE[plan.stuck or "to_be_booked"]
        add(plan.patient, last.get(plan.patient_id, plan.starts_after), words % {"why": why}, plan.order)
    for patient, day in _beyond_their_interval(now):
        add(patient, day, _("the next infusion is overdue"))
    _orders_to_book(rows, now)
    return sorted(rows.values(), key=lambda row: (row.since, row.patient.pk))


def _orders_without_a_series(now: datetime) -> list[Order]:
    orders = Order.objects.filter(
        state=OrderState.SIGNED,
        taken__lt=F("sessions"),
        patient__standing=Standing.ACTIVE,
    ).exclude(Exists(Series.objects.filter(order=OuterRef("pk"))))
    return [one for one in orders.select_related(*WITH_PATIENT) if _is_in_force(one, now)]


def _is_in_force(order: Order, now: datetime) -> bool:
    """Whether the order has not ended by the local date of its patient's home."""
    return order.valid_until >= now.astimezone(order.patient.home_location.tz).date()


def _plans_run_dry(now: datetime) -> list[FollowUpPlan]:
    ahead = Appointment.objects.filter(patient=OuterRef("patient"), status__in=OPEN, ends_at__gt=now)
    plans = FollowUpPlan.objects.filter(
        state=PlanState.ACTIVE,
        patient__standing=Standing.ACTIVE,
        order__state=OrderState.SIGNED,
        order__taken__lt=F("order__sessions"),
    ).exclude(Exists(ahead))
    return list(plans.select_related("patient", "order__protocol"))


def _beyond_their_interval(now: datetime) -> list[tuple[Patient, date]]:
    since = overdue_since(unbooked(last_infusions(now)), now)
    patients = Patient.objects.in_bulk(since)
    return [(patients[pk], day) for pk, day in since.items()]


def _orders_to_book(rows: dict[int, DueRow], now: datetime) -> None:
    """The signed order with room of those who have no order in their row yet."""
    lacking = [pk for pk, row in rows.items() if row.order is None]
    orders = Order.objects.filter(patient__in=lacking, state=OrderState.SIGNED, taken__lt=F("sessions"))
    for order in orders.select_related(*WITH_PATIENT).order_by("-signed_at"):
        if _is_in_force(order, now):
            rows[order.patient_id].order = rows[order.patient_id].order or order
