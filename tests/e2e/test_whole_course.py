"""The main job end to end: an order is signed, six sessions booked, one is run, the patient has a file."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from icalendar import Calendar
from playwright.sync_api import Page, expect

from scheduling.models import Appointment, Claim, Patient

from .conftest import PHONE, CheckPage, Clinic, OpenPage
from .steps import book_six_sessions, draft_an_order, run_the_first_visit, sign_the_order

pytestmark = [pytest.mark.browser, pytest.mark.walk]


def test_from_the_order_to_the_calendar_file(
    clock: time_machine.Traveller,
    clinic: Clinic,
    at_the_desk: Callable[[str], Page],
    open_page: OpenPage,
    check_page: CheckPage,
    tmp_path: Path,
) -> None:
    desk = at_the_desk("front_desk")
    draft_an_order(desk)
    sign_the_order(at_the_desk("prescriber"))
    book_six_sessions(desk, check_page)

    visits = list(Appointment.objects.order_by("number"))
    assert [visit.number for visit in visits] == [1, 2, 3, 4, 5, 6]
    assert Claim.objects.count() == 30

    clock.move_to(visits[0].starts_at - timedelta(minutes=10))
    run_the_first_visit(clock, at_the_desk("nurse"), visits[0])

    address = hand_out_the_link(desk, clinic.patient)
    phone = open_page(PHONE)
    phone.goto(address)
    expect(phone).to_have_url(re.compile(r"/my/$"))
    check_page(phone)
    course = download(phone, "series", tmp_path)
    assert [str(event["UID"]) for event in course.walk("VEVENT")] == [visit.uid for visit in visits]


def hand_out_the_link(page: Page, patient: Patient) -> str:
    page.goto(f"/patients/{patient.pk}/")
    page.get_by_role("button", name="link").first.click()
    return page.locator("input[readonly]").first.input_value().removeprefix("http://127.0.0.1:8000")


def download(page: Page, what: str, folder: Path) -> Calendar:
    with page.expect_download() as waiting:
        page.locator(f'a[href*="/my/{what}/"]').first.click()
    target = folder / waiting.value.suggested_filename
    assert target.suffix == ".ics"
    waiting.value.save_as(target)
    calendar = Calendar.from_ical(target.read_bytes())
    assert isinstance(calendar, Calendar)
    return calendar
