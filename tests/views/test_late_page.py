"""The page of choices for who is late or in somebody's way: what it offers, in which order, and what it refuses."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from scheduling.access import SYSTEM
from scheduling.core.timeline import to_step
from scheduling.core.words import Role, Status
from scheduling.models import Appointment, Chair, StaffMember
from scheduling.services.visits import record_step
from tests.factories import make_chair, make_location, make_nurse, make_order, make_patient, make_visits
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import HUGE, LONG, logged_in, queries, said

pytestmark = pytest.mark.django_db

NINE = COURSE[0]
"""Tuesday 09:00 in New York; the patient is there until 11:00, the chair is turned over by 11:15."""
MINUTE = timedelta(minutes=1)
LATE = NINE + 20 * MINUTE


@pytest.fixture(autouse=True)
def _late() -> Iterator[None]:
    with time_machine.travel(LATE, tick=False):
        yield


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def visit(clinic: Clinic) -> Appointment:
    """Ada's, in Chair 1 with Ana."""
    patient = make_patient(clinic.location, first_name="Ada", last_name="Late")
    return clinic.book(clinic.order(patient), [NINE]).appointments.get()


@pytest.fixture
def second_chair(clinic: Clinic) -> Chair:
    return make_chair(clinic.location, "Chair 2")


@pytest.fixture
def desk() -> Client:
    return logged_in(Role.FRONT_DESK)


def address(visit: Appointment) -> str:
    return f"/appointments/{visit.pk}/late/"


def place(minutes: int, chair: Chair, nurse: StaffMember) -> str:
    """The value of a button: so many minutes after nine."""
    return f"{to_step(NINE + minutes * MINUTE)}-{chair.pk}-{nurse.pk}"


def words(answer: Any) -> str:
    main = re.search(r"<main.*?</main>", answer.content.decode(), re.DOTALL)
    assert main is not None
    return " ".join(re.sub(r"<[^>]+>", " ", main[0]).split())


def buttons(answer: Any) -> list[tuple[str, str]]:
    """Value and words of every offered place."""
    found = re.findall(r'name="place"\s+value="([^"]+)">(.*?)</button>', answer.content.decode(), re.DOTALL)
    return [(value, " ".join(re.sub(r"<[^>]+>", " ", text).split())) for value, text in found]


def errors(answer: Any) -> list[str]:
    return [error for found in answer.context["form"].errors.values() for error in found]


def state(visit: Appointment) -> tuple[Any, ...]:
    visit.refresh_from_db()
    return visit.status, visit.starts_at, visit.chair_id, visit.nurse_id, visit.sequence


def test_it_offers_the_same_time_first_then_a_later_one_then_another_day(
    clinic: Clinic, visit: Appointment, second_chair: Chair, desk: Client
) -> None:
    bob = make_patient(clinic.location, first_name="Bob", last_name="Next")
    after_her = [NINE + 135 * MINUTE]
    other = clinic.book(clinic.order(bob), after_her, now=NINE - timedelta(days=1)).appointments.get()
    answer = desk.get(address(visit))
    assert buttons(answer) == [
        (place(0, second_chair, clinic.nurse), "Chair 2, Ana"),
        (place(20, second_chair, clinic.nurse), "09:20 Chair 2, Ana"),
        (place(30, second_chair, clinic.nurse), "09:30 Chair 2, Ana"),
        (place(240, second_chair, clinic.nurse), "13:00 Chair 2, Ana"),
        (place(255, second_chair, clinic.nurse), "13:15 Chair 2, Ana"),
    ]
    text = words(answer)
    heads = ["1. Another chair or nurse", "2. A later start today", "3. Another day"]
    assert [text.index(head) for head in heads] == sorted(text.index(head) for head in heads)
    assert "starting now, it lasts until about 11:20 . It delays Next, Bob (11:15) ." in text
    assert f'href="/appointments/{other.pk}/"' in answer.content.decode()
    assert f'href="/appointments/{visit.pk}/move/"' in answer.content.decode()


def test_alone_in_the_only_chair_nothing_else_is_free_and_nobody_is_delayed(
    visit: Appointment, desk: Client
) -> None:
    text = words(desk.get(address(visit)))
    assert "No other chair or nurse is free for the whole visit." in text
    assert "It delays nobody." in text


def test_another_chair_is_taken_at_the_same_time(
    clinic: Clinic, visit: Appointment, second_chair: Chair, desk: Client
) -> None:
    answer = desk.post(address(visit), {"place": place(0, second_chair, clinic.nurse)})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/appointments/{visit.pk}/")
    assert said(answer) == ["Late, Ada has another place at the same time."]
    assert state(visit) == (Status.BOOKED, NINE, second_chair.pk, clinic.nurse.pk, 0)


