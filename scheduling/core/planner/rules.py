"""Where each hard rule lets a visit start: one mask per rule, so that what is missing can be explained."""

from collections.abc import Callable, Container, Mapping
from datetime import date, timedelta

from ..problem import CourseProblem, Nurse
from ..reasons import NURSE_RULES, Rule
from ..timeline import starts


def rule_starts(problem: CourseProblem, chairs: Mapping[int, int] | None = None) -> dict[Rule, int]:
    """The mask of starts that each rule allows by itself; the nurse rules, which belong together, are not in it.

    ``chairs``: the starts of each chair, where they are known already. Rules between the new sessions are not masks;
    MIN_GAP, FLOOR_HOURS and ONE_A_DAY stand here for the patient's existing visits.
    """
    horizon, pattern, wishes = problem.horizon, problem.pattern, problem.wishes
    full, stay = horizon.full, pattern.patient
    lead = max(0, problem.not_before - horizon.origin)
    last = problem.not_after
    begin, end = pattern.prescriber
    on_site = full if problem.prescriber is None else starts(problem.prescriber, end - begin) >> begin
    return {
        Rule.HORIZON: starts(full, pattern.chair),
        Rule.LEAD_TIME: full >> lead << lead,
        Rule.ORDER_END: full if last is None else horizon.days_mask(lambda day: day <= last),
        Rule.CLOCK_CHANGE: full & ~horizon.repeated(),
        Rule.OPENING: starts(problem.open, stay),
        Rule.CLOSURE: _away(problem, problem.is_closed) if problem.closures else full,
        Rule.CHAIR: union(chair_starts(problem) if chairs is None else chairs),
        Rule.PATIENT: starts(problem.patient, stay),
        Rule.PRESCRIBER: on_site,
        Rule.WISH_DAYS: horizon.days_mask(wishes.allows_weekday),
        Rule.WISH_TIMES: wishes.time_starts(horizon, pattern),
        Rule.BLACKOUT: _away(problem, lambda day: not wishes.allows_date(day)) if wishes.blackouts else full,
        **_beside_existing(problem),
    }


def chair_starts(problem: CourseProblem) -> dict[int, int]:
    """The mask of starts that each chair can take, by rising id."""
    length = problem.pattern.chair
    return {chair: starts(free, length) for chair, free in sorted(problem.chairs.items())}


def nurse_starts(problem: CourseProblem, nurse: Nurse, lifted: Container[Rule] = ()) -> int:
    """The mask of starts that one nurse can take, without the nurse rules that are lifted."""
    full = problem.horizon.full
    shift = full if Rule.NURSE_SHIFT in lifted else nurse.shift
    seat = shift if Rule.NURSE_MONITORING in lifted else shift & nurse.monitoring
    begin, end = problem.pattern.nurse
    allowed = starts(seat, end - begin) >> begin
    if Rule.NURSE_HANDS_ON not in lifted:
        for begin, end in problem.pattern.hands_on:
            allowed &= starts(shift & nurse.hands_on, end - begin) >> begin
    return allowed


def any_nurse_starts(problem: CourseProblem, lifted: Container[Rule] = ()) -> int:
    """The mask of starts that some nurse can take; full when all nurse rules are lifted."""
    if all(rule in lifted for rule in NURSE_RULES):
        return problem.horizon.full
    return union({nurse.id: nurse_starts(problem, nurse, lifted) for nurse in problem.nurses})


def grid(problem: CourseProblem) -> int:
    """The mask of the steps on the grid of proposed starts."""
    return problem.horizon.walls_mask(lambda minute: minute % problem.grid_minutes == 0)


def union(masks: Mapping[int, int]) -> int:
    """The steps of any of the masks."""
    joined = 0
    for mask in masks.values():
        joined |= mask
    return joined


def _away(problem: CourseProblem, excluded: Callable[[date], bool]) -> int:
    """The starts whose whole stay touches no excluded local date."""
    allowed = problem.horizon.days_mask(lambda day: not excluded(day))
    return starts(allowed, problem.pattern.patient)


def _beside_existing(problem: CourseProblem) -> dict[Rule, int]:
    """The starts that keep their distance to every existing visit, before and after it."""
    horizon, floor = problem.horizon, problem.cadence.floor_steps
    gap = timedelta(days=problem.cadence.min_gap_days)
    taken = {horizon.local_date(start) for start in problem.existing}
    near = [(start - floor + 1, start + floor) for start in problem.existing] if floor else []
    return {
        Rule.ONE_A_DAY: horizon.days_mask(lambda day: day not in taken) if taken else horizon.full,
        Rule.MIN_GAP: horizon.days_mask(lambda day: all(abs(day - other) >= gap for other in taken)),
        Rule.FLOOR_HOURS: horizon.free(near),
    }
