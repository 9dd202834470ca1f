"""One proposal for all lost visits: least by its definition, never overbooked, acceptable group by group."""

from dataclasses import replace
from datetime import date
from random import Random
from threading import current_thread

import pytest

from scheduling.core.planner import Place
from scheduling.core.repair import Repair, RepairCost, RepairProblem, repair, search, solver
from scheduling.core.repair.options import options, spaced

from ..clinics import SHORT
from .brute_force import least
from .checking import faults
from .days import MadeUp

WEDNESDAY = date(2026, 6, 3)
WEEK = [date(2026, 6, day) for day in (1, 2, 3, 4, 5)]


def tiny(seed: int) -> RepairProblem:
    """A morning with two chairs, two or three nurses and at most four visits."""
    random = Random(seed)
    made = MadeUp(
        seed,
        chairs=2,
        nurses=random.choice([2, 3]),
        capacity=random.choice([1, 2]),
        visits_a_day=random.choice([3, 4]),
        since=WEDNESDAY,
        days=random.choice([1, 2]),
        hours=(8 * 60, 12 * 60),
        pattern=SHORT,
        grid_minutes=60,
    )
    busiest = max(made.ids, key=lambda nurse: sum(one.place.nurse == nurse for one in made.booked[:4]))
    problem = made.away(busiest, [WEDNESDAY], near=random.random() < 0.5, courses=False)
    return replace(problem, lost=problem.lost[:2])


def all_places(problem: RepairProblem, found: Repair) -> dict[int, Place | None]:
    changed = {change.visit: change.place for change in found.changes}
    former = {lost.id: lost.former for lost in problem.lost} | {
        other.id: other.former for other in problem.others
    }
    return former | changed


@pytest.mark.parametrize("seed", range(12))
def test_the_proposal_is_the_least_of_all_in_every_level(seed: int) -> None:
    problem = tiny(seed)
    found = repair(problem)
    assert found.cost == least(problem, {lost.id: options(problem, lost) for lost in problem.lost})
    assert (found.proven, found.by_solver) == (True, True)
    assert found.bound == (found.cost.unplaced, found.cost.moved)


@pytest.fixture(scope="module")
def tight() -> list[tuple[RepairProblem, Repair]]:
    """Days on which lost visits have to move, of visits far off and near."""
    problems = [
        MadeUp(seed, nurses=7, capacity=2).away(101, [WEDNESDAY], near=near)
        for seed, near in ((0, False), (1, True))
    ]
    return [(problem, repair(problem)) for problem in problems]


def test_nothing_is_taken_twice(tight: list[tuple[RepairProblem, Repair]]) -> None:
    for problem, found in tight:
        assert faults(problem, all_places(problem, found)) == []


def test_the_check_finds_what_is_taken_twice(tight: list[tuple[RepairProblem, Repair]]) -> None:
    problem, found = tight[0]
    places = all_places(problem, found)
    first, second = list(places)[-2:]
    assert faults(problem, places | {first: places[second]}) != []


def test_the_solver_beats_the_greedy_sequence_and_proves_it(
    tight: list[tuple[RepairProblem, Repair]],
) -> None:
    _problem, found = tight[0]
    assert found.cost == RepairCost(1, 3, 0, 195, 15)
    assert found.proven