def test_a_later_start_is_taken(clinic: Clinic, visit: Appointment, desk: Client) -> None:
    answer = desk.post(address(visit), {"place": place(60, clinic.chair, clinic.nurse)})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/appointments/{visit.pk}/")
    assert said(answer) == ["Late, Ada starts at 10:00 today."]
    assert state(visit) == (Status.BOOKED, NINE + 60 * MINUTE, clinic.chair.pk, clinic.nurse.pk, 1)


def test_what_was_offered_and_is_taken_by_now_is_refused_with_fresh_offers(
    clinic: Clinic, visit: Appointment, second_chair: Chair, desk: Client
) -> None:
    bea = make_nurse(clinic.location, name="Bea")
    wanted = place(0, second_chair, bea)
    assert (wanted, "Chair 2, Bea") in buttons(desk.get(address(visit)))
    before = NINE - timedelta(days=1)
    clinic.book(clinic.order(), [NINE], chair=second_chair, nurse=bea, now=before)
    answer = desk.post(address(visit), {"place": wanted})
    assert answer.status_code == 200
    assert errors(answer)[0] == "Some of these places are taken. Nothing was changed."
    assert wanted not in [value for value, _words in buttons(answer)]
    assert state(visit) == (Status.BOOKED, NINE, clinic.chair.pk, clinic.nurse.pk, 0)


@pytest.mark.parametrize(
    "forged",
    ["", "x", "1-2", "1-2-3-4", "-1-1-1", "1.5-1-1", LONG, f"1-1-{HUGE}", "٥٨٩٢٣٦٠-1-1", "5892360 -1-1"],
    ids=["empty", "word", "two", "four", "minus", "half", "long", "huge", "digits", "space"],
)
def test_a_forged_place_is_an_error_on_the_page(visit: Appointment, desk: Client, forged: str) -> None:
    before = state(visit)
    answer = desk.post(address(visit), {"place": forged, "show": "x"})
    assert answer.status_code == 200
    assert len(errors(answer)) == 1
    assert errors(answer)[0] in words(answer)
    assert state(visit) == before


@pytest.mark.parametrize("start", [0, 1, 5892360 + 12, 99_999_999])
@pytest.mark.parametrize(("chair", "nurse"), [(0, 0), (10**18 - 1, 10**18 - 1), (None, 0), (0, None)])
def test_a_place_that_was_never_offered_is_refused(
    clinic: Clinic, visit: Appointment, desk: Client, start: int, chair: int | None, nurse: int | None
) -> None:
    before = state(visit)
    chair = clinic.chair.pk if chair is None else chair
    nurse = clinic.nurse.pk if nurse is None else nurse
    answer = desk.post(address(visit), {"place": f"{start}-{chair}-{nurse}"})
    assert answer.status_code == 200
    assert errors(answer)
    assert state(visit) == before


def test_a_chair_of_another_location_is_refused(clinic: Clinic, visit: Appointment, desk: Client) -> None:
    elsewhere = make_chair(make_location())
    answer = desk.post(address(visit), {"place": place(0, elsewhere, clinic.nurse)})
    assert errors(answer) == ["A chosen chair is not in use at Riverside."]


@pytest.mark.parametrize("minutes", [0, 60], ids=["same time", "later"])
def test_once_the_treatment_started_nothing_is_taken(
    clinic: Clinic, visit: Appointment, second_chair: Chair, desk: Client, minutes: int
) -> None:
    for field in ("arrived_at", "started_at"):
        record_step(by=SYSTEM, now=LATE, appointment=visit, field=field)
    page = desk.get(address(visit))
    assert "This visit is in treatment, or not of today." in words(page)
    assert buttons(page) == []
    before = state(visit)
    answer = desk.post(address(visit), {"place": place(minutes, second_chair, clinic.nurse)})
    assert (answer.status_code, len(errors(answer))) == (200, 1)
    assert errors(answer)[0] in words(answer)
    assert state(visit) == before


def test_a_visit_of_another_day_has_nothing_to_choose(visit: Appointment, desk: Client) -> None:
    with time_machine.travel(NINE - timedelta(days=1), tick=False):
        assert buttons(desk.get(address(visit))) == []


def test_who_is_here_is_not_offered_another_day(visit: Appointment, desk: Client) -> None:
    record_step(by=SYSTEM, now=LATE, appointment=visit, field="arrived_at")
    text = words(desk.get(address(visit)))
    assert "The patient is here: stop the visit first, then book the session anew." in text


def test_it_asks_as_often_for_forty_visits_as_for_one(
    clinic: Clinic, visit: Appointment, desk: Client
) -> None:
    counted = []
    for others in (1, 39):
        for number in range(others):
            order = make_order(make_patient(clinic.location), clinic.protocol)
            make_visits(order, [NINE + 5 * number * MINUTE])
        counted.append(queries(desk, address(visit)))
    assert counted == [24, 24]
