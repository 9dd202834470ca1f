"""The least repair by CP-SAT over candidate places; the only module that knows the solver."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from threading import Event, Thread

from ortools.sat.python import cp_model

from ..pattern import Pattern
from ..planner import Place
from ..timeline import DAY_STEPS
from .coloring import Sitting, seated
from .greedy import Places
from .options import Option, Options
from .plans import Progress, Repair, RepairCost
from .problem import Lost, RepairProblem
from .result import as_repair
from .room import Room

WORKERS = 2
SEED = 7
PULSE = 0.5
"""Seconds between two times that a search is asked whether to go on."""


class _Chairs(Enum):
    """How chairs stand in the model."""

    COUNTED = auto()
    OF_LOST = auto()
    OF_ALL = auto()


@dataclass(slots=True)
class _Model:
    """The variables: a start with a nurse for each lost visit, a nurse for each other; and what they take when."""

    cp: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    starts: dict[int, list[tuple[cp_model.IntVar, Option, int]]] = field(default_factory=dict)
    unplaced: dict[int, cp_model.IntVar] = field(default_factory=dict)
    nurses: dict[int, list[tuple[cp_model.IntVar, int]]] = field(default_factory=dict)
    moved: dict[int, cp_model.IntVar] = field(default_factory=dict)
    chair: list[tuple[cp_model.IntVar, int, int]] = field(default_factory=list)
    chairs: dict[int, list[tuple[cp_model.IntVar, int, int]]] = field(default_factory=dict)
    monitoring: dict[int, list[tuple[cp_model.IntVar, int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    hands: dict[int, list[tuple[cp_model.IntVar, int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )


def improve(
    problem: RepairProblem,
    choices: Mapping[int, Options],
    hint: Places,
    seconds: float,
    progress: Progress | None,
    begin: float,
) -> Repair:
    """The best repair found in ``seconds``, from the greedy one on; ``begin`` is when the search began (monotonic).

    First with chairs counted: its bound holds for any repair. Where no chairs fit the times that this finds, once
    more with a chair for each visit: first for the lost ones alone, then for all of those days.
    """
    until = time.monotonic() + seconds
    found = as_repair(problem, hint, {other.id: other.former for other in problem.others})
    bound: RepairCost | None = None
    for chairs in _Chairs:
        model, radix = _built(problem, choices, chairs)
        _hint(problem, model, hint)
        solver = _solver(max(0.1, until - time.monotonic()))
        watcher = _Watcher(problem, model, radix, progress, begin, found)
        if chairs is _Chairs.COUNTED:
            solver.best_bound_callback = watcher.on_bound
        with _asking(watcher, solver):
            status = solver.solve(model.cp, watcher)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            break
        bound = bound or _levels(math.ceil(solver.best_objective_bound - 0.5), radix)
        if better := _seated(problem, model, solver):
            found = min(found, better, key=lambda one: one.cost)
        if chairs is _Chairs.OF_ALL and status == cp_model.OPTIMAL:
            bound = found.cost
        if found.cost <= bound or not watcher.goes_on or time.monotonic() >= until:
            break
    bound = bound or RepairCost(0, 0, 0, 0, 0)
    return replace(found, bound=(bound.unplaced, bound.moved), proven=found.cost <= bound, by_solver=True)


def _seated(problem: RepairProblem, model: _Model, solver: cp_model.CpSolver) -> Repair | None:
    """The solution with a chair for everybody; None where there are not enough for its times."""
    places, others = _read(problem, model, solver.boolean_value)
    if model.chairs:
        own = {
            visit: chair
            for visit, entries in model.chairs.items()
            for literal, _start, chair in entries
            if solver.boolean_value(literal)
        }
        seats = {other.id: other.former.chair for other in problem.others} | own
    else:
        counted = _chairs(problem, places, others)
        if counted is None:
            return None
        seats = counted
    return as_repair(
        problem,
        {visit: place and replace(place, chair=seats[visit]) for visit, place in places.items()},
        {visit: replace(place, chair=seats[visit]) for visit, place in others.items()},
    )


def _solver(seconds: float) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = WORKERS
    solver.parameters.random_seed = SEED
    # Measured: with presolve, or level by level, the bound stays useless for long.
    solver.parameters.cp_model_presolve = False
    solver.parameters.linearization_level = 2
    return solver


class _Watcher(cp_model.CpSolverSolutionCallback):
    """Passes on what is found, and stops the search when nobody wants more."""

    def __init__(
        self,
        problem: RepairProblem,
        model: _Model,
        radix: Sequence[int],
        progress: Progress | None,
        begin: float,
        best: Repair,
    ) -> None:
        """``begin``: when the search began (monotonic); ``best``: what was found before."""
        super().__init__()
        self._problem, self._model, self._radix = problem, model, radix
        self._progress, self._begin, self._best = progress, begin, replace(best, by_solver=True)
        self.goes_on = True

    def on_solution_callback(self) -> None:
        """One more solution."""
        if self._progress is None:
            return
        places, others = _read(self._problem, self._model, self.boolean_value)
        self._best = replace(as_repair(self._problem, places, others), by_solver=True)
        self.on_bound(self.best_objective_bound)
        if not self.asks():
            self.stop_search()

    def on_bound(self, bound: float) -> None:
        """Nothing costs less, as is known by now."""
        if not math.isfinite(bound):
            return
        levels = _levels(round(bound), self._radix)
        self._best = replace(self._best, bound=(levels.unplaced, levels.moved))

    def asks(self) -> bool:
        """Tell the best so far and ask whether to go on; once nobody wants more it stays so."""
        if self._progress and not self._progress(self._best, time.monotonic() - self._begin):
            self.goes_on = False
        return self.goes_on


@contextmanager
def _asking(watcher: _Watcher, solver: cp_model.CpSolver) -> Iterator[None]:
    """Ask every PULSE whether to go on, also while nothing better is found."""
    over = Event()

    def ask() -> None:
        while not over.wait(PULSE):
            if not watcher.asks():
                solver.stop_search()

    thread = Thread(target=ask, name="repair pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _built(
    problem: RepairProblem, choices: Mapping[int, Options], chairs: _Chairs
) -> tuple[_Model, list[int]]:
    """The model, and what one of each level adds to its objective."""
    model = _Model()
    room = Room(problem)
    for lost in problem.lost:
        _add_lost(problem, model, room, lost, choices[lost.id])
    for other in problem.others:
        _add_other(model, room, other.id, other.former, other.pattern)
    if chairs is _Chairs.COUNTED:
        _count_chairs(problem, model)
    else:
        _choose_chairs(problem, model, of_all=chairs is _Chairs.OF_ALL)
    _count_nurses(problem, model)
    _space(problem, model)
    return model, _objective(problem, model)


def _add_lost(problem: RepairProblem, model: _Model, room: Room, lost: Lost, choices: Options) -> None:
    cp = model.cp
    unplaced = cp.new_bool_var(f"unplaced {lost.id}")
    model.unplaced[lost.id] = unplaced
    moved = model.moved.setdefault(lost.patient, cp.new_bool_var(f"moved {lost.patient}"))
    entries = model.starts[lost.id] = []
    away = []
    for option in choices.starts:
        for nurse in room.nurses:
            if not room.nurse_fits(nurse, lost.pattern, option.start):
                continue
            literal = cp.new_bool_var(f"{lost.id} at {option.start} with {nurse}")
            entries.append((literal, option, nurse))
            _takes(model, literal, Place(option.start, lost.former.chair, nurse), lost.pattern)
            if option.start != lost.former.start:
                away.append(literal)
    cp.add_exactly_one([unplaced, *(literal for literal, _option, _nurse in entries)])
    cp.add(sum(away) <= moved)
    # What stays booked keeps its old place, of which the missing part is not in the model.
    for literal in [unplaced, *(away if lost.near else ())]:
        if lost.former.chair in problem.chairs and room.chair_fits(
            lost.former.chair, lost.pattern, lost.former.start
        ):
            model.chair.append((literal, *lost.pattern.needs(lost.former.start).chair))
        if room.nurse_fits(lost.former.nurse, lost.pattern, lost.former.start):
            _takes_nurse(model, literal, lost.former, lost.pattern)


def _add_other(model: _Model, room: Room, visit: int, former: Place, pattern: Pattern) -> None:
    able = [nurse for nurse in room.nurses if room.nurse_fits(nurse, pattern, former.start)]
    if former.nurse not in able:
        # It is not where it should be already: nothing here depends on it.
        able = [former.nurse]
    entries = model.nurses[visit] = [
        (model.cp.new_bool_var(f"{visit} with {nurse}"), nurse) for nurse in able
    ]
    model.cp.add_exactly_one([literal for literal, _nurse in entries])
    for literal, nurse in entries:
        _takes(model, literal, replace(former, nurse=nurse), pattern)


def _takes(model: _Model, literal: cp_model.IntVar, place: Place, pattern: Pattern) -> None:
    model.chair.append((literal, *pattern.needs(place.start).chair))
    _takes_nurse(model, literal, place, pattern)


def _takes_nurse(model: _Model, literal: cp_model.IntVar, place: Place, pattern: Pattern) -> None:
    needs = pattern.needs(place.start)
    model.monitoring[place.nurse].append((literal, *needs.monitoring))
    model.hands[place.nurse] += [(literal, *span) for span in needs.hands_on]


Taken = Sequence[tuple[cp_model.IntVar, int, int]]


def _limit(model: _Model, taken: Taken, capacity: Mapping[int, int], most: int) -> None:
    """At every moment at most as many as there is room for; ``capacity`` by step, where it is below ``most``."""
    moments = sorted({first for _literal, first, _last in taken} | capacity.keys())
    starts = sorted(taken, key=lambda one: one[1])
    for moment in moments:
        literals = {literal.index: literal for literal, first, last in starts if first <= moment < last}
        if len(literals) > (limit := capacity.get(moment, most)):
            model.cp.add(sum(literals.values()) <= limit)


def _count_chairs(problem: RepairProblem, model: _Model) -> None:
    days = {(first - problem.horizon.origin) // DAY_STEPS for _literal, first, _last in model.chair}
    free: dict[int, int] = {}
    for day in days:
        for step in range(day * DAY_STEPS, (day + 2) * DAY_STEPS):
            if step not in free:
                free[step] = sum(mask >> step & 1 for mask in problem.chairs.values())
    # Between two drops the room only grows.
    origin, most = problem.horizon.origin, len(problem.chairs)
    _limit(
        model, model.chair, _drops({origin + step: count for step, count in free.items()}, model.chair), most
    )


def _choose_chairs(problem: RepairProblem, model: _Model, *, of_all: bool) -> None:
    """A chair for the start of each lost visit, and for the others ``of_all``, who else keep theirs."""
    room = Room(problem)
    taken: dict[int, list[tuple[cp_model.IntVar, int, int]]] = defaultdict(list)
    for other in problem.others:
        if not of_all:
            room.take(other.former, other.pattern)
            continue
        start, span = other.former.start, other.pattern.needs(other.former.start).chair
        able = [chair for chair in sorted(room.chairs) if room.chair_fits(chair, other.pattern, start)]
        entries = model.chairs[other.id] = [
            (model.cp.new_bool_var(f"{other.id} in {chair}"), start, chair) for chair in able
        ]
        model.cp.add_exactly_one([literal for literal, _start, _chair in entries])
        for literal, _start, chair in entries:
            taken[chair].append((literal, *span))
    for lost in problem.lost:
        by_start: dict[int, list[cp_model.IntVar]] = defaultdict(list)
        for literal, option, _nurse in model.starts[lost.id]:
            by_start[option.start].append(literal)
        entries = model.chairs[lost.id] = []
        for start, literals in by_start.items():
            able = [chair for chair in sorted(room.chairs) if room.chair_fits(chair, lost.pattern, start)]
            chosen = [model.cp.new_bool_var(f"{lost.id} at {start} in {chair}") for chair in able]
            entries += [(literal, start, chair) for literal, chair in zip(chosen, able, strict=True)]
            model.cp.add(sum(chosen) == sum(literals))
            for literal, chair in zip(chosen, able, strict=True):
                taken[chair].append((literal, *lost.pattern.needs(start).chair))
        old = lost.pattern.needs(lost.former.start).chair
        stays = [model.unplaced[lost.id]]
        if lost.near:
            stays += [
                literal
                for start, literals in by_start.items()
                if start != lost.former.start
                for literal in literals
            ]
        taken[lost.former.chair] += [(literal, *old) for literal in stays]
    for claims in taken.values():
        _limit(model, claims, {}, 1)


def _count_nurses(problem: RepairProblem, model: _Model) -> None:
    for nurse in problem.nurses:
        taken = model.monitoring[nurse.id]
        spans = {(first, last) for _literal, first, last in taken}
        origin, most = problem.horizon.origin, len(nurse.room)
        steps = {step for first, last in spans for step in range(first, last)}
        room = {step: sum(mask >> step - origin & 1 for mask in nurse.room) for step in steps}
        _limit(model, taken, _drops(room, taken), most)
        _limit(model, model.hands[nurse.id], {}, 1)


def _drops(room: Mapping[int, int], taken: Taken) -> dict[int, int]:
    """The room at the moments that can bind: where something begins, and where it gets less."""
    wanted = {first for _literal, first, _last in taken}
    return {
        step: count
        for step, count in room.items()
        if step in wanted or (step - 1 in room and room[step - 1] > count)
    }


def _space(problem: RepairProblem, model: _Model) -> None:
    """Several lost visits of one patient keep their distance from each other as well."""
    by_patient: dict[int, list[Lost]] = defaultdict(list)
    for lost in problem.lost:
        by_patient[lost.patient].append(lost)
    for several in by_patient.values():
        if len(several) > 1:
            _space_pairs(model, several)
            _space_windows(model, several)


def _space_pairs(model: _Model, several: Sequence[Lost]) -> None:
    for index, one in enumerate(several):
        for other in several[:index]:
            cadence, horizon = one.problem.cadence, one.problem.horizon
            gap = max(1, cadence.min_gap_days)
            for literal, option, _nurse in model.starts[one.id]:
                clashing = [
                    against
                    for against, there, _other in model.starts[other.id]
                    if (option.days or there.days or option.minutes or there.minutes)
                    and (
                        abs((horizon.local_date(option.start) - horizon.local_date(there.start)).days) < gap
                        or abs(option.start - there.start) < cadence.floor_steps
                    )
                ]
                if clashing:
                    model.cp.add(sum(clashing) == 0).only_enforce_if(literal)


def _space_windows(model: _Model, several: Sequence[Lost]) -> None:
    """At most so many visits in any 7 days, those that are not lost counted in."""
    first = several[0].problem
    dates: dict[int, list[cp_model.IntVar]] = defaultdict(list)
    for lost in several:
        for literal, option, _nurse in model.starts[lost.id]:
            dates[first.horizon.local_date(option.start).toordinal()].append(literal)
    existing = [first.horizon.local_date(start).toordinal() for start in first.existing]
    for day in dates:
        window = [literal for other in range(day, day + 7) for literal in dates.get(other, ())]
        fixed = sum(day <= other < day + 7 for other in existing)
        most = max(0, first.cadence.max_per_7_days - fixed)
        if len(several) > most:
            model.cp.add(sum(window) <= max(most, 1))


def _objective(problem: RepairProblem, model: _Model) -> list[int]:
    """All levels in one number, the first topmost; returns what one of each level adds."""
    days = sum(max((option.days for _l, option, _n in one), default=0) for one in model.starts.values())
    minutes = sum(max((option.minutes for _l, option, _n in one), default=0) for one in model.starts.values())
    formers = {lost.id: lost.former.nurse for lost in problem.lost} | {
        other.id: other.former.nurse for other in problem.others
    }
    nurses = [
        literal
        for visit, entries in model.starts.items()
        for literal, _option, nurse in entries
        if nurse != formers[visit]
    ]
    nurses += [
        literal
        for visit, pairs in model.nurses.items()
        for literal, nurse in pairs
        if nurse != formers[visit]
    ]
    most = [len(problem.lost), len(model.moved), days, minutes, len(formers)]
    radix, unit = [0] * 5, 1
    for level in range(4, -1, -1):
        radix[level] = unit
        unit *= most[level] + 1
    terms = [radix[0] * literal for literal in model.unplaced.values()]
    terms += [radix[1] * literal for literal in model.moved.values()]
    terms += [
        (radix[2] * option.days + radix[3] * option.minutes) * literal
        for entries in model.starts.values()
        for literal, option, _nurse in entries
        if option.days or option.minutes
    ]
    terms += [radix[4] * literal for literal in nurses]
    model.cp.minimize(sum(terms))
    return radix


def _levels(packed: int, radix: Sequence[int]) -> RepairCost:
    values = []
    for unit in radix:
        level, packed = divmod(max(0, packed), unit)
        values.append(level)
    return RepairCost(*values)


def _hint(problem: RepairProblem, model: _Model, hint: Places) -> None:
    """Every variable as the greedy sequence has it: without a full hint the search finds nothing for long."""
    for lost in problem.lost:
        place = hint[lost.id]
        model.cp.add_hint(model.unplaced[lost.id], place is None)
        for literal, option, nurse in model.starts[lost.id]:
            model.cp.add_hint(
                literal, place is not None and (option.start, nurse) == (place.start, place.nurse)
            )
        for literal, start, chair in model.chairs.get(lost.id, ()):
            model.cp.add_hint(literal, place is not None and (start, chair) == (place.start, place.chair))
    for other in problem.others:
        for literal, _start, chair in model.chairs.get(other.id, ()):
            model.cp.add_hint(literal, chair == other.former.chair)
        for literal, nurse in model.nurses[other.id]:
            model.cp.add_hint(literal, nurse == other.former.nurse)
    for patient, literal in model.moved.items():
        away = [
            place
            for lost in problem.lost
            if lost.patient == patient and (place := hint[lost.id]) and place.start != lost.former.start
        ]
        model.cp.add_hint(literal, bool(away))


def _read(
    problem: RepairProblem, model: _Model, value: Callable[[cp_model.IntVar], bool]
) -> tuple[Places, dict[int, Place]]:
    """The places of a solution, chairs apart: the visits still have their old ones."""
    places: Places = {}
    for lost in problem.lost:
        chosen = [(option, nurse) for literal, option, nurse in model.starts[lost.id] if value(literal)]
        places[lost.id] = Place(chosen[0][0].start, lost.former.chair, chosen[0][1]) if chosen else None
    others = {
        other.id: replace(
            other.former,
            nurse=next(nurse for literal, nurse in model.nurses[other.id] if value(literal)),
        )
        for other in problem.others
    }
    return places, others


def _chairs(problem: RepairProblem, places: Places, others: Mapping[int, Place]) -> dict[int, int] | None:
    """A chair for every visit with a place; None where counting them was too kind."""
    free, sittings = dict(problem.chairs), []
    for lost in problem.lost:
        place = places[lost.id]
        is_moved = place is not None and place.start != lost.former.start
        if place is None or (lost.near and is_moved):
            old = problem.horizon.mask([lost.pattern.needs(lost.former.start).chair])
            if lost.former.chair in free:
                free[lost.former.chair] &= ~old
        if place is not None:
            sittings.append(Sitting(lost.id, *lost.pattern.needs(place.start).chair, lost.former.chair))
    for other in problem.others:
        span = other.pattern.needs(other.former.start).chair
        sittings.append(Sitting(other.id, *span, other.former.chair))
    return seated(problem.horizon, free, sittings)
