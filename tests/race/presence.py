"""Prescribers come and go while treatments start and end, run on a fresh database named by DATABASE_URL.

    python -m tests.race.presence --rounds 12 [--unguarded]

Every kind of race is run so many times, each at a location of its own, by three processes at the same moment.
Prints one JSON object: how the acts of every kind ended, and the races after which the alert does not say what the
patient needs. ``--unguarded`` takes away locks and transactions: the negative control.
"""

import argparse
import json
import multiprocessing
from collections import Counter
from collections.abc import Callable
from time import sleep
from typing import Any

import django
from django.core.management import call_command

CONTENDERS = 3
HEAD_STARTS = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.05))
"""Seconds that the first and the other acts wait, by turns: all at once, the first too late, the others too late."""
GLANCE, LOOK = 0.02, 0.15
"""Seconds between what is seen without and with locks and what is done about it: where a race would strike."""


def main() -> None:
    """Prepare every race, run them, and compare each patient's alert with who is there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--unguarded", action="store_true")
    args = parser.parse_args()
    django.setup()
    call_command("migrate", verbosity=0)
    from .leaving import RACES

    races = [prepare() for _round in range(args.rounds) for prepare in RACES]
    widen_the_window()
    if args.unguarded:
        remove_locks()
    ends = run_all([[race.first, *race.others] for race in races], len(RACES), args.unguarded)
    kinds: dict[str, Counter[str]] = {race.kind: Counter() for race in races}
    for number, end in ends:
        kinds[races[number].kind][end] += 1
    print(json.dumps({"ends": kinds, "wrong": [race.kind for race in races if not race.is_consistent()]}))


def widen_the_window() -> None:
    """Wait after everybody has looked who is there and who is observed."""
    from scheduling.services import presence, starting

    observed = presence.observed

    def slowly(look: Callable[..., Any], seconds: float) -> Callable[..., Any]:
        def look_and_wait(*args: Any) -> Any:
            found = look(*args)
            sleep(seconds)
            return found

        return look_and_wait

    vars(presence)["present_at"] = slowly(presence.present_at, GLANCE)
    vars(presence)["observed"] = slowly(lambda location: list(observed(location)), GLANCE)
    vars(presence)["present_for_sure"] = slowly(presence.present_for_sure, LOOK)
    vars(starting)["present_for_sure"] = vars(presence)["present_for_sure"]


def remove_locks() -> None:
    """No row is locked any more."""
    from django.db.models import QuerySet

    QuerySet.select_for_update = lambda self, **_kwargs: self  # type: ignore[method-assign]


def run_all(races: list[list[Any]], kinds: int, unguarded: bool) -> list[tuple[int, str]]:
    """Fork the contenders; the number of the race and the end of every act."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    gate = context.Barrier(CONTENDERS)
    queue: Any = context.Queue()
    runners = [
        context.Process(target=contend, args=(place, races, kinds, unguarded, gate, queue))
        for place in range(CONTENDERS)
    ]
    for runner in runners:
        runner.start()
    ends = [end for _runner in runners for end in queue.get()]
    for runner in runners:
        runner.join()
    return ends


def contend(place: int, races: list[list[Any]], kinds: int, unguarded: bool, gate: Any, queue: Any) -> None:
    """Do one's own act of every race, all contenders at the same moment."""
    ends = []
    for number, acts in enumerate(races):
        gate.wait()
        if place < len(acts):
            wait = HEAD_STARTS[number // kinds % len(HEAD_STARTS)][min(place, 1)]
            sleep(wait)
            ends.append((number, act_once(*acts[place], unguarded=unguarded)))
    queue.put(ends)


def act_once(service: Any, given: dict[str, Any], *, unguarded: bool) -> str:
    """Name and end of one act: "done", the code of its refusal, or the class of any other fault."""
    from scheduling.services.faults import Refused
    from scheduling.services.running import run

    try:
        run(service.__wrapped__ if unguarded else service, **given)
    except Refused as refused:
        return f"{service.__name__}: {refused.code}"
    except Exception as fault:
        return f"{service.__name__}: {type(fault).__name__}: {fault}"
    return f"{service.__name__}: done"


if __name__ == "__main__":
    main()
