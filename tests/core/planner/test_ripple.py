"""The least change of a booked course: exact against a search of every plan, and by hand."""

from dataclasses import replace
from datetime import date, time
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.core.planner import LeastChange, Place, Plan, Ranking, least_change, plan
from scheduling.core.problem import CourseProblem, Former
from scheduling.core.reasons import NoPlan
from scheduling.core.timeline import to_step
from scheduling.core.walltime import resolve
from scheduling.core.wishes import Wishes

from ..brute_force import BruteForce
from ..clinics import NEW_YORK, TWICE_A_WEEK, made_up_clinic, tiny_problem

seeds = st.integers(0, 10**9)


def booked_problem(random: Random) -> CourseProblem:
    """A tiny problem in which a course is booked that anything may have happened to since."""
    problem = tiny_problem(random)
    steps = range(problem.horizon.origin - 200, problem.horizon.origin + problem.horizon.length + 100)
    starts = {random.choice(steps) for _session in range(random.randint(1, problem.sessions))}
    asked = plan(replace(problem, grid_minutes=30, wishes=Wishes()), random.choice(list(Ranking)))
    if isinstance(asked, Plan) and random.random() < 0.8:
        starts = set(asked.starts[: random.randint(1, problem.sessions)])
    kept = frozenset(start for start in starts if random.random() < 0.7)
    return replace(problem, former=Former(tuple(sorted(starts)), kept))


@settings(max_examples=300)
@given(seed=seeds)
def test_fewest_sessions_move_then_by_fewest_days_then_by_the_usual_cost(seed: int) -> None:
    problem = booked_problem(Random(seed))
    every_plan = BruteForce(problem)
    for ranking in Ranking:
        found, best = plan(problem, ranking), every_plan.best(ranking)
        assert (None if isinstance(found, NoPlan) else (found.starts, found.cost)) == (best and best[:2])


def at(day: int, hour: int, minute: int = 0) -> int:
    return to_step(resolve(date(2026, 6, day), time(hour, minute), NEW_YORK))


COURSE = tuple(Place(at(day, 9), 1, 101) for day in (2, 5, 9, 12, 16, 19))
"""Tuesdays and Fridays at nine."""


def clinic(**changes: object) -> CourseProblem:
    return made_up_clinic(1, chairs=2, nurses=2, capacity=1, load=0).problem(**changes)


def changed(problem: CourseProblem, booked: tuple[Place, ...], **how: object) -> LeastChange:
    found = least_change(problem, booked, **how)  # type: ignore[arg-type]
    assert isinstance(found, LeastChange)
    return found


def test_nothing_moves_that_need_not() -> None:
    found = changed(clinic(), COURSE)
    assert (found.places, found.added, found.moved) == (COURSE, (), ())
    assert (found.cost.moved, found.cost.days) == (0, 0)


def test_a_session_that_lost_its_place_moves_within_its_day_alone() -> None:
    problem = clinic()
    taken = problem.horizon.free([(at(9, 8), at(9, 9, 30))])
    found = changed(replace(problem, patient=taken), COURSE)
    assert (found.moved, found.cost.moved, found.cost.days) == ((2,), 1, 0)
    # The time nearest to the usual one.
    assert found.places == (*COURSE[:2], Place(at(9, 9, 30), 1, 101), *COURSE[3:])


def test_the_neighbour_moves_where_the_new_place_of_another_visit_comes_too_near() -> None:
    # The visit of the 9th was moved to Thursday the 11th: the day before the next one.
    rest = (*COURSE[:2], *COURSE[3:])
    found = changed(clinic(existing=(at(11, 9),)), rest)
    assert found.moved == (2,)
    # Later there is no day two days away from both; earlier the Tuesday is free again.
    assert found.places == (*COURSE[:2], COURSE[2], *COURSE[4:])
    assert found.cost.days == 3


def test_a_session_that_is_made_up_comes_behind_the_others() -> None:
    rest = (*COURSE[:2], *COURSE[3:])
    found = changed(clinic(), rest, more=1)
    assert (found.places, found.moved) == (rest, ())
    assert found.added == (Place(at(22, 9), 1, 101),)


def test_a_session_stays_outside_wishes_grid_and_lead_time_that_were_agreed_on() -> None:
    odd = (Place(at(2, 9, 5), 1, 101), Place(at(5, 9, 5), 2, 102))
    wishes = Wishes(only_weekdays=frozenset({0}))
    found = changed(clinic(wishes=wishes, not_before=at(4, 8)), odd)
    assert (found.places, found.moved) == (odd, ())


def test_a_session_whose_nurse_is_away_stays_where_another_could_take_it() -> None:
    problem = clinic()
    away = replace(problem.nurses[0], shift=0)
    found = changed(replace(problem, nurses=(away, *problem.nurses[1:])), COURSE)
    assert (found.places, found.moved) == (COURSE, ())


def test_there_is_no_change_where_no_plan_is_left() -> None:
    assert isinstance(least_change(clinic(not_after=date(2026, 6, 10)), COURSE), NoPlan)


def test_more_sessions_than_booked_never_less() -> None:
    cadence = TWICE_A_WEEK
    found = changed(clinic(cadence=cadence), COURSE[:1], more=5)
    assert len(found.added) == 5
    assert found.places == COURSE[:1]
