"""Ada has a new e-mail address: nothing goes to the old one, and only a test link to the new one until it is opened."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse

from clinic.logs import mask
from scheduling.access import SYSTEM, Actor, NotAllowed
from scheduling.core.words import ActorKind, Channel, LinkPurpose, MessageKind, MessageState, Role
from scheduling.models import AccessLink, AuditEntry, Consent, Message, Patient, Series
from scheduling.services import delivery
from scheduling.services.addresses import confirm_address, prove_address, send_test_link_again
from scheduling.services.appointments import Canceller, cancel_appointment
from scheduling.services.faults import Refused
from scheduling.services.ledger import may_write_to
from scheduling.services.links import link_for, link_in_force, read_token, token
from scheduling.services.patients import give_consent, revoke_consent, save_patient
from tests.factories import NOW, make_patient
from tests.services.clinics import Clinic
from tests.views.clients import logged_in

from .adas_course import ada_of, post_by, visits_of

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEW = "ada@new.example.org"


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def series(clinic: Clinic) -> Series:
    """Ada's course of two visits, told by mail already."""
    booked = clinic.book(clinic.order(ada_of(clinic)), [NOW + DAY + HOUR, NOW + 4 * DAY + HOUR])
    post_by(NOW)
    return booked


@pytest.fixture
def ada(series: Series) -> Patient:
    return Patient.objects.select_related("home_location").get(pk=series.patient_id)


def change(clinic: Clinic, ada: Patient, **to: str) -> Patient:
    for name, value in to.items():
        setattr(ada, name, value)
    return save_patient(by=clinic.clerk, now=NOW + MINUTE, patient=ada)


def since(number: int) -> list[tuple[list[str], str]]:
    return sorted((one.to, str(one.subject)) for one in mail.outbox[number:])


def pending() -> list[tuple[str, str, str]]:
    rows = Message.objects.pending().order_by("due_at", "pk")
    return list(rows.values_list("kind", "way", "state"))


def link_to_test(patient: Patient) -> AccessLink:
    link = link_in_force(patient, LinkPurpose.ADDRESS)
    assert link
    return link


def proven(patient: Patient, now: Any = NOW + HOUR) -> AccessLink:
    return prove_address(by=Actor(ActorKind.LINK, link_id=link_to_test(patient).pk), now=now)


def test_a_new_address_closes_every_link_and_the_feed(clinic: Clinic, ada: Patient) -> None:
    old = [
        link_for(by=SYSTEM, now=NOW, patient=ada, purpose=purpose)
        for purpose in (LinkPurpose.VISITS, LinkPurpose.FEED)
    ]
    change(clinic, ada, email=NEW)
    assert [read_token(token(link), LinkPurpose(link.purpose)) for link in old] == [None, None]
    ada.refresh_from_db()
    assert (ada.email_unproven_since, may_write_to(ada)) == (NOW + MINUTE, False)


def test_only_the_test_link_goes_to_the_new_address_and_nothing_to_the_old(
    clinic: Clinic, series: Series, ada: Patient
) -> None:
    before = len(mail.outbox)
    change(clinic, ada, email=NEW)
    cancel_appointment(
        by=clinic.clerk, now=NOW + MINUTE, appointment=visits_of(series)[1], canceller=Canceller.CLINIC
    )
    post_by(NOW + 3 * DAY)
    assert since(before) == [([NEW], "Is this your new address?")]
    body = str(mail.outbox[-1].body)
    assert "Ada" not in body
    assert "/address/" in body
    assert ("change", "print", "to_do") in pending()
    assert {way for _kind, way, _state in pending()} == {"print"}


def test_what_waited_for_the_old_address_is_dropped_and_becomes_a_task(clinic: Clinic, ada: Patient) -> None:
    assert pending() == [("reminder", "email", "waiting")] * len(pending())
    number = len(pending())
    assert number
    change(clinic, ada, email=NEW)
    dropped = Message.objects.filter(state=MessageState.DROPPED)
    assert set(dropped.values_list("kind", "reason")) == {("reminder", "The address changed.")}
    tasks = [row for row in pending() if row[0] != "address"]
    assert tasks == [("reminder", "print", "to_do")] * number


def test_a_message_in_the_workers_hands_reads_the_address_anew(
    clinic: Clinic, series: Series, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clerk saves the new address while the worker holds Ada's cancellation; what it loaded is too old by then."""
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=visits_of(series)[1], canceller=Canceller.CLINIC)
    before, claim = len(mail.outbox), delivery._claim

    def claim_then_save(now: Any, lease: str) -> list[int]:
        ids = claim(now, lease)
        if ids and ada.email != NEW:
            change(clinic, ada, email=NEW)
        return ids

    monkeypatch.setattr(delivery, "_claim", claim_then_save)
    post_by(NOW + HOUR)
    assert since(before) == [([NEW], "Is this your new address?")]


