"""Several workers extend the same plans at once, run as a program on a fresh database named by DATABASE_URL.

    python -m tests.race.extending --workers 4 --plans 8

Prints one JSON object: how many visits each worker booked, the visits of every plan, and overlapping claims.
"""

import argparse
import json
import multiprocessing
from datetime import timedelta
from typing import Any

import django
from django.core.management import call_command


def main() -> None:
    """Make plans that run short, let the workers loose, count what stands in the database."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--plans", type=int, required=True)
    args = parser.parse_args()
    django.setup()
    call_command("migrate", verbosity=0)
    plans = make_plans(args.plans)
    booked = work(args.workers)
    print(json.dumps({"booked": booked, "visits": visits_of(plans), "overlaps": overlaps()}))


def make_plans(count: int) -> list[int]:
    """Weekly plans in one clinic with a chair and a nurse each; primary keys, as processes share no rows."""
    from tests import factories

    location, protocol = factories.make_location(), factories.make_protocol()
    found = []
    for _number in range(count):
        factories.make_chair(location)
        factories.make_nurse(location)
        order = factories.make_follow_up(factories.make_patient(location), protocol)
        found.append(factories.make_plan(order).pk)
    return found


def work(workers: int) -> list[int]:
    """What each worker says it booked, all of them at the same moment."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    gate, queue = context.Barrier(workers), context.Queue()
    runners = [context.Process(target=extend, args=(gate, queue)) for _number in range(workers)]
    for runner in runners:
        runner.start()
    booked = [queue.get() for _runner in runners]
    for runner in runners:
        runner.join()
    return booked


def extend(gate: Any, queue: Any) -> None:
    """One worker's duty, 15 days after the plans were set; a fault is told by its class."""
    from scheduling.services.plan_extension import extend_plans
    from tests.factories import NOW

    gate.wait()
    try:
        queue.put(extend_plans(NOW + timedelta(days=15)))
    except Exception as error:
        queue.put(type(error).__name__)
        raise


def visits_of(plans: list[int]) -> list[int]:
    """How many visits each plan has."""
    from scheduling.models import FollowUpPlan

    rows = FollowUpPlan.objects.filter(pk__in=plans).order_by("pk")
    return [plan.patient.appointments.count() for plan in rows]


def overlaps() -> int:
    """Pairs of claims on one seat that overlap."""
    from django.db.models import F

    from scheduling.models import Claim

    pairs = Claim.objects.filter(
        seat__claims__starts_at__lt=F("ends_at"), seat__claims__ends_at__gt=F("starts_at")
    ).exclude(seat__claims__pk=F("pk"))
    return pairs.count()


if __name__ == "__main__":
    main()
