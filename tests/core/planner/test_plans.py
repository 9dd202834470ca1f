"""What a plan carries: regularity against an existing course, flags, other proposals and alternatives."""

from dataclasses import replace
from datetime import date, time
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scheduling.core.planner import Cost, LongGap, Place, Plan, Ranking, alternatives, plan, proposals
from scheduling.core.planner.choices import Choices
from scheduling.core.planner.cost import cost_of
from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import NoPlan
from scheduling.core.timeline import to_step
from scheduling.core.walltime import resolve
from scheduling.core.wishes import Wishes

from ..brute_force import BruteForce
from ..clinics import NEW_YORK, made_up_clinic, tiny_problem


def at(day: int, hour: int, minute: int = 0) -> int:
    return to_step(resolve(date(2026, 6, day), time(hour, minute), NEW_YORK))


def clinic(**changes: object) -> CourseProblem:
    return made_up_clinic(1, chairs=2, nurses=2, capacity=1, load=0).problem(**changes)


def best(problem: CourseProblem, ranking: Ranking = Ranking.BEST_FIT) -> Plan:
    result = plan(problem, ranking)
    assert isinstance(result, Plan)
    return result


def dates(one: Plan, problem: CourseProblem) -> list[int]:
    return [problem.horizon.local_date(start).day for start in one.starts]


def test_a_cost_is_compared_in_the_order_of_its_ranking() -> None:
    cost = Cost(1, 2, 3, 4, 5, 6, 7)
    assert cost.ranked(Ranking.BEST_FIT) == (0, 0, 1, 2, 3, 4, 5, 6, 7)
    assert cost.ranked(Ranking.SOONEST) == (0, 0, 3, 1, 2, 4, 5, 6, 7)
    assert cost.ranked(Ranking.STEADIEST) == (0, 0, 1, 4, 5, 6, 2, 3, 7)
    assert Cost(1, 2, 3, 4, 5, 6, 7, 8, 9).ranked(Ranking.SOONEST) == (8, 9, 3, 1, 2, 4, 5, 6, 7)


def test_a_course_in_an_empty_clinic_begins_at_once_and_costs_nothing() -> None:
    problem = clinic()
    first = best(problem)
    assert dates(first, problem) == [1, 4, 8, 11, 15, 18]
    assert first.cost == Cost(0, 0, 17, 0, 0, 0, 0)
    assert first.places == tuple(Place(start, 1, 101) for start in first.starts)
    assert (first.usual_minute, first.main_nurse, first.flags, first.avoided) == (480, 101, (), None)


def test_an_existing_course_gives_the_time_the_weekdays_and_the_nurse() -> None:
    course = (at(2, 11), at(5, 11))
    problem = clinic(existing=course, sessions=2, not_before=at(6, 8), reference=11 * 60, main_nurse=102)
    steady = best(problem, Ranking.STEADIEST)
    assert steady.starts == (at(9, 11), at(12, 11))
    assert steady.cost == Cost(0, 0, 11, 0, 0, 0, 0)
    assert [place.nurse for place in steady.places] == [102, 102]


def test_a_main_nurse_who_is_not_here_is_missed_and_others_take_over() -> None:
    first = best(clinic(main_nurse=55, sessions=2))
    assert (first.cost.nurse, first.main_nurse) == (2, 55)
    assert [place.nurse for place in first.places] == [101, 101]


def test_a_gap_beyond_the_longest_is_flagged_and_not_refused() -> None:
    problem = clinic(sessions=2, closures=((date(2026, 6, 2), date(2026, 6, 11)),))
    first = best(replace(problem, not_after=date(2026, 6, 12)))
    assert first.flags == (LongGap(1, 11, date(2026, 6, 1), date(2026, 6, 12)),)
    assert first.cost.cadence == 7


def test_a_gap_to_an_existing_neighbour_is_flagged_as_well() -> None:
    problem = clinic(sessions=1, existing=(at(1, 9), at(20, 9)), not_before=at(2, 8))
    first = best(problem, Ranking.SOONEST)
    assert dates(first, problem) == [3]
    assert first.flags == (LongGap(1, 17, date(2026, 6, 3), date(2026, 6, 20)),)