def test_opened_and_proven_the_course_comes_afresh(clinic: Clinic, series: Series, ada: Patient) -> None:
    change(clinic, ada, email=NEW)
    post_by(NOW + MINUTE)
    before = len(mail.outbox)
    link = proven(ada)
    ada.refresh_from_db()
    assert (ada.email_unproven_since, link.purpose, link.revoked_at) == (None, LinkPurpose.VISITS, None)
    post_by(NOW + HOUR)
    days = ["Friday, January 9, 2026", "Tuesday, January 6, 2026"]
    hours = "9 a.m. to 11 a.m. (New York, UTC-5) – Riverside Clinic"
    assert since(before) == [
        *(([NEW], f"Appointment, {day}, {hours}") for day in sorted(days)),
        ([NEW], "Your appointments – Riverside Clinic"),
    ]
    dates = str(mail.outbox[before].body)
    assert all(day in dates for day in days)
    assert token(link) in dates
    calendars = [str(one.message()) for one in mail.outbox[before:] if "METHOD" in str(one.message())]
    assert len(calendars) == 2
    assert pending() == [("reminder", "email", "waiting")] * len(pending())
    assert pending()
    assert AuditEntry.objects.filter(action="prove_address", actor_kind="link").count() == 1


def test_without_invitations_only_the_mail_with_all_dates_comes(clinic: Clinic, ada: Patient) -> None:
    change(clinic, ada, email=NEW, calendar_way="files")
    post_by(NOW + MINUTE)
    before = len(mail.outbox)
    proven(ada)
    post_by(NOW + HOUR)
    assert since(before) == [([NEW], "Your appointments – Riverside Clinic")]


def test_a_link_proves_once_and_only_its_own_patient(clinic: Clinic, ada: Patient) -> None:
    change(clinic, ada, email=NEW)
    by = Actor(ActorKind.LINK, link_id=link_to_test(ada).pk)
    other = link_for(by=SYSTEM, now=NOW, patient=make_patient(clinic.location), purpose=LinkPurpose.VISITS)
    with pytest.raises(NotAllowed):
        prove_address(by=Actor(ActorKind.LINK, link_id=other.pk), now=NOW + HOUR)
    prove_address(by=by, now=NOW + HOUR)
    with pytest.raises(NotAllowed):
        prove_address(by=by, now=NOW + HOUR)


def test_changed_again_the_first_test_link_proves_nothing(clinic: Clinic, ada: Patient) -> None:
    change(clinic, ada, email=NEW)
    first = link_to_test(ada)
    change(clinic, ada, email="ada@newer.example.org")
    with pytest.raises(NotAllowed):
        prove_address(by=Actor(ActorKind.LINK, link_id=first.pk), now=NOW + HOUR)
    before = len(mail.outbox)
    post_by(NOW + HOUR)
    assert since(before) == [(["ada@newer.example.org"], "Is this your new address?")]


def test_saving_twice_or_in_capitals_changes_nothing(clinic: Clinic, ada: Patient) -> None:
    rows, links = pending(), list(AccessLink.objects.values_list("pk", "revoked_at"))
    change(clinic, ada, email="ADA@example.org", note="Rings twice")
    assert (pending(), list(AccessLink.objects.values_list("pk", "revoked_at"))) == (rows, links)
    ada.refresh_from_db()
    assert ada.email_unproven_since is None


def test_without_consent_no_test_link_goes_until_it_is_given(clinic: Clinic, ada: Patient) -> None:
    revoke_consent(by=clinic.clerk, now=NOW, consent=Consent.objects.get(patient=ada))
    change(clinic, ada, email=NEW)
    assert not Message.objects.filter(kind=MessageKind.ADDRESS).exists()
    with pytest.raises(Refused, match="not agreed to e-mail"):
        send_test_link_again(by=clinic.clerk, now=NOW + HOUR, patient=ada)
    give_consent(by=clinic.clerk, now=NOW + HOUR, patient=ada, channel=Channel.EMAIL)
    before = len(mail.outbox)
    post_by(NOW + HOUR)
    assert since(before) == [([NEW], "Is this your new address?")]


def test_an_emptied_address_has_nothing_to_prove(clinic: Clinic, ada: Patient) -> None:
    change(clinic, ada, email="")
    ada.refresh_from_db()
    assert (ada.email_unproven_since, AccessLink.objects.filter(revoked_at=None).exists()) == (None, False)
    assert {way for _kind, way, _state in pending()} == {"print"}
    change(clinic, ada, email=NEW)
    ada.refresh_from_db()
    assert ada.email_unproven_since == NOW + MINUTE


