"""The simulated calendar keeps to the RFC, or every proof made with it would be worth nothing."""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import permutations

import pytest

from scheduling.core.invites import VisitEntry
from scheduling.core.itip import Method, Party, itip_bytes, method_of
from tests.calendar_client import CalendarClient, RefusedMail

CLINIC, ADA = Party("Riverside Clinic", "clinic@example.org"), Party("Ada", "Ada@Example.org")
START = datetime(2026, 1, 6, 14, tzinfo=UTC)
STAMP = datetime(2026, 1, 5, 13, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
VISIT = VisitEntry(
    uid="one",
    sequence=0,
    starts_at=START,
    ends_at=START + 2 * HOUR,
    changed_at=STAMP,
    is_cancelled=False,
    summary="Appointment",
    description="",
    address="1 Made-up Street",
    url="https://clinic.example/my/",
)


def mail(
    content: bytes, *, method: str = "REQUEST", to: str = ADA.address, sender: str = CLINIC.address
) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, "Your visit"
    message.set_content("Your visit")
    message.add_alternative(
        content, maintype="text", subtype="calendar", params={"method": method, "charset": "UTF-8"}
    )
    message.add_attachment(content, maintype="text", subtype="calendar", filename="invite.ics")
    return message.as_bytes()


def invitation(entry: VisitEntry, *, stamp: datetime = STAMP) -> bytes:
    content = itip_bytes(entry, organizer=CLINIC, attendee=ADA, stamp=stamp)
    return mail(content, method=method_of(entry))


def moved(sequence: int, hours: int) -> VisitEntry:
    start = START + hours * HOUR
    return replace(VISIT, sequence=sequence, starts_at=start, ends_at=start + 2 * HOUR)


def cancelled(sequence: int) -> VisitEntry:
    return replace(VISIT, sequence=sequence, is_cancelled=True)


def after(mails: Iterable[bytes]) -> CalendarClient:
    client = CalendarClient(ADA.address)
    for raw in mails:
        client.receive(raw)
    return client


def test_an_invitation_stands_in_the_calendar() -> None:
    assert after([invitation(VISIT)]).events() == {"one": (START, START + 2 * HOUR)}


def test_an_update_moves_it_and_a_cancellation_takes_it_away() -> None:
    client = after([invitation(VISIT), invitation(moved(1, 24))])
    assert client.events() == {"one": (START + 24 * HOUR, START + 26 * HOUR)}
    assert client.receive(invitation(cancelled(2))) is True
    assert (client.events(), client.sequence_of("one")) == ({}, 2)


def test_a_mail_that_comes_twice_changes_nothing_the_second_time() -> None:
    client = after([invitation(VISIT)])
    assert client.receive(invitation(VISIT)) is False
    assert client.events() == {"one": (START, START + 2 * HOUR)}


def test_an_older_mail_that_comes_late_is_ignored() -> None:
    client = after([invitation(moved(2, 48))])
    for late in (invitation(VISIT), invitation(moved(1, 24), stamp=STAMP + HOUR), invitation(cancelled(1))):
        assert client.receive(late) is False
    assert client.events() == {"one": (START + 48 * HOUR, START + 50 * HOUR)}


def test_at_the_same_sequence_the_later_stamp_counts() -> None:
    client = after([invitation(VISIT, stamp=STAMP + MINUTE)])
    assert client.receive(invitation(moved(0, 1), stamp=STAMP)) is False
    assert client.receive(invitation(moved(0, 1), stamp=STAMP + MINUTE)) is False
    assert client.receive(invitation(moved(0, 1), stamp=STAMP + 2 * MINUTE)) is True
    assert client.events() == {"one": (START + HOUR, START + 3 * HOUR)}


def test_a_request_older_than_the_cancellation_does_not_bring_it_back() -> None:
    client = after([invitation(cancelled(2)), invitation(moved(1, 24), stamp=STAMP + HOUR)])
    assert client.events() == {}


def test_a_newer_request_does() -> None:
    client = after([invitation(VISIT), invitation(cancelled(1)), invitation(moved(2, 0))])
    assert client.events() == {"one": (START, START + 2 * HOUR)}


def test_any_order_and_any_duplicates_end_alike() -> None:
    life = [invitation(VISIT), invitation(moved(1, 24)), invitation(moved(2, 3)), invitation(moved(3, 72))]
    for order in permutations(life):
        assert after(order).events() == {"one": (START + 72 * HOUR, START + 74 * HOUR)}
    chance = random.Random(7)
    ended = [*life, invitation(cancelled(4))]
    for _round in range(50):
        shuffled = [*ended, *chance.choices(ended, k=5)]
        chance.shuffle(shuffled)
        assert after(shuffled).events() == {}


def test_visits_do_not_disturb_one_another() -> None:
    other = replace(VISIT, uid="two", starts_at=START + 72 * HOUR, ends_at=START + 73 * HOUR)
    client = after([invitation(VISIT), invitation(other), invitation(cancelled(1))])
    assert client.events() == {"two": (START + 72 * HOUR, START + 73 * HOUR)}


def test_a_mail_without_a_calendar_part_or_with_only_a_file_changes_nothing() -> None:
    message = EmailMessage()
    message["From"], message["To"] = CLINIC.address, ADA.address
    message.set_content("All dates")
    content = itip_bytes(VISIT, organizer=CLINIC, attendee=ADA, stamp=STAMP)
    message.add_attachment(content, maintype="text", subtype="calendar", filename="visits.ics")
    client = CalendarClient(ADA.address)
    assert client.receive(message.as_bytes()) is False
    assert client.events() == {}


def content_with(old: bytes, new: bytes, entry: VisitEntry = VISIT) -> bytes:
    content = itip_bytes(entry, organizer=CLINIC, attendee=ADA, stamp=STAMP).replace(b"\r\n ", b"")
    assert old in content
    return content.replace(old, new)


def two_uids() -> bytes:
    content = itip_bytes(VISIT, organizer=CLINIC, attendee=ADA, stamp=STAMP)
    begin, end = content.index(b"BEGIN:VEVENT"), content.index(b"END:VCALENDAR")
    second = content[begin:end].replace(b"UID:one", b"UID:two")
    return content[:end] + second + content[end:]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (mail(content_with(b"", b""), method="CANCEL"), "METHOD"),
        (mail(content_with(b"METHOD:REQUEST\r\n", b""), method=""), "no method"),
        (mail(content_with(b"METHOD:REQUEST", b"METHOD:PUBLISH"), method="PUBLISH"), "PUBLISH"),
        (mail(two_uids()), "not exactly one UID"),
        (mail(content_with(b"UID:one\r\n", b"")), "UID"),
        (mail(content_with(b"mailto:clinic@example.org", b"mailto:ADA@example.org")), "invites itself"),
        (mail(content_with(b"mailto:Ada@Example.org", b"mailto:bob@example.org")), "the invited are"),
        (mail(content_with(b"", b""), to="bob@example.org"), "the mail is for"),
        (mail(content_with(b"", b""), sender="else@example.org"), "not the sender"),
        (mail(content_with(b"DTSTART:20260106T140000Z", b"DTSTART:20260106T140000")), "DTSTART"),
        (mail(content_with(b"DTEND:20260106T160000Z", b"DTEND:20260106T130000Z")), "ends before"),
        (mail(b"no calendar at all"), "calendar"),
    ],
)
def test_what_is_no_proper_invitation_is_refused_and_changes_nothing(raw: bytes, why: str) -> None:
    client = CalendarClient(ADA.address)
    with pytest.raises(RefusedMail, match=why):
        client.receive(raw)
    assert client.events() == {}


def test_a_cancellation_needs_its_sequence() -> None:
    content = content_with(b"SEQUENCE:3\r\n", b"", cancelled(3))
    client = after([invitation(VISIT)])
    with pytest.raises(RefusedMail, match="SEQUENCE"):
        client.receive(mail(content.replace(b"20260105T130000Z", b"20260105T140000Z"), method=Method.CANCEL))
    assert client.events() == {"one": (START, START + 2 * HOUR)}


def test_parts_of_one_mail_that_differ_are_refused() -> None:
    message = EmailMessage()
    message["From"], message["To"] = CLINIC.address, ADA.address
    message.set_content("Your visit")
    for entry in (VISIT, moved(1, 24)):
        content = itip_bytes(entry, organizer=CLINIC, attendee=ADA, stamp=STAMP)
        message.add_alternative(content, maintype="text", subtype="calendar", params={"method": "REQUEST"})
    with pytest.raises(RefusedMail, match="differ"):
        CalendarClient(ADA.address).receive(message.as_bytes())
