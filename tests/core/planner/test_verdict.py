"""Typed places: every broken rule at once with its values, or a complete place for each."""

from dataclasses import replace
from datetime import date, time

from scheduling.core.cadence import Cadence
from scheduling.core.planner import Place, check
from scheduling.core.problem import CourseProblem, Nurse
from scheduling.core.reasons import Reason, Rule
from scheduling.core.timeline import to_step
from scheduling.core.walltime import resolve

from ..clinics import NEW_YORK, made_up_clinic


def at(day: int, hour: int, minute: int = 0) -> int:
    return to_step(resolve(date(2026, 6, day), time(hour, minute), NEW_YORK))


def clinic(**changes: object) -> CourseProblem:
    problem = made_up_clinic(1, chairs=2, nurses=2, capacity=1, load=0).problem(**changes)
    assert (sorted(problem.chairs), [nurse.id for nurse in problem.nurses]) == ([1, 2], [101, 102])
    return problem


def with_nurse(problem: CourseProblem, **changes: int) -> CourseProblem:
    first, second = problem.nurses
    changed: Nurse = replace(first, **changes)
    return replace(problem, nurses=(changed, second))


def told(problem: CourseProblem, *starts: int) -> list[tuple[Rule, int | None, int | None, int | None]]:
    reasons = check(problem, starts).reasons
    return [(reason.rule, reason.session, reason.found, reason.limit) for reason in reasons]


def test_places_come_back_in_the_order_typed_and_may_lie_off_the_grid() -> None:
    verdict = check(clinic(), [at(8, 9, 5), at(3, 9, 5)])
    assert verdict.places == (Place(at(8, 9, 5), 1, 101), Place(at(3, 9, 5), 1, 101))
    assert verdict.fits


def test_a_given_chair_and_nurse_are_kept() -> None:
    assert check(clinic(), [at(3, 9)], [2], [102]).places == (Place(at(3, 9), 2, 102),)


def test_a_given_chair_that_is_taken_is_refused_though_another_is_free() -> None:
    problem = clinic()
    problem = replace(problem, chairs={1: 0, 2: problem.chairs[2]})
    assert check(problem, [at(3, 9)]).fits
    assert check(problem, [at(3, 9)], [1]).reasons == (
        Reason(Rule.CHAIR, day=date(2026, 6, 3), interval=(at(3, 9), at(3, 11, 15)), seats=(1,), session=0),
    )


def test_a_given_nurse_that_is_full_is_refused_though_another_is_free() -> None:
    problem = with_nurse(clinic(), monitoring=0)
    assert check(problem, [at(3, 9)]).places == (Place(at(3, 9), 1, 102),)
    assert check(problem, [at(3, 9)], [None], [101]).reasons == (
        Reason(
            Rule.NURSE_MONITORING,
            day=date(2026, 6, 3),
            interval=(at(3, 9, 15), at(3, 11)),
            seats=(101,),
            session=0,
        ),
    )


def test_a_chair_or_nurse_that_the_location_does_not_have_is_refused() -> None:
    reasons = check(clinic(), [at(3, 9)], [99], [99]).reasons
    assert [(reason.rule, reason.seats) for reason in reasons] == [
        (Rule.CHAIR, (99,)),
        (Rule.NURSE_SHIFT, (99,)),
    ]


def test_where_each_nurse_lacks_something_else_both_are_named() -> None:
    problem = clinic()
    first, second = problem.nurses
    problem = replace(problem, nurses=(replace(first, monitoring=0), replace(second, hands_on=0)))
    assert [rule for rule, *_rest in told(problem, at(3, 9))] == [Rule.NURSE_MONITORING, Rule.NURSE_HANDS_ON]


def test_gaps_are_told_with_what_was_found_and_what_is_needed() -> None:
    assert told(clinic(), at(3, 9), at(4, 10)) == [(Rule.MIN_GAP, 1, 1, 2), (Rule.FLOOR_HOURS, 1, 25, 40)]
    assert told(clinic(), at(4, 10), at(3, 9)) == [(Rule.MIN_GAP, 0, 1, 2), (Rule.FLOOR_HOURS, 0, 25, 40)]


def test_a_second_visit_on_a_day_breaks_all_that_it_breaks() -> None:
    assert told(clinic(), at(3, 9), at(3, 10)) == [
        (Rule.ONE_A_DAY, 1, 2, 1),
        (Rule.MIN_GAP, 1, 0, 2),
        (Rule.FLOOR_HOURS, 1, 1, 40),
        (Rule.PATIENT, 1, None, None),
    ]


def test_an_existing_visit_counts_for_seven_days_before_and_after() -> None:
    weekly = Cadence(
        per_week=1, min_gap_days=3, floor_hours=0, max_gap_days=9, ideal_low=7, ideal_high=7, max_per_7_days=1
    )
    problem = clinic(cadence=weekly, existing=(at(10, 9),))
    assert told(problem, at(4, 9)) == [(Rule.MAX_PER_7_DAYS, 0, 2, 1)]
    assert told(problem, at(16, 9)) == [(Rule.MAX_PER_7_DAYS, 0, 2, 1)]
    assert told(problem, at(3, 9), at(17, 9)) == []


def test_what_existing_visits_break_among_themselves_is_not_held_against_a_new_one() -> None:
    assert told(clinic(existing=(at(2, 9), at(3, 9))), at(8, 9)) == []


def test_two_stays_may_not_overlap_over_midnight() -> None:
    problem = clinic()
    always = problem.horizon.full
    late = Cadence(
        per_week=2, min_gap_days=1, floor_hours=0, max_gap_days=7, ideal_low=1, ideal_high=7, max_per_7_days=7
    )
    nurses = tuple(replace(nurse, shift=always) for nurse in problem.nurses)
    problem = replace(problem, open=always, nurses=nurses, cadence=late)
    assert told(problem, at(3, 23), at(4, 0, 30)) == [(Rule.PATIENT, 1, None, None)]
    assert told(problem, at(3, 22), at(4, 0, 30)) == []


def test_nothing_typed_breaks_nothing() -> None:
    assert check(clinic(), []).fits
