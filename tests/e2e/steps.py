"""What people do in the browser tests, each as one step through the pages."""

import re
from datetime import timedelta

import time_machine
from playwright.sync_api import Page, expect

from scheduling.core.words import Stage, Status
from scheduling.models import Appointment

from .conftest import CheckPage


def draft_an_order(page: Page, stage: Stage = Stage.INDUCTION) -> None:
    page.goto("/patients/?q=made-up")
    page.get_by_role("link", name="Made-Up, Mara").click()
    page.get_by_role("link", name="New order").first.click()
    page.get_by_label("Stage").select_option(stage.value)
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
    expect(page.get_by_role("button", name="Choose").first).to_be_visible()
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
