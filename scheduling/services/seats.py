"""Seats follow chairs, patients and nurses; they are retired, never deleted."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from scheduling.access import Action, Actor
from scheduling.core.seating import seat_intervals
from scheduling.core.words import SeatKind
from scheduling.models import Chair, Claim, Patient, Seat, StaffMember

from .audit import record


def seat_chair(chair: Chair) -> Seat:
    """The one seat of a chair, made when missing."""
    return Seat.objects.get_or_create(chair=chair, defaults={"kind": SeatKind.CHAIR})[0]


def seat_patient(patient: Patient) -> Seat:
    """The one seat of a patient, made when missing."""
    return Seat.objects.get_or_create(patient=patient, defaults={"kind": SeatKind.PATIENT})[0]


@transaction.atomic
def set_capacity(*, by: Actor, now: datetime, nurse: StaffMember, capacity: int) -> None:
    """Give a nurse one hands-on seat and ``capacity`` monitoring seats, re-seating her future visits.

    Where more is booked than a lowered capacity holds, the visits stay on the retired seats: they still count
    against her number, so that nobody is added, and are uncovered until somebody finds them another place.
    """
    by.require(Action.CONFIGURE)
    Seat.objects.get_or_create(nurse=nurse, kind=SeatKind.HANDS_ON, number=1)
    seats = {
        seat.number: seat
        for seat in Seat.objects.select_for_update(no_key=True)
        .filter(nurse=nurse, kind=SeatKind.MONITORING)
        .order_by("pk")
    }
    missing = [number for number in range(1, capacity + 1) if number not in seats]
    Seat.objects.bulk_create(Seat(nurse=nurse, kind=SeatKind.MONITORING, number=number) for number in missing)
    _reseat(nurse, now)
    monitoring = Seat.objects.filter(nurse=nurse, kind=SeatKind.MONITORING)
    monitoring.filter(number__gt=capacity, retired_at=None).update(retired_at=now)
    monitoring.filter(number__lte=capacity).update(retired_at=None)
    StaffMember.objects.filter(pk=nurse.pk).update(monitoring_capacity=capacity)
    record(by=by, now=now, action="set_capacity", subject=nurse, capacity=capacity)


def _reseat(nurse: StaffMember, now: datetime) -> None:
    """Put her visits to come on as few seats as they need, the first ones first."""
    claims = list(
        Claim.objects.filter(seat__nurse=nurse, seat__kind=SeatKind.MONITORING, ends_at__gt=now).order_by(
            "starts_at", "pk"
        )
    )
    seats = list(
        Seat.objects.filter(nurse=nurse, kind=SeatKind.MONITORING)
        .order_by("number")
        .values_list("pk", flat=True)
    )
    places = seat_intervals([(claim.starts_at, claim.ends_at) for claim in claims], len(seats))
    replace_seats(
        [(claim, seats[place]) for claim, place in zip(claims, places, strict=True) if place is not None]
    )


def extra_seats(like: Seat, numbers: Collection[int], most: int, now: datetime) -> list[Seat]:
    """Places beside a nurse's usual ones, as many as ``most`` needs; retired, so that only a raise opens them.

    The caller holds the locks of her seats, of which ``like`` is one and ``numbers`` are all.
    """
    return [
        Seat.objects.create(nurse=like.nurse, kind=like.kind, number=number, retired_at=now)
        for number in range(1, most + 1)
        if number not in numbers
    ]


def replace_seats(wanted: list[tuple[Claim, int]]) -> None:
    """Give claims other seats: all that change are deleted, then inserted, so that swaps never collide."""
    changed = [(claim, seat_id) for claim, seat_id in wanted if claim.seat_id != seat_id]
    Claim.objects.filter(pk__in=[claim.pk for claim, _seat in changed]).delete()
    Claim.objects.bulk_create(
        Claim(
            seat_id=seat_id,
            appointment_id=claim.appointment_id,
            hold_id=claim.hold_id,
            starts_at=claim.starts_at,
            ends_at=claim.ends_at,
        )
        for claim, seat_id in changed
    )
