"""Ada no longer wants e-mail: it acts before the next send, and the front desk tells her instead."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse

from scheduling.access import SYSTEM
from scheduling.core.words import LinkPurpose, MessageKind, MessageState, Role
from scheduling.models import Appointment, Consent, Message, Series
from scheduling.services import delivery
from scheduling.services.appointments import Canceller, cancel_appointment
from scheduling.services.links import link_for, token
from scheduling.services.patients import revoke_consent
from tests.factories import NOW
from tests.services.clinics import Clinic
from tests.views.clients import logged_in

from .adas_course import ada_of, post_by, visits_of

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STAYS = "Entries already in your calendar will no longer change."


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def series(clinic: Clinic) -> Series:
    """Ada's course of three visits, told by mail and standing in her calendar."""
    booked = clinic.book(clinic.order(ada_of(clinic)), [NOW + days * DAY + HOUR for days in (1, 4, 8)])
    post_by(NOW)
    return booked


@pytest.fixture
def friday(series: Series) -> Appointment:
    return visits_of(series)[1]


def withdraw(clinic: Clinic) -> None:
    revoke_consent(by=clinic.clerk, now=NOW + HOUR, consent=Consent.objects.get())


def pending() -> list[tuple[str, str]]:
    return sorted(set(Message.objects.pending().values_list("kind", "way")))


def test_what_waits_becomes_work_for_the_front_desk_at_once(clinic: Clinic, friday: Appointment) -> None:
    cancel_appointment(by=clinic.clerk, now=NOW + HOUR, appointment=friday, canceller=Canceller.CLINIC)
    assert pending() == [("change", "email"), ("invitation", "email"), ("reminder", "email")]
    withdraw(clinic)
    assert pending() == [("change", "print"), ("reminder", "print")]
    dropped = Message.objects.get(kind=MessageKind.INVITATION, state=MessageState.DROPPED)
    assert dropped.reason == "The patient no longer agrees to e-mail."
    before = len(mail.outbox)
    assert (post_by(NOW + 3 * DAY), len(mail.outbox)) == ([], before)


def test_a_row_in_the_workers_hands_is_not_sent_calendar_included(
    clinic: Clinic, friday: Appointment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The consent ends while the worker holds the cancellation and its calendar entry."""
    cancel_appointment(by=clinic.clerk, now=NOW + HOUR, appointment=friday, canceller=Canceller.CLINIC)
    claim = delivery._claim

    def claim_then_withdraw(now: Any, lease: str) -> list[int]:
        ids = claim(now, lease)
        if Consent.objects.filter(revoked_at=None).exists():
            withdraw(clinic)
        return ids

    monkeypatch.setattr(delivery, "_claim", claim_then_withdraw)
    assert post_by(NOW + 2 * HOUR) == []
    assert Message.objects.filter(kind=MessageKind.INVITATION, state=MessageState.DROPPED).count() == 1
    assert ("change", "print") in pending()


def test_ending_it_twice_changes_nothing(clinic: Clinic, series: Series) -> None:
    consent = Consent.objects.get()
    withdraw(clinic)
    before = list(Message.objects.order_by("pk").values())
    revoke_consent(by=clinic.clerk, now=NOW + DAY, consent=consent)
    assert list(Message.objects.order_by("pk").values()) == before
    consent.refresh_from_db()
    assert consent.revoked_at == NOW + HOUR


def test_her_page_and_the_front_desks_say_that_the_calendar_stays_as_it_is(
    clinic: Clinic, series: Series
) -> None:
    link = link_for(by=SYSTEM, now=NOW, patient=series.patient, purpose=LinkPurpose.VISITS)
    clerk, client = logged_in(Role.FRONT_DESK), Client()
    url = reverse("consent_revoke", args=(Consent.objects.get().pk,))
    with time_machine.travel(NOW + HOUR, tick=False):
        client.get(f"/v/{token(link)}/")
        assert STAYS not in client.get("/my/").content.decode()
        assert "Entries already in the patient's calendar will no longer change." in (
            clerk.get(url).content.decode().replace("&#x27;", "'")
        )
        withdraw(clinic)
        assert STAYS in client.get("/my/").content.decode()


def test_who_only_downloads_files_is_told_nothing_of_it(clinic: Clinic) -> None:
    ada = ada_of(clinic)
    ada.calendar_way = "files"
    ada.save()
    clinic.book(clinic.order(ada), [NOW + DAY + HOUR])
    post_by(NOW)
    link = link_for(by=SYSTEM, now=NOW, patient=ada, purpose=LinkPurpose.VISITS)
    withdraw(clinic)
    client = Client()
    with time_machine.travel(NOW + HOUR, tick=False):
        client.get(f"/v/{token(link)}/")
        assert STAYS not in client.get("/my/").content.decode()
