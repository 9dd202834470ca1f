"""One patient's life as the services see it: registered, ordered, booked, treated, followed up."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

from scheduling.access import Actor
from scheduling.core.plan_steps import PRESETS
from scheduling.core.wishes import Wishes
from scheduling.core.words import DoseUnit, Stage, Status
from scheduling.models import Appointment, Location, Order, Patient, Series
from scheduling.services.appointments import Canceller, cancel_appointment, cancel_rest
from scheduling.services.booking import BookedPlace, book_series
from scheduling.services.draft_holds import hold_for_draft
from scheduling.services.faults import Refused
from scheduling.services.orders import draft_order, sign_order, withdraw_order
from scheduling.services.plans import set_plan
from scheduling.services.proposals import Proposal, Question, propose
from scheduling.services.reason_words import NoPlanWords
from scheduling.services.wishes import wishes_to_json

from .clinic import OPENS, DemoClinic
from .people import Person, meet_prerequisites, register
from .plot import Ending, FollowUp, Part, Today
from .regimens import WEEKLY
from .simulation import Life
from .visiting import BusyDay, attend

DOSES = ("0.5", "0.5", "0.5", "0.4", "0.75")
LISTED_DOSES = ("56", "84")
VALIDITY = timedelta(days=180)
FOLLOW_UP_INFUSIONS = 12
REVIEW_EVERY = timedelta(weeks=8)


@dataclass(slots=True)
class Story:
    """Plays one part; ``today`` knows how the busy day goes and ``chance`` is this patient's own."""

    clinic: DemoClinic
    person: Person
    part: Part
    today: BusyDay
    day: date
    chance: Random
    keys: Iterator[int] = field(default_factory=lambda: count(1))

    def life(self) -> Life:
        """From the registration to where the part ends; see ``simulation.live``."""
        part = self.part
        booked_on = self._booked_on(part.starts)
        now = self._on(booked_on - timedelta(days=self.chance.randint(4, 9)))
        yield now
        patient = register(self.clinic, self.person, part.site, self.chance, now)
        if part.ending is Ending.REGISTERED:
            return
        meet_prerequisites(self.clinic, patient, part.protocol, now, without=part.lacks)
        is_signed = part.ending is not Ending.DRAFTED
        order = yield from self._order(
            patient, part.protocol, Stage.INDUCTION, booked_on, is_signed=is_signed
        )
        if part.holds:
            yield from self._hold(order)
        if part.ending in (Ending.DRAFTED, Ending.SIGNED):
            return
        now = self._on(booked_on)
        yield now
        if part.ending is Ending.WITHDRAWN:
            withdraw_order(by=self._prescriber, now=now, order=order)
            return
        series = self._book(order, part.starts, order.sessions, part.wishes, now)
        yield from self._treatment(series)
        if part.follow_up is not FollowUp.NONE:
            yield from self._follow_up(patient)

    @property
    def _location(self) -> Location:
        return self.clinic.sites[self.part.site]

    @property
    def _prescriber(self) -> Actor:
        return self.clinic.prescribers[2 if self.part.site else self.person.number % 2]

    def _on(self, day: date) -> datetime:
        """Some time of the working hours of a local day."""
        wall = time(9 + self.chance.randrange(8), self.chance.randrange(60))
        return datetime.combine(day, wall, self._location.tz)

    def _booked_on(self, starts: date) -> date:
        """Some days before, and before the demo's day: what is booked does not depend on its hour."""
        return min(starts - timedelta(days=self.chance.randint(1, 4)), self.day - timedelta(days=1))

    def _order(
        self, patient: Patient, code: str, stage: Stage, booked_on: date, *, is_signed: bool
    ) -> Generator[datetime, None, Order]:
        """Draft and perhaps sign an order in the three days before the booking; returns it."""
        protocol = self.clinic.protocols[code]
        is_listed = protocol.dose_unit == DoseUnit.MG
        now = self._on(booked_on - timedelta(days=3))
        yield now
        order = Order(
            patient=patient,
            protocol=protocol,
            stage=stage,
            dose_amount=Decimal(self.chance.choice(LISTED_DOSES if is_listed else DOSES)),
            dose_unit=protocol.dose_unit,
            weight_kg=None if is_listed else Decimal(self.chance.randrange(52, 104)),
            sessions=protocol.induction_count if stage is Stage.INDUCTION else FOLLOW_UP_INFUSIONS,
            valid_from=now.date(),
            valid_until=now.date() + VALIDITY,
        )
        draft_order(by=self.clinic.front_desk, now=now, order=order)
        if is_signed:
            now = self._on(booked_on - timedelta(days=2))
            yield now
            order = sign_order(by=self._prescriber, now=now, order=order)
        return order

    def _book(self, order: Order, earliest: date, sessions: int, wishes: Wishes, now: datetime) -> Series:
        """Book the planner's best proposal for the first of the wishes, ever fewer, that leaves one."""
        key = f"demo-{order.pk}-{next(self.keys)}"
        softer = replace(wishes, only_windows=(), prefer_windows=wishes.only_windows)
        for wish in (wishes, softer, Wishes()):
            question = Question(order.pk, self._location.pk, sessions, earliest, wish, key)
            found = propose(question=question, order=order, location=self._location, now=now)
            if not isinstance(found, NoPlanWords) and (wish == Wishes() or self._suits(found[0], order)):
                break
        if isinstance(found, NoPlanWords):
            raise AssertionError(f"no place for {order}: {found}")
        places = found[0].booked_places()
        kept = wishes_to_json(wish)
        try:
            return self._take(order, [self._seated(place) for place in places], now, key, kept)
        except Refused:
            return self._take(order, places, now, key, kept)

    def _take(
        self, order: Order, places: list[BookedPlace], now: datetime, key: str, wishes: dict[str, Any]
    ) -> Series:
        return book_series(
            by=self.clinic.front_desk,
            now=now,
            order=order,
            location=self._location,
            places=places,
            request_key=key,
            wishes=wishes,
        )

    def _hold(self, order: Order) -> Life:
        """The places of a draft, held when the site opens on the demo's day: until it closes on the next."""
        now = datetime.combine(self.day, OPENS, self._location.tz)
        yield now
        key = f"demo-{order.pk}-{next(self.keys)}"
        question = Question(order.pk, self._location.pk, order.sessions, self.part.starts, Wishes(), key)
        found = propose(question=question, order=order, location=self._location, now=now)
        if not isinstance(found, NoPlanWords):
            places = found[0].booked_places()
            by = self.clinic.front_desk
            hold_for_draft(by=by, now=now, order=order, location=self._location, places=places)

    def _day_of(self, place: BookedPlace) -> date:
        return place.starts_at.astimezone(self._location.tz).date()

    def _suits(self, proposal: Proposal, order: Order) -> bool:
        """Whether a course of one who should be here on the demo's day includes it."""
        is_earlier = order.stage == Stage.INDUCTION and self.part.follow_up is FollowUp.BOOKED
        is_free = is_earlier or self.part.chair is None
        return is_free or self.day in map(self._day_of, proposal.booked_places())

    def _seated(self, place: BookedPlace) -> BookedPlace:
        """The place, on the demo's day with the chair of the plot: the planner cannot know who else will come."""
        if self.part.chair is None or self._day_of(place) != self.day:
            return place
        chair = self._location.chairs.order_by("pk")[self.part.chair]
        return replace(place, chair_id=chair.pk)

    def _treatment(self, series: Series) -> Life:
        """Every visit of a series in turn, one booked meanwhile included."""
        part, after = self.part, series.booked_at
        while visit := self._next_visit(series, after):
            after = visit.starts_at
            today = part.today if visit.local_date == self.day else Today.COMES
            if today is Today.CANCELS:
                yield from self._cancel(visit)
            else:
                is_missed = visit.number in part.misses or today is Today.MISSES
                yield from attend(self.clinic, visit, self.chance, self.today, misses=is_missed)
                if is_missed and part.makes_up:
                    yield from self._make_up(series, visit)
            if visit.number == part.stops_after:
                now = self._on(visit.local_date + timedelta(days=1))
                yield now
                reason = "Moved to another city"
                cancel_rest(
                    by=self.clinic.front_desk,
                    now=now,
                    series=series,
                    canceller=Canceller.PATIENT,
                    reason=reason,
                )

    @staticmethod
    def _next_visit(series: Series, after: datetime) -> Appointment | None:
        visits = series.appointments.filter(status=Status.BOOKED, starts_at__gt=after)
        return visits.select_related("location", "patient", "protocol").order_by("starts_at").first()

    def _cancel(self, visit: Appointment) -> Life:
        """Cancelled on the evening before: later than the notice the clinic asks for."""
        now = datetime.combine(visit.local_date - timedelta(days=1), time(18, 20), visit.tz)
        yield now
        cancel_appointment(
            by=self.clinic.front_desk,
            now=now,
            appointment=visit,
            canceller=Canceller.PATIENT,
            reason="Has a cold",
        )

    def _make_up(self, series: Series, missed: Appointment) -> Life:
        """On the next day one more visit is booked behind the last."""
        now = self._on(missed.local_date + timedelta(days=1))
        yield now
        last = series.appointments.order_by("-starts_at")[0]
        order = Order.objects.select_related("protocol", "patient").get(pk=series.order_id)
        self._book(order, last.local_date + timedelta(days=1), 1, self.part.wishes, now)

    def _follow_up(self, patient: Patient) -> Life:
        part = self.part
        booked_on = self._booked_on(part.follow_up_starts)
        is_signed = part.follow_up is not FollowUp.DRAFTED
        order = yield from self._order(patient, WEEKLY, Stage.FOLLOW_UP, booked_on, is_signed=is_signed)
        if part.follow_up is FollowUp.BOOKED:
            now = self._on(booked_on)
            yield now
            series = self._set_plan(order, now)
            if series:
                yield from self._treatment(series)

    def _set_plan(self, order: Order, now: datetime) -> Series | None:
        """The taper, with a review in eight weeks; its first visits are booked with it."""
        steps = next(preset.steps for preset in PRESETS if preset.code == "taper")
        plan = set_plan(
            by=self._prescriber,
            now=now,
            order=order,
            location=self._location,
            steps=steps,
            reviews=(now.date() + REVIEW_EVERY,),
            wishes=wishes_to_json(self.part.follow_up_wishes),
        )
        return plan.series
