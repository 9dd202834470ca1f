from datetime import date, timedelta

import pytest

from scheduling.access import SYSTEM, Actor, NotAllowed
from scheduling.core.words import Channel, RequiredBefore, Role, SeatKind, TrialOutcome
from scheduling.models import (
    AuditEntry,
    Consent,
    Location,
    MedicationTrial,
    Patient,
    Prerequisite,
    PrerequisiteRecord,
    Seat,
)
from scheduling.services.faults import Refused
from scheduling.services.patients import (
    CONSENT_WORDING,
    add_medication_trial,
    give_consent,
    record_prerequisite,
    remove_medication_trial,
    revoke_consent,
    save_patient,
)
from scheduling.services.reads import read_patient
from scheduling.services.running import run
from tests.factories import NOW, actor, make_location, make_patient, make_staff

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture
def location() -> Location:
    return make_location()


@pytest.fixture
def clerk() -> Actor:
    return actor(make_staff(Role.FRONT_DESK))


@pytest.fixture
def manager() -> Actor:
    return actor(make_staff(Role.MANAGER))


def new_patient(location: Location, **fields: object) -> Patient:
    return Patient(
        mrn="M1",
        first_name="Ada",
        last_name="Lee",
        birth_date=date(1980, 2, 29),
        home_location=location,
        **fields,
    )


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_a_new_patient_gets_one_seat_and_one_audit_entry(location: Location, clerk: Actor) -> None:
    patient = run(save_patient, by=clerk, now=NOW, patient=new_patient(location))
    assert Seat.objects.get(patient=patient).kind == SeatKind.PATIENT
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.patient, entry.staff_id, entry.at) == (
        "add_patient",
        patient,
        clerk.staff_id,
        NOW,
    )


def test_an_edit_keeps_the_seat(location: Location, clerk: Actor) -> None:
    patient = run(save_patient, by=clerk, now=NOW, patient=new_patient(location))
    seat = Seat.objects.get(patient=patient)
    patient.last_name = "Leigh"
    run(save_patient, by=clerk, now=LATER, patient=patient)
    assert Patient.objects.get().last_name == "Leigh"
    assert Seat.objects.get() == seat
    assert actions() == ["add_patient", "edit_patient"]


def test_a_record_number_is_unique_at_its_location(location: Location, clerk: Actor) -> None:
    run(save_patient, by=clerk, now=NOW, patient=new_patient(location))
    with pytest.raises(Refused) as refused:
        run(save_patient, by=clerk, now=NOW, patient=new_patient(location))
    assert refused.value.code == "patient_mrn"
    assert actions() == ["add_patient"]
    run(save_patient, by=clerk, now=NOW, patient=new_patient(make_location()))
    assert Patient.objects.count() == 2


def test_a_patient_needs_a_record_number(location: Location, clerk: Actor) -> None:
    patient = new_patient(location)
    patient.mrn = ""
    with pytest.raises(Refused) as refused:
        run(save_patient, by=clerk, now=NOW, patient=patient)
    assert refused.value.code == "patient_mrn_present"


def test_a_manager_reads_patients_but_records_nothing(location: Location, manager: Actor) -> None:
    patient = make_patient(location)
    consent = Consent(patient=patient, channel=Channel.EMAIL)
    trial = MedicationTrial(patient=patient, medicine="X", outcome=TrialOutcome.HELPED)
    wanted = Prerequisite.objects.create(code="c", name="C", required_before=RequiredBefore.BOOKING)
    read_patient(by=manager, now=NOW, patient=patient)
    for refuse in (
        lambda: save_patient(by=manager, now=NOW, patient=patient),
        lambda: give_consent(by=manager, now=NOW, patient=patient, channel=Channel.EMAIL),
        lambda: revoke_consent(by=manager, now=NOW, consent=consent),
        lambda: add_medication_trial(by=manager, now=NOW, trial=trial),
        lambda: remove_medication_trial(by=manager, now=NOW, trial=trial),
        lambda: record_prerequisite(by=manager, now=NOW, patient=patient, prerequisite=wanted),
    ):
        with pytest.raises(NotAllowed):
            refuse()
    assert actions() == ["read_patient"]


def test_a_reading_is_one_row_without_free_text(location: Location, clerk: Actor) -> None:
    patient = make_patient(location)
    run(read_patient, by=clerk, now=NOW, patient=patient)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.subject_id, entry.patient_id, entry.facts) == (
        "read_patient",
        "patient",
        patient.pk,
        patient.pk,
        {},
    )


