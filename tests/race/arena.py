"""The race itself, run as a program on a fresh database named by DATABASE_URL; prints one JSON object.

    python -m tests.race.arena --processes 32 --attempts 50 [--unguarded]

Every process books at random, in turn: single visits for many patients in one chair with one nurse, visits of
one patient in many chairs, and whole courses whose visits come in opposite order. ``--unguarded`` takes away
the constraint and the locks: the negative control.
"""

import argparse
import json
import multiprocessing
import random
import traceback
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from time import sleep
from typing import Any

import django
from django.core.management import call_command

SLOTS = 30
"""Starts a day apart to race for; far fewer than attempts, so that most lose."""


def main() -> None:
    """Prepare the clinic, let the processes race, count what stands in the database."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--attempts", type=int, required=True)
    parser.add_argument("--unguarded", action="store_true")
    args = parser.parse_args()
    django.setup()
    call_command("migrate", verbosity=0)
    widen_the_window()
    if args.unguarded:
        remove_guard()
    clinic = build_clinic(args.processes)
    results = race(args.processes, args.attempts, clinic, args.unguarded)
    print(json.dumps({"results": results, "overlaps": overlaps(), "broken": broken_books()}))


def widen_the_window() -> None:
    """Wait 20 ms between the check and the insert, guarded or not: where a race would strike."""
    from scheduling.services import claims

    replace = vars(claims)["replace_seats"]

    def wait_then_replace(wanted: list[Any]) -> None:
        sleep(0.02)
        replace(wanted)

    vars(claims)["replace_seats"] = wait_then_replace


def remove_guard() -> None:
    """Drop the constraint and every lock, so that only the check before the insert is left."""
    from django.db import connection
    from django.db.models import QuerySet

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE scheduling_claim DROP CONSTRAINT claim_no_overlap")
        else:
            cursor.execute("DROP TRIGGER claim_no_overlap_insert")
            cursor.execute("DROP TRIGGER claim_no_overlap_update")
    QuerySet.select_for_update = lambda self, **_kwargs: self  # type: ignore[method-assign]


def build_clinic(processes: int) -> dict[str, Any]:
    """A clinic with more demand than room; primary keys only, as forked processes share no rows."""
    from tests import factories

    location = factories.make_location()
    protocol = factories.make_protocol(min_gap_days=1, floor_hours=20, max_per_7_days=7, ideal_low=1)
    chairs = [factories.make_chair(location).pk for _ in range(3)]
    nurses = [factories.make_nurse(location, capacity=1).pk for _ in range(3)]
    one = factories.make_order(factories.make_patient(location), protocol, sessions=100)
    singles, courses = [], []
    for _ in range(processes):
        patient = factories.make_patient(location)
        singles.append(factories.make_order(patient, protocol, sessions=100).pk)
        other = factories.make_patient(location)
        courses.append(factories.make_order(other, protocol, sessions=100).pk)
    return {
        "location": location.pk,
        "chairs": chairs,
        "nurses": nurses,
        "one": one.pk,
        "singles": singles,
        "courses": courses,
    }


def race(processes: int, attempts: int, clinic: dict[str, Any], unguarded: bool) -> dict[str, int]:
    """Fork the contenders and add up how their attempts ended."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(processes)
    queue: Any = context.Queue()
    runners = [
        context.Process(target=contend, args=(number, attempts, clinic, unguarded, gate, queue))
        for number in range(processes)
    ]
    for runner in runners:
        runner.start()
    total: Counter[str] = Counter()
    for _ in runners:
        total.update(queue.get())
    for runner in runners:
        runner.join()
    return dict(total)


def contend(
    number: int, attempts: int, clinic: dict[str, Any], unguarded: bool, gate: Any, queue: Any
) -> None:
    """Book again and again at random and put the count of every outcome into the queue."""
    chance = random.Random(number)
    outcomes: Counter[str] = Counter()
    gate.wait()
    for attempt in range(attempts):
        outcomes[attempt_once(number, attempt, chance, clinic, unguarded)] += 1
    queue.put(dict(outcomes))


def attempt_once(
    number: int, attempt: int, chance: random.Random, clinic: dict[str, Any], unguarded: bool
) -> str:
    """One booking: "booked", the code of its refusal, or the class of any other fault."""
    from scheduling.access import Actor
    from scheduling.core.words import ActorKind, Role
    from scheduling.models import Location, Order, StaffMember
    from scheduling.services.booking import BookedPlace, book_series
    from scheduling.services.faults import Refused
    from scheduling.services.running import run
    from tests.factories import NOW

    kind = ("singles", "one", "courses")[attempt % 3]
    order_id = clinic["one"] if kind == "one" else clinic[kind][number]
    chair, nurse = (0, 0) if kind == "singles" else (chance.randrange(3), chance.randrange(3))
    days = [0] if attempt == 0 else chance.sample(range(SLOTS), 3 if kind == "courses" else 1)
    places = [
        BookedPlace(start_of(day), clinic["chairs"][(chair + at) % 3], clinic["nurses"][(nurse + at) % 3])
        for at, day in enumerate(days)
    ]
    by = Actor(ActorKind.STAFF, StaffMember.objects.values_list("pk", flat=True)[0], roles=frozenset(Role))
    service = book_series.__wrapped__ if unguarded else book_series  # type: ignore[attr-defined]
    try:
        run(
            service,
            by=by,
            now=NOW,
            order=Order.objects.get(pk=order_id),
            location=Location.objects.get(pk=clinic["location"]),
            places=places,
            request_key=f"{number}-{attempt}",
        )
    except Refused as refused:
        return refused.code if str(refused.words) else "without words"
    except Exception as fault:
        traceback.print_exc()
        return type(fault).__name__
    return "booked"


def start_of(day: int) -> datetime:
    """10:00 in New York, in UTC, so many days after a Tuesday in January."""
    return datetime.combine(date(2026, 1, 6) + timedelta(days=day), time(15), UTC)


def overlaps() -> int:
    """Pairs of claims on one seat that share time, by a plain SQL self-join."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM scheduling_claim a JOIN scheduling_claim b ON a.seat_id = b.seat_id "
            "AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at"
        )
        return int(cursor.fetchone()[0])


def broken_books() -> int:
    """Visits without exactly five claims, and orders whose count is not that of their visits."""
    from django.db.models import Count

    from scheduling.models import Appointment, Order

    torn = Appointment.objects.annotate(held=Count("claims")).exclude(held=5)
    orders = Order.objects.annotate(visits=Count("series__appointments")).values_list("visits", "taken")
    miscounted = [taken for booked, taken in orders if booked != taken]
    return len(torn) + len(miscounted)


if __name__ == "__main__":
    main()
