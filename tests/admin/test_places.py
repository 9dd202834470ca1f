"""What the admin refuses of locations and chairs, said where it is wrong, keeping what was typed."""

import pytest
from django.test import Client

from scheduling.models import (
    Location,
    StaffMember,
)
from tests import factories
from tests.admin.pages import book, errors, row, send
from tests.admin.test_setting_up import ADMIN


def test_an_unknown_zone_is_refused(manager: Client, location: Location) -> None:
    page = send(manager, f"{ADMIN}/location/{location.pk}/change/", zone="Mars/Olympus", name="Typed over")

    assert errors(page) == ["“Mars/Olympus” is not a known time zone."]
    assert page.context["adminform"].form["name"].value() == "Typed over"


@pytest.mark.parametrize(
    ("country", "part", "words"),
    [
        ("XX", "", "No holiday calendar is known for this code."),
        ("US", "ZZ", "This country has no such state or province."),
        ("", "NY", "This country has no such state or province."),
    ],
)
def test_an_unknown_holiday_calendar_is_refused(
    manager: Client, location: Location, country: str, part: str, words: str
) -> None:
    page = send(
        manager, f"{ADMIN}/location/{location.pk}/change/", holiday_country=country, holiday_subdivision=part
    )

    assert errors(page) == [words]


def test_a_known_holiday_calendar_is_taken(manager: Client, location: Location) -> None:
    send(manager, f"{ADMIN}/location/{location.pk}/change/", holiday_country="US", holiday_subdivision="NY")

    location.refresh_from_db()
    assert (location.holiday_country, location.holiday_subdivision) == ("US", "NY")


def test_proposals_are_held_for_a_minute_to_an_hour(manager: Client, location: Location) -> None:
    for minutes in ("0", "61", "x"):
        page = send(manager, f"{ADMIN}/location/{location.pk}/change/", hold_minutes=minutes)
        assert list(page.context["adminform"].form.errors) == ["hold_minutes"]
    send(manager, f"{ADMIN}/location/{location.pk}/change/", hold_minutes="60")
    location.refresh_from_db()
    assert location.hold_minutes == 60


def test_two_new_opening_hours_that_overlap_are_refused(manager: Client, location: Location) -> None:
    location.opening_hours.all().delete()
    page = send(
        manager,
        f"{ADMIN}/location/{location.pk}/change/",
        opening_hours__TOTAL_FORMS=2,
        **row("opening_hours", 0, weekday=2, opens="08:00", closes="12:30"),
        **row("opening_hours", 1, weekday=2, opens="12:00", closes="17:00"),
    )

    assert errors(page) == ["Overlaps Wednesday 08:00-12:30."]
    assert location.opening_hours.count() == 0


def test_opening_hours_that_touch_are_taken(manager: Client, location: Location) -> None:
    location.opening_hours.all().delete()
    send(
        manager,
        f"{ADMIN}/location/{location.pk}/change/",
        opening_hours__TOTAL_FORMS=2,
        **row("opening_hours", 0, weekday=2, opens="08:00", closes="12:00"),
        **row("opening_hours", 1, weekday=2, opens="12:00", closes="17:00"),
    )

    assert location.opening_hours.count() == 2


def test_hours_and_closures_that_end_before_they_start_are_refused(
    manager: Client, location: Location
) -> None:
    page = send(
        manager,
        f"{ADMIN}/location/{location.pk}/change/",
        closures__TOTAL_FORMS=2,
        **row("opening_hours", 0, closes="07:00"),
        **row("closures", 0, first_day="2026-03-03", last_day="2026-03-02", reason="Works"),
        **row("closures", 1, first_day="0226-03-03", last_day="0226-03-03", reason="A slip"),
    )

    assert errors(page) == [
        "Opening hours end after they start.",
        "A closure ends before it starts.",
        "Choose a date between 2000 and 2100.",
        "Choose a date between 2000 and 2100.",
    ]


def test_a_chair_without_visits_is_switched_off(manager: Client, location: Location) -> None:
    chair = factories.make_chair(location)
    send(manager, f"{ADMIN}/chair/{chair.pk}/change/", is_active=None)

    chair.refresh_from_db()
    assert not chair.is_active


def test_a_location_with_visits_ahead_keeps_its_zone(
    manager: Client, location: Location, nurse: StaffMember
) -> None:
    book(location, nurse)
    page = send(manager, f"{ADMIN}/location/{location.pk}/change/", zone="America/Denver")

    assert errors(page)[0] == "Visits are still booked here. Move or cancel them first."


def test_at_most_ten_visits_are_named(manager: Client, location: Location) -> None:
    for _number in range(12):
        book(location, factories.make_nurse(location))
    page = send(manager, f"{ADMIN}/location/{location.pk}/change/", zone="America/Denver")

    assert len(errors(page)) == 12
    assert errors(page)[-1] == "and 2 more"
