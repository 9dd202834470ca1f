"""Plans change: a course follows a visit that moved; a nurse is ill, and one proposal settles her whole day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from playwright.sync_api import Page, expect

from scheduling.core.words import COURSE_KINDS, MessageState, Resolution, Status
from scheduling.models import Appointment, Chair, DisruptedVisit, Hold, Message, Protocol, StaffMember
from tests import factories

from .conftest import CheckPage, Clinic

pytestmark = pytest.mark.browser

TUESDAY = datetime(2026, 1, 13, 15, 0, tzinfo=UTC)
"""10:00 in New York, a week ahead."""
COURSE = [TUESDAY + timedelta(days=days) for days in (0, 3, 7, 10, 14, 17)]


@pytest.fixture
def visits(clinic: Clinic) -> list[Appointment]:
    """Six visits on Tuesdays and Fridays at 10:00, all in the first chair."""
    order = factories.make_order(clinic.patient, Protocol.objects.get())
    nurse = StaffMember.objects.get(name="Nurse 1")
    place = clinic.patient.home_location
    factories.book(order, place, Chair.objects.get(name="Chair 1"), nurse, COURSE)
    return list(Appointment.objects.order_by("number"))


def starts() -> list[datetime]:
    rows = Appointment.objects.filter(status=Status.BOOKED).order_by("number")
    return list(rows.values_list("starts_at", flat=True))


def test_the_course_follows_a_visit_that_moved_and_comes_back(
    clock: time_machine.Traveller,
    visits: list[Appointment],
    at_the_desk: Callable[[str], Page],
    check_page: CheckPage,
) -> None:
    second, third = visits[1:3]
    page = at_the_desk("front_desk")
    page.goto(f"/appointments/{second.pk}/move/")
    page.locator("input[name=day]").fill("2026-01-19")
    page.locator("input[name=wall]").fill("10:00")
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Show how the course could follow").click()
    least = page.get_by_role("region", name="With the least change")
    expect(least).to_contain_text("1 other visit moves")
    expect(page.get_by_text("Held for you until")).to_be_visible()
    check_page(page)
    assert Hold.objects.exclude(proposal_key="").count() == 1

    least.get_by_role("button", name="Move 2 visits").click()
    expect(page.get_by_text("The course is changed.")).to_be_visible()
    changed = starts()
    assert changed[1] == datetime(2026, 1, 19, 15, 0, tzinfo=UTC)
    assert changed[2] != third.starts_at
    assert [changed[index] for index in (0, 3, 4, 5)] == [COURSE[index] for index in (0, 3, 4, 5)]
    assert not Hold.objects.exclude(proposal_key="").exists()

    page.get_by_role("button", name="Undo").click()
    assert starts() == COURSE


@pytest.fixture
def ill(clinic: Clinic, visits: list[Appointment]) -> list[Appointment]:
    """Nurse 1 has Mara at 10:00 and Cy at 14:00; Nurse 2's hands are with Bo at 10:00."""
    place, protocol = clinic.patient.home_location, Protocol.objects.get()
    first, second = Chair.objects.get(name="Chair 1"), Chair.objects.get(name="Chair 2")
    for name, start, chair, nurse in (
        ("Bo", TUESDAY, second, "Nurse 2"),
        ("Cy", TUESDAY + timedelta(hours=4), first, "Nurse 1"),
    ):
        patient = factories.make_patient(place, first_name=name)
        order = factories.make_order(patient, protocol)
        factories.book(order, place, chair, StaffMember.objects.get(name=nurse), [start])
    rows = Appointment.objects.filter(starts_at__date=TUESDAY.date(), nurse__name="Nurse 1")
    return list(rows.order_by("starts_at"))


def test_a_nurse_is_ill_one_visit_is_covered_and_a_repair_moves_the_other(
    clock: time_machine.Traveller,
    ill: list[Appointment],
    at_the_desk: Callable[[str], Page],
    check_page: CheckPage,
) -> None:
    mara, cy = ill
    page = at_the_desk("nurse")
    page.goto("/disruptions/add/")
    page.locator("select[name=kind]").select_option("nurse")
    page.locator("select[name=staff]").select_option(label="Nurse 1")
    for name, value in (("first_day", "2026-01-13"), ("last_day", "2026-01-13")):
        page.locator(f"input[name={name}]").fill(value)
    for name, value in (("first_time", "06:00"), ("last_time", "21:00")):
        page.locator(f"input[name={name}]").fill(value)
    page.locator("main form button[type=submit]").click()
    page.get_by_role("button", name="Cover all that can be").click()
    expect(page.get_by_text("1 covered by another nurse or chair, 1 still open.")).to_be_visible()

    page.get_by_role("link", name="One proposal for all").click()
    page.get_by_role("button", name="Find a repair for 1 visit").click()
    accept = page.get_by_role("button", name="Accept all")
    expect(accept).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Proven: no other proposal leaves or moves fewer patients.")).to_be_visible()
    check_page(page)
    accept.click()
    expect(page.get_by_text("1 visit is moved and told.")).to_be_visible()
    expect(page.get_by_text("Every visit has a place or was settled")).to_be_visible()

    outcomes = DisruptedVisit.objects.order_by("was_at").values_list("appointment", "resolution")
    assert list(outcomes) == [(mara.pk, Resolution.MOVED), (cy.pk, Resolution.COVERED)]
    moved, covered = Appointment.objects.get(pk=mara.pk), Appointment.objects.get(pk=cy.pk)
    assert (covered.starts_at, covered.nurse.name) == (cy.starts_at, "Nurse 2")
    assert moved.local_date == mara.local_date
    assert abs(moved.starts_at - mara.starts_at) <= timedelta(minutes=30)
    tells = Message.objects.filter(kind__in=COURSE_KINDS, series=mara.series_id)
    assert tells.filter(state=MessageState.WAITING).count() == 1
