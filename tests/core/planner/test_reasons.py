"""When there is no plan: the session out of reach, what ends the search, and the single changes that would help."""

from dataclasses import replace
from datetime import date, time, timedelta
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scheduling.core.cadence import Cadence
from scheduling.core.planner import Plan, Ranking, plan, proposals
from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import Hint, HintKind, NoPlan, Reason, Rule
from scheduling.core.timeline import to_step
from scheduling.core.walltime import resolve
from scheduling.core.wishes import Wishes

from ..clinics import NEW_YORK, made_up_clinic, tiny_problem

JUNE_1 = date(2026, 6, 1)


def june(day: int) -> date:
    return date(2026, 6, day)


def at(day: date, hour: int) -> int:
    return to_step(resolve(day, time(hour), NEW_YORK))


def empty_clinic(days: int = 28, **changes: object) -> CourseProblem:
    return made_up_clinic(1, chairs=1, nurses=1, capacity=1, load=0, since=JUNE_1, days=days).problem(
        **changes
    )


def refused(problem: CourseProblem) -> NoPlan:
    result = plan(problem, Ranking.BEST_FIT)
    assert isinstance(result, NoPlan)
    assert proposals(problem) == result
    return result


def test_an_order_that_ends_too_soon_is_named_with_its_end_and_the_end_it_would_need() -> None:
    none = refused(empty_clinic(not_after=june(10)))
    assert (none.session, none.window) == (5, None)
    assert none.reasons == (Reason(Rule.ORDER_END, session=5, limit_date=june(10)),)
    assert Hint(HintKind.LATER_ORDER_END, june(12)) in none.hints


def test_a_horizon_that_ends_too_soon_says_until_when_to_look() -> None:
    none = refused(empty_clinic(days=5))
    assert none.session == 3
    assert none.window is None
    assert none.reasons == (Reason(Rule.HORIZON, session=3, limit_date=june(5)),)
    assert none.hints == (Hint(HintKind.LATER_HORIZON, june(12)),)


def test_a_full_day_says_between_which_times_no_nurse_has_a_seat() -> None:
    problem = empty_clinic(days=1, sessions=1)
    (nurse,) = problem.nurses
    taken = problem.horizon.mask([(at(JUNE_1, 9), at(JUNE_1, 17))])
    none = refused(replace(problem, nurses=(replace(nurse, monitoring=problem.horizon.full & ~taken),)))
    assert none.reasons[0] == Reason(
        Rule.NURSE_MONITORING,
        day=JUNE_1,
        interval=(at(JUNE_1, 8), at(JUNE_1, 18)),
        seats=(nurse.id,),
        session=0,
    )


def test_two_rules_that_bind_together_are_one_reason() -> None:
    problem = empty_clinic(days=1, sessions=1, closures=((JUNE_1, JUNE_1),))
    none = refused(replace(problem, chairs={7: 0}))
    assert none.reasons[0] == Reason(
        Rule.CLOSURE,
        day=JUNE_1,
        also=(Rule.CHAIR,),
        interval=(at(JUNE_1, 8), at(JUNE_1, 18)),
        session=0,
    )
    assert none.hints == (Hint(HintKind.LATER_HORIZON, june(2)),)


def test_a_day_that_too_many_rules_shut_still_names_them() -> None:
    problem = empty_clinic(days=1, sessions=1, closures=((JUNE_1, JUNE_1),), patient=0, prescriber=0)
    none = refused(replace(problem, chairs={7: 0}))
    assert none.reasons[0] == Reason(
        Rule.CLOSURE, day=JUNE_1, also=(Rule.CHAIR, Rule.PATIENT, Rule.PRESCRIBER), session=0
    )


def test_a_clinic_without_nurses_or_chairs_is_a_reason_not_an_error() -> None:
    problem = empty_clinic(days=1, sessions=1)
    assert refused(replace(problem, nurses=())).reasons[0].rule is Rule.NURSE_SHIFT
    assert refused(replace(problem, chairs={})).reasons[0].rule is Rule.CHAIR


