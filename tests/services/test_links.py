from datetime import timedelta

import pytest
from django.core import mail

from scheduling.access import SYSTEM, Actor, NotAllowed
from scheduling.core.words import ActorKind, Channel, LinkPurpose, Role
from scheduling.models import AccessLink, AuditEntry, Consent, Patient
from scheduling.services.delivery import deliver
from scheduling.services.links import (
    LIFE_AFTER_LAST_VISIT,
    expires_at,
    is_open,
    link_for,
    read_token,
    read_version,
    renew_link,
    revoke_link,
    rotate_link,
    token,
    visits_url,
)
from scheduling.services.new_links import send_new_link
from tests.factories import NOW, actor, book_one_course, make_location, make_patient, make_staff

pytestmark = pytest.mark.django_db
LATER = NOW + LIFE_AFTER_LAST_VISIT


@pytest.fixture
def patient() -> Patient:
    return make_patient(make_location())


@pytest.fixture
def link(patient: Patient) -> AccessLink:
    return link_for(by=SYSTEM, now=NOW, patient=patient, purpose=LinkPurpose.VISITS)


def agree(patient: Patient) -> Consent:
    nurse = make_staff(Role.NURSE)
    return Consent.objects.create(
        patient=patient, channel=Channel.EMAIL, wording_version="1", given_at=NOW, recorded_by=nurse
    )


def by_link(link: AccessLink) -> Actor:
    return Actor(ActorKind.LINK, link_id=link.pk)


def test_a_genuine_token_names_its_link(link: AccessLink) -> None:
    assert read_token(token(link), LinkPurpose.VISITS) == link
    assert len(token(link).partition(".")[2]) == 43


@pytest.mark.parametrize(
    "text",
    ["", ".", "1", "1.", "0.x", "-1.x", "\u0661.x", "9" * 30 + ".x", "1.\ud800", "1." + "A" * 43, "a" * 9999],
)
def test_any_other_text_names_none(link: AccessLink, text: str) -> None:
    assert read_token(text, LinkPurpose.VISITS) is None


def test_a_token_opens_only_what_it_was_made_for(link: AccessLink) -> None:
    feed = link_for(by=SYSTEM, now=NOW, patient=link.patient, purpose=LinkPurpose.FEED)
    assert read_token(token(link), LinkPurpose.FEED) is None
    assert read_token(token(feed), LinkPurpose.VISITS) is None
    assert read_token(f"{link.pk}.{token(feed).partition('.')[2]}", LinkPurpose.VISITS) is None


def test_a_rotated_link_has_a_new_token_and_the_old_one_is_worthless(link: AccessLink) -> None:
    old = token(link)
    rotate_link(by=actor(make_staff(Role.NURSE)), now=NOW, link=link)
    assert read_token(old, LinkPurpose.VISITS) is None
    assert read_token(token(link), LinkPurpose.VISITS) == link
    assert read_version(link.pk, 1, LinkPurpose.VISITS) is None
    assert read_version(link.pk, 2, LinkPurpose.VISITS) == link


def test_a_revoked_link_is_closed_for_token_and_cookie(link: AccessLink) -> None:
    revoke_link(by=actor(make_staff(Role.NURSE)), now=NOW, link=link)
    assert read_token(token(link), LinkPurpose.VISITS) is None
    assert read_version(link.pk, 1, LinkPurpose.VISITS) is None


def test_a_manager_may_not_rotate_or_revoke(link: AccessLink) -> None:
    manager = actor(make_staff(Role.MANAGER))
    with pytest.raises(NotAllowed):
        rotate_link(by=manager, now=NOW, link=link)
    with pytest.raises(NotAllowed):
        revoke_link(by=manager, now=NOW, link=link)


def test_a_link_without_visits_ends_30_days_after_it_was_issued(link: AccessLink) -> None:
    assert expires_at(link) == NOW + timedelta(days=30)
    assert is_open(link, LATER - timedelta(seconds=1))
    assert not is_open(link, LATER)