def test_the_first_session_waits_seven_days_for_free() -> None:
    late = Wishes(blackouts=((date(2026, 6, 1), date(2026, 6, 8)),))
    assert best(clinic(sessions=1, wishes=late)).cost.cadence == 1
    assert best(clinic(sessions=1, wishes=late, not_before=at(2, 8))).cost.cadence == 0


def test_a_broken_stretch_is_chair_time_shorter_than_a_visit() -> None:
    problem = clinic(sessions=1, not_after=date(2026, 6, 1), wishes=Wishes(only_windows=((9 * 60, 11 * 60),)))
    chairs = {
        1: problem.chairs[1],
        2: problem.horizon.free([(at(1, 8), at(1, 9)), (at(1, 11, 30), at(1, 18))]),
    }
    first = best(replace(problem, chairs=chairs))
    assert first.places == (Place(at(1, 9), 2, 101),)
    assert first.cost.broken == 15


def test_the_main_nurse_counts_before_broken_chair_time() -> None:
    problem = clinic(sessions=2, not_after=date(2026, 6, 4))
    free = problem.horizon.free
    first, second = problem.nurses
    nurses = (replace(first, monitoring=free([(at(4, 8), at(4, 18))])), second)
    assert [place.nurse for place in best(replace(problem, nurses=nurses)).places] == [102, 102]


def test_a_proposal_that_would_repeat_another_keeps_away_from_its_usual_time() -> None:
    offered = proposals(clinic())
    assert not isinstance(offered, NoPlan)
    assert [one.ranking for one in offered] == list(Ranking)
    assert [one.avoided for one in offered] == [None, None, 480]
    # 09:45 to 10:00 would leave a stretch before it that is too short for a visit.
    assert offered[2].usual_minute == 615
    assert offered[2].cost == offered[0].cost


def test_a_course_with_a_single_way_has_a_single_proposal() -> None:
    problem = clinic(sessions=1, not_after=date(2026, 6, 1), wishes=Wishes(only_windows=((540, 660),)))
    offered = proposals(problem)
    assert not isinstance(offered, NoPlan)
    assert [one.starts for one in offered] == [(at(1, 9),)]


@settings(max_examples=80)
@given(seed=st.integers(0, 10**9), ranking=st.sampled_from(list(Ranking)))
def test_alternatives_are_the_best_of_all_other_places_for_a_session(seed: int, ranking: Ranking) -> None:
    problem = tiny_problem(Random(seed))
    course = plan(problem, ranking)
    assume(isinstance(course, Plan))
    assert isinstance(course, Plan)
    every_plan, choices = BruteForce(problem), Choices.of(problem)
    index = seed % problem.sessions
    possible = {
        starts[index]: cost.ranked(ranking)
        for starts, cost, _chairs in every_plan.plans
        if starts[:index] + starts[index + 1 :] == course.starts[:index] + course.starts[index + 1 :]
    }
    del possible[course.starts[index]]
    offered = [place.start for place in alternatives(problem, course.places, index, 500, ranking)]
    assert set(offered) <= set(possible)
    assert [possible[start] for start in offered] == sorted(possible[start] for start in offered)
    assert {choices.problem.horizon.day_index(start) for start in offered} == {
        choices.problem.horizon.day_index(start) for start in possible
    }
    if possible:
        assert possible[offered[0]] == min(possible.values())
    assert [place.start for place in alternatives(problem, course.places, index, 2, ranking)] == offered[:2]


@pytest.mark.parametrize("ranking", list(Ranking))
def test_a_plan_costs_what_its_starts_cost(ranking: Ranking) -> None:
    problem = made_up_clinic(5, load=0.7).problem()
    one = best(problem, ranking)
    assert cost_of(Choices.of(problem), one.starts) == (one.cost, one.usual_minute, one.main_nurse)
