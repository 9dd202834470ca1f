"""Prescribers on site where two locations and corrections are concerned."""

from datetime import timedelta
from decimal import Decimal

import pytest

from scheduling.access import Actor
from scheduling.core.words import AlertKind, DoseUnit, RequiredBefore, Role, Route, Status
from scheduling.models import Appointment, AuditEntry, Location, Prerequisite, Presence, StaffMember
from scheduling.services.presence import mark_left, mark_present
from scheduling.services.undoing import undo_step
from scheduling.services.visits import discharge, record_step
from tests.days.one_day import NINE, at, nurse_of, open_alerts
from tests.factories import add_shifts, make_location, make_order, make_patient, make_protocol, make_staff
from tests.services.clinics import Clinic

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def nurse(clinic: Clinic) -> Actor:
    return nurse_of(clinic)


@pytest.fixture
def doctor(clinic: Clinic) -> StaffMember:
    person = make_staff(Role.PRESCRIBER, name="Dr. Lee")
    add_shifts(person, clinic.location, Role.PRESCRIBER)
    return person


@pytest.fixture
def lakeside() -> Location:
    return make_location(name="Lakeside")


@pytest.fixture
def presence(clinic: Clinic, doctor: StaffMember) -> Presence:
    return mark_present(by=clinic.clerk, now=at(0), staff=doctor, location=clinic.location)


@pytest.fixture
def ada(clinic: Clinic, nurse: Actor, presence: Presence) -> Appointment:
    """She has had the spray at 09:30 and is observed."""
    spray = make_protocol(
        "nasal",
        route=Route.INTRANASAL,
        dose_unit=DoseUnit.MG,
        dose_low=None,
        dose_high=None,
        dose_choices="56, 84",
        prescriber_on_site=True,
    )
    order = make_order(make_patient(clinic.location), spray, dose_amount=Decimal(56), weight_kg=None)
    visit = clinic.book(order, [NINE]).appointments.get()
    for field, minutes in (("arrived_at", 0), ("started_at", 30), ("treatment_ended_at", 40)):
        record_step(by=nurse, now=at(minutes), appointment=visit, field=field)
    return visit


def test_who_is_marked_present_elsewhere_has_left_the_patients_here(
    clinic: Clinic, ada: Appointment, presence: Presence, doctor: StaffMember, lakeside: Location
) -> None:
    mark_present(by=clinic.clerk, now=at(60), staff=doctor, location=lakeside)
    presence.refresh_from_db()
    assert presence.left_at == at(60)
    (alert,) = open_alerts(AlertKind.NO_PRESCRIBER)
    assert (alert.appointment_id, alert.location_id) == (ada.pk, clinic.location.pk)
    mark_present(by=clinic.clerk, now=at(70), staff=doctor, location=clinic.location)
    assert open_alerts(AlertKind.NO_PRESCRIBER) == []


def test_a_discharge_taken_back_after_everybody_left_asks_for_a_prescriber(
    clinic: Clinic, ada: Appointment, presence: Presence, nurse: Actor
) -> None:
    discharge(by=nurse, now=at(150), appointment=ada, escort="Sam")
    mark_left(by=clinic.clerk, now=at(155), presence=presence)
    assert open_alerts(AlertKind.NO_PRESCRIBER) == []
    undo_step(by=nurse, now=at(160), appointment=ada)
    (alert,) = open_alerts(AlertKind.NO_PRESCRIBER)
    assert alert.facts == {"left_at": at(155).isoformat(), "name": "Dr. Lee"}
    discharge(by=nurse, now=at(165), appointment=ada, escort="Sam")
    assert open_alerts(AlertKind.NO_PRESCRIBER) == []


def test_the_trail_says_why_and_under_whom_a_treatment_began_and_what_was_taken_back(
    ada: Appointment, doctor: StaffMember, nurse: Actor
) -> None:
    assert AuditEntry.objects.get(action="started_at").facts["prescriber"] == doctor.pk
    fasting = Prerequisite.objects.create(
        code="fasting", name="Fasting confirmed", required_before=RequiredBefore.EVERY
    )
    fasting.protocols.add(ada.protocol)
    ada.protocol.may_override_prerequisites = True
    ada.protocol.save()
    for minutes in (41, 42):
        undo_step(by=nurse, now=at(minutes), appointment=ada)
    record_step(
        by=nurse, now=at(50), appointment=ada, field="started_at", override_reason="Ate a cracker at six"
    )
    started = AuditEntry.objects.filter(action="started_at").latest("pk")
    assert started.facts["override_reason"] == "Ate a cracker at six"
    undo_step(by=nurse, now=at(51), appointment=ada)
    ada.refresh_from_db()
    assert ada.status == Status.ARRIVED
    undone = AuditEntry.objects.filter(action="undo_step").latest("pk")
    assert undone.facts["override_reason"] == "Ate a cracker at six"
    assert undone.facts["prescriber"] == doctor.pk


def test_the_trail_says_why_somebody_left_sooner(ada: Appointment, nurse: Actor) -> None:
    discharge(by=nurse, now=at(100), appointment=ada, escort="Sam", observation_reason="Fetched by ambulance")
    assert AuditEntry.objects.get(action="discharge").facts["observation_reason"] == "Fetched by ambulance"


def test_a_stale_page_takes_nobody_away_twice(clinic: Clinic, ada: Appointment, presence: Presence) -> None:
    first = mark_left(by=clinic.clerk, now=at(60), presence=presence)
    again = mark_left(by=clinic.clerk, now=at(60) + timedelta(minutes=1), presence=presence)
    assert (first.left_at, again.left_at) == (at(60), at(60))
    assert len(open_alerts(AlertKind.NO_PRESCRIBER)) == 1
