from typing import Any

import pytest
from django.test import Client

from scheduling.core.words import CalendarWay, LinkPurpose, MessageKind, Role
from scheduling.models import AccessLink, AuditEntry, Message, Order, Patient, Series
from scheduling.services.links import token
from tests.factories import agree_to_email, book_one_course, make_patient
from tests.services.clinics import Clinic
from tests.views.booking.pages import address, book, propose
from tests.views.clients import HUGE, LONG, logged_in, said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def way_of(patient: Patient) -> str:
    return Patient.objects.values_list("calendar_way", flat=True).get(pk=patient.pk)


# --- on My visits ---


@pytest.fixture
def series() -> Series:
    return book_one_course(3)


@pytest.fixture
def mine(series: Series) -> Client:
    """The patient's browser."""
    client = Client()
    link = AccessLink.objects.get(patient=series.patient, purpose=LinkPurpose.VISITS)
    assert client.get(f"/v/{token(link)}/").status_code == 302
    return client


def test_each_way_is_explained_and_the_clinics_own_is_chosen(mine: Client) -> None:
    page = text(mine.get("/my/"))
    assert 'value="invitations" aria-describedby="way-invitations-words" checked>' in page
    assert page.count('type="radio"') == 3
    for words in (
        "an invitation for each visit",
        "Changes may take up to a day to appear there.",
        "A file does not change by itself",
        "Entries that are already in your calendar stay there.",
    ):
        assert words in page, words


def test_a_patient_chooses_files(mine: Client, series: Series) -> None:
    answer = mine.post("/my/calendar/", {"way": "files"})
    assert (answer.status_code, answer["Location"]) == (302, "/my/?calendar=saved#calendar")
    assert way_of(series.patient) == "files"
    page = text(mine.get("/my/?calendar=saved"))
    assert "Saved. Entries that are already in your calendar stay there." in page
    assert 'value="files" aria-describedby="way-files-words" checked>' in page
    link = AccessLink.objects.get(patient=series.patient, purpose=LinkPurpose.VISITS)
    assert AuditEntry.objects.get(action="choose_calendar_way").link_id == link.pk


def test_a_calendar_to_subscribe_to_has_its_address_at_once_and_only_then(
    mine: Client, series: Series
) -> None:
    assert "webcal://" not in text(mine.get("/my/"))
    mine.post("/my/calendar/", {"way": "feed"})
    feed = AccessLink.objects.get(patient=series.patient, purpose=LinkPurpose.FEED)
    assert f"webcal://127.0.0.1:8000/feed/{token(feed)}.ics" in text(mine.get("/my/"))
    mine.post("/my/calendar/", {"way": "files"})
    assert "webcal://" not in text(mine.get("/my/"))


def test_choosing_invitations_invites_to_what_is_to_come(mine: Client, series: Series) -> None:
    agree_to_email(series.patient)
    Patient.objects.update(calendar_way="files")
    mine.post("/my/calendar/", {"way": "invitations"})
    assert Message.objects.filter(kind=MessageKind.INVITATION).count() == 3


def test_without_consent_invitations_are_refused_beside_the_choice(mine: Client, series: Series) -> None:
    Patient.objects.update(calendar_way="files")
    answer = mine.post("/my/calendar/", {"way": "invitations"})
    page = text(answer)
    assert answer.status_code == 200
    assert "Invitations come by e-mail" in page
    assert 'value="invitations" aria-describedby="way-invitations-words" checked>' in page
    assert "For this we need your e-mail address and your consent" in page
    assert way_of(series.patient) == "files"


@pytest.mark.parametrize("typed", [{}, {"way": ""}, {"way": "pigeon"}, {"way": LONG}, {"way": HUGE}])
def test_what_is_no_way_is_answered_in_words(mine: Client, series: Series, typed: dict[str, Any]) -> None:
    answer = mine.post("/my/calendar/", typed)
    assert answer.status_code == 200
    assert 'id="way-error"' in text(answer)
    assert "Choose one of the three ways." in text(answer)
    assert way_of(series.patient) == ""


def test_the_page_speaks_the_patients_language(mine: Client) -> None:
    Patient.objects.update(language="es")
    assert '<html lang="es">' in text(mine.post("/my/calendar/", {"way": "pigeon"}))


