from datetime import date, timedelta

import pytest
from django.test import Client

from scheduling.models import (
    Location,
    Patient,
)
from tests.factories import (
    NOW,
    make_order,
    make_patient,
    make_protocol,
    make_visits,
)
from tests.views.clients import LONG, NUL, queries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def patient(location: Location) -> Patient:
    return make_patient(location, last_name="Lee", first_name="Ada", mrn="M77")


def names(client: Client, query: str) -> list[str]:
    rows = client.get("/patients/", {"q": query}).context["rows"]
    return [str(row.patient) for row in rows]


def test_a_patient_is_found_by_name_number_or_birth_date(desk: Client, location: Location) -> None:
    make_patient(location, first_name="Ada", last_name="Lee", mrn="M77", birth_date=date(1980, 2, 29))
    make_patient(
        location,
        first_name="Ángela",
        last_name="Núñez",
        preferred_name="Angie",
        mrn="K5",
        birth_date=date(1975, 12, 1),
    )
    for query in ("lee", "LEE", "ada lee", "Lee, Ada", "m7", "1980-02-29", "2/29/1980", "02/29/1980 lee"):
        assert names(desk, query) == ["Lee, Ada"], query
    for query in ("núñ", "NÚÑEZ", "ángela", "angie", "12/1/1975", "núñez k5"):
        assert names(desk, query) == ["Núñez, Ángela"], query
    for query in ("77", "zz", "ada núñez", "2/30/1980", "1980-13-01", "29/2/1980", "%", "_"):
        assert names(desk, query) == [], query
    assert names(desk, "  ") == ["Lee, Ada", "Núñez, Ángela"]


def test_the_list_is_sorted_by_name_whatever_the_case(desk: Client, location: Location) -> None:
    for last_name in ("diaz", "Cole", "Evans"):
        make_patient(location, last_name=last_name)
    assert names(desk, "") == ["Cole, Ada", "diaz, Ada", "Evans, Ada"]


def test_a_row_shows_open_orders_and_the_next_visit_in_its_wall_time(desk: Client, patient: Patient) -> None:
    make_visits(
        make_order(patient, make_protocol()),
        [NOW - timedelta(days=3), NOW + timedelta(days=1, hours=1), NOW + timedelta(days=4)],
    )
    page = " ".join(desk.get("/patients/").content.decode().split())
    assert "Tue 6 Jan 2026, 09:00" in page
    assert "first stage, 3 of 6 booked" in page


def test_the_list_takes_the_same_queries_for_one_and_for_many(desk: Client, location: Location) -> None:
    protocol = make_protocol()
    make_visits(make_order(make_patient(location), protocol), [NOW + timedelta(days=1)])
    one = queries(desk, "/patients/")
    for _ in range(12):
        make_visits(make_order(make_patient(location), protocol), [NOW + timedelta(days=1)])
    assert (one, queries(desk, "/patients/")) == (6, 6)


def test_the_list_is_paged_and_keeps_the_search(desk: Client, location: Location) -> None:
    for number in range(51):
        make_patient(location, last_name=f"Kim{number:02}")
    first = desk.get("/patients/", {"q": "kim"})
    assert len(first.context["rows"]) == 50
    assert "51 patients" in first.content.decode()
    assert "?q=kim&amp;page=2" in first.content.decode()
    assert len(desk.get("/patients/", {"q": "kim", "page": "2"}).context["rows"]) == 1
    for page in ("0", "-1", "99999999999999999999", "x"):
        assert desk.get("/patients/", {"page": page}).status_code == 200


def test_an_empty_list_says_what_to_do(desk: Client) -> None:
    assert "No patients yet." in desk.get("/patients/").content.decode()
    assert "Nobody matches “zz”." in desk.get("/patients/", {"q": "zz"}).content.decode()


def test_a_search_that_is_too_long_is_answered_in_words(desk: Client, patient: Patient) -> None:
    answer = desk.get("/patients/", {"q": LONG[:2000]})
    assert answer.status_code == 200
    assert "at most 100 characters" in answer.content.decode()
    assert answer.context["rows"] == []
    assert names(desk, "z " * 50) == []


def test_a_nul_is_refused_and_never_searched(desk: Client) -> None:
    assert desk.get("/patients/", {"q": NUL}).status_code == 400
