from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from scheduling.core.invites import VisitEntry, calendar_bytes, event_bytes
from scheduling.core.zones import zone_words

ENTRY = VisitEntry(
    uid="0b0f6a1e-6f0a-4c6f-9a51-0f5c2c6b8f11",
    sequence=2,
    starts_at=datetime(2026, 1, 6, 14, 0, tzinfo=UTC),
    ends_at=datetime(2026, 1, 6, 16, 0, tzinfo=UTC),
    changed_at=datetime(2026, 1, 5, 13, 0, tzinfo=UTC),
    is_cancelled=False,
    summary="Appointment – Riverside Clinic",
    description="Tuesday, 9 a.m. to 11 a.m.\nNew York, UTC-5",
    address="1 Made-up Street, Town",
    url="https://clinic.example/my/appointments/7/",
    alarm_minutes=(1440, 120),
)
TEXTS = ("uid", "summary", "description", "address", "url")


def lines(*parts: str) -> bytes:
    return "".join(f"{part}\r\n" for part in parts).encode()


EVENT = (
    "BEGIN:VEVENT",
    "SUMMARY:Appointment – Riverside Clinic",
    "DTSTART:20260106T140000Z",
    "DTEND:20260106T160000Z",
    "DTSTAMP:20260105T130000Z",
    "UID:0b0f6a1e-6f0a-4c6f-9a51-0f5c2c6b8f11",
    "SEQUENCE:2",
    "CLASS:PRIVATE",
    "DESCRIPTION:Tuesday\\, 9 a.m. to 11 a.m.\\nNew York\\, UTC-5",
    "LAST-MODIFIED:20260105T130000Z",
    "LOCATION:1 Made-up Street\\, Town",
    "STATUS:CONFIRMED",
    "TRANSP:OPAQUE",
    "URL:https://clinic.example/my/appointments/7/",
    "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
)
HEAD = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Appointment calendar//EN",
    "NAME:Appointments\\, mine",
    "X-WR-CALNAME:Appointments\\, mine",
)


def test_a_download_has_exactly_these_bytes() -> None:
    found = calendar_bytes([ENTRY], name="Appointments, mine", alarms=True, feed=False)
    assert found == lines(
        *HEAD,
        *EVENT,
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:Appointment – Riverside Clinic",
        "TRIGGER:-P1D",
        "END:VALARM",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:Appointment – Riverside Clinic",
        "TRIGGER:-PT2H",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    )


def test_a_feed_has_exactly_these_bytes_and_no_alarm() -> None:
    found = calendar_bytes([ENTRY], name="Appointments, mine", alarms=False, feed=True)
    assert found == lines(
        *HEAD,
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        "X-PUBLISHED-TTL:PT6H",
        *EVENT,
        "END:VEVENT",
        "END:VCALENDAR",
    )


def test_an_empty_calendar_is_a_calendar() -> None:
    found = calendar_bytes([], name="Appointments, mine", alarms=False, feed=False)
    assert found == lines(*HEAD, "END:VCALENDAR")


def test_a_cancelled_visit_says_so_takes_no_time_and_rings_no_alarm() -> None:
    event = event_bytes(replace(ENTRY, is_cancelled=True), alarms=True).decode()
    assert "STATUS:CANCELLED\r\n" in event
    assert "TRANSP:TRANSPARENT\r\n" in event
    assert "X-MICROSOFT-CDO-BUSYSTATUS:FREE\r\n" in event
    assert "VALARM" not in event


