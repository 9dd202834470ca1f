"""Before Ada's infusion starts: what has to be on record, who is on site, and her blood pressure."""

from datetime import timedelta

import pytest

from scheduling.access import Actor
from scheduling.core.words import AlertKind, RequiredBefore, Role, Status, VitalMoment
from scheduling.models import Alert, Appointment, AuditEntry, Prerequisite, Protocol, StaffMember
from scheduling.services.faults import Refused
from scheduling.services.patients import record_prerequisite
from scheduling.services.presence import mark_left, mark_present
from scheduling.services.pressures import beyond_limits, record_pressure, remove_pressure
from scheduling.services.starting import readiness
from scheduling.services.visits import record_step
from tests.factories import actor, make_staff
from tests.services.clinics import COURSE, Clinic

from .adas_course import ada_of, visits_of

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
NINE = COURSE[0]
HALF_PAST = NINE + 30 * MINUTE


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def nurse() -> Actor:
    return actor(make_staff(Role.NURSE))


@pytest.fixture
def doctor() -> StaffMember:
    return make_staff(Role.PRESCRIBER, name="Dr. Here")


@pytest.fixture
def ada(clinic: Clinic, nurse: Actor) -> Appointment:
    """She has arrived."""
    visit = visits_of(clinic.book(clinic.order(ada_of(clinic))))[0]
    return record_step(by=nurse, now=NINE, appointment=visit, field="arrived_at")


def needs(clinic: Clinic, before: RequiredBefore) -> Prerequisite:
    one = Prerequisite.objects.create(code=f"p-{before}", name="Fasted", required_before=before)
    one.protocols.add(clinic.protocol)
    return one


def protocol_says(clinic: Clinic, **fields: object) -> None:
    Protocol.objects.filter(pk=clinic.protocol.pk).update(**fields)


def start(nurse: Actor, visit: Appointment, **given: object) -> Appointment:
    values: dict[str, object] = {"by": nurse, "now": HALF_PAST, "appointment": visit, "field": "started_at"}
    return record_step(**(values | given))  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [RequiredBefore.BOOKING, RequiredBefore.FIRST, RequiredBefore.EVERY])
def test_nothing_starts_before_it_is_on_record(
    clinic: Clinic, ada: Appointment, nurse: Actor, before: RequiredBefore
) -> None:
    fasted = needs(clinic, before)
    with pytest.raises(Refused, match="on record before the treatment starts: Fasted"):
        start(nurse, ada)
    record_prerequisite(by=nurse, now=NINE, patient=ada.patient, prerequisite=fasted, appointment=ada)
    row = readiness(ada)[0].record
    assert row is not None
    assert (row.recorded_by_id, row.recorded_at) == (nurse.staff_id, NINE)
    assert start(nurse, ada).status == Status.IN_TREATMENT


def test_what_is_needed_each_time_counts_for_its_own_visit_only(
    clinic: Clinic, ada: Appointment, nurse: Actor
) -> None:
    fasted = needs(clinic, RequiredBefore.EVERY)
    friday = visits_of(ada.series)[1]
    record_prerequisite(by=nurse, now=NINE, patient=ada.patient, prerequisite=fasted, appointment=friday)
    with pytest.raises(Refused, match="Fasted"):
        start(nurse, ada)


def test_a_reason_counts_only_where_the_protocol_allows_it(
    clinic: Clinic, ada: Appointment, nurse: Actor
) -> None:
    needs(clinic, RequiredBefore.FIRST)
    protocol_says(clinic, may_override_prerequisites=False)
    with pytest.raises(Refused, match="Fasted"):
        start(nurse, ada, override_reason="paper follows")
    protocol_says(clinic, may_override_prerequisites=True)
    assert start(nurse, ada, override_reason=" paper follows ").start_override_reason == "paper follows"


def test_a_prescriber_must_be_there_and_named(
    clinic: Clinic, ada: Appointment, nurse: Actor, doctor: StaffMember
) -> None:
    protocol_says(clinic, prescriber_on_site=True)
    with pytest.raises(Refused, match="Mark who is there first"):
        start(nurse, ada, prescriber=doctor)
    mark_present(by=nurse, now=NINE, staff=doctor, location=clinic.location)
    mark_present(by=nurse, now=NINE, staff=make_staff(Role.PRESCRIBER), location=clinic.location)
    with pytest.raises(Refused, match="Name the prescriber"):
        start(nurse, ada)
    assert start(nurse, ada, prescriber=doctor).prescriber == doctor


def test_who_was_forgotten_overnight_is_not_there(
    clinic: Clinic, ada: Appointment, nurse: Actor, doctor: StaffMember
) -> None:
    protocol_says(clinic, prescriber_on_site=True)
    mark_present(by=nurse, now=NINE - timedelta(days=1), staff=doctor, location=clinic.location)
    with pytest.raises(Refused, match="Mark who is there first"):
        start(nurse, ada, prescriber=doctor)


def test_leaving_a_patient_behind_makes_an_alert_until_somebody_comes(
    clinic: Clinic, ada: Appointment, nurse: Actor, doctor: StaffMember
) -> None:
    protocol_says(clinic, prescriber_on_site=True)
    row = mark_present(by=nurse, now=NINE, staff=doctor, location=clinic.location)
    start(nurse, ada)
    mark_left(by=nurse, now=HALF_PAST + MINUTE, presence=row)
    alert = Alert.objects.open().get(kind=AlertKind.NO_PRESCRIBER)
    assert (alert.appointment, alert.facts["name"]) == (ada, "Dr. Here")
    mark_present(by=nurse, now=HALF_PAST + 5 * MINUTE, staff=doctor, location=clinic.location)
    assert not Alert.objects.open().filter(kind=AlertKind.NO_PRESCRIBER).exists()


@pytest.mark.parametrize(("systolic", "warns"), [(160, False), (161, True), (90, False), (89, True)])
def test_a_pressure_beyond_the_limits_warns(
    ada: Appointment, nurse: Actor, systolic: int, warns: bool
) -> None:
    row = record_pressure(
        by=nurse, now=NINE, appointment=ada, moment=VitalMoment.BEFORE, systolic=systolic, diastolic=70
    )
    assert beyond_limits(row, ada.protocol) is warns


def test_a_wrong_pressure_goes_with_a_reason_and_stays_in_the_trail(ada: Appointment, nurse: Actor) -> None:
    row = record_pressure(
        by=nurse, now=NINE, appointment=ada, moment=VitalMoment.BEFORE, systolic=150, diastolic=80
    )
    with pytest.raises(Refused, match="Say why"):
        remove_pressure(by=nurse, now=NINE + MINUTE, pressure=row, reason=" ")
    remove_pressure(by=nurse, now=NINE + MINUTE, pressure=row, reason="other arm")
    assert not ada.blood_pressures.exists()
    facts = AuditEntry.objects.get(action="remove_pressure").facts
    assert (facts["value"], facts["reason"]) == ("150/80", "other arm")
