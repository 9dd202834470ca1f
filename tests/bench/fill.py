"""A month filled with random requests, with and without repair and backfill, against a proven bound.

20 chairs, 10 nurses for three patients each, open Monday to Friday 08:00-18:00 for 28 days. Every working day brings
requests for courses of one to six visits with wishes of their own; patients cancel, nurses are ill. *Without*: a
request that finds no place is refused, a visit that is cancelled or loses its nurse is gone. *With*: what is lost is
repaired or made up, and who found no place is asked again as soon as something is free. The bound is a linear
program over the same requests: so many visits at most, whoever plans. The last line printed is JSON.
"""

import json
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

from ortools.linear_solver import pywraplp

from scheduling.core.planner import LeastChange, Place, Plan, Ranking, least_change, plan
from scheduling.core.problem import CourseProblem, Nurse, room
from scheduling.core.repair import Lost, NurseRoom, Other, RepairProblem, repair
from scheduling.core.timeline import Horizon
from scheduling.core.wishes import Wishes
from tests.core.clinics import IV, NEW_YORK
from tests.proof.problems import DEFAULT

SEED = 20260601
CHAIRS, NURSES, CAPACITY, DAYS = 20, 10, 3, 28
OPENS, CLOSES = 8 * 12, 18 * 12
REQUESTS_A_DAY = (30, 41)
CANCELLED = 0.004
"""The chance that a booked visit is cancelled on any one day."""
ILL = 0.15
"""The chance that a nurse is ill tomorrow."""
VISITS_A_CHAIR = 1 + (CLOSES - OPENS - IV.patient) // IV.chair
"""A chair holds so many visits a day: turnover may run past closing."""


@dataclass(frozen=True, slots=True)
class Request:
    """A course that somebody asks for on a day of the month."""

    id: int
    arrives: int
    sessions: int
    wishes: Wishes


