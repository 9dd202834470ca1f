"""A sample of ``make proof``: the planner's answer is the optimum of a model that shares nothing with it."""

from dataclasses import replace

import pytest

from scheduling.core.planner import Plan, Ranking, plan
from scheduling.core.reasons import NoPlan, Rule

from .__main__ import compare
from .model import Independent
from .problems import problem_of
from .reasons import checked_reasons

SAMPLE = (1, 4, 6, 10, 13)


@pytest.mark.parametrize("seed", SAMPLE)
def test_the_planner_is_the_optimum_for_each_ranking(seed: int) -> None:
    compared, _none, _lifted, differences = compare(seed)
    assert (compared, differences) == (3, [])


def test_a_worse_plan_would_be_found_out() -> None:
    problem = problem_of(SAMPLE[0])
    best = plan(problem, Ranking.BEST_FIT)
    worse = plan(problem, Ranking.SOONEST)
    assert isinstance(best, Plan)
    assert isinstance(worse, Plan)
    assert worse.cost != best.cost
    assert Independent(problem).least(Ranking.BEST_FIT, worse.starts) == best.cost


def test_a_model_that_forgets_a_rule_is_found_out() -> None:
    problem = problem_of(SAMPLE[0])
    best = plan(problem, Ranking.BEST_FIT)
    assert isinstance(best, Plan)
    # The patient has something else to do on the best days.
    busy = [(start, start + problem.pattern.patient) for start in best.starts]
    days = {problem.horizon.local_date(start) for start in best.starts}
    patient = problem.horizon.free(busy) & problem.horizon.days_mask(lambda day: day not in days)
    hindered = replace(problem, patient=patient)
    found = plan(hindered, Ranking.BEST_FIT)
    cost = found.cost if isinstance(found, Plan) else None
    assert Independent(hindered).least(Ranking.BEST_FIT) == cost
    assert Independent(hindered, dropped={Rule.PATIENT}).least(Ranking.BEST_FIT) == best.cost != cost


def test_each_reason_is_true_and_a_false_one_is_found_out() -> None:
    for seed in range(100):
        problem = problem_of(seed)
        none = plan(problem, Ranking.BEST_FIT)
        if isinstance(none, NoPlan) and any(reason.also or reason.interval for reason in none.reasons):
            break
    assert isinstance(none, NoPlan)
    checked, wrong = checked_reasons(problem, none)
    assert checked > 0
    assert wrong == []
    shut = [reason for reason in none.reasons if reason.interval and reason.rule is not Rule.MAX_PER_7_DAYS]
    false = replace(shut[0], rule=Rule.CLOCK_CHANGE, also=())
    assert checked_reasons(problem, replace(none, reasons=(false,)))[1] != []
