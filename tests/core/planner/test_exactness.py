"""The planner against a search of every plan on hundreds of small clinics, for each ranking, ties included."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.core.planner import Cost, Plan, Ranking, plan
from scheduling.core.planner.causes import causes
from scheduling.core.planner.choices import Choices
from scheduling.core.planner.verdict import check
from scheduling.core.reasons import NURSE_RULES, NoPlan, Rule
from scheduling.core.timeline import bits

from ..brute_force import BruteForce
from ..clinics import tiny_problem

seeds = st.integers(0, 10**9)
BY_DATE = {Rule.HORIZON, Rule.LEAD_TIME, Rule.ORDER_END, Rule.CLOSURE, Rule.WISH_DAYS, Rule.BLACKOUT}


def answer(result: Plan | NoPlan) -> tuple[tuple[int, ...], Cost, tuple[int, ...]] | None:
    if isinstance(result, NoPlan):
        return None
    return result.starts, result.cost, tuple(place.chair for place in result.places)


@settings(max_examples=300)
@given(seed=seeds)
def test_each_ranking_gives_the_least_cost_then_the_earliest_starts_then_the_lowest_chairs(seed: int) -> None:
    problem = tiny_problem(Random(seed))
    every_plan = BruteForce(problem)
    for ranking in Ranking:
        assert answer(plan(problem, ranking)) == every_plan.best(ranking)


@settings(max_examples=120)
@given(seed=seeds)
def test_the_possible_starts_are_those_found_step_by_step(seed: int) -> None:
    problem = tiny_problem(Random(seed))
    found = {problem.horizon.origin + offset for offset in bits(Choices.of(problem).allowed)}
    every_plan = BruteForce(problem)
    assert found == {start for start in every_plan.single_starts() if every_plan.alone(start)}


@settings(max_examples=150)
@given(seed=seeds)
def test_the_causes_of_a_day_are_all_smallest_sets_of_rules_to_lift(seed: int) -> None:
    problem = tiny_problem(Random(seed))
    possible = set(Choices.of(problem).days)
    shut = [day for day in range(len(problem.horizon.days)) if day not in possible]
    named: dict[int, set[frozenset[Rule]]] = {day: set() for day in shut}
    found = causes(problem, shut)
    assert {cause.day for cause in found} == set(shut)
    for cause in found:
        if cause.prevented:
            named[cause.day].add(frozenset(cause.rules))
    every_plan = BruteForce(problem)
    for day in shut:
        assert named[day] == every_plan.causes(day), problem.horizon.days[day].date


@settings(max_examples=150)
@given(seed=seeds, at=st.floats(0, 1))
def test_a_typed_start_is_told_every_rule_it_breaks_by_itself(seed: int, at: float) -> None:
    problem = tiny_problem(Random(seed))
    start = problem.horizon.origin + int(at * (problem.horizon.length - 1))
    every_plan = BruteForce(problem)
    told = {reason.rule for reason in check(problem, [start]).reasons}
    broken = every_plan.broken(start)
    spacing = {Rule.ONE_A_DAY, Rule.MIN_GAP, Rule.FLOOR_HOURS, Rule.MAX_PER_7_DAYS}
    if Rule.HORIZON in broken:
        # Nothing is known of seats and hours beyond the horizon: only what the dates say is judged.
        assert told - spacing == broken & BY_DATE
    else:
        assert told - spacing - set(NURSE_RULES) == broken
        assert bool(told & set(NURSE_RULES)) == (not every_plan.nurses(start))
    assert bool(told & (spacing - {Rule.MAX_PER_7_DAYS})) == (not every_plan.alone(start))
