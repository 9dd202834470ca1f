"""A nurse whose number is raised for a while: the board counts by it, and nobody is said to wait for her."""

from datetime import datetime, timedelta

import pytest
import time_machine

from scheduling.access import SYSTEM
from scheduling.core.words import AlertKind, Role
from scheduling.models import Alert, Appointment, CapacityRaise, StaffMember
from scheduling.services.board import Load, NurseRow, day_board
from scheduling.services.conflicts import watch_conflicts
from scheduling.services.late import late_offers
from scheduling.services.overruns import Shared, overruns
from scheduling.services.visits import record_step
from scheduling.views.day_chart import day_chart
from tests.factories import NOW, book, make_chair, make_nurse
from tests.services.clinics import Clinic
from tests.views.clients import logged_in

pytestmark = pytest.mark.django_db

START = NOW + timedelta(hours=2)
"""10:00 in New York; planned: Ana from 10:15, treatment 10:30-11:10, leaves 12:00."""


def after(minutes: int) -> datetime:
    """So many minutes after 10:00."""
    return START + timedelta(minutes=minutes)


@pytest.fixture
def clinic() -> Clinic:
    """Ana looks after one patient at a time."""
    return Clinic(capacity=1)


def booked(clinic: Clinic, minutes: int) -> Appointment:
    """One more patient of Ana's, in a chair of its own."""
    chair = make_chair(clinic.location)
    return book(clinic.order(), clinic.location, chair, clinic.nurse, [after(minutes)]).appointments.get()


@pytest.fixture
def visit(clinic: Clinic) -> Appointment:
    return booked(clinic, 0)


@pytest.fixture
def following(clinic: Clinic, visit: Appointment) -> Appointment:
    """Needs Ana from 12:15."""
    return booked(clinic, 120)


@pytest.fixture
def still_here(visit: Appointment, following: Appointment) -> Appointment:
    """The first one is not discharged."""
    for field, at in (("arrived_at", 0), ("started_at", 30), ("treatment_ended_at", 70)):
        record_step(by=SYSTEM, now=after(at), appointment=visit, field=field)
    return visit


def raise_to(nurse: StaffMember, capacity: int, since: int, until: int) -> None:
    CapacityRaise.objects.create(
        nurse=nurse,
        starts_at=after(since),
        ends_at=after(until),
        capacity=capacity,
        reason="Ben is ill",
        made_at=NOW,
    )


def collisions(now: datetime) -> list[Shared]:
    visits = Appointment.objects.with_places().prefetch_related("protocol__phases")
    return [one.shared for one in overruns(list(visits), now)]


def nurse_row(clinic: Clinic) -> NurseRow:
    return next(
        row for row in day_board(clinic.location, START.date(), NOW).nurses if row.nurse == clinic.nurse
    )


@pytest.mark.parametrize(
    ("capacity", "since", "until", "found"),
    [
        (2, 0, 300, []),
        (2, 135, 150, []),
        (2, 136, 150, [Shared.NURSE]),
        (2, 135, 149, [Shared.NURSE]),
        (1, 0, 300, [Shared.NURSE]),
    ],
    ids=["all day", "just as long", "begins too late", "ends too soon", "to no more"],
)
def test_nobody_waits_for_her_while_her_number_is_raised(
    clinic: Clinic, still_here: Appointment, capacity: int, since: int, until: int, found: list[Shared]
) -> None:
    """At 12:30 the first one is still here: the two share her from 12:15 to 12:30."""
    assert collisions(after(150)) == [Shared.NURSE]
    raise_to(clinic.nurse, capacity, since, until)
    assert collisions(after(150)) == found


def test_a_raise_of_somebody_else_changes_nothing(clinic: Clinic, still_here: Appointment) -> None:
    raise_to(make_nurse(clinic.location), 2, 0, 300)
    assert collisions(after(150)) == [Shared.NURSE]


def test_a_third_patient_is_too_many_for_two(clinic: Clinic, still_here: Appointment) -> None:
    raise_to(clinic.nurse, 2, 0, 300)
    third = booked(clinic, 135)
    found = overruns(list(Appointment.objects.with_places().prefetch_related("protocol__phases")), after(170))
    assert [(one.visit, one.following) for one in found] == [(still_here, third)]


def test_the_alert_goes_once_her_number_is_raised(clinic: Clinic, still_here: Appointment) -> None:
    assert watch_conflicts(after(150)) == 1
    raise_to(clinic.nurse, 2, 0, 300)
    watch_conflicts(after(151))
    assert not Alert.objects.open().filter(kind=AlertKind.OVERRUN).exists()


def test_starting_late_keeps_nobody_waiting_while_it_is_raised(
    clinic: Clinic, visit: Appointment, following: Appointment
) -> None:
    assert late_offers(visit, after(60)).now.delays == (following,)
    raise_to(clinic.nurse, 2, 0, 300)
    assert late_offers(visit, after(60)).now.delays == ()


def test_the_board_counts_by_the_raised_number_as_long_as_it_lasts(clinic: Clinic) -> None:
    raise_to(clinic.nurse, 2, 0, 180)
    booked(clinic, 0)
    booked(clinic, 60)
    # The raise ends under both, as when it was shortened by hand.
    CapacityRaise.objects.update(ends_at=after(90))
    row = nurse_row(clinic)
    assert (row.most, row.places) == (2, 2)
    assert row.loads == (
        Load(after(15), after(75), 1, places=2),
        Load(after(75), after(90), 2, places=2),
        Load(after(90), after(120), 2, places=1),
        Load(after(120), after(180), 1, places=1),
    )


def test_the_chart_draws_the_places_that_a_raise_adds(clinic: Clinic) -> None:
    raise_to(clinic.nurse, 3, 0, 180)
    booked(clinic, 0)
    booked(clinic, 60)
    CapacityRaise.objects.update(ends_at=after(90))
    (line,) = day_chart(day_board(clinic.location, START.date(), NOW)).nurses
    assert [(box.label, box.kind) for box in line.loads] == [
        ("1", "some"),
        ("2", "some"),
        ("2", "over"),
        ("1", "full"),
    ]


@pytest.mark.parametrize(("since", "until", "places"), [(0, 90, 3), (24 * 60, 25 * 60, 1)])
def test_the_page_says_how_many_she_may_have_on_that_day(
    clinic: Clinic, visit: Appointment, since: int, until: int, places: int
) -> None:
    raise_to(clinic.nurse, 3, since, until)
    with time_machine.travel(NOW, tick=False):
        text = logged_in(Role.NURSE).get("/").content.decode()
    assert f"up to 1 of {places}" in text
    assert f"Ana: up to 1 of {places} patients at one time" in text
