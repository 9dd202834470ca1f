"""The most visits that any schedule of the same requests could hold: a bound proven by solvers, never reached quite."""

from collections.abc import Sequence

from ortools.linear_solver import pywraplp
from ortools.sat.python import cp_model

from tests.core.clinics import IV

from .requests import Request
from .site import CAPACITY, CHAIRS, HOURS, MONTH, Site

GRID = 3
WEEK = 7


def day_bound(site: Site, day: int) -> int:
    """The most visits one day can hold: chairs, monitoring seats and hands as sums over all of them.

    Proven by CP-SAT for the sums; a real day can only hold fewer.
    """
    local = site.horizon.days[day]
    shifts = [
        (first - local.first, last - local.first)
        for staff in site.nurses.values()
        for first, last in staff.shifts
        if local.first <= first < local.last
    ]
    if local.date.weekday() > 4 or not shifts:
        return 0
    model = cp_model.CpModel()
    starts = range(HOURS[0], HOURS[1] - IV.patient + 1, GRID)
    count = {start: model.new_int_var(0, CHAIRS, "") for start in starts}
    for at in range(*HOURS):
        on_duty = sum(first <= at < last for first, last in shifts)
        limits = (((0, IV.chair),), CHAIRS), ((IV.nurse,), CAPACITY * on_duty), (IV.hands_on, on_duty)
        for spans, most in limits:
            there = [count[s] for s in starts if any(s + first <= at < s + last for first, last in spans)]
            if there:
                model.add(sum(there) <= most)
    model.maximize(sum(count.values()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = 30
    solver.solve(model)
    return int(solver.best_objective_bound + 1e-6)


def bound(site: Site, wanted: Sequence[Request]) -> int:
    """The most visits in the month: a linear relaxation over requests and days, with hindsight of who is away.

    Each request holds at most its sessions, on days it can come on, with its gaps and its most per seven days.
    Clock times, wishes for them, single seats, missed visits and the order of arrival cost a schedule nothing here.
    """
    solver = pywraplp.Solver.CreateSolver("GLOP")
    days: dict[int, list[pywraplp.Variable]] = {day: [] for day in MONTH}
    for request in wanted:
        held = {
            day: solver.NumVar(0, 1, "")
            for day in range(request.earliest, MONTH.stop)
            if site.horizon.days[day].date.weekday() < 5
            and request.wishes.allows_weekday(site.horizon.days[day].date)
        }
        solver.Add(solver.Sum(held.values()) <= request.sessions)
        for length, most in ((WEEK, request.cadence.max_per_7_days), (request.cadence.min_gap_days, 1)):
            for first in MONTH:
                window = [held[day] for day in range(first, first + length) if day in held]
                if len(window) > most:
                    solver.Add(solver.Sum(window) <= most)
        for day, share in held.items():
            days[day].append(share)
    for day, shares in days.items():
        solver.Add(solver.Sum(shares) <= day_bound(site, day))
    solver.Maximize(solver.Sum([share for shares in days.values() for share in shares]))
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        raise RuntimeError("the bound was not proven")
    return int(solver.Objective().Value() + 1e-6)
