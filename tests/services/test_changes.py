"""Taking back a change once something else was booked."""

from datetime import timedelta

import pytest

from scheduling.core.words import Status
from scheduling.models import Appointment
from scheduling.services.appointments import Canceller, cancel_rest, move_appointment
from scheduling.services.booking import BookedPlace
from scheduling.services.changes import undo_change, undoable
from scheduling.services.faults import Refused
from tests.factories import NOW, make_follow_up
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db


def test_visits_do_not_come_back_next_to_one_booked_meanwhile() -> None:
    clinic = Clinic()
    order = clinic.order()
    course = clinic.book(order)
    cancel_rest(by=clinic.clerk, now=NOW, series=course, canceller=Canceller.CLINIC)
    change = undoable(course, NOW)
    assert change is not None
    clinic.book(make_follow_up(order.patient, clinic.protocol), [COURSE[0] + timedelta(days=1)])
    with pytest.raises(Refused, match="another visit was booked too near") as refused:
        undo_change(by=clinic.clerk, now=NOW, change=change)
    assert refused.value.code == "rules_broken"
    assert not Appointment.objects.filter(series=course, status=Status.BOOKED).exists()


def test_a_gap_once_overridden_with_a_reason_comes_back_with_it() -> None:
    clinic = Clinic()
    near = COURSE[0] + timedelta(days=1)
    course = clinic.book(
        clinic.order(), [COURSE[0], near], by=clinic.prescriber, override_reason="The patient travels"
    )
    second = course.appointments.get(starts_at=near)
    place = BookedPlace(COURSE[2], clinic.chair.pk, clinic.nurse.pk)
    move_appointment(by=clinic.clerk, now=NOW, appointment=second, place=place)
    change = undoable(course, NOW)
    assert change is not None
    undo_change(by=clinic.clerk, now=NOW, change=change)
    second.refresh_from_db()
    assert (second.starts_at, second.override_reason) == (near, "The patient travels")