def test_the_choice_is_protected_and_needs_the_patients_cookie(series: Series, mine: Client) -> None:
    assert Client().post("/my/calendar/", {"way": "files"}).status_code == 403
    assert mine.get("/my/calendar/").status_code == 405
    client = Client(enforce_csrf_checks=True)
    link = AccessLink.objects.get(patient=series.patient, purpose=LinkPurpose.VISITS)
    client.get(f"/v/{token(link)}/")
    assert client.post("/my/calendar/", {"way": "files"}).status_code == 403
    assert way_of(series.patient) == ""


# --- at booking ---


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    patient = make_patient(clinic.location)
    agree_to_email(patient)
    return patient


@pytest.fixture
def order(clinic: Clinic, patient: Patient) -> Order:
    return clinic.order(patient)


def kinds() -> dict[str, int]:
    """How many messages of each kind wait."""
    found = list(Message.objects.filter(state="waiting").values_list("kind", flat=True))
    return {kind: found.count(kind) for kind in sorted(set(found)) if kind != MessageKind.REMINDER}


def test_the_way_on_record_is_chosen_when_a_course_is_booked(
    desk: Client, patient: Patient, order: Order
) -> None:
    Patient.objects.update(calendar_way="feed")
    page = desk.post(address(patient), {"action": "choose", "proposal": propose(desk, order)[0]})
    assert page.context["form"]["way"].value() is CalendarWay.FEED
    assert 'value="feed" checked>' in text(page)


def test_booking_as_it_stands_changes_no_way(desk: Client, patient: Patient, order: Order) -> None:
    book(desk, patient, propose(desk, order)[0], way="invitations")
    assert way_of(patient) == ""
    assert kinds() == {"confirmation": 1, "invitation": 6}
    assert not AuditEntry.objects.filter(action="choose_calendar_way").exists()


def test_the_chosen_way_holds_for_the_course_being_booked(
    desk: Client, patient: Patient, order: Order
) -> None:
    answer = book(desk, patient, propose(desk, order)[0], way="files")
    assert said(answer)[-1:] == ["6 visits are booked."]
    assert way_of(patient) == "files"
    assert kinds() == {"confirmation": 1}
    assert AuditEntry.objects.get(action="choose_calendar_way").patient_id == patient.pk


def test_a_feed_chosen_at_booking_has_its_address(desk: Client, patient: Patient, order: Order) -> None:
    book(desk, patient, propose(desk, order)[0], way="feed")
    assert AccessLink.objects.filter(patient=patient, purpose=LinkPurpose.FEED).count() == 1
    assert kinds() == {"confirmation": 1}


def test_pressing_book_twice_keeps_what_the_patient_chose_in_between(
    desk: Client, patient: Patient, order: Order
) -> None:
    proposal = propose(desk, order)[0]
    book(desk, patient, proposal, way="files")
    Patient.objects.update(calendar_way="feed")
    book(desk, patient, proposal, way="files")
    assert way_of(patient) == "feed"
    assert Series.objects.count() == 1


@pytest.mark.parametrize(
    ("way", "words"), [("pigeon", "Select a valid choice"), ("invitations", "Invitations come by e-mail")]
)
def test_a_way_that_cannot_be_is_refused_beside_it_and_nothing_is_booked(
    desk: Client, clinic: Clinic, way: str, words: str
) -> None:
    patient = make_patient(clinic.location, calendar_way="files")
    page = book(desk, patient, propose(desk, clinic.order(patient))[0], way=way)
    assert page.status_code == 200
    assert words in text(page)
    assert not Series.objects.exists()
    assert way_of(patient) == "files"


def test_without_email_the_clerk_is_told_what_becomes_of_messages(desk: Client, clinic: Clinic) -> None:
    order = clinic.order(make_patient(clinic.location))
    page = desk.post(address(order.patient), {"action": "choose", "proposal": propose(desk, order)[0]})
    assert "No e-mail address or no consent to e-mail" in text(page)


# --- among the patient's data ---


def test_the_way_is_changed_on_the_patients_form(patient: Patient) -> None:
    client = logged_in(Role.FRONT_DESK)
    form = client.get(f"/patients/{patient.pk}/edit/").context["form"]
    typed = {name: form[name].value() or "" for name in form.fields if name != "save_anyway"}
    typed |= {"calendar_way": "feed", "is_active": "on", "needs_interpreter": ""}
    answer = client.post(f"/patients/{patient.pk}/edit/", typed)
    assert answer.status_code == 302
    assert way_of(patient) == "feed"
