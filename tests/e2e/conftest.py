"""A browser for tests: Debian's Chromium or Playwright's own, two sizes, and no error on any page.

A test asks for `desktop` (1280 x 900) or `phone` (360 x 740); both fail at the end if the console
showed an error or the Content-Security-Policy was broken.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
import time_machine
from django.contrib.auth.models import User
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

from scheduling.core.words import Channel, Role
from scheduling.models import Patient, StaffMember
from scheduling.services.patients import give_consent
from tests import factories
from tests.factories import NOW

# Playwright runs an event loop in the test's thread, where Django would refuse the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

DESKTOP = (1280, 900)
PHONE = (360, 740)
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = "No Chromium: `apt-get install chromium`, or `.venv/bin/playwright install chromium`."


def find_chromium(playwright: Playwright) -> str:
    """Return the path of a Chromium, Debian's first."""
    own = playwright.chromium.executable_path
    found = shutil.which("chromium") or (own if Path(own).exists() else None)
    if found is None:
        pytest.fail(MISSING, pytrace=False)
    return found


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=ARGUMENTS)
    yield browser
    browser.close()


class Complaints:
    """What a page's console said; `expect` names a text that a test brings about on purpose."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.expected: list[str] = []

    def note(self, message: ConsoleMessage) -> None:
        # A broken policy is reported as an error as well.
        if message.type in {"error", "warning"}:
            self.texts.append(f"{message.type}: {message.text}")

    def expect(self, text: str) -> None:
        self.expected.append(text)

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self.texts if not any(part in text for part in self.expected)]


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    found = Complaints()
    yield found
    assert found.unexpected == []


OpenPage = Callable[[tuple[int, int]], Page]


@pytest.fixture
def open_page(
    chromium: Browser, complaints: Complaints, transactional_db: None, live_server: object
) -> Iterator[OpenPage]:
    """Open a page with cookies of its own; its addresses are relative to the live server."""
    contexts = []

    def open_(size: tuple[int, int]) -> Page:
        width, height = size
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            base_url=str(live_server),
            reduced_motion="reduce",
            accept_downloads=True,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", complaints.note)
        page.on("pageerror", lambda error: complaints.texts.append(f"exception: {error}"))
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def desktop(open_page: OpenPage) -> Page:
    return open_page(DESKTOP)


@pytest.fixture
def phone(open_page: OpenPage) -> Page:
    return open_page(PHONE)


class LogIn(Protocol):
    def __call__(self, page: Page, name: str, password: str, then: str = "/") -> None: ...


CheckPage = Callable[[Page], None]


@pytest.fixture
def log_in() -> LogIn:
    """Log a page's browser in through the log-in page, and go on to the address `then`."""

    def log_in_(page: Page, name: str, password: str, then: str = "/") -> None:
        page.goto(f"/accounts/login/?next={then}")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()

    return log_in_


@pytest.fixture
def check_page() -> CheckPage:
    """Fail if a page breaks a rule of accessibility (WCAG A and AA) or is wider than its window."""
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

    def check(page: Page) -> None:
        # An address is there before its page is.
        page.wait_for_load_state("load")
        result = axe.run(page, options=options)
        found = [
            f"{rule['id']}: {node['target']} {node['failureSummary']}"
            for rule in result.response["violations"]
            for node in rule["nodes"]
        ]
        assert found == []
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow == 0, f"{page.url} is {overflow} px wider than the window"

    return check


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
    for user in User.objects.all():
        user.email = f"{user.username}@example.org"
        user.save()
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
