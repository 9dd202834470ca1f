"""The log-in page in a browser."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from .conftest import DESKTOP, PHONE, CheckPage, Complaints, LogIn, OpenPage

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_log_in_page_is_accessible(
    open_page: OpenPage, check_page: CheckPage, size: tuple[int, int], scheme: str
) -> None:
    page = open_page(size)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/accounts/login/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
    check_page(page)


def test_a_wrong_password_is_told_and_the_right_one_logs_in(
    desktop: Page, log_in: LogIn, check_page: CheckPage
) -> None:
    User.objects.create_user("ann", password="correct-horse")
    log_in(desktop, "ann", "wrong")
    expect(desktop.get_by_text("not correct")).to_be_visible()
    check_page(desktop)
    log_in(desktop, "ann", "correct-horse", then="/accounts/password/change/")
    expect(desktop.get_by_role("button", name="ann")).to_be_visible()
    check_page(desktop)


def test_the_menu_opens_on_a_telephone(phone: Page, log_in: LogIn, check_page: CheckPage) -> None:
    User.objects.create_user("ann", password="correct-horse")
    log_in(phone, "ann", "correct-horse", then="/accounts/password/change/")
    phone.get_by_role("button", name="Menu").click()
    phone.get_by_role("button", name="ann").click()
    check_page(phone)
    phone.get_by_role("button", name="Log out").click()
    expect(phone.get_by_role("heading", name="Log in")).to_be_visible()


def test_an_error_page_is_accessible(phone: Page, complaints: Complaints, check_page: CheckPage) -> None:
    complaints.expect("404")
    phone.goto("/nothing-here/")
    expect(phone.get_by_role("heading", name="This page does not exist")).to_be_visible()
    check_page(phone)
