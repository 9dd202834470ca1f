"""The day the manager changes hours, shifts, chairs or people under booked visits: nobody is silently uncovered."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import (
    AlertKind,
    DisruptionKind,
    Resolution,
    Role,
    SeatKind,
)
from scheduling.models import (
    Alert,
    Appointment,
    AuditEntry,
    CapacityRaise,
    Chair,
    Claim,
    DisruptedVisit,
    Disruption,
    Location,
    Seat,
    StaffMember,
)
from scheduling.services.appointments import Canceller, cancel_appointment
from scheduling.services.coverage import uncovered
from scheduling.services.faults import Refused
from scheduling.services.on_call import nurses_on_shift
from scheduling.services.opening import open_days
from scheduling.services.seats import set_capacity
from scheduling.services.uncovering import settle_covered
from tests import factories
from tests.admin.pages import errors, filled, row, send
from tests.factories import NOW, actor

pytestmark = pytest.mark.django_db

TUESDAY = datetime(2026, 1, 6, 14, tzinfo=UTC)
"""09:00 in New York."""
ADMIN = "/admin/scheduling"


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def manager(client: Client) -> Client:
    client.force_login(factories.make_staff(Role.MANAGER, username="boss").user)
    return client


class Day:
    """One clinic with one visit, on Tuesday at nine, that needs a prescriber on site."""

    def __init__(self) -> None:
        self.location: Location = factories.make_location("Riverside")
        self.chair = factories.make_chair(self.location, "Chair 1")
        self.nurse = factories.make_nurse(self.location, capacity=2, name="Ana")
        self.prescriber = factories.make_staff(Role.PRESCRIBER, name="Dr Ruiz")
        factories.add_shifts(self.prescriber, self.location, Role.PRESCRIBER)
        self.protocol = factories.make_protocol(prescriber_on_site=True)
        self.visit = self.book(TUESDAY, self.chair)

    def book(self, start: datetime, chair: Chair) -> Appointment:
        """One visit of a new patient with Ana."""
        order = factories.make_order(factories.make_patient(self.location), self.protocol)
        return factories.book(order, self.location, chair, self.nurse, [start]).appointments.get()

    def page(self, thing: Any) -> str:
        """Where the manager changes it."""
        return f"{ADMIN}/{thing._meta.model_name}/{thing.pk}/change/"


@pytest.fixture
def day() -> Day:
    return Day()


def of_tuesday(rows: Any) -> int:
    """Which line of the page is Tuesday's."""
    return [one.weekday for one in rows.all()].index(1)


def shift(staff: StaffMember, **fields: object) -> dict[str, object]:
    role = {f"shifts__{of_tuesday(staff.shifts)}__role": staff.shifts.all()[0].role}
    return row("shifts", of_tuesday(staff.shifts), **fields) | role


def exception(day: Day, **fields: object) -> dict[str, object]:
    away = {"location": day.location.pk, "day": "2026-01-06", "starts": "08:00", "ends": "18:00"}
    return {"shift_exceptions__TOTAL_FORMS": 1} | row("shift_exceptions", 0, **(away | fields))


