"""A clinic whose visits are booked and freed in memory; its seats answer the planner as the database would."""

from dataclasses import dataclass, field
from datetime import date
from random import Random

from scheduling.core.planner import Place
from scheduling.core.problem import CourseProblem, Nurse, room
from scheduling.core.repair import NurseRoom
from scheduling.core.timeline import Horizon
from tests.core.clinics import IV, NEW_YORK

from .requests import Request

CHAIRS, NURSES, CAPACITY = 20, 10, 3
SINCE, UNTIL = date(2026, 6, 1), date(2026, 7, 26)
MONTH = range(28)
"""The days that are measured, counted from the horizon's first. Courses may run on after them."""
HOURS = (8 * 12, 18 * 12)
SHIFTS = ((8 * 12, 16 * 12), (10 * 12, 18 * 12), (8 * 12, 18 * 12))
"""Early, late and the whole day, as steps from midnight."""
Span = tuple[int, int]


@dataclass
class _Staff:
    """One nurse: her shifts and the claims on her."""

    shifts: list[Span]
    monitoring: list[Span] = field(default_factory=list)
    hands_on: list[Span] = field(default_factory=list)


class Site:
    """20 chairs and 10 nurses of capacity 3, each on duty four weekdays out of five."""

    def __init__(self, seed: int) -> None:
        """``seed``: who works when."""
        chance = Random(seed)
        self.horizon = Horizon.of(NEW_YORK, SINCE, UNTIL)
        self.spells = [
            (day.first + HOURS[0], day.first + HOURS[1])
            for day in self.horizon.days
            if day.date.weekday() < 5
        ]
        self.open = self.horizon.mask(self.spells)
        self.chairs: dict[int, list[Span]] = {chair: [] for chair in range(1, CHAIRS + 1)}
        self._free: dict[int, int] = dict.fromkeys(self.chairs, self.horizon.full)
        self.nurses: dict[int, _Staff] = {}
        for number in range(NURSES):
            off, shift = number % 5, SHIFTS[chance.randrange(3)]
            worked = [day for day in self.horizon.days if day.date.weekday() not in {off, 5, 6}]
            self.nurses[101 + number] = _Staff(
                [(day.first + shift[0], day.first + shift[1]) for day in worked]
            )
        self._seats: dict[int, Nurse] = {}

    def problem(
        self, request: Request, *, sessions: int, not_before: int, existing: tuple[int, ...]
    ) -> CourseProblem:
        """What the planner is asked for a request, with the seats as they are now."""
        return CourseProblem(
            horizon=self.horizon,
            pattern=IV,
            cadence=request.cadence,
            sessions=sessions,
            chairs=self._free,
            nurses=tuple(self._seat(nurse) for nurse in self.nurses),
            patient=self.horizon.full,
            open=self.open,
            not_before=not_before,
            wishes=request.wishes,
            existing=existing,
        )

    def _seat(self, nurse: int) -> Nurse:
        known = self._seats.get(nurse)
        if known is None:
            staff, horizon = self.nurses[nurse], self.horizon
            watched = [horizon.mask([claim]) for claim in staff.monitoring]
            known = self._seats[nurse] = Nurse(
                nurse,
                shift=horizon.mask(staff.shifts),
                monitoring=room(watched, CAPACITY, horizon.full),
                hands_on=horizon.free(staff.hands_on),
            )
        return known

    def room(self) -> tuple[dict[int, int], tuple[NurseRoom, ...]]:
        """What a repair is told of chairs and nurses as they are now."""
        horizon, nurses = self.horizon, []
        for number, staff in self.nurses.items():
            watched = [horizon.mask([claim]) for claim in staff.monitoring]
            levels = tuple(room(watched, CAPACITY - taken, horizon.full) for taken in range(CAPACITY))
            nurses.append(NurseRoom(number, horizon.mask(staff.shifts), horizon.free(staff.hands_on), levels))
        return dict(self._free), tuple(nurses)

    def book(self, place: Place) -> None:
        """Claim a place's seats."""
        needs, staff = IV.needs(place.start), self.nurses[place.nurse]
        self.chairs[place.chair].append(needs.chair)
        staff.monitoring.append(needs.monitoring)
        staff.hands_on += needs.hands_on
        self._changed(place)

    def free(self, place: Place) -> None:
        """Give them back."""
        needs, staff = IV.needs(place.start), self.nurses[place.nurse]
        self.chairs[place.chair].remove(needs.chair)
        staff.monitoring.remove(needs.monitoring)
        for span in needs.hands_on:
            staff.hands_on.remove(span)
        self._changed(place)

    def _changed(self, place: Place) -> None:
        self._free[place.chair] = self.horizon.free(self.chairs[place.chair])
        self._seats.pop(place.nurse, None)

    def send_home(self, nurse: int, day: int) -> None:
        """Take a nurse's shift of one day away, counted from the horizon's first; her claims stay for now."""
        local = self.horizon.days[day]
        staff = self.nurses[nurse]
        staff.shifts = [shift for shift in staff.shifts if not local.first <= shift[0] < local.last]
        self._seats.pop(nurse, None)

    def cover(self, place: Place) -> Place | None:
        """The same place with another nurse who can take it; None where there is none."""
        needs, horizon = IV.needs(place.start), self.horizon
        watch, hands = horizon.mask([needs.monitoring]), horizon.mask(needs.hands_on)
        for nurse in self.nurses:
            seat = self._seat(nurse)
            able = not watch & ~(seat.shift & seat.monitoring) and not hands & ~seat.hands_on
            if able and nurse != place.nurse:
                return Place(place.start, place.chair, nurse)
        return None
