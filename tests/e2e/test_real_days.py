"""A day off plan: late, stopped, missed; a prescriber decides on the make-up and the front desk books it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from playwright.sync_api import Page, expect

from scheduling.core.words import (
    COURSE_KINDS,
    AlertKind,
    Decision,
    MessageKind,
    MessageState,
    OrderState,
    Role,
    Status,
    StopReason,
)
from scheduling.models import Alert, Appointment, Chair, Claim, Message, Order, Protocol, StaffMember
from tests import factories

from .conftest import CheckPage, Clinic

pytestmark = pytest.mark.browser

TUESDAY = datetime(2026, 1, 6, 15, 0, tzinfo=UTC)
"""10:00 in New York."""
COURSE = [TUESDAY + timedelta(days=days) for days in (0, 3, 7, 10, 14, 17)]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def visits(clinic: Clinic) -> list[Appointment]:
    """Six visits on Tuesdays and Fridays at 10:00, all in the first chair."""
    order = factories.make_order(clinic.patient, Protocol.objects.get())
    nurse = StaffMember.objects.get(name="Nurse 1")
    place = clinic.patient.home_location
    factories.book(order, place, Chair.objects.get(name="Chair 1"), nurse, COURSE)
    return list(Appointment.objects.order_by("number"))


def test_late_then_stopped_then_missed_and_made_up(
    clock: time_machine.Traveller,
    visits: list[Appointment],
    at_the_desk: Callable[[str], Page],
    check_page: CheckPage,
) -> None:
    first, second, *later = visits
    clock.move_to(TUESDAY + 20 * MINUTE)
    nurse = at_the_desk("nurse")
    starts_later_today(nurse, check_page, first)
    clock.move_to(TUESDAY + 45 * MINUTE)
    comes_and_is_stopped(clock, nurse, check_page, first)

    clock.move_to(second.starts_at + 20 * MINUTE)
    desk = at_the_desk("front_desk")
    does_not_come(desk, check_page, second)
    decides_on_the_make_up(at_the_desk("prescriber"), check_page, first)
    books_the_make_up(desk, check_page)

    numbers = list(Appointment.objects.order_by("number").values_list("number", "status"))
    assert numbers == [
        (1, Status.STOPPED_EARLY),
        (2, Status.MISSED),
        *((visit.number, Status.BOOKED) for visit in later),
        (7, Status.BOOKED),
    ]
    assert Appointment.objects.get(number=7).starts_at > COURSE[-1]
    assert Order.objects.get(state=OrderState.SIGNED).left == 1


def starts_later_today(page: Page, check_page: CheckPage, visit: Appointment) -> None:
    """The board says who has not come; the late page offers places by the clinic's own clock."""
    page.goto(f"/board/{visit.local_date}/")
    late = page.get_by_role("region", name="Late")
    expect(late).to_contain_text("has not come: expected at 10:00, 20 min ago.")
    late.get_by_role("link", name="What now?").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Late, or the place is taken")
    check_page(page)
    page.get_by_role("button", name="10:45 Chair 1, Nurse 1").click()
    expect(page.get_by_text("Made-Up, Mara starts at 10:45 today.")).to_be_visible()

    visit.refresh_from_db()
    assert (visit.starts_at, visit.status, visit.sequence) == (TUESDAY + 45 * MINUTE, Status.BOOKED, 1)
    claims = Claim.objects.filter(appointment=visit)
    assert min(claim.starts_at for claim in claims) == TUESDAY + 45 * MINUTE
    # The patient was not told of the course yet: its one message says the new time, and leaves at once.
    told = Message.objects.get(kind__in=COURSE_KINDS, state=MessageState.WAITING)
    assert (told.kind, told.due_at) == (MessageKind.CONFIRMATION, visit.changed_at)


def comes_and_is_stopped(
    clock: time_machine.Traveller, page: Page, check_page: CheckPage, visit: Appointment
) -> None:
    for word in ("Arrived", "Start treatment"):
        page.goto(f"/appointments/{visit.pk}/")
        page.get_by_role("button", name=word).click()
        expect(page.get_by_role("status").first).to_be_visible()
    page.get_by_label("Systolic").fill("190")
    page.get_by_label("Diastolic").fill("105")
    page.get_by_role("button", name="Record blood pressure").click()
    expect(page.get_by_text("beyond the limits", exact=True)).to_be_visible()
    check_page(page)
    clock.shift(10 * MINUTE)
    page.get_by_role("link", name="Stop", exact=True).click()
    check_page(page)
    page.get_by_label("blood pressure").check()
    page.get_by_role("button", name="Stop the visit").click()
    expect(page.get_by_text("The treatment of Made-Up, Mara is stopped.")).to_be_visible()
    clock.shift(45 * MINUTE)
    page.get_by_role("link", name="Discharge").click()
    page.get_by_label("Leaves with").fill("Sam Made-Up")
    page.get_by_role("button", name="Discharge").click()
    expect(page.get_by_text("Made-Up, Mara is discharged.")).to_be_visible()
    check_page(page)

    visit.refresh_from_db()
    assert (visit.status, visit.stop_reason) == (Status.STOPPED_EARLY, StopReason.BLOOD_PRESSURE)
    assert visit.order.taken == 6


def does_not_come(page: Page, check_page: CheckPage, visit: Appointment) -> None:
    page.goto(f"/board/{visit.local_date}/")
    page.locator(f"#missed-{visit.pk}").click()
    expect(page.get_by_text("is recorded as missed; the places are free again.")).to_be_visible()
    page.goto(f"/appointments/{visit.pk}/")
    expect(page.get_by_role("link", name="Book it again")).to_be_visible()
    check_page(page)
    page.goto("/attention/")
    expect(page.get_by_text("Missed: call today")).to_be_visible()

    assert not Claim.objects.filter(appointment=visit).exists()
    assert Order.objects.get().taken == 5


def decides_on_the_make_up(page: Page, check_page: CheckPage, visit: Appointment) -> None:
    page.goto("/attention/")
    page.get_by_text("Decide").click()
    page.get_by_label("Why?").fill("Pressure is well again.")
    check_page(page)
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()

    asked = Alert.objects.get(kind=AlertKind.MAKE_UP)
    assert (asked.appointment, asked.decision, asked.note) == (visit, Decision.YES, "Pressure is well again.")
    assert asked.acknowledged_by == StaffMember.objects.get(user__username=Role.PRESCRIBER.value)
    old, new = Order.objects.order_by("pk")
    assert (old.state, new.state) == (OrderState.REPLACED, OrderState.SIGNED)
    assert (new.sessions, new.taken, new.left) == (6, 4, 2)


def books_the_make_up(page: Page, check_page: CheckPage) -> None:
    """One session behind the course; the task is done with it, the call about the miss still is not."""
    page.goto("/attention/")
    task = page.get_by_role("listitem").filter(has_text="is to be made up")
    task.get_by_role("link", name="Book it again").click()
    page.get_by_role("button", name="Find times").click()
    page.get_by_role("button", name="Choose").first.click()
    check_page(page)
    page.locator("button[value=book]").click()
    expect(page).to_have_url(re.compile(r"/series/\d+/$"))
    check_page(page)
    page.goto("/attention/")
    expect(page.get_by_text("Missed: call today")).to_be_visible()
    expect(task).to_have_count(0)
    assert list(
        Alert.objects.filter(acknowledged_at=None, settled_at=None).values_list("kind", flat=True)
    ) == [AlertKind.CALL_MISSED]
