"""What has to be on record before the drug is given, who has to be there, and when a patient may leave."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from scheduling.access import Actor
from scheduling.core.pattern import PhaseKind
from scheduling.core.words import AlertKind, DoseUnit, RequiredBefore, Role, Route, Status, VitalMoment
from scheduling.models import (
    Appointment,
    AuditEntry,
    BloodPressure,
    Prerequisite,
    PrerequisiteRecord,
    Presence,
    Protocol,
    StaffMember,
)
from scheduling.services.doses import record_dose
from scheduling.services.faults import Refused
from scheduling.services.patients import record_prerequisite
from scheduling.services.presence import mark_left, mark_present, present_at
from scheduling.services.pressures import beyond_limits, record_pressure, remove_pressure
from scheduling.services.undoing import undo_step
from scheduling.services.visits import correct_time, discharge, record_step
from tests.days.one_day import NINE, at, brought, nurse_of, open_alerts
from tests.factories import add_shifts, make_order, make_patient, make_protocol, make_staff
from tests.services.clinics import Clinic
from tests.views.clients import logged_in, said

pytestmark = pytest.mark.django_db

SPRAY = (
    (PhaseKind.CHECK_IN, 15),
    (PhaseKind.PREPARATION, 15),
    (PhaseKind.TREATMENT, 10),
    (PhaseKind.RECOVERY, 110),
    (PhaseKind.DISCHARGE, 10),
)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def doctor(clinic: Clinic) -> StaffMember:
    person = make_staff(Role.PRESCRIBER, name="Dr. Lee")
    add_shifts(person, clinic.location, Role.PRESCRIBER)
    return person


@pytest.fixture
def nasal(doctor: StaffMember) -> Protocol:
    """A prescriber on site, two hours under observation."""
    return make_protocol(
        "nasal",
        SPRAY,
        route=Route.INTRANASAL,
        dose_unit=DoseUnit.MG,
        dose_low=None,
        dose_high=None,
        dose_choices="56, 84",
        prescriber_on_site=True,
    )


def visit_under(clinic: Clinic, protocol: Protocol) -> Appointment:
    patient = make_patient(clinic.location)
    if protocol.dose_unit == DoseUnit.MG:
        order = make_order(patient, protocol, dose_amount=Decimal(56), weight_kg=None)
    else:
        order = make_order(patient, protocol)
    return clinic.book(order, [NINE]).appointments.get()


@pytest.fixture
def ada(clinic: Clinic) -> Appointment:
    """An infusion."""
    return visit_under(clinic, clinic.protocol)


def wanted(protocol: Protocol, when: RequiredBefore, name: str = "Fasting confirmed") -> Prerequisite:
    made = Prerequisite.objects.create(code=name.lower().replace(" ", "-"), name=name, required_before=when)
    made.protocols.add(protocol)
    return made


def start(visit: Appointment, by: Actor, **given: object) -> Appointment:
    record_step(by=by, now=at(30), appointment=visit, field="started_at", **given)  # type: ignore[arg-type]
    visit.refresh_from_db()
    return visit


@pytest.mark.parametrize("when", list(RequiredBefore))
def test_the_drug_waits_for_what_is_not_on_record(
    clinic: Clinic, ada: Appointment, when: RequiredBefore
) -> None:
    fasting = wanted(clinic.protocol, when)
    by = nurse_of(clinic)
    brought(ada, by, "arrived_at")
    with pytest.raises(Refused, match="Fasting confirmed") as refused:
        start(ada, by)
    assert refused.value.code == "prerequisites_open"
    record_prerequisite(by=by, now=at(20), patient=ada.patient, prerequisite=fasting, appointment=ada)
    row = PrerequisiteRecord.objects.get()
    assert (row.recorded_by_id, row.recorded_at) == (by.staff_id, at(20))
    assert start(ada, by).status == Status.IN_TREATMENT


def test_what_is_needed_every_time_does_not_count_for_the_next_visit(
    clinic: Clinic, ada: Appointment
) -> None:
    fasting = wanted(clinic.protocol, RequiredBefore.EVERY)
    by, later = nurse_of(clinic), NINE + timedelta(days=3)
    following = clinic.book(ada.series.order, [later]).appointments.get(number=2)
    record_prerequisite(by=by, now=at(20), patient=ada.patient, prerequisite=fasting, appointment=ada)
    record_step(by=by, now=later, appointment=following, field="arrived_at")
    with pytest.raises(Refused) as refused:
        record_step(by=by, now=later + timedelta(minutes=30), appointment=following, field="started_at")
    assert refused.value.code == "prerequisites_open"
    with pytest.raises(Refused) as nowhere:
        record_prerequisite(by=by, now=at(20), patient=ada.patient, prerequisite=fasting)
    assert nowhere.value.code == "needs_visit"


@pytest.mark.parametrize(("allowed", "kept"), [(True, "Ate a cracker at six"), (False, "")])
def test_a_reason_overrides_only_where_the_protocol_allows_it(
    clinic: Clinic, ada: Appointment, allowed: bool, kept: str
) -> None:
    wanted(clinic.protocol, RequiredBefore.EVERY)
    Protocol.objects.update(may_override_prerequisites=allowed)
    by = nurse_of(clinic)
    brought(ada, by, "arrived_at")
    if allowed:
        start(ada, by, override_reason=" Ate a cracker at six ")
    else:
        with pytest.raises(Refused):
            start(ada, by, override_reason="Ate a cracker at six")
    ada.refresh_from_db()
    assert ada.start_override_reason == kept


def test_the_spray_needs_a_named_prescriber_who_is_there(
    clinic: Clinic, nasal: Protocol, doctor: StaffMember
) -> None:
    ada, by = visit_under(clinic, nasal), nurse_of(clinic)
    brought(ada, by, "arrived_at")
    for named in (None, doctor):
        with pytest.raises(Refused) as refused:
            start(ada, by, prescriber=named)
        assert refused.value.code == "no_prescriber_here"
    mark_present(by=clinic.clerk, now=at(5), staff=doctor, location=clinic.location)
    assert start(ada, by, prescriber=doctor).prescriber_id == doctor.pk
    undo_step(by=by, now=at(31), appointment=ada)
    ada.refresh_from_db()
    assert (ada.prescriber_id, ada.status) == (None, Status.ARRIVED)


def test_the_only_one_who_is_there_need_not_be_named_but_one_of_two_must(
    clinic: Clinic, nasal: Protocol, doctor: StaffMember
) -> None:
    ada, by = visit_under(clinic, nasal), nurse_of(clinic)
    brought(ada, by, "arrived_at")
    mark_present(by=clinic.clerk, now=at(5), staff=doctor, location=clinic.location)
    other = make_staff(Role.PRESCRIBER)
    second = mark_present(by=clinic.clerk, now=at(6), staff=other, location=clinic.location)
    with pytest.raises(Refused, match="Name the prescriber"):
        start(ada, by)
    mark_left(by=clinic.clerk, now=at(7), presence=second)
    assert start(ada, by).prescriber_id == doctor.pk


def test_a_prescriber_who_leaves_a_patient_behind_raises_an_alert_until_one_is_there(
    clinic: Clinic, nasal: Protocol, doctor: StaffMember
) -> None:
    ada, by = visit_under(clinic, nasal), nurse_of(clinic)
    brought(ada, by, "arrived_at")
    presence = mark_present(by=clinic.clerk, now=at(5), staff=doctor, location=clinic.location)
    start(ada, by)
    mark_left(by=clinic.clerk, now=at(40), presence=presence)
    (alert,) = open_alerts(AlertKind.NO_PRESCRIBER)
    assert (alert.appointment_id, alert.facts["name"]) == (ada.pk, "Dr. Lee")
    mark_present(by=clinic.clerk, now=at(45), staff=doctor, location=clinic.location)
    assert open_alerts(AlertKind.NO_PRESCRIBER) == []


def test_nobody_is_there_who_forgot_to_leave_yesterday(clinic: Clinic, doctor: StaffMember) -> None:
    yesterday = at(-60 * 20)
    mark_present(by=clinic.clerk, now=yesterday, staff=doctor, location=clinic.location)
    assert present_at(clinic.location, at(0)) == []
    mark_present(by=clinic.clerk, now=at(0), staff=doctor, location=clinic.location)
    assert Presence.objects.filter(left_at=None).count() == 1


def test_two_hours_are_observed_unless_a_reason_is_given(
    clinic: Clinic, nasal: Protocol, doctor: StaffMember
) -> None:
    ada, by = visit_under(clinic, nasal), nurse_of(clinic)
    mark_present(by=clinic.clerk, now=at(0), staff=doctor, location=clinic.location)
    brought(ada, by, "treatment_ended_at")
    with pytest.raises(Refused, match="until 11:30") as refused:
        discharge(by=by, now=at(149), appointment=ada, escort="Sam")
    assert (refused.value.code, refused.value.field) == ("observation_too_short", "observation_reason")
    discharge(by=by, now=at(140), appointment=ada, escort="Sam", observation_reason="Fetched by ambulance")
    ada.refresh_from_db()
    assert (ada.status, ada.observation_override_reason) == (Status.DONE, "Fetched by ambulance")


def test_after_two_hours_nobody_asks_for_a_reason(
    clinic: Clinic, nasal: Protocol, doctor: StaffMember
) -> None:
    ada, by = visit_under(clinic, nasal), nurse_of(clinic)
    mark_present(by=clinic.clerk, now=at(0), staff=doctor, location=clinic.location)
    brought(ada, by, "treatment_ended_at")
    discharge(by=by, now=at(150), appointment=ada, escort="Sam", observation_reason="Not needed")
    ada.refresh_from_db()
    assert (ada.status, ada.observation_override_reason) == (Status.DONE, "")


def test_a_correction_that_shortens_the_observation_keeps_its_reason(
    clinic: Clinic, nasal: Protocol, doctor: StaffMember
) -> None:
    ada, by = visit_under(clinic, nasal), nurse_of(clinic)
    mark_present(by=clinic.clerk, now=at(0), staff=doctor, location=clinic.location)
    brought(ada, by, "treatment_ended_at")
    discharge(by=by, now=at(150), appointment=ada, escort="Sam")
    for minutes, why, kept in ((140, "Left sooner", "Left sooner"), (150, "It was half past", "")):
        correct_time(by=by, now=at(160), appointment=ada, field="discharged_at", at=at(minutes), reason=why)
        ada.refresh_from_db()
        assert ada.observation_override_reason == kept


@pytest.mark.parametrize(
    ("high", "low", "beyond"), [(160, 100, False), (161, 80, True), (120, 101, True), (89, 60, True)]
)
def test_a_blood_pressure_beyond_the_limits_warns_and_blocks_nothing(
    clinic: Clinic, ada: Appointment, high: int, low: int, beyond: bool
) -> None:
    by = nurse_of(clinic)
    brought(ada, by, "arrived_at")
    row = record_pressure(
        by=by, now=at(20), appointment=ada, moment=VitalMoment.BEFORE, systolic=high, diastolic=low
    )
    assert (beyond_limits(row, ada.protocol), row.at) == (beyond, at(20))
    assert start(ada, by).status == Status.IN_TREATMENT


def test_a_wrong_entry_goes_with_a_reason_and_stays_in_the_audit_trail(
    clinic: Clinic, ada: Appointment
) -> None:
    by = nurse_of(clinic)
    brought(ada, by, "arrived_at")
    given = {"by": by, "now": at(20), "appointment": ada, "moment": VitalMoment.BEFORE}
    row = record_pressure(**given, systolic=210, diastolic=80)  # type: ignore[arg-type]
    with pytest.raises(Refused):
        remove_pressure(by=by, now=at(21), pressure=row, reason=" ")
    remove_pressure(by=by, now=at(21), pressure=row, reason="Cuff slipped")
    entry = AuditEntry.objects.get(action="remove_pressure")
    assert (entry.facts["value"], entry.facts["reason"]) == ("210/80", "Cuff slipped")
    assert not BloodPressure.objects.exists()


def test_a_dose_given_that_differs_is_flagged_and_never_computed(clinic: Clinic, ada: Appointment) -> None:
    by = nurse_of(clinic)
    brought(ada, by, "treatment_ended_at")
    record_dose(by=by, now=at(80), appointment=ada, amount=Decimal("0.4"))
    (alert,) = open_alerts(AlertKind.DOSE_DIFFERS)
    assert alert.facts == {"given": "0.4 mg/kg", "ordered": "0.5 mg/kg"}
    record_dose(by=by, now=at(81), appointment=ada, amount=Decimal("0.50"))
    assert open_alerts(AlertKind.DOSE_DIFFERS) == []


def test_the_page_records_what_is_open_and_then_starts(clinic: Clinic, ada: Appointment) -> None:
    fasting = wanted(clinic.protocol, RequiredBefore.EVERY)
    brought(ada, nurse_of(clinic), "arrived_at")
    client, url = logged_in(Role.NURSE), f"/appointments/{ada.pk}/"
    with time_machine.travel(at(30), tick=False):
        refused = client.post(f"{url}step/started_at/", {"back": "board"})
        assert refused.headers["Location"] == url
        assert "Fasting confirmed" in said(refused)[-1]
        client.post(f"{url}prerequisites/{fasting.pk}/")
        assert "on record" in client.get(url).content.decode()
        client.post(f"{url}step/started_at/", {"back": "board"})
    ada.refresh_from_db()
    assert ada.status == Status.IN_TREATMENT


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"systolic": "80", "diastolic": "120"}, "The diastolic value is the lower one."),
        ({"systolic": "x", "diastolic": "80"}, "Enter a whole number."),
        ({"systolic": "120", "diastolic": "80", "at": "23:59"}, "This time is still to come."),
        ({"systolic": "120", "diastolic": "80", "pulse": "999"}, "less than or equal to 300"),
    ],
)
def test_a_bad_entry_is_named_beside_the_field(
    clinic: Clinic, ada: Appointment, typed: dict[str, str], words: str
) -> None:
    brought(ada, nurse_of(clinic), "arrived_at")
    with time_machine.travel(at(30), tick=False):
        answer = logged_in(Role.NURSE).post(
            f"/appointments/{ada.pk}/pressures/add/", {"moment": "before"} | typed
        )
    assert (answer.status_code, words in answer.content.decode()) == (200, True)
    assert not BloodPressure.objects.exists()
