"""The planner's task as a model for CP-SAT, written from docs/planner.md and sharing nothing with the planner.

Possible starts are found step by step on arrays. A course is a path through days: each arc joins two visits that
follow each other, so that gaps are costs of arcs. Levels are minimised one after the other.
"""

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from scheduling.core.planner import Cost, Ranking
from scheduling.core.problem import CourseProblem, Nurse
from scheduling.core.reasons import NURSE_RULES as NURSE
from scheduling.core.reasons import Rule
from scheduling.core.timeline import STEP_MINUTES, from_step

Steps = NDArray[np.bool_]
ORDERS = {
    Ranking.BEST_FIT: ("cadence", "wishes", "finish", "weekday", "time", "nurse", "broken"),
    Ranking.SOONEST: ("finish", "cadence", "wishes", "weekday", "time", "nurse", "broken"),
    Ranking.STEADIEST: ("cadence", "weekday", "time", "nurse", "wishes", "finish", "broken"),
}
NURSE_RULES = frozenset(NURSE)
FREE_WAIT = 7
SOURCE, SINK = -10_000, 10_000


@dataclass(frozen=True, slots=True)
class Start:
    """A possible start: its step, its day from the horizon's first, its wall minute, who can take it, what it costs."""

    step: int
    day: int
    minute: int
    misses: int
    nurses: frozenset[int]
    broken: int


