"""Seven days at one location: how many visits each chair has and how long it is free. Nothing here writes."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count

from scheduling.core.timeline import STEP_MINUTES, from_step
from scheduling.models import Appointment, Chair, Claim, Location, Seat

from .opening import OpenDay, OpenDays, open_days


@dataclass(frozen=True, slots=True)
class WeekCell:
    """One chair on one local day: visits that are not cancelled, and open minutes nobody has taken."""

    day: date
    visits: int
    open_minutes: int
    free_minutes: int

    @property
    def taken_percent(self) -> int:
        """How full the open hours are, 0 to 100."""
        return 100 - round(100 * self.free_minutes / self.open_minutes) if self.open_minutes else 0

    @property
    def free_words(self) -> str:
        """The free time as hours and minutes: ``5:30 h``."""
        return f"{self.free_minutes // 60}:{self.free_minutes % 60:02d} h"


@dataclass(frozen=True, slots=True)
class WeekRow:
    """One chair, Monday first."""

    chair: Chair
    cells: tuple[WeekCell, ...]


@dataclass(frozen=True, slots=True)
class WeekDay:
    """One column: the day, why it is closed if it is, and all its visits."""

    open_day: OpenDay
    visits: int
    is_today: bool


@dataclass(frozen=True, slots=True)
class WeekGrid:
    """Seven local days from a Monday."""

    location: Location
    days: tuple[WeekDay, ...]
    rows: tuple[WeekRow, ...]


def monday_of(day: date) -> date:
    """The Monday of the week in which ``day`` lies."""
    return day - timedelta(days=day.weekday())


def week_grid(location: Location, day: date, now: datetime) -> WeekGrid:
    """The week of ``day``; the same number of queries however many visits there are."""
    first = monday_of(day)
    opening = open_days(location, first, first + timedelta(days=6))
    numbers = _numbers(location, first)
    chairs = [chair for chair in location.chairs.all() if chair.is_active or any(numbers[chair.pk].values())]
    free = _free_minutes(opening, chairs)
    rows = tuple(WeekRow(chair, _cells(opening, numbers[chair.pk], free[chair.pk])) for chair in chairs)
    today = now.astimezone(location.tz).date()
    totals = [sum(row.cells[index].visits for row in rows) for index in range(7)]
    days = zip(opening.days, totals, strict=True)
    return WeekGrid(location, tuple(WeekDay(one, total, one.day == today) for one, total in days), rows)


def _numbers(location: Location, first: date) -> dict[int, dict[date, int]]:
    """By chair and day, the visits that are not cancelled."""
    last = first + timedelta(days=6)
    visits = Appointment.objects.not_cancelled().filter(location=location, local_date__range=(first, last))
    numbers: dict[int, dict[date, int]] = defaultdict(dict)
    for chair_id, day, number in (
        visits.order_by().values_list("chair_id", "local_date").annotate(number=Count("pk"))
    ):
        numbers[chair_id][day] = number
    return numbers


def _free_minutes(opening: OpenDays, chairs: list[Chair]) -> dict[int, list[int]]:
    """By chair, the open minutes without a claim, day by day; none where nobody can be seated."""
    horizon = opening.frame.horizon
    since, until = from_step(horizon.origin), from_step(horizon.origin + horizon.length)
    seats = dict(Seat.objects.filter(chair__in=chairs).values_list("pk", "chair_id"))
    claims: dict[int | None, list[tuple[int, int]]] = defaultdict(list)
    for seat_id, begin, end in Claim.objects.steps(seats, since, until):
        claims[seats[seat_id]].append((begin, end))
    usable = {chair.pk for chair in chairs if chair.is_active} & {*seats.values()}
    free = {chair.pk: horizon.free(claims[chair.pk]) if chair.pk in usable else 0 for chair in chairs}
    return {
        pk: [
            (horizon.day_bits(mask, index) & opening.open_bits(index)).bit_count() * STEP_MINUTES
            for index in range(7)
        ]
        for pk, mask in free.items()
    }


def _cells(opening: OpenDays, numbers: dict[date, int], free: list[int]) -> tuple[WeekCell, ...]:
    return tuple(
        WeekCell(
            day=one.day,
            visits=numbers.get(one.day, 0),
            open_minutes=opening.open_bits(index).bit_count() * STEP_MINUTES,
            free_minutes=free[index],
        )
        for index, one in enumerate(opening.days)
    )
