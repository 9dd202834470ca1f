"""A month of requests, cancellations, missed visits and absent nurses, day by day, with or without making good."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from scheduling.core.planner import Place, Ranking, plan
from scheduling.core.reasons import NoPlan
from scheduling.core.repair import Lost, Other, RepairProblem, repair
from tests.core.clinics import IV

from .requests import ARRIVALS, CANCELLED, LEAD_DAYS, MISSED, Request, requests
from .site import MONTH, NURSES, Site

ABSENCES = 12
"""Shifts of the month that a nurse does not come to; known the day before."""
MOST_NOTICE = 6
REPAIR_SECONDS = 20.0
PATIENCE_DAYS = 7
"""Whoever starts later than that after the earliest day would come earlier."""


@dataclass
class Month:
    """One run: the site, its requests, and what became of them."""

    site: Site
    wanted: list[Request]
    making_good: bool
    ranking: Ranking
    waiting: list[Request] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    calls: dict[int, list[tuple[Request, Place]]] = field(default_factory=dict)
    """Cancellations to come, by the day of the call."""

    def run(self, away: dict[int, list[int]]) -> None:
        """From the first arrival to the month's end; ``away``: nurses by the day they are missing on."""
        for day in range(ARRIVALS.start, MONTH.stop):
            for nurse in away.get(day + 1, ()):
                self._absent(nurse, day + 1)
            for request, place in self.calls.pop(day, ()):
                if place in request.booked:
                    self._cancel(request, place)
            if day >= 0:
                self._hold(day)
            if self.making_good:
                self._make_good(day)
            for request in self.wanted:
                if request.arrives == day and not self._course(request, day):
                    self.waiting.append(request)

    def _course(self, request: Request, day: int) -> bool:
        """Plan and book a whole course; False where there is none."""
        return self._more(request, day, request.sessions)

    def _more(self, request: Request, day: int, sessions: int) -> bool:
        """Plan and book so many visits beside those of the course that stay; False where they do not fit."""
        places = self._planned(request, day, sessions)
        self._book(request, day, places)
        return bool(places)

    def _planned(self, request: Request, day: int, sessions: int) -> tuple[Place, ...]:
        first = max(request.earliest, day + LEAD_DAYS)
        problem = self.site.problem(
            request,
            sessions=sessions,
            not_before=self.site.horizon.days[first].first,
            existing=request.starts(),
        )
        found = plan(problem, self.ranking)
        return () if isinstance(found, NoPlan) else found.places

    def _book(self, request: Request, day: int, places: Sequence[Place]) -> None:
        for place in places:
            self.site.book(place)
            request.booked.append(place)
            if request.luck.random() < CANCELLED:
                call = self.site.horizon.day_index(place.start) - request.luck.randint(1, MOST_NOTICE)
                self.calls.setdefault(max(call, day + 1), []).append((request, place))

    def _cancel(self, request: Request, place: Place) -> None:
        self.site.free(place)
        request.booked.remove(place)
        request.missing += 1
        self.counts["cancelled"] += 1

    def _absent(self, nurse: int, day: int) -> None:
        """Her visits are repaired together, or go to colleagues as they are where one can take them."""
        self.site.send_home(nurse, day)
        day_of = self.site.horizon.day_index
        here = [(who, place) for who in self.wanted for place in who.booked if day_of(place.start) == day]
        if self.making_good and any(place.nurse == nurse for _who, place in here):
            self._repair(here, nurse, day)
            return
        for request, place in here:
            if place.nurse == nurse:
                other = self.site.cover(place)
                self.site.free(place)
                self._give(request, place, other)

    def _repair(self, here: list[tuple[Request, Place]], nurse: int, day: int) -> None:
        """Fewest visits lost, then fewest patients moved; whoever keeps the time may get another nurse or chair."""
        site = self.site
        for _request, place in here:
            site.free(place)
        lost, others = [], []
        for number, (request, place) in enumerate(here):
            if place.nurse != nurse:
                others.append(Other(number, place, IV))
                continue
            problem = site.problem(
                request,
                sessions=1,
                not_before=site.horizon.days[max(request.earliest, day)].first,
                existing=tuple(start for start in request.starts() if start != place.start),
            )
            lost.append(Lost(number, request.number, place, problem))
        asked = RepairProblem(site.horizon, *site.room(), tuple(lost), tuple(others))
        new = {change.visit: change.place for change in repair(asked, REPAIR_SECONDS).changes}
        for number, (request, place) in enumerate(here):
            self._give(request, place, new.get(number, place))

    def _give(self, request: Request, place: Place, other: Place | None) -> None:
        """Put a visit whose place is free again at another, or the same; None: it is lost."""
        request.booked.remove(place)
        if other is None:
            request.missing += 1
            self.counts["absent"] += 1
            return
        self.site.book(other)
        request.booked.append(other)
        if other.nurse != place.nurse or other.start != place.start:
            self.counts["covered" if other.start == place.start else "moved by a repair"] += 1

    def _hold(self, day: int) -> None:
        """The visits of a day take place, but those whose patient does not come; their places are spent."""
        for request in self.wanted:
            for place in [one for one in request.booked if self.site.horizon.day_index(one.start) == day]:
                request.booked.remove(place)
                if request.luck.random() < MISSED:
                    request.missing += 1
                    self.counts["missed"] += 1
                else:
                    request.held.append(place)

    def _make_good(self, day: int) -> None:
        """Lost visits first, then whoever is refused so far, then whoever would start earlier; each by longest wait."""
        for request in self.wanted:
            while request.missing and self._more(request, day, 1):
                request.missing -= 1
                self.counts["made up"] += 1
        for request in [*self.waiting]:
            if self._course(request, day):
                self.waiting.remove(request)
                self.counts["from the waiting list"] += 1
        for request in self.wanted:
            if request.booked and not request.held and not request.missing:
                self._move_up(request, day)

    def _move_up(self, request: Request, day: int) -> None:
        """Plan a course that has not begun anew where it waits long; leave it where that does not end it sooner."""
        day_of = self.site.horizon.day_index
        first = min(day_of(place.start) for place in request.booked)
        if first <= max(request.earliest + PATIENCE_DAYS, day + LEAD_DAYS):
            return
        before = [*request.booked]
        for place in before:
            self.site.free(place)
        request.booked.clear()
        places = self._planned(request, day, len(before))
        if places and places[-1].start < max(place.start for place in before):
            self._book(request, day, places)
            self.counts["moved up"] += 1
            return
        request.booked += before
        for place in before:
            self.site.book(place)


def month(seed: int, visits: int, *, making_good: bool, ranking: Ranking = Ranking.SOONEST) -> Month:
    """One month of a seed: the same requests, luck and absences with and without making good."""
    site, chance = Site(seed), Random(seed)
    away: dict[int, list[int]] = {}
    for _absence in range(ABSENCES):
        away.setdefault(chance.choice(MONTH), []).append(101 + chance.randrange(NURSES))
    found = Month(site, requests(seed, visits), making_good, ranking)
    found.run(away)
    return found