CHANGES: dict[str, tuple[str, Callable[[Day], dict[str, object]], DisruptionKind, str]] = {
    "a shift that ends at ten": (
        "nurse",
        lambda day: shift(day.nurse, ends="10:00"),
        DisruptionKind.NURSE,
        "Ana is not on shift for the whole visit.",
    ),
    "a shift that is deleted": (
        "nurse",
        lambda day: shift(day.nurse, DELETE="on"),
        DisruptionKind.NURSE,
        "Ana is not on shift for the whole visit.",
    ),
    "a new break": (
        "nurse",
        lambda day: shift(day.nurse, break_starts="10:00", break_ends="10:30"),
        DisruptionKind.NURSE,
        "Ana is not on shift for the whole visit.",
    ),
    "an absence": (
        "nurse",
        lambda day: exception(day, kind="absence"),
        DisruptionKind.NURSE,
        "Ana is not on shift for the whole visit.",
    ),
    "a nurse who leaves": (
        "nurse",
        lambda day: {"is_active": None},
        DisruptionKind.NURSE,
        "Ana no longer works here.",
    ),
    "a nurse who changes to the front desk": (
        "nurse",
        lambda day: {"is_nurse": None, "is_front_desk": "on"},
        DisruptionKind.NURSE,
        "Ana no longer works as a nurse.",
    ),
    "a prescriber's shift": (
        "prescriber",
        lambda day: shift(day.prescriber, starts="12:00"),
        DisruptionKind.PRESCRIBER,
        "No prescriber works there for the whole treatment.",
    ),
    "a prescriber who leaves": (
        "prescriber",
        lambda day: {"is_active": None},
        DisruptionKind.PRESCRIBER,
        "No prescriber works there for the whole treatment.",
    ),
    "a prescriber who no longer prescribes": (
        "prescriber",
        lambda day: {"is_prescriber": None, "is_front_desk": "on"},
        DisruptionKind.PRESCRIBER,
        "No prescriber works there for the whole treatment.",
    ),
    "a closure": (
        "location",
        lambda day: (
            {"closures__TOTAL_FORMS": 1}
            | row("closures", 0, first_day="2026-01-06", last_day="2026-01-06", reason="Works")
        ),
        DisruptionKind.LOCATION,
        "Riverside is closed on that day.",
    ),
    "shorter opening hours": (
        "location",
        lambda day: row("opening_hours", of_tuesday(day.location.opening_hours), closes="10:30"),
        DisruptionKind.LOCATION,
        "It lies outside the opening hours.",
    ),
    "opening hours that are deleted": (
        "location",
        lambda day: row("opening_hours", of_tuesday(day.location.opening_hours), DELETE="on"),
        DisruptionKind.LOCATION,
        "It lies outside the opening hours.",
    ),
    "a location that closes for good": (
        "location",
        lambda day: {"is_active": None},
        DisruptionKind.LOCATION,
        "Riverside takes no patients any more.",
    ),
    "a chair on the page of its location": (
        "location",
        lambda day: {"chairs__0__is_active": None},
        DisruptionKind.CHAIR,
        "Chair 1 is not in use.",
    ),
    "a chair on its own page": (
        "chair",
        lambda day: {"is_active": None},
        DisruptionKind.CHAIR,
        "Chair 1 is not in use.",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_uncovers_a_visit_lists_it_and_changes_nothing(
    manager: Client, day: Day, name: str
) -> None:
    what, typed, _kind, why = CHANGES[name]
    page = send(manager, day.page(getattr(day, what)), **typed(day))

    patient = day.visit.patient
    assert errors(page) == [
        "This leaves 1 booked visit without its place. Nothing was changed.",
        f"{patient}, Tue 6 Jan 2026, 09:00: {why}",
    ]
    assert "Save and open as disruption" in page.content.decode()
    assert uncovered([day.visit], NOW) == {}
    assert not Disruption.objects.exists()


@pytest.mark.parametrize("name", CHANGES)
def test_saved_as_a_disruption_it_is_on_the_attention_list_until_resolved(
    manager: Client, day: Day, name: str
) -> None:
    what, typed, kind, why = CHANGES[name]
    address = day.page(getattr(day, what))
    listed = send(manager, address, **typed(day))
    answer = manager.post(address, filled(listed) | {"open_disruption": "on"})

    assert answer.status_code == 302
    assert uncovered([day.visit], NOW) == {day.visit.pk: (why,)}
    disruption = Disruption.objects.get()
    assert (disruption.kind, disruption.blocks, disruption.location) == (kind, False, day.location)
    row = DisruptedVisit.objects.get()
    assert row.appointment == day.visit
    alert = Alert.objects.get(kind=AlertKind.UNCOVERED)
    assert (alert.appointment, alert.due_at) == (day.visit, TUESDAY)
    assert alert.facts == {"reasons": [why], "disrupted": row.pk}
    assert AuditEntry.objects.filter(action="open_as_disruption").count() == 1
    assert settle_covered(NOW) == 0

    cancel_appointment(
        by=actor(factories.make_staff(Role.FRONT_DESK)),
        now=NOW,
        appointment=day.visit,
        canceller=Canceller.CLINIC,
    )
    assert Alert.objects.get(pk=alert.pk).settled_at == NOW
    assert DisruptedVisit.objects.get().resolution == Resolution.CANCELLED


def test_what_was_typed_stays_while_the_visits_are_listed(manager: Client, day: Day) -> None:
    page = send(manager, day.page(day.nurse), name="Ana Typed-Over", is_active=None)

    assert page.context["adminform"].form["name"].value() == "Ana Typed-Over"
    assert StaffMember.objects.get(pk=day.nurse.pk).name == "Ana"


def test_a_change_that_uncovers_nobody_is_saved_at_once_and_shows_no_box(manager: Client, day: Day) -> None:
    page = manager.get(day.page(day.chair))
    assert "Save and open as disruption" not in page.content.decode()

    assert send(manager, day.page(day.nurse), name="Ana Maria").status_code == 302
    assert not Disruption.objects.exists()


def test_the_only_prescriber_with_shifts_is_not_deleted_under_a_visit(manager: Client, day: Day) -> None:
    manager.post(f"{ADMIN}/staffmember/{day.prescriber.pk}/delete/", {"post": "yes"})

    assert StaffMember.objects.filter(pk=day.prescriber.pk).exists()
    assert uncovered([day.visit], NOW) == {}


def test_a_visit_that_is_covered_again_leaves_the_list_by_itself(manager: Client, day: Day) -> None:
    address = day.page(day.chair)
    listed = send(manager, address, is_active=None)
    manager.post(address, filled(listed) | {"open_disruption": "on"})
    send(manager, address, is_active="on")

    assert settle_covered(NOW) == 1
    assert DisruptedVisit.objects.get().resolution == Resolution.COVERED


def test_a_lower_capacity_keeps_the_second_patient_where_she_is_and_lists_her(
    manager: Client, day: Day
) -> None:
    second = day.book(TUESDAY + timedelta(minutes=30), factories.make_chair(day.location, "Chair 2"))
    address = day.page(day.nurse)
    listed = send(manager, address, monitoring_capacity="1")
    assert errors(listed)[1] == (
        f"{second.patient}, Tue 6 Jan 2026, 09:30: Ana looks after too many patients at that time."
    )
    manager.post(address, filled(listed) | {"open_disruption": "on"})

    assert Alert.objects.get(kind=AlertKind.UNCOVERED).appointment == second
    assert Claim.objects.filter(seat__nurse=day.nurse, seat__kind=SeatKind.MONITORING).count() == 2
    # While both are there nobody is added; where only one is left, as ever one.
    with pytest.raises(Refused, match="is taken by"):
        day.book(TUESDAY + timedelta(minutes=60), factories.make_chair(day.location, "Chair 3"))


DOWN: dict[DisruptionKind, str] = {
    DisruptionKind.NURSE: "nurse",
    DisruptionKind.PRESCRIBER: "prescriber",
    DisruptionKind.CHAIR: "chair",
    DisruptionKind.LOCATION: "",
}


@pytest.mark.parametrize("kind", DOWN)
def test_a_declared_disruption_takes_its_places_away_until_it_is_lifted(
    day: Day, kind: DisruptionKind
) -> None:
    about = {"chair": day.chair} if kind == DisruptionKind.CHAIR else {}
    if kind in (DisruptionKind.NURSE, DisruptionKind.PRESCRIBER):
        about = {"staff": getattr(day, DOWN[kind])}
    disruption = Disruption.objects.create(
        kind=kind, location=day.location, starts_at=NOW, ends_at=NOW + timedelta(days=3), made_at=NOW, **about
    )
    assert list(uncovered([day.visit], NOW)) == [day.visit.pk]
    with pytest.raises(Refused, match="These times do not fit"):
        day.book(TUESDAY + timedelta(hours=3), day.chair)

    Disruption.objects.filter(pk=disruption.pk).update(lifted_at=NOW)
    assert uncovered([day.visit], NOW) == {}
    assert day.book(TUESDAY + timedelta(hours=3), day.chair).pk


def test_a_nurse_reported_ill_is_not_called_to_a_red_flag(day: Day) -> None:
    assert nurses_on_shift(day.location, TUESDAY) == [day.nurse]
    Disruption.objects.create(
        kind=DisruptionKind.NURSE,
        location=day.location,
        staff=day.nurse,
        starts_at=NOW,
        ends_at=TUESDAY + timedelta(hours=1),
        made_at=NOW,
    )

    assert nurses_on_shift(day.location, TUESDAY) == []
    assert nurses_on_shift(day.location, TUESDAY + timedelta(hours=1)) == [day.nurse]


def test_a_day_that_a_disruption_closes_says_so(day: Day) -> None:
    tuesday = TUESDAY.date()
    assert open_days(day.location, tuesday, tuesday).days[0].closed_because == ""
    Disruption.objects.create(
        kind=DisruptionKind.LOCATION,
        location=day.location,
        starts_at=NOW,
        ends_at=TUESDAY + timedelta(days=1),
        made_at=NOW,
    )

    assert open_days(day.location, tuesday, tuesday).days[0].closed_because == "closed by a disruption"


def test_a_raised_capacity_lets_one_more_in_for_as_long_as_it_lasts(day: Day) -> None:
    set_capacity(by=actor(factories.make_staff(Role.MANAGER)), now=NOW, nurse=day.nurse, capacity=1)
    chairs = [factories.make_chair(day.location, f"Chair {number}") for number in (2, 3)]
    with pytest.raises(Refused, match="is taken by"):
        day.book(TUESDAY + timedelta(minutes=30), chairs[0])
    CapacityRaise.objects.create(
        nurse=day.nurse,
        starts_at=TUESDAY,
        ends_at=TUESDAY + timedelta(hours=3),
        capacity=2,
        reason="Ben is ill",
        made_at=NOW,
    )

    second = day.book(TUESDAY + timedelta(minutes=30), chairs[0])
    assert uncovered([day.visit, second], NOW) == {}
    assert Seat.objects.get(nurse=day.nurse, kind=SeatKind.MONITORING, number=2).retired_at == NOW
    with pytest.raises(Refused, match="is taken by"):
        day.book(TUESDAY + timedelta(minutes=60), chairs[1])
    # From noon on she has one patient at a time again.
    noon = TUESDAY + timedelta(hours=3)
    assert day.book(noon, day.chair).pk
    with pytest.raises(Refused, match="is taken by"):
        day.book(noon + timedelta(minutes=30), chairs[0])


def test_coverage_costs_the_same_however_many_visits_a_location_has(
    day: Day, django_assert_num_queries: Any
) -> None:
    visits = [day.visit] + [day.book(TUESDAY + timedelta(days=number), day.chair) for number in range(1, 6)]
    with django_assert_num_queries(9):
        assert uncovered(visits, NOW) == {}
