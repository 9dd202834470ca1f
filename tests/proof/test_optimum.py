"""A fixed sample of what `make proof` shows on hundreds of clinics; and that a mistake would be noticed."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from scheduling.core.cadence import Cadence
from scheduling.core.planner import Plan, Ranking, alternatives, plan
from scheduling.core.planner.history import History
from scheduling.core.planner.seats import Seats
from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import NoPlan

from . import agreement
from .agreement import agreements
from .clinics import realistic
from .model import ORDERS, CourseModel, optimum
from .places import Places

SAMPLE = (7, 11, 12, 14, 20, 21, 22, 28, 29, 38, 57, 58)
"""Small ones of the 400, one to eight sessions; three of them have no plan."""
IGNORED: dict[str, tuple[int, Callable[[CourseProblem], CourseProblem]]] = {
    "the closures": (41, lambda problem: replace(problem, closures=())),
    "the prescriber": (7, lambda problem: replace(problem, prescriber=None)),
    "the lead time": (21, lambda problem: replace(problem, not_before=problem.horizon.origin)),
    "the end of the order": (57, lambda problem: replace(problem, not_after=None)),
    "the visits already booked": (28, lambda problem: replace(problem, existing=())),
    "the opening hours": (7, lambda problem: replace(problem, open=problem.horizon.full)),
    "the days away": (28, lambda problem: replace(problem, wishes=replace(problem.wishes, blackouts=()))),
    "the nurses' hands": (
        14,
        lambda problem: replace(
            problem,
            nurses=tuple(replace(nurse, hands_on=problem.horizon.full) for nurse in problem.nurses),
        ),
    ),
    "the nurses' capacity": (
        28,
        lambda problem: replace(
            problem,
            nurses=tuple(replace(nurse, monitoring=problem.horizon.full) for nurse in problem.nurses),
        ),
    ),
}
"""A seed on which it matters, and the problem without it."""
clinic = cache(realistic)


@cache
def places(seed: int) -> Places:
    return Places(clinic(seed))


def wrong(seed: int, *rankings: Ranking) -> str:
    found = agreements(places(seed), rankings or tuple(Ranking))
    return " ".join(words for one in found for words in one.wrong)


@pytest.mark.parametrize("seed", SAMPLE)
def test_every_ranking_equals_the_solvers_proven_optimum(seed: int) -> None:
    assert wrong(seed) == ""


def test_a_plan_that_is_second_best_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One session moved to its best other place: a valid course with its true cost, only not the least."""

    def second(problem: CourseProblem, ranking: Ranking) -> Plan | NoPlan:
        best = plan(problem, ranking)
        assert isinstance(best, Plan)
        other = alternatives(problem, best.places, 0, limit=1)[0]
        priced = optimum(places(7), ranking, among=[other.start, *best.starts[1:]])
        assert priced is not None
        return replace(best, places=(other, *best.places[1:]), cost=priced.cost)

    monkeypatch.setattr(agreement, "plan", second)
    assert "the optimum is" in wrong(7, Ranking.BEST_FIT)


@pytest.mark.parametrize("what", IGNORED)
def test_a_planner_that_ignores_a_rule_is_noticed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seed, without = IGNORED[what]
    monkeypatch.setattr(agreement, "plan", lambda problem, ranking: plan(without(problem), ranking))
    assert "the optimum is" in wrong(seed, Ranking.BEST_FIT)


def test_a_planner_with_a_wrong_level_of_its_cost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as planted:
        planted.setattr(Cadence, "outside", lambda _cadence, _gap: 0)
        assert "the optimum is" in wrong(12, Ranking.BEST_FIT)
    with monkeypatch.context() as planted:
        planted.setattr(Seats, "_broken", lambda _seats, _free, _offset: 0)
        assert "the optimum is" in wrong(7, Ranking.BEST_FIT)
    assert wrong(12, Ranking.BEST_FIT) == wrong(7, Ranking.BEST_FIT) == ""


def test_a_planner_that_forgets_the_most_per_seven_days_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    step = History._step

    def lenient(self: History, past: int, gap: int) -> tuple[int, bool, int]:
        following, _fits, weekday = step(self, past, gap)
        return following, True, weekday

    monkeypatch.setattr(History, "_step", lenient)
    assert "the optimum is" in wrong(59, Ranking.SOONEST)


def test_a_model_that_forgets_a_rule_differs_from_the_planner() -> None:
    """So the agreement is not an accident of clinics in which the rule does not bind."""

    class Crowded(CourseModel):
        def _keep_seven_days(self) -> None:
            """Any number of visits in seven days."""

    found, best = plan(clinic(59), Ranking.SOONEST), Crowded(places(59)).solve(ORDERS[Ranking.SOONEST])
    assert isinstance(found, Plan)
    assert best is not None
    assert best.cost.ranked(Ranking.SOONEST) < found.cost.ranked(Ranking.SOONEST)