def test_a_first_address_is_believed_like_that_of_a_new_patient(clinic: Clinic) -> None:
    bea = make_patient(clinic.location, email="")
    link = link_for(by=SYSTEM, now=NOW, patient=bea, purpose=LinkPurpose.VISITS)
    change(clinic, bea, email="bea@example.org")
    give_consent(by=clinic.clerk, now=NOW, patient=bea, channel=Channel.EMAIL)
    bea.refresh_from_db()
    link.refresh_from_db()
    assert (bea.email_unproven_since, may_write_to(bea), link.revoked_at) == (None, True, None)


def test_a_new_phone_number_brings_a_new_link_by_mail(clinic: Clinic, ada: Patient) -> None:
    change(clinic, ada, phone="+12125550111")
    old = link_in_force(ada, LinkPurpose.VISITS)
    before = len(mail.outbox)
    change(clinic, ada, phone="+12125550122")
    new = link_in_force(ada, LinkPurpose.VISITS)
    assert old
    assert new
    assert old.pk != new.pk
    post_by(NOW + MINUTE)
    assert since(before) == [(["ada@example.org"], "Your new link")]
    assert token(new) in str(mail.outbox[-1].body)


def test_the_test_link_can_be_sent_again_three_times_an_hour(clinic: Clinic, ada: Patient) -> None:
    change(clinic, ada, email=NEW)
    old = token(link_to_test(ada))
    for _time in range(3):
        send_test_link_again(by=clinic.clerk, now=NOW + HOUR, patient=ada)
    with pytest.raises(Refused, match="three times"):
        send_test_link_again(by=clinic.clerk, now=NOW + HOUR, patient=ada)
    assert read_token(old, LinkPurpose.ADDRESS) is None
    before = len(mail.outbox)
    post_by(NOW + HOUR)
    assert since(before) == [([NEW], "Is this your new address?")]
    assert token(link_to_test(ada)) in str(mail.outbox[-1].body)


def test_confirmed_in_person_it_is_proven(clinic: Clinic, ada: Patient) -> None:
    change(clinic, ada, email=NEW)
    confirm_address(by=clinic.clerk, now=NOW + HOUR, patient=ada)
    with pytest.raises(Refused, match="nothing to prove"):
        confirm_address(by=clinic.clerk, now=NOW + HOUR, patient=ada)
    before = len(mail.outbox)
    post_by(NOW + HOUR)
    assert ([NEW], "Your appointments – Riverside Clinic") in since(before)
    assert "Is this your new address?" not in {subject for _to, subject in since(before)}


def rows() -> list[Any]:
    tables = (AccessLink, Message, Patient, AuditEntry)
    return [list(table._base_manager.order_by("pk").values()) for table in tables]


def test_looking_at_the_page_writes_nothing_and_the_button_lets_ada_in(clinic: Clinic, ada: Patient) -> None:
    change(clinic, ada, email=NEW)
    client, url = Client(enforce_csrf_checks=True), f"/v/{token(link_to_test(ada))}/address/"
    with time_machine.travel(NOW + HOUR, tick=False):
        before = rows()
        for answer in (client.get(url), client.head(url)):
            assert (answer.status_code, answer["Referrer-Policy"]) == (200, "no-referrer")
            assert not answer.cookies
        assert rows() == before
        assert "Yes, this is my address" in client.get(url).content.decode()
        answer = client.post(url)
        assert (answer.status_code, answer["Location"]) == (302, "/my/")
        assert client.get("/my/").status_code == 200
        assert (client.get(url).status_code, client.post(url).status_code) == (404, 404)
    ada.refresh_from_db()
    assert ada.email_unproven_since is None


def test_the_front_desk_sees_that_the_address_is_not_proven(clinic: Clinic, ada: Patient) -> None:
    change(clinic, ada, email=NEW)
    clerk, url = logged_in(Role.FRONT_DESK), reverse("patient_detail", args=(ada.pk,))
    with time_machine.travel(NOW + HOUR, tick=False):
        page = clerk.get(url).content.decode()
        assert "not proven since 5 Jan 2026 08:01" in page
        assert "Send the test link again" in page
        assert clerk.post(reverse("address_test", args=(ada.pk,))).status_code == 302
        assert clerk.post(reverse("address_confirm", args=(ada.pk,))).status_code == 302
        assert "not proven since" not in clerk.get(url).content.decode()


def test_the_path_of_a_test_link_is_masked_in_logs(ada: Patient) -> None:
    link = link_for(by=SYSTEM, now=NOW, patient=ada, purpose=LinkPurpose.ADDRESS)
    assert token(link) not in mask(f"GET /v/{token(link)}/address/ 200")