def test_a_consent_keeps_who_when_and_which_wording(location: Location, clerk: Actor) -> None:
    patient = make_patient(location)
    run(give_consent, by=clerk, now=NOW, patient=patient, channel=Channel.EMAIL)
    consent = Consent.objects.get()
    assert (consent.channel, consent.wording_version, consent.given_at, consent.recorded_by_id) == (
        "email",
        CONSENT_WORDING,
        NOW,
        clerk.staff_id,
    )


@pytest.mark.parametrize(("channel", "field"), [(Channel.EMAIL, "email"), (Channel.SMS, "phone")])
def test_a_consent_needs_an_address(location: Location, clerk: Actor, channel: Channel, field: str) -> None:
    patient = make_patient(location, **{field: ""})
    with pytest.raises(Refused) as refused:
        run(give_consent, by=clerk, now=NOW, patient=patient, channel=channel)
    assert (refused.value.code, refused.value.field) == ("no_address", "channel")


def test_a_consent_is_in_force_once_per_channel_and_again_after_it_was_revoked(
    location: Location, clerk: Actor
) -> None:
    patient = make_patient(location)
    first = run(give_consent, by=clerk, now=NOW, patient=patient, channel=Channel.EMAIL)
    with pytest.raises(Refused) as refused:
        run(give_consent, by=clerk, now=NOW, patient=patient, channel=Channel.EMAIL)
    assert refused.value.code == "consent_one_in_force"
    run(revoke_consent, by=clerk, now=LATER, consent=first)
    run(give_consent, by=clerk, now=LATER, patient=patient, channel=Channel.EMAIL)
    assert list(Consent.objects.order_by("pk").values_list("revoked_at", flat=True)) == [LATER, None]
    assert actions() == ["give_consent", "revoke_consent", "give_consent"]


def test_revoking_twice_keeps_the_first_time(location: Location, clerk: Actor) -> None:
    consent = run(give_consent, by=clerk, now=NOW, patient=make_patient(location), channel=Channel.EMAIL)
    run(revoke_consent, by=clerk, now=LATER, consent=consent)
    run(revoke_consent, by=clerk, now=LATER + timedelta(days=1), consent=consent)
    assert Consent.objects.get().revoked_at == LATER


def test_a_consent_is_recorded_by_a_person(location: Location) -> None:
    with pytest.raises(Refused) as refused:
        run(give_consent, by=SYSTEM, now=NOW, patient=make_patient(location), channel=Channel.EMAIL)
    assert refused.value.code == "no_author"


def test_a_medicine_taken_off_the_list_stays_in_the_audit_trail(location: Location, clerk: Actor) -> None:
    trial = MedicationTrial(
        patient=make_patient(location), medicine="Sertraline", outcome=TrialOutcome.NO_EFFECT
    )
    run(add_medication_trial, by=clerk, now=NOW, trial=trial)
    number = trial.pk
    run(remove_medication_trial, by=clerk, now=LATER, trial=trial)
    assert not MedicationTrial.objects.exists()
    assert list(AuditEntry.objects.order_by("pk").values_list("action", "subject_id")) == [
        ("add_medication_trial", number),
        ("remove_medication_trial", number),
    ]


def test_a_medicine_does_not_end_before_it_starts(location: Location, clerk: Actor) -> None:
    trial = MedicationTrial(
        patient=make_patient(location),
        medicine="Sertraline",
        outcome=TrialOutcome.NO_EFFECT,
        started=date(2024, 2, 1),
        stopped=date(2024, 1, 1),
    )
    with pytest.raises(Refused) as refused:
        run(add_medication_trial, by=clerk, now=NOW, trial=trial)
    assert refused.value.code == "medicationtrial_order"


def test_a_prerequisite_keeps_who_when_and_where_the_paper_is(location: Location, clerk: Actor) -> None:
    wanted = Prerequisite.objects.create(code="c", name="C", required_before=RequiredBefore.BOOKING)
    patient = make_patient(location)
    run(record_prerequisite, by=clerk, now=NOW, patient=patient, prerequisite=wanted, reference="Folder 3")
    entry = PrerequisiteRecord.objects.get()
    assert (entry.patient, entry.recorded_by_id, entry.recorded_at, entry.reference) == (
        patient,
        clerk.staff_id,
        NOW,
        "Folder 3",
    )
    assert AuditEntry.objects.get().facts == {"prerequisite": "c"}
