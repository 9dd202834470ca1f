from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from scheduling.core.words import AlertKind, Role
from scheduling.models import Alert, Location, Series, SeriesTransfer
from scheduling.services.transfers import transfer_series
from tests.factories import NOW, add_shifts, make_chair, make_location, make_nurse, make_staff
from tests.services.clinics import Clinic
from tests.views.clients import HUGE, LONG, logged_in, said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def course(clinic: Clinic) -> Series:
    return clinic.book(clinic.order())


@pytest.fixture
def lakeside() -> Location:
    location = make_location("Lakeside", zone="America/Chicago")
    make_chair(location, "Window")
    make_nurse(location, name="Bea")
    return location


def ask(client: Client, course: Series, there: Location, **more: str) -> Any:
    values = {"location": str(there.pk), "earliest": "2026-01-05", "reason": "moves house"} | more
    return client.post(f"/series/{course.pk}/transfer/", values)


def test_old_and_new_times_stand_side_by_side_with_their_zones(
    desk: Client, course: Series, lakeside: Location
) -> None:
    answer = ask(desk, course, lakeside)
    shown = " ".join(answer.content.decode().split())
    assert "Tue 6 Jan 2026, 09:00" in shown
    assert "New York, UTC-5" in shown
    assert "Chicago, UTC-6" in shown
    assert "Window, Bea" in shown
    assert "Transfer 6 visits" in shown
    assert "moves house" in shown
    assert not SeriesTransfer.objects.exists()


def test_what_was_seen_is_booked_and_the_course_says_where_it_came_from(
    desk: Client, course: Series, lakeside: Location
) -> None:
    seen = ask(desk, course, lakeside).context["plan"].fingerprint
    answer = ask(desk, course, lakeside, seen=seen)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/series/{course.pk}/")
    assert said(answer) == ["The course goes on at Lakeside; a prescriber there has to countersign."]
    shown = " ".join(desk.get(f"/series/{course.pk}/").content.decode().split())
    assert "From Riverside to <strong>Lakeside</strong>" in shown
    assert "before a prescriber of Lakeside countersigns" in shown
    assert "Times at Lakeside" in shown


def test_times_that_changed_meanwhile_are_shown_anew(
    desk: Client, course: Series, lakeside: Location
) -> None:
    answer = ask(desk, course, lakeside, seen="something else")
    shown = answer.content.decode()
    assert "The times changed meanwhile." in shown
    assert answer.context["plan"].fingerprint in shown
    assert not SeriesTransfer.objects.exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"location": ""}, "This field is required."),
        ({"location": str(HUGE)}, "Select a valid choice."),
        ({"earliest": "soon"}, "Enter a valid date."),
        ({"earliest": "2026-06-01"}, "No booked visit of this course is left to move"),
        ({"reason": LONG}, "at most 200 characters"),
    ],
)
def test_what_is_wrong_is_said_next_to_it(
    desk: Client, course: Series, lakeside: Location, values: dict[str, str], words: str
) -> None:
    answer = ask(desk, course, lakeside, **values)
    assert answer.status_code == 200
    assert words in answer.content.decode()


def test_a_site_without_chairs_is_refused_with_the_reasons(desk: Client, course: Series) -> None:
    shown = ask(desk, course, make_location("Bare")).content.decode()
    assert "No chair is free" in shown


def test_without_another_location_there_is_nothing_to_choose(desk: Client, course: Series) -> None:
    shown = desk.get(f"/series/{course.pk}/transfer/").content.decode()
    assert "There is no other location in use." in shown
    assert "Look at the new times" not in shown


def test_a_prescriber_of_the_new_site_countersigns_from_the_attention_list(
    clinic: Clinic, course: Series, lakeside: Location
) -> None:
    transfer = transfer_series(by=clinic.clerk, now=NOW, series=course, location=lakeside)
    doctor = make_staff(Role.PRESCRIBER)
    stranger, client = logged_in(Role.PRESCRIBER), Client()
    client.force_login(doctor.user)
    page = f"/transfers/{transfer.pk}/countersign/"
    assert page in client.get("/attention/?show=all").content.decode()
    assert "You have no shift at Lakeside." in stranger.get(page).content.decode()
    assert said(stranger.post(page)) == ["A prescriber with a shift at Lakeside signs this."]
    add_shifts(doctor, lakeside, Role.PRESCRIBER)
    assert "Countersign\n" in client.get(page).content.decode()
    assert said(client.post(page))[-1] == "The order is countersigned. Treatment can start there."
    transfer.refresh_from_db()
    assert (transfer.countersigned_by, transfer.countersigned_at) == (doctor, NOW)
    assert not Alert.objects.open().filter(kind=AlertKind.COUNTERSIGN).exists()
    assert "Countersigned by" in client.get(page).content.decode()


def test_made_up_numbers_are_not_found(desk: Client, prescriber: Client) -> None:
    assert desk.get("/series/999999/transfer/").status_code == 404
    assert prescriber.get("/transfers/999999/countersign/").status_code == 404


def test_staff_pages_name_the_zone_where_there_is_more_than_one(
    desk: Client, clinic: Clinic, course: Series
) -> None:
    note = '<span class="quiet zone-note">(New York)</span>'
    here = clinic.location.pk
    pages = (
        f"/?location={here}",
        f"/week/?location={here}",
        "/patients/",
        f"/patients/{course.patient_id}/",
        f"/series/{course.pk}/",
        "/messages/",
    )
    assert [page for page in pages if note in desk.get(page).content.decode()] == []
    elsewhere = make_location("Far", zone="Pacific/Guam")
    assert [page for page in pages if note in desk.get(page).content.decode()] == list(pages)
    elsewhere.is_active = False
    elsewhere.save()
    assert [page for page in pages if note in desk.get(page).content.decode()] == []


def test_a_visit_that_stayed_behind_names_its_own_place_and_zone(
    desk: Client, clinic: Clinic, course: Series, lakeside: Location
) -> None:
    transfer_series(
        by=clinic.clerk,
        now=NOW,
        series=course,
        location=lakeside,
        earliest=(NOW + timedelta(days=7)).date(),
    )
    shown = " ".join(desk.get(f"/series/{course.pk}/").content.decode().split())
    assert shown.count("(New York)") == 2
    assert shown.count("(Chicago)") == 4
    assert shown.count("Riverside, Chair 1, Ana") == 2
