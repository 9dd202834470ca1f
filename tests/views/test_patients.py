from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import Channel, RequiredBefore, Role, Stage, TrialOutcome
from scheduling.models import (
    AuditEntry,
    Consent,
    Location,
    MedicationTrial,
    Patient,
    Prerequisite,
    PrerequisiteRecord,
)
from tests.factories import (
    NOW,
    make_location,
    make_order,
    make_patient,
    make_protocol,
    make_staff,
    make_visits,
)
from tests.views.clients import logged_in, queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def patient(location: Location) -> Patient:
    return make_patient(location, last_name="Lee", first_name="Ada", mrn="M77", phone="+12125550123")


def test_the_page_shows_age_at_the_home_location() -> None:
    home = make_location(zone="Pacific/Honolulu")
    patient = make_patient(home, birth_date=date(1980, 1, 6))
    with time_machine.travel(NOW + timedelta(hours=12), tick=False):  # the 6th in UTC, still the 5th there
        assert logged_in(Role.NURSE).get(f"/patients/{patient.pk}/").context["age"] == 45
    with time_machine.travel(NOW + timedelta(hours=24), tick=False):
        assert logged_in(Role.NURSE).get(f"/patients/{patient.pk}/").context["age"] == 46


def test_opening_the_page_leaves_one_audit_entry(desk: Client, patient: Patient) -> None:
    desk.get(f"/patients/{patient.pk}/")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.patient, entry.at) == ("read_patient", patient, NOW)


def steps(client: Client, patient: Patient) -> list[str]:
    chart = client.get(f"/patients/{patient.pk}/").context["chart"]
    return [step.step.value for step in chart.steps]


def test_the_page_says_what_to_do_next(desk: Client, patient: Patient) -> None:
    protocol = make_protocol()
    assert steps(desk, patient) == ["draft"]
    order = make_order(patient, protocol, signed=False)
    assert steps(desk, patient) == ["sign"]
    wanted = Prerequisite.objects.create(code="c", name="Consent", required_before=RequiredBefore.BOOKING)
    wanted.protocols.add(protocol)
    assert steps(desk, patient) == ["record", "sign"]
    order.delete()
    make_order(patient, protocol)
    assert steps(desk, patient) == ["record"]
    PrerequisiteRecord.objects.create(
        patient=patient, prerequisite=wanted, recorded_at=NOW, recorded_by=make_staff(Role.NURSE)
    )
    assert steps(desk, patient) == ["book"]


def test_the_next_visit_comes_first_and_then_what_is_left_to_book(desk: Client, patient: Patient) -> None:
    make_visits(make_order(patient, make_protocol()), [NOW + timedelta(days=1, hours=1)])
    assert steps(desk, patient) == ["come", "book"]
    page = " ".join(desk.get(f"/patients/{patient.pk}/").content.decode().split())
    assert "Tue 6 Jan 09:00" in page
    assert "5 infusions" in page


def test_a_course_that_is_booked_to_the_end_asks_for_nothing(desk: Client, patient: Patient) -> None:
    make_visits(make_order(patient, make_protocol(), sessions=1), [NOW + timedelta(days=1)])
    assert steps(desk, patient) == ["come"]


def test_an_order_whose_time_is_over_wants_a_new_one(desk: Client, patient: Patient) -> None:
    yesterday = NOW.date() - timedelta(days=1)
    make_order(patient, make_protocol(), valid_from=yesterday, valid_until=yesterday)
    assert steps(desk, patient) == ["renew"]


def test_the_page_takes_the_same_queries_for_little_and_for_much(desk: Client, location: Location) -> None:
    def fill(patient: Patient, times: int) -> None:
        for number in range(times):
            protocol = make_protocol()
            wanted = Prerequisite.objects.create(
                code=f"c{patient.pk}-{number}", name="C", required_before=RequiredBefore.FIRST
            )
            wanted.protocols.add(protocol)
            days = [NOW + timedelta(days=10 * number + day) for day in range(times)]
            make_visits(make_order(patient, protocol), days)
            MedicationTrial.objects.create(patient=patient, medicine="X", outcome=TrialOutcome.HELPED)

    little, much = make_patient(location), make_patient(location)
    fill(little, 1)
    fill(much, 4)
    assert [queries(desk, f"/patients/{patient.pk}/") for patient in (little, much)] == [19, 19]


def test_a_manager_sees_the_page_without_any_action(patient: Patient) -> None:
    make_order(patient, make_protocol(), signed=False)
    Consent.objects.create(
        patient=patient,
        channel=Channel.EMAIL,
        wording_version="1",
        given_at=NOW,
        recorded_by=make_staff(Role.NURSE),
    )
    page = logged_in(Role.MANAGER).get(f"/patients/{patient.pk}/").content.decode()
    assert "Lee, Ada" in page
    for word in ("/edit/", "/orders/add/", "/sign/", "/withdraw/", "/link/", "/revoke/", "/add/"):
        assert word not in page, word


def test_what_is_typed_is_never_markup(desk: Client, location: Location) -> None:
    patient = make_patient(location, last_name="<b>x</b>", note="<script>")
    page = desk.get(f"/patients/{patient.pk}/").content.decode()
    assert "<b>x" not in page
    assert "&lt;script&gt;" in page


def test_the_dose_and_weight_are_shown_as_written(desk: Client, patient: Patient) -> None:
    make_order(patient, make_protocol(), stage=Stage.FOLLOW_UP, weight_kg=Decimal("71.5"))
    page = " ".join(desk.get(f"/patients/{patient.pk}/").content.decode().split())
    assert "0.5 mg/kg" in page
    assert "at 71.5 kg" in page
