"""Random clinics of realistic size with a course to plan; the same for the same seed."""

from dataclasses import replace
from datetime import timedelta
from random import Random

from scheduling.core.cadence import Cadence
from scheduling.core.planner import Plan, Ranking, plan
from scheduling.core.problem import CourseProblem
from scheduling.core.timeline import DAY_STEPS
from scheduling.core.wishes import Wishes
from tests.core.clinics import THRICE_A_WEEK, TWICE_A_WEEK, made_up_clinic

WEEKLY = Cadence(
    per_week=1, min_gap_days=5, floor_hours=100, max_gap_days=14, ideal_low=7, ideal_high=7, max_per_7_days=1
)
DEFAULT = Cadence(
    per_week=2, min_gap_days=2, floor_hours=40, max_gap_days=7, ideal_low=2, ideal_high=5, max_per_7_days=2
)


def problem_of(seed: int) -> CourseProblem:
    """20 chairs, 10 nurses for three patients each, 28 days, 30 to 95 % of what the nurses allow taken."""
    random = Random(seed)
    clinic = made_up_clinic(seed, load=random.uniform(0.3, 0.95))
    horizon = clinic.horizon
    cadence = random.choice([TWICE_A_WEEK, THRICE_A_WEEK, DEFAULT, DEFAULT, WEEKLY])
    sessions = random.randint(1, 4) if cadence is WEEKLY else random.randint(1, 8)
    problem = clinic.problem(
        cadence=cadence,
        sessions=sessions,
        not_before=horizon.origin + random.choice([0, 0, 1, 3, 6]) * DAY_STEPS + random.randrange(DAY_STEPS),
        not_after=random.choice([None, None, None, horizon.days[-random.randint(1, 10)].date]),
        wishes=_wishes(random),
    )
    if random.random() < 0.2:
        day = random.choice(horizon.days).date
        problem = replace(problem, closures=((day, day + timedelta(days=random.randint(0, 2))),))
    if random.random() < 0.3:
        problem = _begun(random, problem)
    return problem


def _wishes(random: Random) -> Wishes:
    kind = random.random()
    if kind < 0.3:
        return Wishes()
    windows = random.choice([((9 * 60, 12 * 60),), ((13 * 60, 18 * 60),), ()])
    days = frozenset(random.sample(range(5), random.randint(1, 3)))
    if kind < 0.7:
        return Wishes(prefer_weekdays=days, prefer_windows=windows)
    never = frozenset(random.sample(range(5), 1))
    return Wishes(prefer_weekdays=days, never_weekdays=never, only_windows=windows)


def _begun(random: Random, problem: CourseProblem) -> CourseProblem:
    """A course that has begun: its first visits stand, and give the usual time and the nurse."""
    early = plan(replace(problem, sessions=min(3, problem.sessions), wishes=Wishes()), Ranking.SOONEST)
    if not isinstance(early, Plan):
        return problem
    cut = random.randint(1, len(early.places))
    known = early.places[:cut]
    return replace(
        problem,
        existing=tuple(place.start for place in known),
        reference=random.choice([None, problem.horizon.wall_minute(known[0].start)]),
        main_nurse=random.choice([None, known[0].nurse]),
    )
