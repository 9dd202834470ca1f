import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from scheduling.core.words import AlertKind, Role, Severity
from scheduling.models import Alert, AlertQuerySet, AuditEntry, Location, Patient
from scheduling.services.alerts import OWNERS, raise_alert
from tests.factories import NOW, book_one_course, make_location, make_patient
from tests.views.clients import HUGE, LONG, logged_in, queries, said

pytestmark = pytest.mark.django_db

LIST = "/attention/"
FACTS: dict[AlertKind, dict[str, Any]] = {
    AlertKind.RED_FLAG: {
        "offset": 24,
        "reasons": [{"rule": "safety", "about": "chest_pain", "grade": 0}],
    },
    AlertKind.NO_ANSWER_CALL: {"offset": 24},
    AlertKind.NO_ANSWER_ASK: {"offset": 72},
    AlertKind.VISIT_OPEN: {"planned_end": NOW.isoformat()},
    AlertKind.MESSAGE_FAILED: {"message": 7, "kind": "reminder"},
    AlertKind.OVERDUE: {"last": "2025-12-20"},
    AlertKind.REVIEW_DUE: {"due_on": "2026-01-04"},
    AlertKind.RENEW_ORDER: {"code": "order_end", "last": "2026-01-20", "left": 2},
    AlertKind.PLAN_STUCK: {"code": "no_place", "reasons": ["No place was found."]},
    AlertKind.OVERRUN: {
        "until": (NOW + timedelta(hours=2)).isoformat(),
        "next_at": (NOW + timedelta(hours=1)).isoformat(),
        "next": 8,
        "next_patient": "Young, Bo",
        "shared": "chair",
    },
    AlertKind.CALL_MISSED: {},
    AlertKind.MISSES: {"count": 2},
    AlertKind.MAKE_UP: {"day": "2026-01-05", "reason": "unwell"},
    AlertKind.BOOK_MAKE_UP: {"day": "2026-01-05"},
    AlertKind.NO_PRESCRIBER: {"left_at": NOW.isoformat(), "name": "Dr. Lee"},
    AlertKind.DOSE_DIFFERS: {"given": "84 mg", "ordered": "56 mg"},
    AlertKind.COUNTERSIGN: {"to": "Hillside"},
    AlertKind.PAUSE_OVER: {"until": "2026-01-04"},
    AlertKind.OTHER_TIME: {"wish": "Mornings, please"},
    AlertKind.REPLAN: {"is_late": False},
    AlertKind.UNCOVERED: {"reasons": ["Tue 6 Jan 09:00–11:00: no nurse is on shift."]},
}


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def location() -> Location:
    return make_location("Riverside")


@pytest.fixture
def patient(location: Location) -> Patient:
    return make_patient(location, last_name="Zimmer", first_name="Ada", phone="+12125550177")


@pytest.fixture
def nurse() -> Client:
    return logged_in(Role.NURSE)


def alert(patient: Patient, kind: AlertKind, at: datetime = NOW, **fields: Any) -> Alert:
    found = raise_alert(
        kind=kind,
        key=f"{kind}:{Alert.objects.count()}",
        patient=patient,
        location=patient.home_location,
        now=at,
        facts=FACTS[kind],
        **fields,
    )
    assert found is not None
    return found


def acknowledge_url(one: Alert) -> str:
    return reverse("alert_acknowledge", args=(one.pk,))


def text(answer: Any) -> str:
    main = re.search(r"<main.*?</main>", answer.content.decode(), re.DOTALL)
    assert main is not None
    return " ".join(re.sub(r"<[^>]+>", " ", main[0]).split())


def shown(answer: Any) -> list[int]:
    return [row.alert.pk for row, _form in answer.context["rows"]]