def test_a_link_ends_30_days_after_the_last_visit_that_is_not_cancelled() -> None:
    series = book_one_course()
    last, before = series.appointments.order_by("-starts_at")[:2]
    link = AccessLink.objects.get(patient=series.patient)
    assert expires_at(link) == last.ends_at + timedelta(days=30)
    last.status = "cancelled_by_clinic"
    last.save()
    assert expires_at(link) == before.ends_at + timedelta(days=30)


def test_renewing_gives_a_new_token_and_writes_one_entry(link: AccessLink) -> None:
    old = token(link)
    assert renew_link(by=by_link(link), now=LATER, link=link) is True
    link.refresh_from_db()
    assert (link.version, link.issued_at) == (2, LATER)
    assert read_token(old, LinkPurpose.VISITS) is None
    entry = AuditEntry.objects.get(action="renew_link")
    assert (entry.actor_kind, entry.link_id, entry.patient_id) == ("link", link.pk, link.patient_id)
    assert token(link) not in repr(AuditEntry.objects.values_list())


def test_the_second_of_two_renewals_of_the_same_link_changes_nothing(link: AccessLink) -> None:
    same = AccessLink.objects.get(pk=link.pk)
    renew_link(by=SYSTEM, now=LATER, link=link)
    assert renew_link(by=SYSTEM, now=LATER, link=same) is False
    assert AccessLink.objects.get(pk=link.pk).version == 2
    assert AuditEntry.objects.filter(action="renew_link").count() == 1


def test_a_new_link_is_mailed_in_neutral_words_and_works(link: AccessLink) -> None:
    agree(link.patient)
    assert send_new_link(by=by_link(link), now=LATER, link=link) is True
    deliver(LATER)
    [sent] = mail.outbox
    assert sent.to == [link.patient.email]
    assert sent.subject == "Your new link"
    link.refresh_from_db()
    assert visits_url(link) in sent.body
    assert is_open(link, LATER)
    assert "Riverside Clinic\n1 Made-up Street\nPhone: +1 212-555-0100" in sent.body
    words = (sent.subject + sent.body.replace(visits_url(link), "")).lower()
    assert not any(word in words for word in ("infusion", "ketamine", "treatment", "session", "dose"))


def test_a_new_link_is_mailed_in_the_patients_language(link: AccessLink) -> None:
    Patient.objects.update(language="es")
    link.patient.refresh_from_db()
    agree(link.patient)
    send_new_link(by=by_link(link), now=LATER, link=link)
    deliver(LATER)
    assert mail.outbox[0].subject == "Su nuevo enlace"
    assert mail.outbox[0].body.startswith("Hola, Ada:")


def test_a_name_cannot_add_a_header_or_markup(link: AccessLink) -> None:
    Patient.objects.update(first_name="A\r\nBcc: x@example.org & <b>")
    link.patient.refresh_from_db()
    agree(link.patient)
    send_new_link(by=by_link(link), now=LATER, link=link)
    deliver(LATER)
    assert mail.outbox[0].recipients() == [link.patient.email]
    assert mail.outbox[0].message().keys().count("Bcc") == 0
    assert "& <b>" in mail.outbox[0].body


def test_nothing_is_sent_without_consent_address_or_need(link: AccessLink) -> None:
    consent = agree(link.patient)
    assert send_new_link(by=by_link(link), now=LATER - timedelta(days=1), link=link) is False
    Consent.objects.update(revoked_at=NOW)
    assert send_new_link(by=by_link(link), now=LATER, link=link) is False
    Consent.objects.filter(pk=consent.pk).update(revoked_at=None)
    link.patient.email = ""
    assert send_new_link(by=by_link(link), now=LATER, link=link) is False
    assert mail.outbox == []
    assert AccessLink.objects.get(pk=link.pk).version == 1


def test_a_link_that_expires_again_and_again_is_renewed_three_times_an_hour(link: AccessLink) -> None:
    agree(link.patient)
    issued_at = link.issued_at
    renewed = []
    for _ in range(5):
        AccessLink.objects.update(issued_at=issued_at)
        renewed.append(send_new_link(by=by_link(link), now=LATER, link=AccessLink.objects.get()))
    assert renewed == [True, True, True, False, False]
    assert AccessLink.objects.get().version == 4
