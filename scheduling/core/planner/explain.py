"""The proof that a course does not fit: the first session out of reach, and per date what prevents it."""

from datetime import date

from ..problem import CourseProblem
from ..reasons import NURSE_RULES, NoPlan, Reason, Rule
from ..timeline import bits
from .causes import Cause, causes
from .choices import Choices
from .hints import hints
from .reach import Front, front


def explain(choices: Choices) -> NoPlan:
    """Every cause why the problem of these choices has no plan; only for choices without one."""
    problem = choices.problem
    reached = front(choices)
    window = range(reached.first_day, _last_day(problem) + 1)
    ends = _end(problem, reached.session)
    if not window:
        return NoPlan(reached.session, None, (ends,), hints(choices, reached))
    free = [day for day in window if day in choices.days]
    shut = [day for day in window if day not in choices.days]
    reasons = [_crowded(choices, reached, day) for day in free]
    reasons += [_shut(problem, reached.session, cause) for cause in causes(problem, shut)]
    reasons.sort(key=lambda reason: (reason.day or date.max, len(reason.also)))
    dates = problem.horizon.days[window[0]].date, problem.horizon.days[window[-1]].date
    return NoPlan(reached.session, dates, (*reasons, ends), hints(choices, reached))


def _last_day(problem: CourseProblem) -> int:
    """The last day of the horizon on which the order still allows a start; negative when it allows none."""
    days = problem.horizon.days
    if problem.not_after is None or problem.not_after >= days[-1].date:
        return len(days) - 1
    return (problem.not_after - days[0].date).days


def _end(problem: CourseProblem, session: int) -> Reason:
    """What ends the window: the order, or else the horizon."""
    final = problem.horizon.days[-1].date
    if problem.not_after is not None and problem.not_after < final:
        return Reason(Rule.ORDER_END, session=session, limit_date=problem.not_after)
    return Reason(Rule.HORIZON, session=session, limit_date=final)


def _crowded(choices: Choices, reached: Front, day: int) -> Reason:
    """Why a day with free places is out of reach: the hours since the session before, or the most per 7 days."""
    problem, steps = choices.problem, choices.starts(day).steps
    too_early = steps[-1] < reached.first_step
    return Reason(
        Rule.FLOOR_HOURS if too_early else Rule.MAX_PER_7_DAYS,
        day=problem.horizon.days[day].date,
        interval=(steps[0], steps[-1] + problem.pattern.patient),
        session=reached.session,
        limit=problem.cadence.floor_hours if too_early else problem.cadence.max_per_7_days,
    )


def _shut(problem: CourseProblem, session: int, cause: Cause) -> Reason:
    horizon = problem.horizon
    day = horizon.days[cause.day]
    offsets = list(bits(horizon.day_bits(cause.prevented, cause.day)))
    interval = (
        (day.first + offsets[0], day.first + offsets[-1] + problem.pattern.patient) if offsets else None
    )
    rule, *also = cause.rules
    return Reason(
        rule,
        day=day.date,
        also=tuple(also),
        interval=interval,
        seats=_seats(problem, rule, cause.day),
        session=session,
        limit_date=horizon.local_date(problem.not_before) if rule is Rule.LEAD_TIME else None,
    )


def _seats(problem: CourseProblem, rule: Rule, day: int) -> tuple[int, ...]:
    """The chairs, or the nurses on shift that day, that a rule is about."""
    if rule is Rule.CHAIR:
        return tuple(sorted(problem.chairs))
    if rule in NURSE_RULES:
        bits_of = problem.horizon.day_bits
        return tuple(sorted(nurse.id for nurse in problem.nurses if bits_of(nurse.shift, day)))
    return ()
