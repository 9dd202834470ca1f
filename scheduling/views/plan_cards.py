"""Proposals and sessions as a page shows them: names instead of keys, local times, a calendar."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from scheduling.core.pattern import Pattern
from scheduling.core.planner import Place
from scheduling.core.timeline import from_step
from scheduling.models import Appointment, Chair, Location, Order, StaffMember
from scheduling.services.frame import closures
from scheduling.services.plan_words import PlanWords, plan_words, title_words
from scheduling.services.planning import near_visits
from scheduling.services.proposals import Proposal, signed

from .month import Mark, Weeks, week_rows


@dataclass(frozen=True, slots=True)
class PlannedVisit:
    """One place with names and local times; ``number`` counts within the course."""

    number: int
    place: Place
    start: datetime
    end: datetime
    chair: str
    nurse: str

    @property
    def day(self) -> date:
        """The local date; a template would move an aware time to its own zone."""
        return self.start.date()

    @property
    def clock(self) -> str:
        """The local start, such as ``09:00``."""
        return f"{self.start:%H:%M}"

    @property
    def until(self) -> str:
        """The local end of discharge."""
        return f"{self.end:%H:%M}"


@dataclass(frozen=True, slots=True)
class Card:
    """One proposal, ready for a template."""

    proposal: Proposal
    text: str
    title: str
    why: str
    words: PlanWords
    visits: list[PlannedVisit]
    weeks: Weeks


@dataclass(frozen=True, slots=True)
class Namer:
    """Turns places of one order at one location into planned visits."""

    order: Order
    location: Location
    chairs: Mapping[int, str]
    nurses: Mapping[int, str]
    first_number: int
    stay: timedelta

    @classmethod
    def of(cls, order: Order, location: Location) -> "Namer":
        """Load the names that a location's places can have, and the next number of the order's course."""
        numbers = Appointment.objects.filter(series__order=order).order_by("-number")
        return cls(
            order=order,
            location=location,
            chairs=dict(Chair.objects.filter(location=location).values_list("pk", "name")),
            nurses=dict(StaffMember.objects.filter(is_nurse=True).values_list("pk", "name")),
            first_number=(numbers.values_list("number", flat=True).first() or 0) + 1,
            stay=Pattern.of(order.protocol.pattern_phases()).stay,
        )

    def visit(self, place: Place, number: int = 0) -> PlannedVisit:
        """One place with its names."""
        start = from_step(place.start).astimezone(self.location.tz)
        return PlannedVisit(
            number=number,
            place=place,
            start=start,
            end=(from_step(place.start) + self.stay).astimezone(self.location.tz),
            chair=self.chairs.get(place.chair, ""),
            nurse=self.nurses.get(place.nurse, ""),
        )

    def visits(self, places: Sequence[Place]) -> list[PlannedVisit]:
        """All places of a proposal, numbered on from what is booked."""
        return [self.visit(place, number) for number, place in enumerate(places, self.first_number)]


def cards(proposals: Sequence[Proposal], order: Order, location: Location, now: datetime) -> list[Card]:
    """Proposals to one question, with calendars over the same weeks so that they can be compared by eye."""
    namer = Namer.of(order, location)
    planned = [namer.visits(proposal.places) for proposal in proposals]
    dates = sorted(visit.day for visits in planned for visit in visits)
    span = dates[0], dates[-1]
    others = near_visits(order, *span)
    shut = [*closures(location, *span), *proposals[0].question.wishes.blackouts]
    today = now.astimezone(location.tz).date()
    found = []
    for proposal, visits in zip(proposals, planned, strict=True):
        title, why = title_words(proposal.ranking, proposal.avoided)
        words = plan_words(
            places=proposal.places,
            location=location,
            protocol=order.protocol,
            wishes=proposal.question.wishes,
            nurses=namer.nurses,
            others=[visit.local_date for visit in others],
        )
        marks = planned_marks(visits, others)
        weeks = week_rows(marks=marks, today=today, shut=shut, span=span)
        found.append(Card(proposal, signed(proposal), title, why, words, visits, weeks))
    return found


def planned_marks(
    visits: Iterable[PlannedVisit], others: Iterable[Appointment] = ()
) -> dict[date, list[Mark]]:
    """Marks of planned visits beside the patient's other visits, by local date."""
    marks: dict[date, list[Mark]] = defaultdict(list)
    for other in others:
        marks[other.local_date].append(booked_mark(other, "other"))
    for visit in visits:
        marks[visit.day].append(Mark(visit.clock, "visit", f"visit {visit.number}"))
    return marks


def booked_mark(visit: Appointment, kind: str) -> Mark:
    """The mark of a booked visit at its wall time."""
    words = f"visit {visit.number}, {visit.get_status_display()}"
    return Mark(f"{visit.local_time:%H:%M}", kind, words)
