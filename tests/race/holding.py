"""Clerks ask the same question at the same moment, run on a fresh database named by DATABASE_URL.

    python -m tests.race.holding --clerks 4 --rounds 3 [--unheld]

In every round each clerk has a patient of their own, asks for the same two sessions in the same chair, holds what is
shown, asks again where somebody was faster, and books the first proposal once all have theirs on screen. Prints one
JSON object. ``--unheld`` leaves the holding out: the negative control.
"""

import argparse
import json
import multiprocessing
from collections import Counter
from datetime import timedelta
from typing import Any

import django
from django.core.management import call_command

from .arena import overlaps, widen_the_window

MOST_TRIES = 20


def main() -> None:
    """Prepare the clinic, let the clerks ask, and count how it ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clerks", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--unheld", action="store_true")
    args = parser.parse_args()
    django.setup()
    call_command("migrate", verbosity=0)
    widen_the_window()
    clinic = build_clinic(args.clerks, args.rounds)
    print(json.dumps({"ends": run_all(clinic, args.rounds, args.unheld), "overlaps": overlaps()}))


def build_clinic(clerks: int, rounds: int) -> dict[str, Any]:
    """One chair, one nurse; primary keys only, as forked processes share no rows."""
    from scheduling.core.words import Role
    from tests import factories

    location = factories.make_location()
    protocol = factories.make_protocol()
    factories.make_chair(location)
    factories.make_nurse(location, capacity=1)
    return {
        "location": location.pk,
        "clerks": [factories.make_staff(Role.FRONT_DESK).pk for _clerk in range(clerks)],
        "orders": [
            [
                factories.make_order(factories.make_patient(location), protocol, sessions=2).pk
                for _ in range(rounds)
            ]
            for _clerk in range(clerks)
        ],
    }


def run_all(clinic: dict[str, Any], rounds: int, unheld: bool) -> dict[str, int]:
    """Fork the clerks and add up how their holding and booking ended."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(len(clinic["clerks"]))
    queue: Any = context.Queue()
    runners = [
        context.Process(target=serve, args=(number, clinic, rounds, unheld, gate, queue))
        for number in range(len(clinic["clerks"]))
    ]
    for runner in runners:
        runner.start()
    total: Counter[str] = Counter()
    for _runner in runners:
        total.update(queue.get())
    for runner in runners:
        runner.join()
    return dict(total)


def serve(number: int, clinic: dict[str, Any], rounds: int, unheld: bool, gate: Any, queue: Any) -> None:
    """Round after round: everybody asks at once, and books at once when everybody has their places."""
    ends: Counter[str] = Counter()
    for turn in range(rounds):
        gate.wait()
        shown = look(number, turn, clinic, unheld, ends)
        gate.wait()
        ends[f"book: {book(number, turn, clinic, shown)}"] += 1
    queue.put(dict(ends))


def look(number: int, turn: int, clinic: dict[str, Any], unheld: bool, ends: Counter[str]) -> Any:
    """Proposals, held unless ``unheld``; asked for again as long as somebody else is faster."""
    from scheduling.core.wishes import Wishes
    from scheduling.models import Location, Order
    from scheduling.services.faults import Refused
    from scheduling.services.proposal_holds import hold_proposals
    from scheduling.services.proposals import Question, propose
    from scheduling.services.running import run
    from tests.factories import NOW

    order = Order.objects.get(pk=clinic["orders"][number][turn])
    location = Location.objects.get(pk=clinic["location"])
    asked = Question(
        order.pk, location.pk, 2, NOW.date() + timedelta(days=1), Wishes(), f"key-{number}-{turn}"
    )
    for _try in range(MOST_TRIES):
        found: Any = propose(question=asked, order=order, location=location, now=NOW)
        if unheld:
            return found
        try:
            run(
                hold_proposals,
                by=clerk(number, clinic),
                now=NOW,
                order=order,
                location=location,
                places_of_each=[one.booked_places() for one in found],
                key=asked.request_key,
            )
        except Refused as refused:
            ends[f"hold: {refused.code}"] += 1
            continue
        ends["hold: done"] += 1
        break
    return found


def book(number: int, turn: int, clinic: dict[str, Any], shown: Any) -> str:
    """Book the first proposal: "done", the code of its refusal, or the class of any other fault."""
    from scheduling.models import Location, Order
    from scheduling.services.booking import book_series
    from scheduling.services.faults import Refused
    from scheduling.services.running import run
    from tests.factories import NOW

    try:
        run(
            book_series,
            by=clerk(number, clinic),
            now=NOW,
            order=Order.objects.get(pk=clinic["orders"][number][turn]),
            location=Location.objects.get(pk=clinic["location"]),
            places=shown[0].booked_places(),
            request_key=f"key-{number}-{turn}",
        )
    except Refused as refused:
        return refused.code
    except Exception as fault:
        return f"{type(fault).__name__}: {fault}"
    return "done"


def clerk(number: int, clinic: dict[str, Any]) -> Any:
    """The member of staff who acts in this process."""
    from scheduling.access import Actor
    from scheduling.core.words import ActorKind, Role

    return Actor(ActorKind.STAFF, clinic["clerks"][number], roles=frozenset({Role.FRONT_DESK}))


if __name__ == "__main__":
    main()
