"""The main job end to end: an order is signed, six sessions booked, one is run, the patient has a file."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth.models import User
from icalendar import Calendar
from playwright.sync_api import Page, expect

from scheduling.core.words import Channel, Role, Status
from scheduling.models import Appointment, Claim, Patient, StaffMember
from scheduling.services.patients import give_consent
from tests import factories
from tests.factories import NOW

from .conftest import DESKTOP, PHONE, CheckPage, LogIn, OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.walk]


@dataclass(frozen=True)
class Clinic:
    """A small clinic with one patient who has no order yet; every password is "secret"."""

    patient: Patient


@pytest.fixture
def clinic(transactional_db: None) -> Clinic:
    location = factories.make_location("Riverside")
    for number in (1, 2):
        factories.make_chair(location, f"Chair {number}")
        factories.make_nurse(location, capacity=2, name=f"Nurse {number}")
    factories.make_protocol(name="IV infusion, twice a week")
    for role in (Role.FRONT_DESK, Role.NURSE, Role.PRESCRIBER):
        set_password(factories.make_staff(role, username=role.value, name=f"The {role.value}").user)
    patient = factories.make_patient(location, first_name="Mara", last_name="Made-Up")
    by = factories.actor(StaffMember.objects.get(user__username="front_desk"))
    give_consent(by=by, now=NOW, patient=patient, channel=Channel.EMAIL)
    return Clinic(patient)


def set_password(user: User) -> None:
    user.set_password("secret")
    user.save()


@pytest.fixture
def at_the_desk(open_page: OpenPage, log_in: LogIn) -> Callable[[str], Page]:
    """A browser of 1280 px, logged in with that role."""

    def open_as(role: str) -> Page:
        page = open_page(DESKTOP)
        log_in(page, role, "secret", then="/patients/")
        return page

    return open_as


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=True) as traveller:
        yield traveller


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


def draft_an_order(page: Page) -> None:
    page.goto("/patients/?q=made-up")
    page.get_by_role("link", name="Made-Up, Mara").click()
    page.get_by_role("link", name="New order").first.click()
    page.get_by_label("Dose").fill("0.5")
    page.get_by_label("Weight").fill("70")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("draft").first).to_be_visible()


def sign_the_order(page: Page) -> None:
    page.goto("/patients/?q=made-up")
    page.get_by_role("link", name="Made-Up, Mara").click()
    page.get_by_role("link", name="Sign").first.click()
    page.get_by_label("I have checked this order and sign it.").check()
    page.get_by_role("button", name="Sign").click()
    expect(page.get_by_text("signed").first).to_be_visible()


def book_six_sessions(page: Page, check_page: CheckPage) -> None:
    page.reload()
    page.get_by_role("link", name="Book").first.click()
    page.get_by_role("button", name="Find times").click()
    check_page(page)
    page.get_by_role("button", name="Choose").first.click()
    page.locator("button[value=book]").click()
    expect(page).to_have_url(re.compile(r"/series/\d+/$"))
    check_page(page)


def run_the_first_visit(clock: time_machine.Traveller, page: Page, visit: Appointment) -> None:
    page.goto(f"/board/{visit.local_date}/")
    action = page.locator(f"#next-{visit.pk}")
    for word, minutes in (("Arrived", 30), ("Start treatment", 40), ("End treatment", 45)):
        expect(action).to_contain_text(word)
        action.click()
        clock.shift(timedelta(minutes=minutes))
    expect(action).to_contain_text("Discharge")
    action.click()
    page.get_by_label("Leaves with").fill("Sam Made-Up")
    page.get_by_role("button", name="Discharge").click()
    visit.refresh_from_db()
    assert visit.status == Status.DONE
    assert visit.escort == "Sam Made-Up"


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