def test_the_list_is_in_order_of_severity_then_age(nurse: Client, patient: Patient) -> None:
    kinds = [AlertKind.NO_ANSWER_ASK, AlertKind.NO_ANSWER_CALL, AlertKind.VISIT_OPEN, AlertKind.RED_FLAG]
    old = [alert(patient, kind, NOW - timedelta(hours=2)) for kind in kinds]
    new = [alert(patient, kind) for kind in kinds]
    answer = nurse.get(LIST)
    order = [one.pk for pair in zip(reversed(old), reversed(new), strict=True) for one in pair]
    assert shown(answer) == order
    words = text(answer)
    places = [
        words.index(group) for group in ("Red flag 2", "Visit today 2", "Patient waiting 2", "Paperwork 2")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_kind_is_put_into_words(patient: Patient, kind: AlertKind) -> None:
    visit = book_one_course(1).appointments.get()
    alert(patient, kind, appointment=visit)
    words = text(logged_in(Role.MANAGER).get(f"{LIST}?show=all"))
    expected = {
        AlertKind.RED_FLAG: "Chest pain Check-in 24 h after the visit of Tue 6 Jan 2026.",
        AlertKind.NO_ANSWER_CALL: "Check-in 24 h after the visit of Tue 6 Jan 2026.",
        AlertKind.NO_ANSWER_ASK: "Check-in 72 h after the visit of Tue 6 Jan 2026.",
        AlertKind.VISIT_OPEN: "Planned until 08:00 on Mon 5 Jan 2026, and no discharge is recorded.",
        AlertKind.MESSAGE_FAILED: "Not delivered: reminder.",
        AlertKind.OVERDUE: "Last infusion on Sat 20 Dec 2025; nothing is booked.",
        AlertKind.REVIEW_DUE: "Review of the plan on Sun 4 Jan 2026.",
        AlertKind.RENEW_ORDER: "The order lasts until Tue 20 Jan 2026 and has 2 infusions left.",
        AlertKind.PLAN_STUCK: "No place was found.",
        AlertKind.OVERRUN: "There until 10:00; Young, Bo should have the chair at 09:00.",
        AlertKind.CALL_MISSED: "Ask first whether the patient is well",
        AlertKind.MISSES: "2 visits of this course were missed.",
        AlertKind.MAKE_UP: "Stopped early on Mon 5 Jan 2026: unwell.",
        AlertKind.BOOK_MAKE_UP: "The session of Mon 5 Jan 2026 is to be made up",
        AlertKind.NO_PRESCRIBER: "Dr. Lee left at 08:00",
        AlertKind.DOSE_DIFFERS: "Given: 84 mg. Ordered: 56 mg.",
        AlertKind.COUNTERSIGN: "The course goes on at Hillside.",
        AlertKind.PAUSE_OVER: "Paused until Sun 4 Jan 2026.",
        AlertKind.OTHER_TIME: "“Mornings, please” The visit stays booked until you move it.",
        AlertKind.REPLAN: "Cancelled in time by the patient.",
        AlertKind.UNCOVERED: "Tue 6 Jan 09:00–11:00: no nurse is on shift.",
    }
    assert expected[kind] in words
    assert "Zimmer, Ada" in words


def test_every_kind_has_an_owner_and_the_list_shows_ones_own_first(patient: Patient) -> None:
    for kind in AlertKind:
        alert(patient, kind)
    for role in Role:
        client = logged_in(role)
        own = {kind for kind, (_severity, owner) in OWNERS.items() if owner is role}
        mine = client.get(LIST)
        assert {row.alert.kind for row, _form in mine.context["rows"]} == own, role
        assert len(shown(client.get(f"{LIST}?show=all"))) == len(AlertKind)


def test_an_empty_list_says_so(nurse: Client) -> None:
    assert "Nothing waits for you." in text(nurse.get(LIST))
    assert "Nothing waits for anybody." in text(nurse.get(f"{LIST}?show=all"))


def test_a_note_takes_an_alert_off_the_list(nurse: Client, patient: Patient) -> None:
    one = alert(patient, AlertKind.RED_FLAG)
    answer = nurse.post(acknowledge_url(one), {"note": "Called: well.", "show": "all"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{LIST}?show=all")
    assert said(answer) == ["Red flag: Zimmer, Ada is acknowledged."]
    one.refresh_from_db()
    assert (one.note, one.acknowledged_at) == ("Called: well.", NOW)
    page = nurse.get(LIST)
    assert shown(page) == []
    assert "Acknowledged in the last 7 days 1" in text(page)
    assert "“Called: well.”" in text(page)


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("", "Say what was done."),
        ("   ", "Say what was done."),
        (LONG, "Ensure this value has at most 500 characters (it has 10000)."),
    ],
)
def test_a_bad_note_is_refused_beside_its_alert(
    nurse: Client, patient: Patient, note: str, words: str
) -> None:
    one, other = alert(patient, AlertKind.RED_FLAG), alert(patient, AlertKind.RED_FLAG)
    answer = nurse.post(acknowledge_url(one), {"note": note})
    assert answer.status_code == 200
    forms = {row.alert.pk: form for row, form in answer.context["rows"]}
    assert forms[one.pk].errors == {"note": [words]}
    assert not forms[other.pk].is_bound
    assert Alert.objects.open().count() == 2


def test_a_second_acknowledgement_says_who_was_first_and_keeps_the_words(
    nurse: Client, patient: Patient
) -> None:
    one = alert(patient, AlertKind.RED_FLAG)
    logged_in(Role.PRESCRIBER).post(acknowledge_url(one), {"note": "mine"})
    answer = nurse.post(acknowledge_url(one), {"note": "my own words"})
    words = text(answer)
    assert re.search(r"Person \d+ acknowledged this on Jan. 5, 2026 at 08:00.", words)
    assert "my own words" in words
    one.refresh_from_db()
    assert one.note == "mine"


def test_an_alert_that_is_not_there_is_not_found(nurse: Client) -> None:
    for pk in (1, HUGE):
        assert nurse.post(f"/attention/{pk}/acknowledge/", {"note": "x"}).status_code == 404


@pytest.mark.parametrize("query", ["?page=x", "?page=-1", f"?page={HUGE}", f"?show={LONG}"])
def test_odd_addresses_show_the_list(nurse: Client, patient: Patient, query: str) -> None:
    one = alert(patient, AlertKind.RED_FLAG)
    assert shown(nurse.get(LIST + query)) == [one.pk]


def test_opening_the_list_writes_nothing(nurse: Client, patient: Patient) -> None:
    alert(patient, AlertKind.RED_FLAG)
    nurse.get(LIST)
    assert not AuditEntry.objects.exists()


def test_the_number_of_queries_does_not_grow(nurse: Client, patient: Patient, location: Location) -> None:
    visit = book_one_course(1).appointments.get()
    alert(patient, AlertKind.RED_FLAG, appointment=visit)
    few = queries(nurse, LIST)
    for kind in AlertKind:
        for _turn in range(4):
            alert(make_patient(location), kind, appointment=visit)
    assert queries(nurse, LIST) == few == 5


def test_long_lists_come_in_pages(nurse: Client, patient: Patient) -> None:
    for _turn in range(51):
        alert(patient, AlertKind.RED_FLAG)
    assert len(shown(nurse.get(LIST))) == 50
    assert len(shown(nurse.get(f"{LIST}?page=2"))) == 1


def test_the_top_bar_counts_what_waits_for_ones_roles(patient: Patient) -> None:
    alert(patient, AlertKind.RED_FLAG)
    alert(patient, AlertKind.OVERDUE)
    badge = re.compile(r'<span class="status status-danger numbers">.*?</svg>\s*(\d+)', re.DOTALL)
    counts = {}
    for role in Role:
        found = badge.search(logged_in(role).get(reverse("patient_list")).content.decode())
        counts[role] = found[1] if found else None
    assert counts == {Role.FRONT_DESK: None, Role.NURSE: "1", Role.PRESCRIBER: "1", Role.MANAGER: None}


def test_a_page_renders_when_the_count_cannot_be_asked(
    nurse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: object) -> int:
        raise DatabaseError

    monkeypatch.setattr(AlertQuerySet, "count", broken)
    assert nurse.get(reverse("patient_list")).status_code == 200


def test_red_flags_stand_first_on_the_board_of_their_location(
    nurse: Client, patient: Patient, location: Location
) -> None:
    one = alert(patient, AlertKind.RED_FLAG)
    alert(patient, AlertKind.OVERDUE)
    Alert.objects.filter(pk=one.pk).update(not_seen_until=NOW)
    words = text(nurse.get(f"/board/2026-01-05/?location={location.pk}"))
    assert "Red flag: Zimmer, Ada : Chest pain" in words
    assert "Nobody was on duty: not seen until Mon 5 Jan, 08:00." in words
    other = make_location("Elsewhere")
    assert "Red flag:" not in text(nurse.get(f"/board/2026-01-05/?location={other.pk}"))


def test_a_red_flag_is_the_most_severe() -> None:
    assert OWNERS[AlertKind.RED_FLAG] == (Severity.RED_FLAG, Role.NURSE)
    assert sorted(kind for kind, (severity, _owner) in OWNERS.items() if severity == 1) == ["red_flag"]
