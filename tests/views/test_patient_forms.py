from datetime import date

import pytest
from django.test import Client

from scheduling.core.words import Role
from scheduling.models import (
    AuditEntry,
    Location,
    Patient,
)
from tests.factories import (
    make_patient,
)
from tests.views.clients import HUGE, LONG, NUL, logged_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def patient(location: Location) -> Patient:
    return make_patient(location, last_name="Lee", first_name="Ada", mrn="M77", phone="+12125550123")


def typed(location: Location, **fields: object) -> dict[str, object]:
    return {
        "first_name": "Bo",
        "last_name": "Diaz",
        "birth_date": "1990-05-04",
        "mrn": "N1",
        "home_location": location.pk,
        "language": "en",
        **fields,
    }


def test_a_patient_is_added_and_the_page_opens(desk: Client, location: Location) -> None:
    answer = desk.post("/patients/add/", typed(location, phone="(212) 555-0123", needs_interpreter="on"))
    patient = Patient.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/patients/{patient.pk}/")
    assert (str(patient), patient.birth_date, str(patient.phone.as_e164), patient.is_active) == (
        "Diaz, Bo",
        date(1990, 5, 4),
        "+12125550123",
        True,
    )
    assert patient.needs_interpreter


def test_an_edit_keeps_what_was_typed(desk: Client, patient: Patient, location: Location) -> None:
    answer = desk.post(f"/patients/{patient.pk}/edit/", typed(location, last_name="Leigh", language="es"))
    assert answer.status_code == 302
    patient.refresh_from_db()
    assert (patient.last_name, patient.language, patient.is_active) == ("Leigh", "es", True)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("first_name", "", "This field is required."),
        ("first_name", "  ", "This field is required."),
        ("last_name", LONG, "at most 60 characters"),
        ("mrn", LONG, "at most 20 characters"),
        ("note", LONG, "at most 1000 characters"),
        ("birth_date", "2030-01-01", "not in the future"),
        ("birth_date", "1066-10-14", "Look at the year again."),
        ("birth_date", "2020-13-45", "Enter a valid date."),
        ("birth_date", LONG, "Enter a valid date."),
        ("email", "nobody", "Enter a valid email address."),
        ("phone", "12", "Enter a valid phone number"),
        ("phone", LONG, "Enter a valid phone number"),
        ("language", "tlh", "Select a valid choice."),
        ("home_location", "0", "Select a valid choice."),
        ("home_location", str(HUGE), "Select a valid choice."),
        ("home_location", "x", "Select a valid choice."),
    ],
)
def test_bad_input_is_explained_next_to_its_field(
    desk: Client, location: Location, field: str, value: str, words: str
) -> None:
    answer = desk.post("/patients/add/", typed(location, **{field: value}))
    assert answer.status_code == 200
    form = answer.context["form"]
    assert list(form.errors) == [field]
    assert words in " ".join(form.errors[field])
    if field != "first_name":
        assert 'value="Bo"' in answer.content.decode()
    assert not Patient.objects.exists()


def test_a_taken_record_number_is_explained_next_to_it(
    desk: Client, location: Location, patient: Patient
) -> None:
    answer = desk.post("/patients/add/", typed(location, mrn="M77"))
    assert answer.context["form"].errors == {
        "mrn": ["Another patient has this record number at this location."]
    }


def test_a_likely_twin_is_shown_before_anything_is_saved(
    desk: Client, location: Location, patient: Patient
) -> None:
    same = typed(location, last_name="lee", birth_date="1980-02-29", note="typed")
    answer = desk.post("/patients/add/", same)
    page = answer.content.decode()
    assert "Already there?" in page
    assert f'href="/patients/{patient.pk}/"' in page
    assert 'name="save_anyway"' in page
    assert "typed</textarea>" in page
    assert Patient.objects.count() == 1
    assert desk.post("/patients/add/", {**same, "save_anyway": "on"}).status_code == 302
    assert Patient.objects.count() == 2


def test_twins_on_record_may_be_edited_without_asking_again(
    desk: Client, location: Location, patient: Patient
) -> None:
    make_patient(location, last_name="Lee", mrn="M78")
    unchanged = typed(location, first_name="Ada", last_name="Lee", birth_date="1980-02-29", mrn="M79")
    assert desk.post(f"/patients/{patient.pk}/edit/", unchanged).status_code == 302


def test_a_nul_in_a_form_is_refused_and_nothing_is_saved(desk: Client, location: Location) -> None:
    assert desk.post("/patients/add/", typed(location, first_name=NUL)).status_code == 400
    assert not Patient.objects.exists()


FORMS = ("edit/", "consents/add/", "medicines/add/", "prerequisites/add/")


def test_a_manager_may_open_no_form_about_a_patient(patient: Patient, location: Location) -> None:
    manager = logged_in(Role.MANAGER)
    for form in FORMS:
        for answer in (
            manager.get(f"/patients/{patient.pk}/{form}"),
            manager.post(f"/patients/{patient.pk}/{form}"),
        ):
            assert answer.status_code == 403, form
    assert manager.get("/patients/add/").status_code == 403
    assert manager.post("/patients/add/", typed(location)).status_code == 403
    assert manager.post(f"/patients/{patient.pk}/link/").status_code == 403
    assert not AuditEntry.objects.exists()


def test_without_a_log_in_every_page_asks_for_one(patient: Patient) -> None:
    for address in ("/patients/", "/patients/add/", f"/patients/{patient.pk}/"):
        answer = Client().get(address)
        assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={address}")


def test_a_wrong_number_is_not_found(desk: Client) -> None:
    for number in (0, 999_999, HUGE):
        for form in ("", *FORMS):
            assert desk.get(f"/patients/{number}/{form}").status_code == 404
        assert desk.post(f"/patients/{number}/link/").status_code == 404
        assert desk.post(f"/consents/{number}/revoke/").status_code == 404
        assert desk.post(f"/medicines/{number}/remove/").status_code == 404
