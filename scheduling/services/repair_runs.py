"""Searching for a repair in the background: asked for, watched, stopped, thrown away."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.planner import Place
from scheduling.core.repair import Change, Repair, RepairCost, RepairProblem
from scheduling.core.words import RepairState
from scheduling.models import Disruption, RepairRun

from .audit import author, record
from .faults import Refused
from .repair_search import find_repair, load_repair, lost_visits
from .running import run

CUT_OFF = timedelta(seconds=15)
"""So long after its time a search that has not ended was cut off: its process is gone."""
WRITES_EVERY = 1.0
"""Seconds between two notes of how far a search is."""


@transaction.atomic
def ask_repair(*, by: Actor, now: datetime, disruption: Disruption) -> RepairRun:
    """Note that a repair is to be searched for; the caller starts the search. One that runs already is answered with.

    Raises Refused where no visit lacks a place any more, and once the disruption was lifted.
    """
    by.require(Action.COVER)
    disruption = Disruption.objects.select_for_update(no_key=True, of=("self",)).get(pk=disruption.pk)
    of_it = RepairRun.objects.filter(disruption=disruption)
    running = of_it.filter(state=RepairState.RUNNING).first()
    if running and not is_cut_off(running, now):
        return running
    require_open(disruption, now)
    of_it.filter(state=RepairState.RUNNING).update(state=RepairState.FAILED, finished_at=now)
    of_it.filter(state=RepairState.DONE).update(state=RepairState.DISCARDED)
    asked = RepairRun.objects.create(
        disruption=disruption,
        asked_by_id=author(by),
        asked_at=now,
        until=now + timedelta(seconds=max(1, settings.REPAIR_SECONDS)),
    )
    record(by=by, now=now, action="ask_repair", subject=disruption, repair=asked.pk)
    return asked


def require_open(disruption: Disruption, now: datetime) -> None:
    """Raise Refused for a disruption that was lifted or leaves no visit without its place."""
    if disruption.lifted_at:
        raise Refused("disruption_lifted", _("This was lifted: everything is back."))
    if not lost_visits(disruption, now):
        raise Refused("nothing_to_repair", _("No visit to come lacks its place any more."))


def is_cut_off(asked: RepairRun, now: datetime) -> bool:
    """Whether a search should have ended long ago."""
    return asked.state == RepairState.RUNNING and now > asked.until + CUT_OFF


def start_search(asked: RepairRun, now: datetime) -> None:
    """Search in a thread of this process, which the page does not wait for."""

    def work() -> None:
        try:
            search(asked, now)
        finally:
            connections.close_all()

    threading.Thread(target=work, name=f"repair {asked.pk}", daemon=True).start()


def search(asked: RepairRun, now: datetime) -> None:
    """Find the repair and note it, better ones on the way as well.

    All that touches the database happens in this thread: the solver's own threads would each open a connection. A
    search that fails is noted as cut off before the fault goes on.
    """
    rows = RepairRun.objects.filter(pk=asked.pk, state=RepairState.RUNNING)
    try:
        going = _Search(load_repair(disruption=asked.disruption, now=now))
        going.is_wanted = rows.filter(stop_asked=False).exists()
        going.start()
        while going.is_alive():
            going.join(WRITES_EVERY)
            going.is_wanted = run(_note_progress, rows, going.best)
        best = going.answer()
    except Exception:
        run(rows.update, state=RepairState.FAILED, finished_at=now)
        raise
    ended = now + timedelta(seconds=best.seconds)
    run(rows.update, state=RepairState.DONE, finished_at=ended, found=repair_values(best))


def _note_progress(rows: "QuerySet[RepairRun]", best: Repair | None) -> bool:
    """Write the best so far; whether it is still wanted."""
    if best:
        rows.update(found=repair_values(best))
    return rows.filter(stop_asked=False).exists()


class _Search(threading.Thread):
    """The solver in a thread without a database: the best so far, and whether it shall go on."""

    def __init__(self, problem: RepairProblem) -> None:
        super().__init__(name="repair search", daemon=True)
        self.problem, self.is_wanted = problem, True
        self.best: Repair | None = None
        self.fault: Exception | None = None

    def run(self) -> None:
        """Search until the time is over or nobody wants more."""
        try:
            self.best = find_repair(
                problem=self.problem, seconds=settings.REPAIR_SECONDS, progress=self._note
            )
        except Exception as fault:
            self.fault = fault

    def _note(self, best: Repair, _seconds: float) -> bool:
        self.best = best
        return self.is_wanted

    def answer(self) -> Repair:
        """What was found once the thread is over. Raises what went wrong in it."""
        if self.fault or self.best is None:
            raise self.fault or RuntimeError("the search found nothing")
        return self.best


@transaction.atomic
def stop_repair(*, by: Actor, now: datetime, run: RepairRun) -> None:
    """Ask a search to stop with the best it has."""
    by.require(Action.COVER)
    RepairRun.objects.filter(pk=run.pk, state=RepairState.RUNNING).update(stop_asked=True)
    record(by=by, now=now, action="stop_repair", subject=run.disruption, repair=run.pk)


@transaction.atomic
def discard_repair(*, by: Actor, now: datetime, run: RepairRun) -> None:
    """Throw a proposal away; nothing of it was done. Raises Refused once it was used or thrown away."""
    by.require(Action.COVER)
    if not RepairRun.objects.filter(pk=run.pk, state=RepairState.DONE).update(state=RepairState.DISCARDED):
        raise Refused("repair_over", repair_over_words())
    record(by=by, now=now, action="discard_repair", subject=run.disruption, repair=run.pk)


def repair_over_words() -> str:
    """What is said of a proposal that is none any more."""
    return _("This proposal was used or thrown away meanwhile. Search again.")


def repair_values(repair: Repair) -> dict[str, Any]:
    """A repair as JSON values."""
    return {
        "changes": [
            [change.visit, _listed(change.former), change.place and _listed(change.place), change.group]
            for change in repair.changes
        ],
        "cost": list(repair.cost),
        "bound": list(repair.bound),
        "proven": repair.proven,
        "is_capped": repair.is_capped,
        "by_solver": repair.by_solver,
        "seconds": repair.seconds,
    }


def repair_of(values: Mapping[str, Any]) -> Repair | None:
    """What ``repair_values`` wrote; None while nothing was found."""
    if not values:
        return None
    changes = tuple(
        Change(visit, Place(*former), Place(*place) if place else None, group)
        for visit, former, place, group in values["changes"]
    )
    repair = Repair(changes, RepairCost(*values["cost"]), (values["bound"][0], values["bound"][1]))
    flags = {name: values[name] for name in ("proven", "is_capped", "by_solver", "seconds")}
    return replace(repair, **flags)


def _listed(place: Place) -> list[int]:
    return [place.start, place.chair, place.nurse]