@dataclass
class Month:
    """The clinic as it fills: the places of every course, and what became of the requests."""

    mends: bool
    horizon: Horizon = field(init=False)
    courses: dict[int, list[Place]] = field(default_factory=dict)
    waiting: list[Request] = field(default_factory=list)
    refused: int = 0
    lost: int = 0
    away: dict[int, set[int]] = field(default_factory=dict)
    _wishes: dict[int, Wishes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        since = date(2026, 6, 1)
        self.horizon = Horizon.of(NEW_YORK, since, since + timedelta(days=DAYS - 1))
        self.opened = self.horizon.mask(
            (day.first + OPENS, day.first + CLOSES) for day in self.horizon.days if day.date.weekday() < 5
        )

    def run(self, requests: list[Request]) -> None:
        """Live through the month; the same seed brings the same misfortunes to both."""
        random = Random(SEED)
        for today in range(DAYS):
            if self.mends:
                waiting, self.waiting = self.waiting, []
                for request in waiting:
                    self._ask(request, today)
            for request in [one for one in requests if one.arrives == today]:
                self._ask(request, today)
            self._cancellations(random, today)
            self._illness(random, today + 1)
        self.refused = len(self.waiting)

    @property
    def visits(self) -> int:
        """Visits that stand."""
        return sum(map(len, self.courses.values()))

    def _ask(self, request: Request, today: int) -> None:
        found = plan(self._problem(request, today, ()), Ranking.BEST_FIT)
        if isinstance(found, Plan):
            self.courses[request.id] = list(found.places)
            self._wishes[request.id] = request.wishes
        else:
            self.waiting.append(request)

    def _problem(self, request: Request, today: int, without: tuple[Place, ...]) -> CourseProblem:
        """The clinic from tomorrow on as one request sees it; the places of ``without`` are free."""
        rooms = self._rooms({id(place) for place in without})
        nurses = tuple(Nurse(one.id, one.shift, one.room[0], one.hands_on) for one in rooms[1])
        first = self.horizon.days[min(today + 1, DAYS - 1)].first
        return CourseProblem(
            horizon=self.horizon,
            pattern=IV,
            cadence=DEFAULT,
            sessions=request.sessions,
            chairs=rooms[0],
            nurses=nurses,
            patient=self.horizon.full,
            open=self.opened,
            not_before=first if today + 1 < DAYS else first + self.horizon.length,
            wishes=request.wishes,
        )

    def _rooms(self, without: set[int]) -> tuple[dict[int, int], tuple[NurseRoom, ...]]:
        chairs: dict[int, list[tuple[int, int]]] = {one: [] for one in range(1, CHAIRS + 1)}
        watched: dict[int, list[tuple[int, int]]] = {one: [] for one in range(101, 101 + NURSES)}
        hands: dict[int, list[tuple[int, int]]] = {one: [] for one in watched}
        for places in self.courses.values():
            for place in places:
                if id(place) not in without:
                    needs = IV.needs(place.start)
                    chairs[place.chair].append(needs.chair)
                    watched[place.nurse].append(needs.monitoring)
                    hands[place.nurse] += needs.hands_on
        full, mask = self.horizon.full, self.horizon.mask
        nurses = []
        for one, spans in watched.items():
            days = [self.horizon.days[index] for index in self.away.get(one, ())]
            gone = mask((day.first, day.last) for day in days)
            levels = tuple(
                room([mask([span]) for span in spans], CAPACITY - k, full) for k in range(CAPACITY)
            )
            nurses.append(NurseRoom(one, self.opened & ~gone, self.horizon.free(hands[one]), levels))
        return {chair: self.horizon.free(spans) for chair, spans in chairs.items()}, tuple(nurses)

    def _cancellations(self, random: Random, today: int) -> None:
        ahead = self.horizon.days[today].last
        for course, places in sorted(self.courses.items()):
            for place in [one for one in places if one.start >= ahead]:
                if random.random() < CANCELLED:
                    places.remove(place)
                    self.lost += 1
                    if self.mends:
                        self._make_up(course, today)

    def _make_up(self, course: int, today: int) -> None:
        places = self.courses[course]
        ahead = self.horizon.days[today].last
        rest = [place for place in places if place.start >= ahead]
        asked = Request(course, today, 1, self._wishes[course])
        problem = self._problem(asked, today, tuple(rest))
        past = tuple(place.start for place in places if place.start < ahead)
        found = least_change(replace(problem, existing=past), rest, more=1)
        if isinstance(found, LeastChange):
            places[:] = [*(place for place in places if place.start < ahead), *found.places, *found.added]
            self.lost -= 1

    def _illness(self, random: Random, day: int) -> None:
        """One nurse in some nights: her visits of that day are repaired, or gone."""
        is_ill, nurse = random.random() < ILL, random.randrange(101, 101 + NURSES)
        if not is_ill or day >= DAYS:
            return
        self.away.setdefault(nurse, set()).add(day)
        window = range(self.horizon.days[day].first, self.horizon.days[day].last)
        here = [
            (course, place)
            for course, places in sorted(self.courses.items())
            for place in places
            if place.start in window
        ]
        hit = [(course, place) for course, place in here if place.nurse == nurse]
        new: dict[int, Place | None] = {}
        if self.mends and hit:
            new = self._repaired(here, hit, day)
        for course, place in hit:
            self.courses[course].remove(place)
            moved = new.get(course)
            if moved:
                self.courses[course] = sorted([*self.courses[course], moved])
            else:
                self.lost += 1
        for course, place in here:
            moved = new.get(course)
            if (course, place) not in hit and moved:
                self.courses[course] = sorted([*(p for p in self.courses[course] if p != place), moved])

    def _repaired(
        self, here: list[tuple[int, Place]], hit: list[tuple[int, Place]], day: int
    ) -> dict[int, Place | None]:
        chairs, nurses = self._rooms({id(place) for _course, place in here})
        lost = []
        for course, place in hit:
            asked = Request(course, day - 1, 1, self._wishes[course])
            others = tuple(one.start for one in self.courses[course] if one != place)
            problem = replace(self._problem(asked, day - 1, ()), existing=others)
            lost.append(Lost(course, course, place, problem))
        rest = tuple(Other(course, place, IV) for course, place in here if (course, place) not in hit)
        found = repair(RepairProblem(self.horizon, chairs, nurses, tuple(lost), rest), 10)
        return {change.visit: change.place for change in found.changes}


def made_up_requests() -> list[Request]:
    """The same for the same seed."""
    random = Random(SEED + 1)
    found: list[Request] = []
    for day in range(DAYS - 3):
        for _request in range(random.randint(*REQUESTS_A_DAY) if day % 7 < 5 else 0):
            # Who comes late in the month asks for what still fits into it.
            most = max(1, min(6, (DAYS - day) // 4))
            found.append(Request(len(found) + 1, day, random.randint(1, most), _wishes(random)))
    return found


def _wishes(random: Random) -> Wishes:
    kind = random.random()
    windows = random.choice([((8 * 60, 13 * 60),), ((12 * 60, 18 * 60),)])
    days = frozenset(random.sample(range(5), 2))
    if kind < 0.4:
        return Wishes()
    return Wishes(prefer_weekdays=days) if kind < 0.7 else Wishes(prefer_windows=windows)


def bound(requests: list[Request]) -> int:
    """The most visits that any plan could hold: days hold so many, courses keep two in any seven days."""
    solver = pywraplp.Solver.CreateSolver("GLOP")
    working = [day for day in range(DAYS) if day % 7 < 5]
    by_day: dict[int, list[pywraplp.Variable]] = {day: [] for day in working}
    everything: list[pywraplp.Variable] = []
    for request in requests:
        days = {day: solver.NumVar(0, 1, "") for day in working if day > request.arrives}
        share = solver.NumVar(0, 1, "")
        solver.Add(sum(days.values()) == request.sessions * share)
        for first in days:
            window = [literal for day, literal in days.items() if first <= day < first + 7]
            if len(window) > DEFAULT.max_per_7_days:
                solver.Add(sum(window) <= DEFAULT.max_per_7_days)
        for day, literal in days.items():
            by_day[day].append(literal)
        everything += days.values()
    for literals in by_day.values():
        if literals:
            solver.Add(sum(literals) <= CHAIRS * VISITS_A_CHAIR)
    solver.Maximize(sum(everything))
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        raise SystemExit("the bound was not found")
    return int(solver.Objective().Value() + 1e-6)


def main() -> None:
    """Both months beside the bound, in words and as one figure."""
    requests = made_up_requests()
    most = bound(requests)
    asked = sum(request.sessions for request in requests)
    seats = CHAIRS * VISITS_A_CHAIR * sum(day % 7 < 5 for day in range(DAYS))
    print(
        f"{len(requests)} requests for {asked} visits; room for {seats}; at most {most} by the solver's bound"
    )
    share = {}
    for mends in (False, True):
        month = Month(mends)
        month.run(requests)
        share[mends] = month.visits / most
        print(
            f"{'with' if mends else 'without'} repair and backfill: {month.visits} visits "
            f"({month.visits / seats:.0%} of the room, {share[mends]:.1%} of the bound), "
            f"{month.refused} requests refused, {month.lost} visits lost"
        )
    print(json.dumps({"fill_vs_bound": round(share[True], 3), "fill_without": round(share[False], 3)}))


if __name__ == "__main__":
    main()
