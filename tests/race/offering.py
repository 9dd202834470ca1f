"""Several workers offer the same places at once, then patients answer twice at once; on a database of its own.

    python -m tests.race.offering --workers 4 --patients 6

Prints one JSON object: what every worker offered, the open offers by place and by patient, how every answer ended,
and overlapping claims.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from multiprocessing import get_context
from typing import Any

import django
from django.core.management import call_command

from .extending import overlaps


def main() -> None:
    """Let patients wait for too few places, let the workers loose, then everybody answer at the same moment."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--patients", type=int, required=True)
    args = parser.parse_args()
    django.setup()
    call_command("migrate", verbosity=0)
    wait_for_a_place(args.patients)
    offered = at_once([offer] * args.workers)
    from scheduling.models import Offer

    found = list(
        Offer.objects.filter(state="open").order_by("pk").values_list("pk", "chair", "starts_at", "entry")
    )
    ends = []
    for pk, *_place in found:
        ends.append(sorted(at_once([answer("accept", pk), answer("decline", pk), answer("accept", pk)])))
    print(
        json.dumps(
            {
                "offered": offered,
                "offers": len(found),
                "places": len({place[1:3] for place in found}),
                "patients": len({place[3] for place in found}),
                "ends": ends,
                "states": Counter(Offer.objects.values_list("state", flat=True)),
                "overlaps": overlaps(),
            }
        )
    )


def wait_for_a_place(count: int) -> None:
    """Patients booked one a day from the sixth day on, in one chair; before it four days are free."""
    from scheduling.core.words import WaitKind
    from scheduling.models import OpeningHours
    from scheduling.services.waitlist import wait_for_better
    from tests.factories import NOW
    from tests.services.clinics import Clinic

    clinic = Clinic()
    OpeningHours.objects.update(opens="09:00", closes="11:00")
    for number in range(count):
        start = NOW + timedelta(days=6 + number, hours=1)
        visit = clinic.book(clinic.order(), [start]).appointments.get()
        wait_for_better(by=clinic.clerk, now=NOW, appointment=visit, kind=WaitKind.EARLIER)


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """What the acts came to, each in a process of its own, all at the same moment."""
    from django.db import connections

    connections.close_all()
    context = get_context("fork")
    gate, queue = context.Barrier(len(acts)), context.Queue()
    runners = [context.Process(target=act_at, args=(act, gate, queue)) for act in acts]
    for runner in runners:
        runner.start()
    found = [queue.get() for _runner in runners]
    for runner in runners:
        runner.join()
    return found


def act_at(act: Callable[[], Any], gate: Any, queue: Any) -> None:
    """One act; a fault is told by its class."""
    gate.wait()
    try:
        queue.put(act())
    except Exception as error:
        queue.put(type(error).__name__)
        raise


def offer() -> int:
    """One worker's duty."""
    from scheduling.services.backfill import offer_freed_places
    from tests.factories import NOW

    return offer_freed_places(NOW + timedelta(hours=1))


def answer(what: str, pk: int) -> Callable[[], str]:
    """One answer of a clerk to one offer: "done", or the code of its refusal."""

    def act() -> str:
        from scheduling.access import SYSTEM
        from scheduling.models import Offer
        from scheduling.services.faults import Refused
        from scheduling.services.offer_answers import accept_offer, decline_offer
        from scheduling.services.running import run
        from tests.factories import NOW

        service: Callable[..., Any] = accept_offer if what == "accept" else decline_offer
        try:
            run(service, by=SYSTEM, now=NOW + timedelta(hours=1), offer=Offer.objects.get(pk=pk))
        except Refused as refused:
            return refused.code
        return "done"

    return act


if __name__ == "__main__":
    main()
