"""Luz reads Spanish and needs an interpreter: her calendar, mails and pages say so, and set-up says what is missing."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse

from scheduling.access import SYSTEM
from scheduling.core.words import LinkPurpose, Role
from scheduling.models import Location, LocationLabel, Patient, ProtocolInstruction, Series
from scheduling.services import delivery
from scheduling.services.calendar_files import feed_etag, feed_file
from scheduling.services.links import link_for, token
from scheduling.services.set_up import missing_texts
from tests.factories import NOW, agree_to_email, make_location, make_patient, make_protocol
from tests.services.clinics import Clinic
from tests.views.clients import logged_in, queries

from .adas_course import post_by

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPANISH = "Clínica de la Ribera"


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def luz(clinic: Clinic) -> Patient:
    patient = make_patient(
        clinic.location, first_name="Luz", language="es", needs_interpreter=True, email="luz@example.org"
    )
    agree_to_email(patient)
    return patient


@pytest.fixture
def series(clinic: Clinic, luz: Patient) -> Series:
    LocationLabel.objects.create(location=clinic.location, language="es", calendar_label=SPANISH)
    return clinic.book(clinic.order(luz), [NOW + DAY + HOUR])


def test_mails_and_their_sender_have_the_label_of_her_language(series: Series) -> None:
    subjects = post_by(NOW)
    assert len(subjects) == 2
    assert all(subject.endswith(SPANISH) for subject in subjects)
    assert {one.from_email.partition(" <")[0] for one in mail.outbox} != {"Riverside Clinic"}
    for one in mail.outbox:
        assert "Riverside Clinic" not in str(one.body)
        assert "Riverside Clinic" not in one.from_email


def test_calendar_and_page_have_it_too(series: Series, luz: Patient) -> None:
    text = feed_file(luz).decode().replace("\r\n ", "")
    assert (SPANISH in text, "Riverside Clinic" in text) == (True, False)
    link = link_for(by=SYSTEM, now=NOW, patient=luz, purpose=LinkPurpose.VISITS)
    client = Client()
    with time_machine.travel(NOW, tick=False):
        client.get(f"/v/{token(link)}/")
        page = client.get("/my/").content.decode()
    assert (SPANISH in page, "Riverside Clinic" in page) == (True, False)


def test_another_language_reads_the_locations_own_label(clinic: Clinic, series: Series) -> None:
    ada = make_patient(clinic.location)
    clinic.book(clinic.order(ada), [NOW + 2 * DAY + HOUR])
    text = feed_file(ada).decode()
    assert ("Riverside Clinic" in text, SPANISH in text) == (True, False)


def test_a_changed_label_is_a_new_feed(series: Series, luz: Patient) -> None:
    before = feed_etag(luz)
    assert feed_etag(luz) == before
    LocationLabel.objects.update(calendar_label="Clínica del Río")
    assert feed_etag(luz) != before


def test_a_language_changed_while_the_worker_holds_the_mail_is_the_one_it_leaves_in(
    series: Series, luz: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = delivery._claim

    def claim_then_change(now: Any, lease: str) -> list[int]:
        ids = claim(now, lease)
        Patient.objects.update(language="en")
        return ids

    monkeypatch.setattr(delivery, "_claim", claim_then_change)
    assert "Your appointments – Riverside Clinic" in post_by(NOW)


def test_the_board_says_that_she_needs_an_interpreter_and_in_which_language(
    clinic: Clinic, series: Series
) -> None:
    nurse = logged_in(Role.NURSE)
    with time_machine.travel(NOW, tick=False):
        assert (
            "needs an interpreter: " in nurse.get(reverse("board_day", args=("2026-01-06",))).content.decode()
        )
        visit = series.appointments.get()
        page = nurse.get(reverse("appointment_detail", args=(visit.pk,))).content.decode()
    assert "needs an interpreter: " in page


def test_set_up_lists_what_is_missing_and_only_that(clinic: Clinic) -> None:
    found = missing_texts()
    assert [(one.thing, list(map(str, one.languages))) for one in found.labels] == [
        (clinic.location, ["Español"])
    ]
    assert [(one.thing, len(one.languages)) for one in found.instructions] == [(clinic.protocol, 2)]
    assert found.count == 3
    LocationLabel.objects.create(location=clinic.location, language="es", calendar_label=SPANISH)
    for language in ("en", "es"):
        ProtocolInstruction.objects.create(protocol=clinic.protocol, language=language, text="Fast.")
    assert missing_texts().count == 0


def test_closed_locations_and_old_protocols_need_nothing(clinic: Clinic) -> None:
    Location.objects.update(is_active=False)
    type(clinic.protocol).objects.update(is_active=False)
    assert missing_texts().count == 0


def test_the_manager_finds_it_from_the_top_bar(clinic: Clinic) -> None:
    manager, url = logged_in(Role.MANAGER), reverse("set_up")
    page = manager.get(url).content.decode()
    assert reverse("admin:scheduling_location_change", args=(clinic.location.pk,)) in page
    assert reverse("admin:scheduling_protocol_change", args=(clinic.protocol.pk,)) in page
    assert "texts missing" in manager.get(reverse("board")).content.decode()
    assert url not in logged_in(Role.NURSE).get(reverse("board")).content.decode()
    Location.objects.update(is_active=False)
    type(clinic.protocol).objects.update(is_active=False)
    assert "Nothing is missing" in manager.get(url).content.decode()


def test_it_asks_the_database_as_often_for_many_as_for_one(clinic: Clinic) -> None:
    manager, url = logged_in(Role.MANAGER), reverse("set_up")
    one = queries(manager, url)
    for _more in range(3):
        make_location()
        make_protocol()
    assert queries(manager, url) == one