def test_a_lead_time_beyond_the_horizon_is_named_with_the_first_date_that_would_do() -> None:
    none = refused(empty_clinic(days=2, sessions=1, not_before=at(june(9), 8)))
    assert (none.reasons[0].rule, none.reasons[0].limit_date) == (Rule.LEAD_TIME, june(9))


def test_opening_one_closed_day_is_offered_where_that_would_do() -> None:
    problem = empty_clinic(days=5, sessions=2, closures=((june(2), june(5)),))
    assert refused(problem).hints[:3] == tuple(Hint(HintKind.OPEN_DAY, june(day)) for day in (3, 4, 5))


def test_days_with_room_that_the_most_per_seven_days_forbids_say_so() -> None:
    one_a_week = Cadence(
        per_week=1,
        min_gap_days=2,
        floor_hours=40,
        max_gap_days=9,
        ideal_low=7,
        ideal_high=7,
        max_per_7_days=1,
    )
    problem = empty_clinic(days=5, sessions=1, cadence=one_a_week, existing=(at(june(8), 9),))
    assert isinstance(plan(problem, Ranking.BEST_FIT), Plan), "the first of June is a week before"
    none = refused(replace(problem, not_before=at(june(2), 8)))
    assert {(one.rule, one.day, one.limit) for one in none.reasons if one.day} == {
        (Rule.MAX_PER_7_DAYS, june(day), 1) for day in (2, 3, 4, 5)
    }


def test_wishes_that_no_opening_hour_meets_are_the_reason() -> None:
    none = refused(empty_clinic(days=2, sessions=1, wishes=Wishes(only_windows=((18 * 60, 20 * 60),))))
    assert {(one.rule, one.also, one.day) for one in none.reasons if one.day} == {
        (Rule.WISH_TIMES, (), JUNE_1),
        (Rule.WISH_TIMES, (), june(2)),
    }


@settings(max_examples=150)
@given(seed=st.integers(0, 10**9))
def test_the_session_named_is_the_first_that_cannot_be_placed(seed: int) -> None:
    problem = tiny_problem(Random(seed))
    none = plan(problem, Ranking.BEST_FIT)
    assume(isinstance(none, NoPlan))
    assert isinstance(none, NoPlan)
    assert isinstance(plan(replace(problem, sessions=none.session + 1), Ranking.BEST_FIT), NoPlan)
    if none.session:
        assert isinstance(plan(replace(problem, sessions=none.session), Ranking.BEST_FIT), Plan)


@settings(max_examples=150)
@given(seed=st.integers(0, 10**9))
def test_every_hint_about_a_day_or_an_order_is_true(seed: int) -> None:
    problem = tiny_problem(Random(seed))
    none = plan(problem, Ranking.BEST_FIT)
    assume(isinstance(none, NoPlan))
    assert isinstance(none, NoPlan)
    for hint in none.hints:
        if hint.kind is HintKind.OPEN_DAY:
            assert isinstance(
                plan(replace(problem, closures=without(problem, hint.day)), Ranking.SOONEST), Plan
            )
        if hint.kind is HintKind.LATER_ORDER_END:
            assert isinstance(plan(replace(problem, not_after=hint.day), Ranking.SOONEST), Plan)
            too_soon = hint.day - timedelta(days=1)
            assert isinstance(plan(replace(problem, not_after=too_soon), Ranking.SOONEST), NoPlan)


def without(problem: CourseProblem, day: date) -> tuple[tuple[date, date], ...]:
    closed = [one.date for one in problem.horizon.days if problem.is_closed(one.date) and one.date != day]
    return tuple((one, one) for one in closed)


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_a_value_that_can_be_stored(rule: Rule) -> None:
    assert rule.value == rule.name.lower()