class Independent:
    """One problem, its possible starts and its model."""

    def __init__(self, problem: CourseProblem, dropped: Container[Rule] = ()) -> None:
        """``dropped``: rules that the model forgets, to show that a wrong model is found out."""
        self.problem = problem
        self._dropped = dropped
        self._length = problem.horizon.length
        locals_ = [
            from_step(problem.horizon.origin + offset).astimezone(problem.horizon.zone)
            for offset in range(self._length)
        ]
        first = problem.horizon.days[0].date
        self._days = np.array([(local.date() - first).days for local in locals_])
        self._minutes = np.array([local.hour * 60 + local.minute for local in locals_])
        self._twice = np.array(
            [local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset() for local in locals_]
        )
        self._dates = [local.date() for local in locals_]
        self.existing = sorted(
            (from_step(step).astimezone(problem.horizon.zone).date() - first).days
            for step in problem.existing
        )
        self.starts = self._starts()

    # --- where a visit can start ---

    def _array(self, mask: int) -> Steps:
        raw = np.frombuffer(mask.to_bytes(self._length // 8 + 1, "little"), dtype=np.uint8)
        return np.unpackbits(raw, bitorder="little")[: self._length].astype(bool)

    def _lasts(self, free: Steps, begin: int, end: int) -> Steps:
        """The starts for which every step from ``begin`` to ``end`` after them is free and within the horizon."""
        sums = np.concatenate([[0], np.cumsum(free)])
        found = np.zeros(self._length, dtype=bool)
        many = self._length - end + 1
        if many > 0:
            found[:many] = sums[end : end + many] - sums[begin : begin + many] == end - begin
        return found

    def possible(self, day: int, lifted: frozenset[Rule]) -> bool:
        """Whether a visit could start on a day of the horizon without these rules."""
        allowed = (self._days == day) & (self._minutes % self.problem.grid_minutes == 0)
        for rule, mask in self._by_rules().items():
            if rule not in lifted:
                allowed = allowed & mask
        if not lifted >= NURSE_RULES:
            nurses = [self._nurse(nurse, lifted) for nurse in self.problem.nurses]
            allowed = allowed & (np.any(nurses, axis=0) if nurses else False)
        return bool(allowed.any())

    def _starts(self) -> list[Start]:
        problem = self.problem
        chairs = self._chairs()
        nurses = {nurse.id: self._nurse(nurse) for nurse in problem.nurses}
        allowed = self._minutes % problem.grid_minutes == 0
        for rule, mask in self._by_rules().items():
            if rule not in self._dropped:
                allowed = allowed & mask
        allowed = allowed & (np.any(list(nurses.values()), axis=0) if nurses else False)
        usable = self._array(problem.open) & self._open_days()
        wishes = problem.wishes
        found = []
        for offset in np.flatnonzero(allowed):
            day, minute = self._dates[offset], int(self._minutes[offset])
            off_day = bool(wishes.prefer_weekdays) and day.weekday() not in wishes.prefer_weekdays
            off_time = bool(wishes.prefer_windows) and not any(
                a <= minute < b for a, b in wishes.prefer_windows
            )
            left = [
                self._left(self._array(problem.chairs[chair]) & usable, int(offset))
                for chair, able in chairs.items()
                if able[offset]
            ]
            able = frozenset(nurse for nurse, mask in nurses.items() if mask[offset])
            found.append(
                Start(
                    problem.horizon.origin + int(offset),
                    int(self._days[offset]),
                    minute,
                    off_day + off_time,
                    able,
                    min(left),
                )
            )
        return found

    def _chairs(self) -> dict[int, Steps]:
        length = self.problem.pattern.chair
        return {
            chair: self._lasts(self._array(free), 0, length) for chair, free in self.problem.chairs.items()
        }

    def _nurse(self, nurse: Nurse, lifted: Container[Rule] = ()) -> Steps:
        pattern, always = self.problem.pattern, np.ones(self._length, dtype=bool)
        shift = always if Rule.NURSE_SHIFT in lifted else self._array(nurse.shift)
        seats = always if Rule.NURSE_MONITORING in lifted else self._array(nurse.monitoring)
        found = self._lasts(shift & seats, *pattern.nurse)
        for span in pattern.hands_on if Rule.NURSE_HANDS_ON not in lifted else ():
            found &= self._lasts(shift & self._array(nurse.hands_on), *span)
        return found

    def _open_days(self) -> Steps:
        closed = self.problem.closures
        return np.array([not any(a <= day <= b for a, b in closed) for day in self._dates])

    def _by_rules(self) -> dict[Rule, Steps]:
        """Where each rule of a single visit, its nurse apart, lets it start."""
        problem, pattern, wishes = self.problem, self.problem.pattern, self.problem.wishes
        stay = (0, pattern.patient)
        weekdays = np.array([day.weekday() for day in self._dates])
        timely = np.array(
            [
                (not wishes.only_windows or any(a <= m < b for a, b in wishes.only_windows))
                and not any(a <= m < b for a, b in wishes.never_windows)
                for m in self._minutes
            ]
        )
        here = np.array([not any(a <= day <= b for a, b in wishes.blackouts) for day in self._dates])
        last = problem.not_after
        rules = {
            Rule.HORIZON: self._lasts(np.ones(self._length, dtype=bool), 0, pattern.chair),
            Rule.LEAD_TIME: np.arange(self._length) + problem.horizon.origin >= problem.not_before,
            Rule.ORDER_END: np.array([last is None or day <= last for day in self._dates]),
            Rule.CLOCK_CHANGE: ~self._twice,
            Rule.OPENING: self._lasts(self._array(problem.open), *stay),
            Rule.CLOSURE: self._lasts(self._open_days(), *stay),
            Rule.PATIENT: self._lasts(self._array(problem.patient), *stay),
            Rule.WISH_DAYS: np.isin(weekdays, list(wishes.only_weekdays or range(7)))
            & ~np.isin(weekdays, list(wishes.never_weekdays)),
            Rule.WISH_TIMES: self._lasts(timely, *stay),
            Rule.BLACKOUT: self._lasts(here, *stay),
            **self._beside(),
        }
        if problem.prescriber is not None:
            rules[Rule.PRESCRIBER] = self._lasts(self._array(problem.prescriber), *pattern.prescriber)
        chairs = list(self._chairs().values())
        rules[Rule.CHAIR] = np.any(chairs, axis=0) if chairs else np.zeros(self._length, dtype=bool)
        return rules

    def _beside(self) -> dict[Rule, Steps]:
        """The distance of a single start to the patient's other visits."""
        cadence = self.problem.cadence
        steps = np.arange(self._length) + self.problem.horizon.origin
        days, existing = np.array(self.existing), np.array(sorted(self.problem.existing))
        apart = np.abs(self._days[:, None] - days[None, :])
        hours = np.abs(steps[:, None] - existing[None, :]) * STEP_MINUTES
        return {
            Rule.ONE_A_DAY: np.all(apart >= 1, axis=1),
            Rule.MIN_GAP: np.all(apart >= cadence.min_gap_days, axis=1),
            Rule.FLOOR_HOURS: np.all(hours >= cadence.floor_hours * 60, axis=1),
        }

    def _left(self, free: Steps, offset: int) -> int:
        """Minutes of free chair time directly before and after a visit, each where shorter than a visit."""
        length, minutes = self.problem.pattern.chair, 0
        for side in (free[:offset][::-1], free[offset + length :]):
            taken = np.flatnonzero(~side[:length])
            run = int(taken[0]) if taken.size else min(length, side.size)
            minutes += run * STEP_MINUTES if run < length else 0
        return minutes

    # --- the course ---

    def ends_on(self, day: int) -> bool:
        """Whether some course ends on a day of the horizon."""
        course = _Course(self)
        for other, literal in course.y.items():
            if other >= day:
                course.cp.add(literal == (other == day))
        if day not in course.y:
            return False
        return course.minimised("cadence", (), 60) is not None

    def least(self, ranking: Ranking, hint: tuple[int, ...] = (), seconds: float = 60) -> Cost | None:
        """The least cost in the order of ``ranking``, proven level by level; None where no course exists.

        ``hint``: starts of a known course, which only speed the search up. Raises TimeoutError where a level is not
        proven in ``seconds``.
        """
        course = _Course(self)
        known: dict[str, int] = {}
        for level in ORDERS[ranking]:
            value = course.minimised(level, hint, seconds)
            if value is None:
                return None
            known[level] = value
        return Cost(**known)


class _Course:
    """The model of one course."""

    def __init__(self, task: Independent) -> None:
        self.task, self.problem = task, task.problem
        self.cp = cp_model.CpModel()
        self.x = {start.step: self.cp.new_bool_var(f"x{start.step}") for start in task.starts}
        self.by_day: dict[int, list[Start]] = defaultdict(list)
        for start in task.starts:
            self.by_day[start.day].append(start)
        self.y = {day: self.cp.new_bool_var(f"y{day}") for day in self.by_day}
        for day, starts in self.by_day.items():
            self.cp.add(sum(self.x[start.step] for start in starts) == self.y[day])
        self.cp.add(sum(self.y.values()) == self.problem.sessions)
        self._space()
        self.levels = {
            "cadence": self._cadence(),
            "wishes": sum(start.misses * self.x[start.step] for start in task.starts),
            "finish": self._finish(),
            "weekday": self._weekday(),
            "time": self._time(),
            "nurse": self._nurse(),
            "broken": sum(start.broken * self.x[start.step] for start in task.starts),
        }

    def minimised(self, level: str, hint: tuple[int, ...], seconds: float) -> int | None:
        """The least value of one level, which is then fixed."""
        self.cp.clear_hints()  # type: ignore[no-untyped-call]
        for step, literal in self.x.items():
            if hint:
                self.cp.add_hint(literal, step in hint)
        self.cp.minimize(self.levels[level])
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = seconds
        status = solver.solve(self.cp)
        if status == cp_model.INFEASIBLE:
            return None
        if status != cp_model.OPTIMAL:
            raise TimeoutError(f"{level} was not proven in {seconds} s")
        value = round(solver.objective_value)
        self.cp.add(self.levels[level] == value)
        return value

    def _space(self) -> None:
        cadence, days = self.problem.cadence, sorted(self.y)
        for one, other in combinations(days, 2):
            if other - one < cadence.min_gap_days:
                self.cp.add_at_most_one([self.y[one], self.y[other]])
        apart = max(cadence.floor_hours * 60 // STEP_MINUTES, self.problem.pattern.chair)
        steps = [start.step for start in self.task.starts]
        for step in steps:
            near = [self.x[other] for other in steps if step <= other < step + apart]
            if len(near) > 1:
                self.cp.add_at_most_one(near)
        for first in range(days[0] - 6, days[-1] + 1) if days else ():
            window = [self.y[day] for day in range(first, first + 7) if day in self.y]
            fixed = sum(first <= day < first + 7 for day in self.task.existing)
            if window:
                self.cp.add(sum(window) <= max(0, cadence.max_per_7_days - fixed))

    def _cadence(self) -> cp_model.LinearExprT:
        """Gaps as arcs of a path through all visits, old and new."""
        cadence, existing = self.problem.cadence, self.task.existing
        nodes = sorted([*self.y, *existing])
        into: dict[int, list[cp_model.IntVar]] = defaultdict(list)
        out: dict[int, list[cp_model.IntVar]] = defaultdict(list)
        terms = []
        earliest = self._earliest()
        for one in [SOURCE, *nodes]:
            for other in [*nodes, SINK]:
                if other <= one or (one, other) == (SOURCE, SINK):
                    continue
                if any(one < day < other for day in existing):
                    continue
                arc = self.cp.new_bool_var(f"{one}>{other}")
                out[one].append(arc)
                into[other].append(arc)
                cost = 0
                if one == SOURCE:
                    cost = max(0, other - earliest - FREE_WAIT) if other in self.y else 0
                elif other != SINK and (one in self.y or other in self.y):
                    gap = other - one
                    cost = max(0, cadence.ideal_low - gap, gap - cadence.ideal_high)
                if cost:
                    terms.append(cost * arc)
        self.cp.add_exactly_one(out[SOURCE])
        self.cp.add_exactly_one(into[SINK])
        for day in nodes:
            stands = self.y.get(day, 1)
            self.cp.add(sum(into[day]) == stands)
            self.cp.add(sum(out[day]) == stands)
        return sum(terms)

    def _earliest(self) -> int:
        horizon = self.problem.horizon
        step = max(horizon.origin, min(self.problem.not_before, horizon.origin + horizon.length - 1))
        day = from_step(step).astimezone(horizon.zone).date()
        return (day - horizon.days[0].date) // timedelta(days=1)

    def _finish(self) -> cp_model.LinearExprT:
        last = self.cp.new_int_var(0, len(self.problem.horizon.days), "finish")
        for day, stands in self.y.items():
            self.cp.add(last >= day).only_enforce_if(stands)
        return last

    def _weekday(self) -> cp_model.LinearExprT:
        back, existing = self.problem.cadence.per_week, self.task.existing
        irregular = []
        for day, stands in self.y.items():
            before = [self.y[other] for other in self.y if other < day]
            fixed = sum(other < day for other in existing)
            between = [self.y[other] for other in self.y if day - 7 < other < day]
            near = sum(day - 7 < other < day for other in existing)
            week_ago = 1 if day - 7 in existing else self.y.get(day - 7, 0)
            off, late, regular = (self.cp.new_bool_var(f"{name}{day}") for name in ("off", "late", "regular"))
            # Late: there is a visit ``per_week`` earlier at all.
            self.cp.add(sum(before) + fixed <= back - 1).only_enforce_if(~late)
            self.cp.add(week_ago == 1).only_enforce_if(regular)
            self.cp.add(sum(between) + near == back - 1).only_enforce_if(regular)
            self.cp.add_bool_or([~stands, ~late, regular, off])
            irregular.append(off)
        return sum(irregular)

    def _time(self) -> cp_model.LinearExprT:
        given = self.problem.reference
        if given is not None:
            return sum(abs(start.minute - given) * self.x[start.step] for start in self.task.starts)
        reference = self.cp.new_int_var(0, 24 * 60, "reference")
        distances = []
        for day, starts in self.by_day.items():
            away = self.cp.new_int_var(0, 24 * 60, f"away{day}")
            minute = sum(start.minute * self.x[start.step] for start in starts)
            self.cp.add(away >= minute - reference).only_enforce_if(self.y[day])
            self.cp.add(away >= reference - minute).only_enforce_if(self.y[day])
            distances.append(away)
        return sum(distances)

    def _nurse(self) -> cp_model.LinearExprT:
        given = self.problem.main_nurse
        choices = [nurse.id for nurse in self.problem.nurses] if given is None else [given]
        main = {nurse: self.cp.new_bool_var(f"main{nurse}") for nurse in choices}
        self.cp.add_exactly_one(main.values())
        missed = []
        for day, starts in self.by_day.items():
            miss = self.cp.new_bool_var(f"missed{day}")
            for nurse, literal in main.items():
                without = [self.x[start.step] for start in starts if nurse not in start.nurses]
                self.cp.add(sum(without) <= miss).only_enforce_if(literal)
            missed.append(miss)
        return sum(missed)
