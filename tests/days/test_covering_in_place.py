"""Before anybody is moved: one patient more for a nurse, or somebody who comes in, with nobody told."""

from datetime import time, timedelta

import pytest

from scheduling.access import Actor
from scheduling.core.words import AlertKind, Resolution, Role
from scheduling.models import (
    Alert,
    Appointment,
    AuditEntry,
    CapacityRaise,
    Claim,
    DisruptedVisit,
    Message,
    Shift,
    ShiftException,
    StaffMember,
)
from scheduling.services.covering import could_take_one_more, cover_by_raise, cover_by_shift, shift_for
from scheduling.services.faults import Refused
from tests import factories
from tests.days.one_day import NINE, SIX, is_missing
from tests.factories import actor
from tests.services.clinics import Clinic

pytestmark = pytest.mark.django_db


class Day:
    """Ada with Ana at nine, Bo with Ben at half past; Ben looks after one patient, and Ana is ill."""

    def __init__(self) -> None:
        self.clinic = Clinic()
        self.ada = self.clinic.book(self.clinic.order(), [NINE]).appointments.get()
        self.ben = factories.make_nurse(self.clinic.location, capacity=1, name="Ben")
        second = factories.make_chair(self.clinic.location, "Chair 2")
        half_past = NINE + timedelta(minutes=30)
        course = self.clinic.book(self.clinic.order(), [half_past], chair=second, nurse=self.ben)
        self.bo = course.appointments.get()
        self.desk: Actor = actor(factories.make_staff(Role.FRONT_DESK))
        is_missing(self.clinic, self.desk, self.clinic.nurse)
        self.messages = Message.objects.count()

    def raised(self, reason: str = "Ana is ill", nurse: StaffMember | None = None) -> CapacityRaise:
        return cover_by_raise(
            by=self.desk, now=SIX, appointment=self.ada, nurse=nurse or self.ben, reason=reason
        )

    def shift(self, nurse: StaffMember, starts: int = 9, ends: int = 12) -> ShiftException:
        return cover_by_shift(
            by=self.desk, now=SIX, appointment=self.ada, nurse=nurse, starts=time(starts), ends=time(ends)
        )

    def is_covered_by(self, nurse: StaffMember) -> bool:
        """With the same time, SEQUENCE and messages as before."""
        after = Appointment.objects.get(pk=self.ada.pk)
        assert (after.starts_at, after.sequence) == (NINE, 0)
        assert Message.objects.count() == self.messages
        assert Alert.objects.open().filter(kind=AlertKind.UNCOVERED).count() == 0
        assert DisruptedVisit.objects.get().resolution == Resolution.COVERED
        return after.nurse_id == nurse.pk


@pytest.fixture
def day() -> Day:
    return Day()


def test_ben_is_full_only_in_number_and_takes_one_more_for_this_visit_alone(day: Day) -> None:
    assert [place.nurse for place in could_take_one_more(day.ada, SIX)] == [day.ben.pk]
    made = day.raised()

    assert day.is_covered_by(day.ben)
    assert (made.capacity, made.reason) == (2, "Ana is ill")
    claims = Claim.objects.filter(appointment=day.ada, seat__kind="monitoring")
    assert (made.starts_at, made.ends_at) == claims.values_list("starts_at", "ends_at").get()
    assert day.ben.monitoring_capacity == StaffMember.objects.get(pk=day.ben.pk).monitoring_capacity == 1
    assert AuditEntry.objects.filter(action="raise_capacity").count() == 1
    # At another hour he looks after one patient, as ever.
    later = [NINE + timedelta(hours=3)]
    third = factories.make_chair(day.clinic.location, "Chair 3")
    day.clinic.book(day.clinic.order(), later, nurse=day.ben, now=SIX)
    with pytest.raises(Refused, match="taken"):
        day.clinic.book(day.clinic.order(), later, nurse=day.ben, chair=third, now=SIX)


def test_a_raise_needs_a_reason_and_free_hands(day: Day) -> None:
    with pytest.raises(Refused, match="Give a reason"):
        day.raised(" ")
    # Cleo prepares somebody else just then: one pair of hands stays one pair.
    cleo = factories.make_nurse(day.clinic.location, capacity=1, name="Cleo")
    third = factories.make_chair(day.clinic.location, "Chair 3")
    day.clinic.book(day.clinic.order(), [NINE], nurse=cleo, chair=third, now=SIX)
    assert cleo.pk not in [place.nurse for place in could_take_one_more(day.ada, SIX)]
    with pytest.raises(Refused, match="taken"):
        day.raised(nurse=cleo)
    # Ana is ill, whatever her number is.
    with pytest.raises(Refused, match="does not fit"):
        day.raised(nurse=day.clinic.nurse)
    assert not CapacityRaise.objects.exists()
    assert Appointment.objects.get(pk=day.ada.pk).nurse == day.clinic.nurse


def test_nobody_looks_after_more_than_twelve(day: Day) -> None:
    place = Claim.objects.get(appointment=day.bo, seat__kind="monitoring")
    for number in range(2, 14):
        seat = day.ben.seats.create(kind="monitoring", number=number, retired_at=SIX)
        visit = day.clinic.book(day.clinic.order(), [NINE + timedelta(days=number)]).appointments.get()
        Claim.objects.create(seat=seat, appointment=visit, starts_at=place.starts_at, ends_at=place.ends_at)
    assert could_take_one_more(day.ada, SIX) == []
    with pytest.raises(Refused, match="more than 12"):
        day.raised()


def test_dora_comes_in_for_the_morning_and_takes_her(day: Day) -> None:
    dora = factories.make_nurse(day.clinic.location, capacity=1, name="Dora")
    Shift.objects.filter(staff=dora).delete()
    assert shift_for(day.ada) == (time(9), time(11))
    made = day.shift(dora, 9, 11)

    assert day.is_covered_by(dora)
    assert (made.day, made.kind, made.role) == (day.ada.local_date, "extra", Role.NURSE)
    assert AuditEntry.objects.filter(action="add_shift").count() == 1


def test_a_shift_too_short_or_of_somebody_ill_is_not_added(day: Day) -> None:
    dora = factories.make_nurse(day.clinic.location, capacity=1, name="Dora")
    Shift.objects.filter(staff=dora).delete()
    with pytest.raises(Refused, match="ends after it starts"):
        day.shift(dora, 12, 12)
    for nurse, ends in ((dora, 10), (day.clinic.nurse, 12)):
        with pytest.raises(Refused, match="does not fit"):
            day.shift(nurse, 9, ends)
    assert not ShiftException.objects.exists()
    assert not AuditEntry.objects.filter(action="add_shift").exists()


def test_without_a_chair_neither_helps(day: Day) -> None:
    day.clinic.chair.is_active = False
    day.clinic.chair.save()
    assert could_take_one_more(day.ada, SIX) == []
    with pytest.raises(Refused, match="No chair is free"):
        day.raised()
    with pytest.raises(Refused, match="No chair is free"):
        day.shift(day.ben)
    assert not CapacityRaise.objects.exists()
    assert not ShiftException.objects.exists()
