from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import LinkPurpose, RequiredBefore, Role
from scheduling.models import (
    AccessLink,
    AuditEntry,
    Consent,
    Location,
    MedicationTrial,
    Patient,
    Prerequisite,
    PrerequisiteRecord,
)
from scheduling.services.links import read_token
from tests.factories import (
    NOW,
    make_patient,
)
from tests.views.clients import HUGE, LONG, logged_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def patient(location: Location) -> Patient:
    return make_patient(location, last_name="Lee", first_name="Ada", mrn="M77", phone="+12125550123")


def test_a_consent_is_given_after_the_warning_and_revoked(desk: Client, patient: Patient) -> None:
    address = f"/patients/{patient.pk}/consents/add/"
    assert "Other people may be able to read them" in desk.get(address).content.decode()
    assert desk.post(address, {"channel": "email"}).context["form"].errors == {
        "warned": ["Read the warning to the patient first."]
    }
    assert desk.post(address, {"channel": "email", "warned": "on"}).status_code == 302
    again = desk.post(address, {"channel": "email", "warned": "on"})
    assert "This consent is already on record." in again.content.decode()
    consent = Consent.objects.get()
    desk.get(f"/consents/{consent.pk}/revoke/")
    assert Consent.objects.get().revoked_at is None
    assert desk.post(f"/consents/{consent.pk}/revoke/").status_code == 302
    assert Consent.objects.get().revoked_at == NOW


def test_a_consent_without_an_address_says_what_to_add(desk: Client, location: Location) -> None:
    patient = make_patient(location, phone="")
    answer = desk.post(f"/patients/{patient.pk}/consents/add/", {"channel": "sms", "warned": "on"})
    assert answer.context["form"].errors == {"channel": ["Add the e-mail address or phone number first."]}


@pytest.mark.parametrize("channel", ["", "fax", LONG])
def test_an_unknown_channel_is_refused_in_words(desk: Client, patient: Patient, channel: str) -> None:
    answer = desk.post(f"/patients/{patient.pk}/consents/add/", {"channel": channel, "warned": "on"})
    assert list(answer.context["form"].errors) == ["channel"]


def test_a_medicine_is_added_and_removed(desk: Client, patient: Patient) -> None:
    answer = desk.post(
        f"/patients/{patient.pk}/medicines/add/",
        {"medicine": "Sertraline", "started": "2024-01-01", "outcome": "no_effect"},
    )
    trial = MedicationTrial.objects.get()
    assert (answer["Location"], trial.patient) == (f"/patients/{patient.pk}/", patient)
    desk.get(f"/medicines/{trial.pk}/remove/")
    assert MedicationTrial.objects.exists()
    desk.post(f"/medicines/{trial.pk}/remove/")
    assert not MedicationTrial.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"medicine": ""}, "medicine"),
        ({"medicine": LONG}, "medicine"),
        ({"outcome": "cured"}, "outcome"),
        ({"started": "2026-01-06"}, "started"),
        ({"started": "2024-02-01", "stopped": "2024-01-01"}, "stopped"),
        ({"started": "soon"}, "started"),
        ({"note": LONG}, "note"),
    ],
)
def test_a_wrong_medicine_is_explained_next_to_its_field(
    desk: Client, patient: Patient, fields: dict[str, str], field: str
) -> None:
    data = {"medicine": "Sertraline", "outcome": "helped", **fields}
    answer = desk.post(f"/patients/{patient.pk}/medicines/add/", data)
    assert list(answer.context["form"].errors) == [field]
    assert not MedicationTrial.objects.exists()


def test_a_prerequisite_is_put_on_record(desk: Client, patient: Patient) -> None:
    wanted = Prerequisite.objects.create(code="c", name="C", required_before=RequiredBefore.BOOKING)
    address = f"/patients/{patient.pk}/prerequisites/add/"
    assert "selected" in desk.get(f"{address}?prerequisite={wanted.pk}").content.decode()
    assert desk.get(f"{address}?prerequisite={HUGE}").status_code == 200
    for bad in ("", "0", "x", str(HUGE)):
        assert list(desk.post(address, {"prerequisite": bad}).context["form"].errors) == ["prerequisite"]
    assert desk.post(address, {"prerequisite": wanted.pk, "reference": "Folder 3"}).status_code == 302
    assert PrerequisiteRecord.objects.get().reference == "Folder 3"


def test_the_link_is_shown_to_hand_over_and_never_cached(desk: Client, patient: Patient) -> None:
    answer = desk.post(f"/patients/{patient.pk}/link/")
    url = answer.context["url"]
    assert url in answer.content.decode()
    assert 'src="data:image/svg+xml' in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert read_token(url.split("/v/")[1].strip("/"), LinkPurpose.VISITS) == AccessLink.objects.get()
    assert desk.post(f"/patients/{patient.pk}/link/").context["url"] == url
    assert [entry.action for entry in AuditEntry.objects.all()] == ["hand_out_link"] * 2
    assert desk.get(f"/patients/{patient.pk}/link/").status_code == 405


def test_a_new_address_makes_the_earlier_one_worthless(desk: Client, patient: Patient) -> None:
    before = desk.post(f"/patients/{patient.pk}/link/").context["url"]
    answer = desk.post(f"/patients/{patient.pk}/link/", {"rotate": "1"})
    assert answer.context["url"] != before
    assert read_token(before.split("/v/")[1].strip("/"), LinkPurpose.VISITS) is None
    assert "stopped working" in answer.content.decode()


def test_an_expired_link_works_again_once_it_is_handed_out(desk: Client, patient: Patient) -> None:
    desk.post(f"/patients/{patient.pk}/link/")
    later = NOW + timedelta(days=200)
    with time_machine.travel(later, tick=False):
        desk = logged_in(Role.FRONT_DESK)
        until = desk.post(f"/patients/{patient.pk}/link/").context["works_until"]
    assert until == (later + timedelta(days=30)).date()
