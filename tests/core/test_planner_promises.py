"""What the planner promises, in the words of a clerk."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.core.cadence import Cadence, Visit, breaks
from scheduling.core.planner import Plan, Ranking, alternatives, check, plan, proposals
from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import NoPlan, Rule
from scheduling.core.timeline import Horizon, from_step, to_step
from scheduling.core.walltime import WallTimeError, resolve
from scheduling.core.wishes import Wishes

from .clinics import IV, NEW_YORK, THRICE_A_WEEK, TWICE_A_WEEK, made_up_clinic, tiny_problem

TUESDAY, THURSDAY = 1, 3
TWO_TO_FIVE = Cadence(
    per_week=2, min_gap_days=2, floor_hours=40, max_gap_days=7, ideal_low=2, ideal_high=5, max_per_7_days=2
)


def empty_clinic(since: date = date(2026, 6, 1), days: int = 28, **values: object) -> CourseProblem:
    """One chair and one nurse, nobody booked, open on weekdays 08:00-18:00."""
    clinic = made_up_clinic(1, chairs=1, nurses=1, capacity=1, load=0, since=since, days=days)
    return clinic.problem(**values)


def local(problem: CourseProblem, start: int) -> datetime:
    return from_step(start).astimezone(problem.horizon.zone)


def step(day: date, wall: time, zone: ZoneInfo = NEW_YORK) -> int:
    return to_step(resolve(day, wall, zone))


def found(result: Plan | NoPlan) -> Plan:
    assert isinstance(result, Plan), result
    return result


@settings(max_examples=100)
@given(seed=st.integers(0, 10**9))
def test_every_plan_passes_the_check_and_every_refusal_has_a_reason(seed: int) -> None:
    problem = tiny_problem(Random(seed))
    answer = plan(problem, Ranking.BEST_FIT)
    if isinstance(answer, NoPlan):
        assert answer.reasons
        return
    chairs, nurses = [p.chair for p in answer.places], [p.nurse for p in answer.places]
    assert check(problem, answer.starts, chairs, nurses).fits


def test_prefer_tuesday_and_thursday_with_room_gives_six_of_them() -> None:
    problem = empty_clinic(cadence=TWO_TO_FIVE, wishes=Wishes(prefer_weekdays=frozenset({TUESDAY, THURSDAY})))
    best = found(plan(problem, Ranking.BEST_FIT))
    assert [local(problem, start).weekday() for start in best.starts] == [TUESDAY, THURSDAY] * 3
    assert best.cost.wishes == best.cost.cadence == 0


@pytest.mark.parametrize(
    "monday", [date(2026, 3, 2), date(2026, 3, 9), date(2026, 10, 26), date(2026, 11, 2)]
)
def test_monday_wednesday_friday_at_any_hour_is_valid_also_over_clock_changes(monday: date) -> None:
    walls = (time(14), time(9), time(11))
    days = [monday + timedelta(days=ahead) for ahead in (0, 2, 4, 7, 9, 11)]
    visits = [Visit(day, step(day, walls[at % 3])) for at, day in enumerate(days)]
    assert breaks(THRICE_A_WEEK, visits) == ()
    problem = empty_clinic(since=monday, cadence=THRICE_A_WEEK)
    assert check(problem, [visit.start for visit in visits]).fits


def test_saturday_to_monday_over_the_spring_change_keeps_two_days() -> None:
    days = (date(2026, 3, 7), date(2026, 3, 9))
    assert breaks(TWICE_A_WEEK, [Visit(day, step(day, time(9))) for day in days]) == ()


def test_the_floor_in_hours_and_the_weekly_most_are_named_with_their_values() -> None:
    days = [date(2026, 6, 1) + timedelta(days=ahead) for ahead in (0, 2, 4, 6)]
    walls = (time(18), time(8), time(8), time(8))
    found_breaks = breaks(
        TWICE_A_WEEK, [Visit(day, step(day, wall)) for day, wall in zip(days, walls, strict=True)]
    )
    assert {(one.rule, one.found, one.limit) for one in found_breaks} == {
        (Rule.FLOOR_HOURS, 38, 40),
        (Rule.MAX_PER_7_DAYS, 4, 3),
    }


def test_a_course_runs_over_a_leap_day() -> None:
    problem = empty_clinic(since=date(2028, 2, 28), days=7, sessions=2)
    days = [local(problem, start).date() for start in found(plan(problem, Ranking.BEST_FIT)).starts]
    assert days == [date(2028, 2, 28), date(2028, 3, 2)]
    assert check(problem, [step(date(2028, 2, 29), time(9))]).fits


def test_a_full_clinic_names_the_chair_on_every_day_of_the_window() -> None:
    problem = empty_clinic(days=5, sessions=1)
    answer = plan(replace(problem, chairs={1: 0}), Ranking.BEST_FIT)
    assert isinstance(answer, NoPlan)
    assert answer.session == 0
    assert {(reason.rule, reason.day) for reason in answer.reasons if reason.day} == {
        (Rule.CHAIR, date(2026, 6, day)) for day in range(1, 6)
    }


def test_a_visit_may_end_exactly_at_closing_but_not_later() -> None:
    problem = empty_clinic(sessions=1)
    day = date(2026, 6, 1)
    assert check(problem, [step(day, time(16))]).fits
    assert broken(problem, step(day, time(16, 5))) == {Rule.OPENING, Rule.NURSE_SHIFT}


def test_the_first_and_the_last_day_of_the_horizon_can_be_used_and_none_beyond() -> None:
    problem = empty_clinic(days=5, sessions=1)
    assert check(problem, [step(date(2026, 6, 1), time(8))]).fits
    assert check(problem, [step(date(2026, 6, 5), time(16))]).fits
    assert broken(problem, step(date(2026, 6, 6), time(9))) == {Rule.HORIZON}
    assert broken(problem, step(date(2026, 5, 29), time(9))) == {Rule.HORIZON, Rule.LEAD_TIME}


def broken(problem: CourseProblem, *typed: int) -> set[Rule]:
    return {reason.rule for reason in check(problem, typed).reasons}


def test_each_rule_is_named_when_it_alone_is_broken() -> None:
    problem = empty_clinic(sessions=1)
    full, nine = problem.horizon.full, step(date(2026, 6, 2), time(9))
    (nurse,) = problem.nurses
    cases: dict[Rule, CourseProblem] = {
        Rule.CHAIR: replace(problem, chairs={1: 0}),
        Rule.NURSE_SHIFT: replace(problem, nurses=(replace(nurse, shift=0),)),
        Rule.NURSE_MONITORING: replace(problem, nurses=(replace(nurse, monitoring=0),)),
        Rule.NURSE_HANDS_ON: replace(problem, nurses=(replace(nurse, hands_on=0),)),
        Rule.PATIENT: replace(problem, patient=0),
        Rule.PRESCRIBER: replace(problem, prescriber=0),
        Rule.CLOSURE: replace(problem, closures=((date(2026, 6, 2), date(2026, 6, 2)),)),
        Rule.ORDER_END: replace(problem, not_after=date(2026, 6, 1)),
        Rule.LEAD_TIME: replace(problem, not_before=nine + 1),
        Rule.WISH_DAYS: replace(problem, wishes=Wishes(never_weekdays=frozenset({TUESDAY}))),
        Rule.WISH_TIMES: replace(problem, wishes=Wishes(only_windows=((600, 1000),))),
        Rule.BLACKOUT: replace(problem, wishes=Wishes(blackouts=((date(2026, 6, 2), date(2026, 6, 2)),))),
    }
    assert broken(problem, nine) == set()
    assert broken(replace(problem, prescriber=full), nine) == set()
    assert {rule: broken(changed, nine) for rule, changed in cases.items()} == {
        rule: {rule} for rule in cases
    }


def test_all_broken_rules_are_named_at_once() -> None:
    problem = empty_clinic(sessions=2, wishes=Wishes(never_weekdays=frozenset({TUESDAY})))
    tuesday, wednesday = step(date(2026, 6, 2), time(9)), step(date(2026, 6, 3), time(9))
    assert broken(replace(problem, chairs={1: 0}), tuesday, wednesday) == {
        Rule.CHAIR,
        Rule.WISH_DAYS,
        Rule.MIN_GAP,
        Rule.FLOOR_HOURS,
    }


def test_existing_visits_bind_on_both_sides() -> None:
    before, after = step(date(2026, 5, 30), time(9)), step(date(2026, 6, 8), time(9))
    problem = empty_clinic(sessions=2, days=7, existing=(before, after))
    days = [local(problem, start).date() for start in found(plan(problem, Ranking.BEST_FIT)).starts]
    gaps = [(b - a).days for a, b in zip([date(2026, 5, 30), *days], [*days, date(2026, 6, 8)], strict=True)]
    assert min(gaps) >= 2
    assert broken(problem, step(date(2026, 6, 5), time(9))) == set()
    same_day = replace(problem, existing=(step(date(2026, 6, 5), time(13)),))
    assert Rule.ONE_A_DAY in broken(same_day, step(date(2026, 6, 5), time(9)))


def test_soonest_never_ends_later_and_steadiest_is_never_less_regular() -> None:
    for seed in range(5):
        problem = made_up_clinic(seed, load=0.7).problem()
        best, soonest, steadiest = (found(plan(problem, ranking)) for ranking in Ranking)
        assert soonest.cost.finish <= min(best.cost.finish, steadiest.cost.finish)
        assert best.cost.cadence <= min(soonest.cost.cadence, steadiest.cost.cadence)
        assert (steadiest.cost.cadence, steadiest.cost.weekday) <= (best.cost.cadence, best.cost.weekday)


def test_three_proposals_are_three_different_courses() -> None:
    offered = proposals(made_up_clinic(3).problem())
    assert not isinstance(offered, NoPlan)
    assert len({one.starts for one in offered}) == len(offered) == 3


def test_alternatives_keep_the_others_and_every_rule() -> None:
    problem = made_up_clinic(3).problem()
    course = found(plan(problem, Ranking.BEST_FIT))
    others = alternatives(problem, course.places, 2)
    assert others
    for other in others:
        moved = [*course.starts]
        moved[2] = other.start
        assert other.start != course.starts[2]
        assert check(problem, moved).fits


@pytest.mark.parametrize(
    ("day", "wall", "kind"),
    [(date(2026, 3, 8), time(2, 30), "nonexistent"), (date(2026, 11, 1), time(1, 30), "ambiguous")],
)
def test_a_wall_time_in_a_clock_change_is_refused(day: date, wall: time, kind: str) -> None:
    with pytest.raises(WallTimeError) as caught:
        resolve(day, wall, NEW_YORK)
    assert caught.value.kind == kind


def test_a_plan_never_starts_at_a_wall_time_that_happens_twice() -> None:
    sunday = date(2026, 11, 1)
    horizon = Horizon.of(NEW_YORK, sunday, sunday)
    assert horizon.length == 300
    shown = [from_step(horizon.origin + at).astimezone(NEW_YORK) for at in range(300)]
    twice = {at for at, moment in enumerate(shown) if moment.hour == 1}
    assert len(twice) == 24
    assert {at for at in range(300) if horizon.repeated() >> at & 1} == twice
    everywhere = replace(
        empty_clinic(), horizon=horizon, chairs={1: horizon.full}, patient=horizon.full, open=horizon.full
    )
    (nurse,) = everywhere.nurses
    always = replace(nurse, shift=horizon.full, monitoring=horizon.full, hands_on=horizon.full)
    problem = replace(everywhere, nurses=(always,), not_before=horizon.origin)
    ambiguous = {at for at in range(0, 200, 3) if broken(problem, horizon.origin + at) == {Rule.CLOCK_CHANGE}}
    assert ambiguous == {at for at in range(0, 200, 3) if at in twice}


def test_vancouver_keeps_summer_time_in_december_2026() -> None:
    vancouver = ZoneInfo("America/Vancouver")
    assert resolve(date(2026, 12, 7), time(9), vancouver) == datetime(2026, 12, 7, 16, tzinfo=UTC)


def test_the_pattern_of_the_default_visit() -> None:
    assert (IV.chair, IV.patient, IV.nurse, IV.hands_on, IV.prescriber) == (
        27,
        24,
        (3, 24),
        ((3, 6), (23, 24)),
        (6, 23),
    )
