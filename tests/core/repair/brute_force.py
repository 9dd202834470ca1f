"""The repair by its definition: every start, nurse and chair for every visit, and the cheapest that fits."""

from collections.abc import Iterator
from itertools import product

from scheduling.core.planner import Place
from scheduling.core.repair import RepairCost, RepairProblem
from scheduling.core.repair.options import Options, spaced
from scheduling.core.timeline import STEP_MINUTES

from .checking import faults


def least(problem: RepairProblem, choices: dict[int, Options]) -> RepairCost:
    """The least cost over every combination; the possible starts of each visit are given."""
    return min(_cost(problem, places) for places in _all(problem, choices))


def _all(problem: RepairProblem, choices: dict[int, Options]) -> Iterator[dict[int, Place | None]]:
    nurses, chairs = [nurse.id for nurse in problem.nurses], sorted(problem.chairs)
    ways: list[list[Place | None]] = [
        [
            None,
            *(
                Place(option.start, chair, nurse)
                for option in choices[lost.id].starts
                for chair in chairs
                for nurse in nurses
            ),
        ]
        for lost in problem.lost
    ]
    ways += [
        [Place(other.former.start, chair, nurse) for chair in chairs for nurse in nurses]
        for other in problem.others
    ]
    ids = [*(lost.id for lost in problem.lost), *(other.id for other in problem.others)]
    for combination in product(*ways):
        places = dict(zip(ids, combination, strict=True))
        if not faults(problem, places, first_only=True) and _keeps_distance(problem, places):
            yield places


def _keeps_distance(problem: RepairProblem, places: dict[int, Place | None]) -> bool:
    for lost in problem.lost:
        place = places[lost.id]
        others = [
            mine.start
            for one in problem.lost
            if one.patient == lost.patient and one.id != lost.id and (mine := places[one.id])
        ]
        if place and place.start != lost.former.start and not spaced(lost, place.start, others):
            return False
    return True


def _cost(problem: RepairProblem, places: dict[int, Place | None]) -> RepairCost:
    horizon = problem.horizon
    moved, days, minutes = set(), 0, 0
    formers = {lost.id: lost.former for lost in problem.lost} | {
        other.id: other.former for other in problem.others
    }
    nurses = sum(place is not None and place.nurse != formers[visit].nurse for visit, place in places.items())
    for lost in problem.lost:
        place = places[lost.id]
        if place and place.start != lost.former.start:
            moved.add(lost.patient)
            days += abs((horizon.local_date(place.start) - horizon.local_date(lost.former.start)).days)
            steps = place.start - lost.former.start
            minutes += abs((steps + 144) % 288 - 144) * STEP_MINUTES
    unplaced = sum(places[lost.id] is None for lost in problem.lost)
    return RepairCost(unplaced, len(moved), days, minutes, nurses)
