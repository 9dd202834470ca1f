"""Measures the patient's check-in page and the worker's extension of 1,000 plans; the last line printed is JSON."""

import json
import time
from datetime import timedelta
from decimal import Decimal
from statistics import median
from typing import Any

import django
import time_machine
from django.core.management import call_command

django.setup()

from django.test import Client  # noqa: E402

from scheduling.access import SYSTEM  # noqa: E402
from scheduling.core.words import LinkPurpose, OrderState, Role, Stage  # noqa: E402
from scheduling.models import Appointment, FollowUpPlan, Order, Patient, PlanStep, Seat  # noqa: E402
from scheduling.services.links import link_for, token  # noqa: E402
from scheduling.services.plan_extension import extend_plans  # noqa: E402
from tests import factories  # noqa: E402
from tests.factories import NOW  # noqa: E402

PLANS, LOCATIONS, CHAIRS, NURSES, CAPACITY = 1000, 5, 12, 6, 3
"""200 weekly patients at each location: 60 % of what its chairs could take."""


def main() -> None:
    """Measure both and print the figures."""
    call_command("migrate", verbosity=0)
    print(json.dumps({"checkin_page_ms": check_in_page(), "extend_plans_1000_s": extension()}))


def check_in_page() -> float:
    """The page a patient answers on, asked for 50 times; the median in milliseconds."""
    series = factories.book_one_course(1)
    visit = factories.treat(series.appointments.get())
    check_in = visit.check_ins.earliest("due_at")
    link = link_for(by=SYSTEM, now=NOW, patient=visit.patient, purpose=LinkPurpose.VISITS)
    client, times = Client(), []
    with time_machine.travel(check_in.due_at):
        client.get(f"/v/{token(link)}/")
        for _ in range(50):
            begin = time.perf_counter()
            answer = client.get(f"/my/check-ins/{check_in.pk}/")
            times.append((time.perf_counter() - begin) * 1000)
            if answer.status_code != 200:
                raise SystemExit(f"the check-in page answered {answer.status_code}")
    return round(median(times), 2)


def extension() -> float:
    """Seconds until 1,000 weekly plans without a visit are all booked for four weeks."""
    build()
    begin = time.perf_counter()
    while extend_plans(NOW):
        pass
    seconds = time.perf_counter() - begin
    booked = Appointment.objects.filter(series__stage=Stage.FOLLOW_UP).count()
    if booked != 4 * PLANS:
        raise SystemExit(f"{booked} visits were booked for {PLANS} plans")
    return round(seconds, 1)


def build() -> None:
    """Locations with chairs and nurses, and patients with a weekly plan each, as bare rows."""
    protocol = factories.make_protocol("weekly", max_gap_days=14)
    prescriber = factories.make_staff(Role.PRESCRIBER)
    for number in range(LOCATIONS):
        location = factories.make_location(f"Site {number}")
        for _ in range(CHAIRS):
            factories.make_chair(location)
        for _ in range(NURSES):
            factories.make_nurse(location, capacity=CAPACITY)
        common: dict[str, Any] = {"home_location": location, "first_name": "Ada", "birth_date": NOW.date()}
        people = Patient.objects.bulk_create(
            Patient(mrn=f"B{number}-{one}", last_name=f"Bench {one}", **common)
            for one in range(PLANS // LOCATIONS)
        )
        Seat.objects.bulk_create(Seat(kind="patient", patient=patient) for patient in people)
        orders = Order.objects.bulk_create(
            Order(
                patient=patient,
                protocol=protocol,
                regimen=protocol.code,
                stage=Stage.FOLLOW_UP,
                state=OrderState.SIGNED,
                dose_amount=Decimal("0.5"),
                dose_unit=protocol.dose_unit,
                weight_kg=Decimal(70),
                sessions=24,
                valid_from=NOW.date(),
                valid_until=NOW.date() + timedelta(days=180),
                drafted_by=prescriber,
                drafted_at=NOW,
                signed_by=prescriber,
                signed_at=NOW,
            )
            for patient in people
        )
        plans = FollowUpPlan.objects.bulk_create(
            FollowUpPlan(
                patient=order.patient,
                order=order,
                location=location,
                starts_after=NOW.date() - timedelta(days=index % 7),
                set_by=prescriber,
                set_at=NOW,
            )
            for index, order in enumerate(orders)
        )
        PlanStep.objects.bulk_create(PlanStep(plan=plan, position=1, per_week=1) for plan in plans)


if __name__ == "__main__":
    main()