@pytest.mark.parametrize(
    "change",
    [
        {"uid": "other"},
        {"sequence": 3},
        {"starts_at": ENTRY.starts_at + timedelta(hours=1)},
        {"ends_at": ENTRY.ends_at + timedelta(hours=1)},
        {"changed_at": ENTRY.changed_at + timedelta(minutes=1)},
        {"is_cancelled": True},
        {"summary": "Another label"},
        {"description": "Another text"},
        {"address": "Another address"},
        {"url": "https://clinic.example/"},
        {"alarm_minutes": (60,)},
    ],
)
def test_any_change_of_an_entry_changes_its_bytes_though_events_are_kept(change: dict[str, object]) -> None:
    before = event_bytes(ENTRY, alarms=True)
    assert event_bytes(replace(ENTRY, **change), alarms=True) != before  # type: ignore[arg-type]
    assert event_bytes(replace(ENTRY), alarms=True) == before


def test_every_field_of_an_entry_is_in_the_test_above() -> None:
    assert len(fields(VisitEntry)) == 11


nasty = st.text(
    st.sampled_from("\r\n\0\"';:,\\=\t\x0b\x0c\x1f\x7f\x85\u2028\u2029\ud83d a😀BEGIN:VEVENT")
    | st.characters(),
    max_size=120,
)


@given(field=st.sampled_from(TEXTS), words=nasty, name=nasty)
def test_no_text_can_add_a_line_of_its_own(field: str, words: str, name: str) -> None:
    entry = replace(ENTRY, **{field: words})  # type: ignore[arg-type]
    found = calendar_bytes([entry], name=name, alarms=True, feed=True)
    unfolded = found.replace(b"\r\n ", b"").decode()
    names = [line.partition(":")[0].partition(";")[0] for line in unfolded.split("\r\n")]
    plain = calendar_bytes([ENTRY], name="x", alarms=True, feed=True).replace(b"\r\n ", b"").decode()
    assert names == [line.partition(":")[0].partition(";")[0] for line in plain.split("\r\n")]
    assert not any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 for sign in unfolded.replace("\r\n", ""))
    assert all(len(line) <= 75 for line in found.split(b"\r\n"))


@given(words=nasty)
def test_a_label_comes_back_as_written_but_for_control_characters(words: str) -> None:
    found = Calendar.from_ical(
        calendar_bytes([replace(ENTRY, summary=f"a{words}z")], name="x", alarms=False, feed=False)
    )
    kept = [sign for sign in words if sign.isprintable() and sign not in "\r\n"]
    back = str(found.events[0]["SUMMARY"])
    assert [sign for sign in back[1:-1] if sign.isprintable() and sign != " "] == [
        s for s in kept if s != " "
    ]


def test_vancouver_in_december_2026_is_utc_minus_7() -> None:
    local = datetime(2026, 12, 7, 9, 0, tzinfo=ZoneInfo("America/Vancouver"))
    event = event_bytes(
        replace(ENTRY, starts_at=local.astimezone(UTC), ends_at=datetime(2026, 12, 7, 18, tzinfo=UTC)),
        alarms=False,
    )
    assert b"DTSTART:20261207T160000Z\r\n" in event
    assert zone_words(local, "America/Vancouver") == "Vancouver, UTC-7"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("America/New_York", "New York, UTC-5"),
        ("Asia/Kathmandu", "Kathmandu, UTC+5:45"),
        ("America/St_Johns", "St Johns, UTC-3:30"),
        ("UTC", "UTC, UTC+0"),
        ("America/Argentina/Buenos_Aires", "Buenos Aires, UTC-3"),
    ],
)
def test_a_zone_is_named_by_its_city_and_offset(zone: str, words: str) -> None:
    assert zone_words(datetime(2026, 1, 6, 9, 0, tzinfo=ZoneInfo(zone)), zone) == words


def test_a_hundred_events_are_quick_once_they_were_built() -> None:
    entries = [replace(ENTRY, uid=f"quick-{number}") for number in range(100)]
    cold = calendar_bytes(entries, name="x", alarms=False, feed=True)
    again = [replace(entry) for entry in entries]
    tries = []
    for _ in range(20):
        start = perf_counter()
        assert calendar_bytes(again, name="x", alarms=False, feed=True) == cold
        tries.append(perf_counter() - start)
    assert min(tries) < 0.002
