"""The same course as a constraint model for CP-SAT, written from docs/planner.md and the docstrings of Cost.

Each level of the cost is minimised in turn with the earlier ones held at their optimum, so that the answer is a proof.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model import IntVar, LinearExpr

from scheduling.core.planner import Cost, Ranking
from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import Rule
from scheduling.core.timeline import DAY_STEPS, STEP_MINUTES

from .places import Places, Start

ORDERS = {
    Ranking.BEST_FIT: ("cadence", "wishes", "finish", "weekday", "time", "nurse", "broken"),
    Ranking.SOONEST: ("finish", "cadence", "wishes", "weekday", "time", "nurse", "broken"),
    Ranking.STEADIEST: ("cadence", "weekday", "time", "nurse", "wishes", "finish", "broken"),
}
"""As docs/planner.md says, whatever the planner does."""
WEEK = 7
FREE_WAIT = 7
SECONDS = 300.0
"""A single level that takes longer is a failure of the proof, never a pass."""
NOTHING: frozenset[Rule] = frozenset()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Optimum:
    """A proven optimum: its cost and one course that has it, as steps."""

    cost: Cost
    starts: tuple[int, ...]


def optimum(places: Places, ranking: Ranking, among: Sequence[int] | None = None) -> Optimum | None:
    """The least cost of any course in the order of ``ranking``, proven; None where there is no course.

    ``among``: steps to which the course is confined; the steps of one course give the cost of that course.
    """
    return CourseModel(places, among).solve(ORDERS[ranking])


class CourseModel:
    """One bool for each session and start; days and clock times hang on them."""

    def __init__(
        self, places: Places, among: Sequence[int] | None = None, lifted: frozenset[Rule] = NOTHING
    ) -> None:
        """``lifted``: spacing rules that do not count for the last session."""
        self.problem: CourseProblem = places.problem
        self.starts = [start for start in places.starts if among is None or start.step in among]
        self.lifted = lifted
        self.model = cp_model.CpModel()
        horizon = self.problem.horizon
        self.last_day = len(horizon.days) - 1
        first_date = horizon.days[0].date
        self.existing = sorted((horizon.local_date(step) - first_date).days for step in self.problem.existing)
        self._place()
        self._keep_apart()
        self._keep_seven_days()
        # Put into the model only when their turn comes: the fewer variables, the sooner the proof.
        self.levels: dict[str, Callable[[], LinearExpr]] = {
            "cadence": self._cadence,
            "wishes": lambda: self._sum(lambda start: start.misses),
            "finish": lambda: self.days[-1],
            "weekday": self._weekday,
            "time": self._time,
            "nurse": self._nurse,
            "broken": lambda: self._sum(lambda start: start.broken),
        }

    def solve(self, order: Sequence[str]) -> Optimum | None:
        """Minimise the levels in an order, each under the optimum of those before it."""
        if len(self.starts) < self.problem.sessions:
            return None
        solver = _solver()
        best: dict[str, int] = {}
        for level in order:
            cost = self.levels[level]()
            self.model.minimize(cost)
            status = solver.solve(self.model)
            if status == cp_model.INFEASIBLE and not best:
                return None
            if status != cp_model.OPTIMAL:
                raise RuntimeError(f"{level} was not proven within {SECONDS:.0f} s: {solver.status_name()}")
            best[level] = round(solver.objective_value)
            self.model.add(cost <= best[level])
            self.model.clear_hints()  # type: ignore[no-untyped-call]
            for bools in self.chosen:
                for chosen in bools:
                    self.model.add_hint(chosen, solver.boolean_value(chosen))
        return Optimum(Cost(**best), self._read(solver))

    def reaches(self, last_day: int | None = None) -> bool:
        """Whether there is any course, or one whose last session is on a day counted from the horizon's first."""
        ends = self.on_day[-1]
        if last_day is not None:
            if last_day not in ends:
                return False
            self.model.add(ends[last_day] == 1)
        solver = _solver()
        status = solver.solve(self.model)
        if status not in (cp_model.OPTIMAL, cp_model.INFEASIBLE):
            raise RuntimeError(f"not settled within {SECONDS:.0f} s: {solver.status_name()}")
        return bool(status == cp_model.OPTIMAL)

    def _read(self, solver: cp_model.CpSolver) -> tuple[int, ...]:
        return tuple(
            next(s.step for s, b in zip(self.starts, bools, strict=True) if solver.boolean_value(b))
            for bools in self.chosen
        )

    def _place(self) -> None:
        """Exactly one start a session; what else is asked of a start is a sum over its bools."""
        model, count = self.model, self.problem.sessions
        self.chosen = [[model.new_bool_var("") for _start in self.starts] for _session in range(count)]
        self.on_day: list[dict[int, IntVar]] = []
        self.days: list[IntVar] = []
        origin, length = self.problem.horizon.origin, self.problem.horizon.length
        self.steps: list[IntVar] = []
        for bools in self.chosen:
            model.add_exactly_one(bools)
            by_day: dict[int, list[IntVar]] = {}
            for start, chosen in zip(self.starts, bools, strict=True):
                by_day.setdefault(start.day, []).append(chosen)
            on_day = {day: model.new_bool_var("") for day in by_day}
            for day, of_day in by_day.items():
                model.add(sum(of_day) == on_day[day])
            model.add_exactly_one(on_day.values())
            self.on_day.append(on_day)
            day_of, step = model.new_int_var(0, self.last_day, ""), model.new_int_var(0, length, "")
            model.add(day_of == _weighed(on_day, lambda day: day))
            model.add(step == self._sum_at(len(self.steps), lambda start: start.step - origin))
            self.days.append(day_of)
            self.steps.append(step)

    def _keep_apart(self) -> None:
        """The shortest gap in local days and in hours, from each session to the next.

        One bool for each pair of days makes a path of the days: its relaxation is tight, which is what proves fast.
        """
        cadence, model = self.problem.cadence, self.model
        apart = max(cadence.floor_hours * 60 // STEP_MINUTES, self.problem.pattern.chair)
        self.gaps: list[dict[tuple[int, int], IntVar]] = []
        for index in range(1, self.problem.sessions):
            earlier, later = self.on_day[index - 1], self.on_day[index]
            pairs = {
                (day, after): model.new_bool_var("")
                for day in earlier
                for after in later
                if after - day >= cadence.min_gap_days
            }
            for day, here in earlier.items():
                model.add(sum(pair for (one, _after), pair in pairs.items() if one == day) == here)
            for after, here in later.items():
                model.add(sum(pair for (_day, one), pair in pairs.items() if one == after) == here)
            if Rule.FLOOR_HOURS not in self.lifted or index < self.problem.sessions - 1:
                model.add(self.steps[index] - self.steps[index - 1] >= apart)
            self.gaps.append(pairs)

    def _keep_seven_days(self) -> None:
        """No seven days that hold a new visit hold more than the most, visits already booked included."""
        most = self.problem.cadence.max_per_7_days
        counted = self.on_day[:-1] if Rule.MAX_PER_7_DAYS in self.lifted else self.on_day
        for first in range(1 - WEEK, self.last_day + 1):
            window = range(first, first + WEEK)
            booked = sum(day in window for day in self.existing)
            new = [on_day[day] for on_day in counted for day in window if day in on_day]
            if new:
                self.model.add(sum(new) <= max(0, most - booked))

    def _cadence(self) -> LinearExpr:
        """Days outside the ideal gap between neighbours, booked ones included; and how long the first one waits."""
        between = [_weighed(pairs, lambda days: self._between(*days)) for pairs in self.gaps]
        ends = _weighed(self.on_day[0], self._before), _weighed(self.on_day[-1], self._after)
        return LinearExpr.sum([*ends, *between])

    def _between(self, day: int, after: int) -> int:
        """The cost of a gap between two sessions, or of both gaps to the booked visits between them."""
        if self._passed(day) == self._passed(after):
            return self._outside(after - day)
        return self._after(day) + self._before(after)

    def _passed(self, day: int) -> int:
        """How many booked visits come before a day."""
        return sum(other < day for other in self.existing)

    def _before(self, day: int) -> int:
        """What a session on a day costs towards the booked visit before it, or waits where there is none."""
        earlier = [other for other in self.existing if other < day]
        if earlier:
            return self._outside(day - earlier[-1])
        horizon = self.problem.horizon
        asked = (horizon.local_date(self.problem.not_before) - horizon.days[0].date).days
        return max(0, day - max(0, asked) - FREE_WAIT)

    def _after(self, day: int) -> int:
        """What a session on a day costs towards the booked visit after it."""
        later = [other for other in self.existing if other > day]
        return self._outside(later[0] - day) if later else 0

    def _outside(self, gap: int) -> int:
        low, high = self.problem.cadence.ideal_low, self.problem.cadence.ideal_high
        return low - gap if gap < low else max(0, gap - high)

    def _weekday(self) -> LinearExpr:
        """Sessions that have a visit ``per_week`` earlier, and that one is not exactly a week before."""
        back, model = self.problem.cadence.per_week, self.model
        missed = []
        for index, on_day in enumerate(self.on_day):
            if not self.existing:
                if index >= back:
                    miss = model.new_bool_var("")
                    model.add(self.days[index] - self.days[index - back] == WEEK).only_enforce_if(~miss)
                    missed.append(miss)
                continue
            miss = model.new_bool_var("")
            missed.append(miss)
            for day, here in on_day.items():
                if index + self._passed(day) >= back:
                    since = self._visits(range(day - WEEK + 1, day))
                    model.add(since < back).only_enforce_if(here, ~miss)
                    model.add(since + self._visits([day - WEEK]) >= back).only_enforce_if(here, ~miss)
        return LinearExpr.sum(missed)

    def _visits(self, days: Sequence[int]) -> LinearExpr:
        """How many visits lie on some days."""
        new = [on_day[day] for on_day in self.on_day for day in days if day in on_day]
        return LinearExpr.sum([*new, sum(other in days for other in self.existing)])

    def _time(self) -> LinearExpr:
        """Minutes from each start to one usual time: the given one, or whichever is best."""
        given, model = self.problem.reference, self.model
        day_minutes = DAY_STEPS * STEP_MINUTES
        usual = model.new_int_var(0, day_minutes, "") if given is None else given
        costs = []
        for index in range(self.problem.sessions):
            away = model.new_int_var(0, day_minutes, "")
            minute = self._sum_at(index, lambda start: start.minute)
            model.add(away >= minute - usual)
            model.add(away >= usual - minute)
            costs.append(away)
        return LinearExpr.sum(costs)

    def _nurse(self) -> LinearExpr:
        """Sessions that the main nurse cannot take: the given one, or whichever is best."""
        given, model = self.problem.main_nurse, self.model
        nurses = [nurse.id for nurse in self.problem.nurses] if given is None else [given]
        main = {nurse: model.new_bool_var("") for nurse in nurses}
        model.add_exactly_one(main.values())
        missed = []
        for bools in self.chosen:
            miss = model.new_bool_var("")
            for nurse, is_main in main.items():
                able = [b for s, b in zip(self.starts, bools, strict=True) if nurse in s.nurses]
                model.add(sum(able) + miss >= is_main)
            missed.append(miss)
        return LinearExpr.sum(missed)

    def _sum(self, value: Callable[[Start], int]) -> LinearExpr:
        return LinearExpr.sum([self._sum_at(index, value) for index in range(self.problem.sessions)])

    def _sum_at(self, index: int, value: Callable[[Start], int]) -> LinearExpr:
        """The value of the start that a session has."""
        return LinearExpr.weighted_sum(self.chosen[index], [value(start) for start in self.starts])


def _weighed(bools: Mapping[T, IntVar], value: Callable[[T], int]) -> LinearExpr:
    """The value of whatever is chosen."""
    return LinearExpr.weighted_sum(list(bools.values()), [value(one) for one in bools])


def _solver() -> cp_model.CpSolver:
    """One worker: `make proof` keeps both cores busy with clinics. Probing and symmetries cost more than they give."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = SECONDS
    solver.parameters.cp_model_probing_level = 0
    solver.parameters.symmetry_level = 0
    return solver
