"""What happened so far: orders, courses booked by the planner, and how each visit went."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from scheduling.access import Actor
from scheduling.core.planner import Plan
from scheduling.core.reasons import NoPlan
from scheduling.core.timeline import from_step
from scheduling.core.wishes import Wishes
from scheduling.core.words import DoseUnit, Stage, Status
from scheduling.models import Appointment, Order, Patient, Protocol, Series
from scheduling.services.appointments import Canceller, cancel_appointment, cancel_rest
from scheduling.services.booking import BookedPlace, book_series
from scheduling.services.orders import draft_order, sign_order
from scheduling.services.patients import record_prerequisite
from scheduling.services.planning import propose_course
from scheduling.services.visits import discharge, record_missed, record_step
from scheduling.services.wishes import wishes_to_json

from .people import ESCORTS, Staff
from .places import Places

WISHES = (
    Wishes(),
    Wishes(prefer_weekdays=frozenset({1, 3})),
    Wishes(prefer_windows=((9 * 60, 12 * 60),)),
    Wishes(never_weekdays=frozenset({5, 6})),
    Wishes(prefer_windows=((13 * 60, 17 * 60),), never_weekdays=frozenset({6})),
)


@dataclass(frozen=True, slots=True)
class Story:
    """One patient's order: written at ``asked_at``, for that protocol and stage."""

    patient: Patient
    protocol: Protocol
    stage: Stage
    asked_at: datetime
    sessions: int
    wishes: Wishes


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells stories with the demo's people; ``chance`` is seeded by the date."""

    places: Places
    staff: Staff
    chance: Random

    def draft(self, story: Story) -> Order:
        """An order as the clerk wrote it down."""
        day = story.asked_at.astimezone(story.patient.home_location.tz).date()
        is_weighed = story.protocol.dose_unit == DoseUnit.MG_PER_KG
        order = Order(
            patient=story.patient,
            protocol=story.protocol,
            stage=story.stage,
            dose_amount=Decimal(self.chance.choice(("0.5", "0.5", "0.6"))) if is_weighed else Decimal(56),
            dose_unit=story.protocol.dose_unit,
            weight_kg=Decimal(self.chance.randint(52, 98)) if is_weighed else None,
            sessions=story.sessions,
            valid_from=day,
            valid_until=day + timedelta(days=120),
        )
        return draft_order(by=self.staff.clerk, now=story.asked_at, order=order)

    def sign(self, order: Order) -> Order:
        """The same day a prescriber signs it."""
        return sign_order(by=self.staff.prescribers[0], now=order.drafted_at, order=order)

    def book(self, story: Story, *, earliest: date | None = None, ranking: int = 0) -> Series | None:
        """Draft, sign and book a course as of ``asked_at``; None where the clinic is full."""
        order = self.sign(self.draft(story))
        for prerequisite in story.protocol.prerequisites.all():
            record_prerequisite(
                by=self.staff.clerk,
                now=story.asked_at,
                patient=story.patient,
                prerequisite=prerequisite,
                reference="on paper",
            )
        location = story.patient.home_location
        _problem, found = propose_course(
            order=order,
            location=location,
            now=story.asked_at,
            sessions=story.sessions,
            earliest=earliest or order.valid_from + timedelta(days=1),
            wishes=story.wishes,
        )
        if isinstance(found, NoPlan):
            return None
        return book_series(
            by=self.staff.clerk,
            now=story.asked_at,
            order=order,
            location=location,
            places=_places(found[ranking % len(found)]),
            request_key=f"demo-{order.pk}",
            wishes=wishes_to_json(story.wishes),
        )

    def live_through(self, visits: Iterable[Appointment], now: datetime) -> None:
        """Let visits that began before today happen: nearly all are given, a few missed or cancelled."""
        for visit in visits:
            fate = self.chance.random()
            if fate < 0.04:
                self.miss(visit)
            elif fate < 0.07:
                cancel_appointment(
                    by=self.staff.clerk,
                    now=visit.starts_at - timedelta(hours=self.chance.choice((3, 30, 50))),
                    appointment=visit,
                    canceller=Canceller.PATIENT,
                    reason="cannot come",
                )
            else:
                self.treat(visit, until=now)

    def miss(self, visit: Appointment) -> None:
        """The patient did not come."""
        record_missed(by=self.staff.clerk, now=visit.starts_at + timedelta(minutes=30), appointment=visit)

    def treat(self, visit: Appointment, *, until: datetime, late: int = 0) -> None:
        """Record every step of a visit that lies before ``until``; ``late`` minutes later than planned."""
        start = visit.starts_at + timedelta(minutes=late)
        jitter = self.chance.randint
        treated = start + timedelta(minutes=_before_treatment(visit) + jitter(-3, 6))
        ended = treated + timedelta(minutes=_minutes(visit, "treatment") + jitter(0, 4))
        left = max(ended + timedelta(minutes=10), visit.ends_at + timedelta(minutes=late + jitter(-15, 4)))
        nurse = self._nurse_of(visit)
        for field, at in (
            ("arrived_at", start + timedelta(minutes=jitter(-9, 2))),
            ("started_at", treated),
            ("treatment_ended_at", ended),
        ):
            if at > until:
                return
            record_step(by=nurse, now=at, appointment=visit, field=field)
        if left <= until:
            discharge(by=nurse, now=left, appointment=visit, escort=self.chance.choice(ESCORTS))

    def start(self, visit: Appointment, at: datetime) -> None:
        """Somebody who has arrived begins the treatment."""
        record_step(by=self._nurse_of(visit), now=at, appointment=visit, field="started_at")

    def stop(self, series: Series, now: datetime) -> None:
        """The patient stops the course."""
        cancel_rest(
            by=self.staff.clerk, now=now, series=series, canceller=Canceller.PATIENT, reason="moved away"
        )

    def _nurse_of(self, visit: Appointment) -> Actor:
        nurses = self.staff.nurses[visit.location_id]
        return next((nurse for nurse in nurses if nurse.staff_id == visit.nurse_id), nurses[0])


def _places(plan: Plan) -> list[BookedPlace]:
    return [BookedPlace(from_step(place.start), place.chair, place.nurse) for place in plan.places]


def _minutes(visit: Appointment, kind: str) -> int:
    return sum(phase.minutes for phase in visit.protocol.phases.all() if phase.kind == kind)


def _before_treatment(visit: Appointment) -> int:
    return _minutes(visit, "check_in") + _minutes(visit, "preparation")


def past_visits(before: datetime) -> list[Appointment]:
    """Booked visits that started before an instant, in order, with what their steps need."""
    return list(
        Appointment.objects.filter(status=Status.BOOKED, starts_at__lt=before)
        .select_related("patient", "location", "protocol")
        .prefetch_related("protocol__phases")
        .order_by("starts_at", "pk")
    )


def midnight(day: date, places: Places) -> datetime:
    """The first instant of a local day at the main location."""
    return datetime.combine(day, time(), places.main.tz)
