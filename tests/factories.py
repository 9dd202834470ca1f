"""Small made-up clinics for tests: every helper saves what it makes and takes only what the test is about."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.contrib.auth.models import User

from scheduling.access import SYSTEM, Actor
from scheduling.core.check_ins import Answer, EffectAnswer
from scheduling.core.pattern import PhaseKind
from scheduling.core.plan_steps import Step
from scheduling.core.words import (
    ActorKind,
    Channel,
    DoseUnit,
    Effect,
    MessageKind,
    MessageState,
    MessageWay,
    OrderState,
    Role,
    Route,
    SafetyQuestion,
    Stage,
)
from scheduling.models import (
    Appointment,
    Chair,
    FollowUpPlan,
    Location,
    Message,
    OpeningHours,
    Order,
    Patient,
    Phase,
    Protocol,
    Series,
    Shift,
    StaffMember,
)
from scheduling.services.booking import BookedPlace, book_series
from scheduling.services.patients import give_consent
from scheduling.services.plans import set_plan
from scheduling.services.seats import seat_chair, seat_patient, set_capacity
from scheduling.services.visits import discharge, record_step

NOW = datetime(2026, 1, 5, 13, 0, tzinfo=UTC)
"""A Monday, 08:00 in New York."""

IV_PHASES = (
    (PhaseKind.CHECK_IN, 15),
    (PhaseKind.PREPARATION, 15),
    (PhaseKind.TREATMENT, 40),
    (PhaseKind.RECOVERY, 45),
    (PhaseKind.DISCHARGE, 5),
    (PhaseKind.TURNOVER, 15),
)
_number = count(1)


def make_location(name: str = "", zone: str = "America/New_York", **fields: Any) -> Location:
    """A location open every day 08:00-18:00 local."""
    number = next(_number)
    location = Location.objects.create(
        name=name or f"Clinic {number}",
        address="1 Made-up Street",
        zone=zone,
        calendar_label="Riverside Clinic",
        phone="+12125550100",
        **fields,
    )
    OpeningHours.objects.bulk_create(
        OpeningHours(location=location, weekday=day, opens=time(8), closes=time(18)) for day in range(7)
    )
    return location


def make_chair(location: Location, name: str = "") -> Chair:
    """A chair with its seat."""
    chair = Chair.objects.create(location=location, name=name or f"Chair {next(_number)}")
    seat_chair(chair)
    return chair


def make_staff(*roles: Role, username: str = "", **fields: Any) -> StaffMember:
    """A person with these roles and a user account without a usable password."""
    number = next(_number)
    user = User.objects.create(username=username or f"user{number}")
    flags = {f"is_{role.value}": True for role in roles}
    return StaffMember.objects.create(
        user=user, name=fields.pop("name", f"Person {number}"), **flags, **fields
    )


def make_nurse(location: Location, *, capacity: int = 1, name: str = "") -> StaffMember:
    """A nurse on shift every day 08:00-18:00 local, with her seats."""
    nurse = make_staff(Role.NURSE, name=name or f"Nurse {next(_number)}")
    add_shifts(nurse, location, Role.NURSE)
    set_capacity(by=SYSTEM, now=NOW, nurse=nurse, capacity=capacity)
    return nurse


def add_shifts(staff: StaffMember, location: Location, role: Role) -> None:
    """Every day 08:00-18:00 local."""
    Shift.objects.bulk_create(
        Shift(
            staff=staff,
            location=location,
            role=role,
            weekday=day,
            starts=time(8),
            ends=time(18),
            valid_from=date(2025, 1, 1),
        )
        for day in range(7)
    )


def make_protocol(
    code: str = "", phases: Sequence[tuple[PhaseKind, int]] = IV_PHASES, **fields: Any
) -> Protocol:
    """Six infusions, two a week and never more than three, ideally 3 to 4 days apart."""
    defaults: dict[str, Any] = {
        "name": "IV infusion",
        "route": Route.IV,
        "dose_unit": DoseUnit.MG_PER_KG,
        "dose_low": Decimal("0.1"),
        "dose_high": Decimal("1.0"),
        "max_per_7_days": 3,
        "ideal_low": 3,
        "ideal_high": 4,
        "made_at": NOW,
    }
    protocol = Protocol.objects.create(code=code or f"iv-{next(_number)}", **(defaults | fields))
    Phase.objects.bulk_create(
        Phase(protocol=protocol, position=position, kind=kind, minutes=minutes)
        for position, (kind, minutes) in enumerate(phases)
    )
    return protocol


def make_patient(location: Location, **fields: Any) -> Patient:
    """A made-up patient with a seat."""
    number = next(_number)
    defaults: dict[str, Any] = {
        "mrn": f"M{number:05d}",
        "first_name": "Ada",
        "last_name": f"Example{number}",
        "birth_date": date(1980, 2, 29),
        "email": f"ada{number}@example.org",
    }
    patient = Patient.objects.create(home_location=location, **(defaults | fields))
    seat_patient(patient)
    return patient


def make_order(patient: Patient, protocol: Protocol, *, signed: bool = True, **fields: Any) -> Order:
    """An order for six infusions at 0.5 mg/kg, valid for 180 days from NOW, signed unless told otherwise."""
    prescriber = make_staff(Role.PRESCRIBER)
    defaults: dict[str, Any] = {
        "regimen": protocol.code,
        "stage": Stage.INDUCTION,
        "dose_amount": Decimal("0.5"),
        "dose_unit": protocol.dose_unit,
        "weight_kg": Decimal("70"),
        "sessions": 6,
        "valid_from": NOW.date(),
        "valid_until": NOW.date() + timedelta(days=180),
        "drafted_by": prescriber,
        "drafted_at": NOW,
    }
    if signed:
        defaults |= {"state": OrderState.SIGNED, "signed_by": prescriber, "signed_at": NOW}
    return Order.objects.create(patient=patient, protocol=protocol, **(defaults | fields))


def actor(staff: StaffMember) -> Actor:
    """The person as the ``by`` of a service."""
    return Actor(ActorKind.STAFF, staff_id=staff.pk, roles=staff.roles)


def book(
    order: Order,
    location: Location,
    chair: Chair,
    nurse: StaffMember,
    starts: Sequence[datetime],
    *,
    now: datetime = NOW,
    key: str = "",
) -> Series:
    """Book the order at these UTC starts, all in one chair with one nurse, by a new clerk."""
    places = [BookedPlace(start, chair.pk, nurse.pk) for start in starts]
    return book_series(
        by=actor(make_staff(Role.FRONT_DESK)),
        now=now,
        order=order,
        location=location,
        places=places,
        request_key=key or f"key-{next(_number)}",
    )


def make_visits(order: Order, starts: Sequence[datetime], **fields: Any) -> Series:
    """A course as bare rows at these UTC starts: no rules, claims or audit; for what only reads visits."""
    location = fields.pop("location", order.patient.home_location)
    chair, nurse = make_chair(location), make_staff(Role.NURSE)
    series = Series.objects.create(
        patient=order.patient,
        order=order,
        location=location,
        stage=order.stage,
        booked_by=nurse,
        booked_at=NOW,
    )
    for number, start in enumerate(starts, start=1):
        local = start.astimezone(location.tz)
        Appointment.objects.create(
            series=series,
            patient=order.patient,
            order=order,
            protocol=order.protocol,
            location=location,
            chair=chair,
            nurse=nurse,
            number=number,
            local_date=local.date(),
            local_time=local.time(),
            zone=location.zone,
            starts_at=start,
            ends_at=start + timedelta(hours=2),
            changed_at=NOW,
            **fields,
        )
    Order.objects.filter(pk=order.pk).update(taken=len(starts))
    return series


COURSE_DAYS = (1, 4, 8, 11, 15, 18)
"""Tuesdays and Fridays after NOW."""


def book_one_course(
    count: int = 6,
    *,
    zone: str = "America/New_York",
    starts: Sequence[datetime] | None = None,
    now: datetime = NOW,
) -> Series:
    """A new clinic and patient with a booked course: Tuesdays and Fridays at 14:00 UTC, or at ``starts``."""
    location = make_location(zone=zone)
    if starts is None:
        starts = [NOW + timedelta(days=days, hours=1) for days in COURSE_DAYS[:count]]
    order = make_order(
        make_patient(location),
        make_protocol(),
        valid_from=now.date(),
        valid_until=now.date() + timedelta(days=180),
    )
    return book(order, location, make_chair(location), make_nurse(location), starts, now=now)


def treat(visit: Appointment, *, left: datetime | None = None, is_open: bool = False) -> Appointment:
    """The visit as planned: started half an hour after its start, left at ``left`` or its planned end (UTC).

    ``is_open``: nobody recorded more than the start of treatment.
    """
    by = actor(make_staff(Role.NURSE))
    at, half = visit.starts_at, timedelta(minutes=30)
    record_step(by=by, now=at, appointment=visit, field="arrived_at")
    record_step(by=by, now=at + half, appointment=visit, field="started_at")
    if not is_open:
        left = left or visit.ends_at
        record_step(by=by, now=min(left, at + 2 * half), appointment=visit, field="treatment_ended_at")
        discharge(by=by, now=left, appointment=visit, escort="Sam")
    visit.refresh_from_db()
    return visit


def make_answer(*present: EffectAnswer, yes: SafetyQuestion | None = None, note: str = "") -> Answer:
    """Nothing to report but what is named."""
    named = {one.effect for one in present}
    absent = (EffectAnswer(effect, 0) for effect in Effect if effect not in named)
    safety = {question: question is yes for question in SafetyQuestion}
    return Answer(safety, (*present, *absent), note)


def make_message(patient: Patient, **fields: Any) -> Message:
    """A waiting reminder by e-mail, due at NOW, as a bare row; a call or a print is to be done."""
    way = fields.get("way", MessageWay.EMAIL)
    defaults: dict[str, Any] = {
        "key": f"reminder:made-up-{next(_number)}",
        "kind": MessageKind.REMINDER,
        "way": way,
        "state": MessageState.WAITING if way == MessageWay.EMAIL else MessageState.TO_DO,
        "made_at": NOW,
        "due_at": NOW,
    }
    if fields.get("state") in (MessageState.SENT, MessageState.DONE):
        defaults["sent_at"] = NOW
    return Message.objects.create(patient=patient, **(defaults | fields))


def make_reminder(visit: Appointment, **fields: Any) -> Message:
    """A message as ``make_message`` makes it, about a visit; it holds true while the visit stands."""
    about = {"appointment": visit, "series": visit.series, "revision": visit.sequence}
    return make_message(visit.patient, **(about | fields))


def agree_to_email(patient: Patient) -> None:
    """The patient's consent, recorded by a new clerk."""
    by = actor(make_staff(Role.FRONT_DESK))
    give_consent(by=by, now=NOW, patient=patient, channel=Channel.EMAIL)


def make_follow_up(patient: Patient, protocol: Protocol, **fields: Any) -> Order:
    """A signed follow-up order for twelve infusions."""
    defaults: dict[str, Any] = {"stage": Stage.FOLLOW_UP, "sessions": 12}
    return make_order(patient, protocol, **(defaults | fields))


def make_plan(
    order: Order | None = None,
    *,
    steps: Sequence[Step] = (Step(per_week=1),),
    reviews: Sequence[date] = (),
    starts_after: date | None = None,
    now: datetime = NOW,
) -> FollowUpPlan:
    """A plan set by a new prescriber, weekly from NOW on unless told otherwise, its first block booked.

    Without an order: a new clinic with one chair and one nurse, and a new patient with a follow-up order.
    """
    if order is None:
        location = make_location()
        make_chair(location)
        make_nurse(location)
        order = make_follow_up(make_patient(location), make_protocol())
    return set_plan(
        by=actor(make_staff(Role.PRESCRIBER)),
        now=now,
        order=order,
        location=order.patient.home_location,
        steps=steps,
        reviews=reviews,
        starts_after=starts_after or NOW.date(),
    )