def test_without_the_solver_the_greedy_sequence_answers(
    tight: list[tuple[RepairProblem, Repair]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "HAS_SOLVER", False)
    for problem, best in tight:
        found = repair(problem)
        assert (found.by_solver, found.proven) == (False, False)
        assert found.cost >= best.cost
        assert faults(problem, all_places(problem, found)) == []


def test_each_group_can_be_accepted_without_the_others() -> None:
    problem = MadeUp(0).away(101, [WEDNESDAY])
    found = repair(problem)
    groups = {change.group for change in found.changes if change.place}
    assert len(groups) > 1
    for group in groups:
        alone = replace(
            found,
            changes=tuple(
                change if change.group == group else replace(change, place=None) for change in found.changes
            ),
        )
        kept = {other.id: other.former for other in problem.others}
        moved = {change.visit: change.place for change in alone.changes if change.group == group}
        places = {lost.id: None for lost in problem.lost} | kept | moved
        assert faults(problem, places) == []


def test_a_near_visit_keeps_its_old_place_beside_the_new_one(
    tight: list[tuple[RepairProblem, Repair]],
) -> None:
    problem, found = tight[1]
    assert found.cost.moved > 0
    far = replace(problem, lost=tuple(replace(lost, near=False) for lost in problem.lost))
    assert repair(far).cost <= found.cost


def test_two_lost_visits_of_one_patient_keep_their_distance() -> None:
    problem = MadeUp(3, days=14).away(101, WEEK, courses=False)
    first, second = problem.lost[0], problem.lost[-1]
    pair = tuple(
        replace(one, patient=999, problem=replace(one.problem, existing=())) for one in (first, second)
    )
    # Nobody can take either at its time: every nurse is away on both days.
    lost_days = problem.horizon.days_mask(
        lambda day: day in {problem.horizon.local_date(one.former.start) for one in pair}
    )
    nurses = tuple(replace(nurse, shift=nurse.shift & ~lost_days) for nurse in problem.nurses)
    found = repair(replace(problem, lost=pair, others=(), nurses=nurses))
    places = [change.place for change in found.changes]
    assert found.cost.unplaced == 0
    assert found.cost.moved == 1
    assert places[0]
    assert places[1]
    assert spaced(pair[0], places[0].start, [places[1].start])


def test_a_visit_moves_to_the_nearest_day_that_keeps_its_course_valid() -> None:
    problem = MadeUp(5, days=14).away(101, [WEDNESDAY])
    shut = problem.horizon.days_mask(lambda day: day == WEDNESDAY)
    nurses = tuple(replace(nurse, shift=nurse.shift & ~shut) for nurse in problem.nurses)
    one = problem.lost[0]
    # Its neighbours stand four days before and three days after: Thursday leaves two days to the next one.
    found = repair(replace(problem, lost=(one,), others=(), nurses=nurses))
    (change,) = found.changes
    assert change.place is not None
    assert problem.horizon.local_date(change.place.start) in (date(2026, 6, 2), date(2026, 6, 4))
    assert found.cost.days == 1


def test_the_search_stops_when_it_is_asked_to() -> None:
    heard: list[Repair] = []

    def stop(best: Repair, _seconds: float) -> bool:
        heard.append(best)
        return False

    problem = MadeUp(0, nurses=7, capacity=2).away(101, [WEDNESDAY])
    found = repair(problem, progress=stop)
    assert (len(heard), found.by_solver, found.proven) == (1, False, False)


def test_a_stop_is_heard_while_nothing_better_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "PULSE", 0.001)
    asked: list[str] = []

    def stop_between(_best: Repair, _seconds: float) -> bool:
        asked.append(current_thread().name)
        return asked[-1] != "repair pulse"

    found = repair(MadeUp(0, nurses=7, capacity=2).away(101, [WEDNESDAY]), progress=stop_between)
    assert "repair pulse" in asked
    assert not found.proven


def test_progress_gets_better_and_never_worse() -> None:
    heard: list[RepairCost] = []

    def listen(best: Repair, _seconds: float) -> bool:
        heard.append(best.cost)
        return True

    found = repair(MadeUp(0, nurses=7, capacity=2).away(101, [WEDNESDAY]), progress=listen)
    assert heard == sorted(heard, reverse=True)
    assert heard[-1] >= found.cost


def test_with_nothing_lost_nothing_changes() -> None:
    problem = replace(MadeUp(0).away(101, [WEDNESDAY]), lost=())
    found = repair(problem)
    assert (found.changes, found.cost) == ((), RepairCost(0, 0, 0, 0, 0))


def test_a_place_further_than_the_horizon_is_none() -> None:
    problem = MadeUp(0, days=3).away(101, [WEDNESDAY])
    nobody = tuple(replace(nurse, shift=0) for nurse in problem.nurses)
    found = repair(replace(problem, nurses=nobody))
    assert found.cost.unplaced == len(problem.lost)
    assert all(change.place is None for change in found.changes)
