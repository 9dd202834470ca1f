"""A whole life of treatment: booked, told, treated, asked how it was, looked after, and treated on every week."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from django.core import mail
from playwright.sync_api import Page, expect

from scheduling.core.words import AlertKind, CheckInState, MessageKind, Stage
from scheduling.models import Alert, Appointment, CheckIn, FollowUpPlan, Message
from scheduling.services.delivery import deliver
from scheduling.services.duties import DUTIES

from .conftest import PHONE, CheckPage, Clinic, OpenPage
from .steps import book_six_sessions, draft_an_order, run_the_first_visit, sign_the_order

pytestmark = [pytest.mark.browser, pytest.mark.walk]
MINUTE = timedelta(minutes=1)


def work() -> None:
    """What the worker does in a round."""
    now = datetime.now(UTC)
    for duty in DUTIES:
        duty.run(now)
    while deliver(now):
        pass


def link_in(subject: str) -> str:
    """The path of the link in the last mail with these words in its subject."""
    found = next(sent for sent in reversed(mail.outbox) if subject in sent.subject)
    address = re.search(r"http://127\.0\.0\.1:8000(/v/\S+)", str(found.body))
    assert address
    return address[1]


def test_a_whole_life(
    clock: time_machine.Traveller,
    clinic: Clinic,
    at_the_desk: Callable[[str], Page],
    open_page: OpenPage,
    check_page: CheckPage,
) -> None:
    desk, nurse, prescriber = (at_the_desk(role) for role in ("front_desk", "nurse", "prescriber"))
    draft_an_order(desk)
    sign_the_order(prescriber)
    book_six_sessions(desk, check_page)
    work()
    assert len(mail.outbox) == 7

    phone = open_page(PHONE)
    phone.goto(link_in("Your appointments"))
    expect(phone).to_have_url(re.compile(r"/my/$"))
    check_page(phone)

    visit = Appointment.objects.get(number=1)
    clock.move_to(visit.starts_at - timedelta(minutes=10))
    run_the_first_visit(clock, nurse, visit)
    check_in = CheckIn.objects.order_by("due_at")[0]
    answer_with_a_red_flag(clock, phone, check_page, check_in)
    acknowledge(nurse, check_page)
    clock.move_to(Appointment.objects.latest("starts_at").starts_at - timedelta(days=1))
    start_the_weekly_plan(at_the_desk("prescriber"), check_page, clinic)
    four_weeks_stand_on_the_board(at_the_desk("front_desk"))


def answer_with_a_red_flag(
    clock: time_machine.Traveller, phone: Page, check_page: CheckPage, check_in: CheckIn
) -> None:
    """The mail comes when the check-in is due; it is the last hour of a working day."""
    clock.move_to(check_in.due_at + MINUTE)
    work()
    check_in.refresh_from_db()
    assert check_in.state == CheckInState.ASKED
    phone.goto(link_in("How are you?"))
    expect(phone).to_have_url(re.compile(rf"/my/check-ins/{check_in.pk}/$"))
    check_page(phone)
    phone.get_by_role("button", name="Send my answers").click()
    expect(phone.get_by_text("Nothing is sent yet")).to_be_visible()
    check_page(phone)
    for question in ("self_harm", "breathing", "worst_headache"):
        phone.locator(f"input[name={question}][value=no]").check()
    phone.locator("input[name=chest_pain][value=yes]").check()
    for grade in phone.locator("input[type=radio][value='0']").all():
        grade.check()
    phone.get_by_role("button", name="Send my answers").click()
    first = phone.locator("main").locator("section, div").first
    expect(phone.locator("main")).to_contain_text("911")
    expect(first).to_be_visible()
    check_page(phone)
    alert = Alert.objects.get(kind=AlertKind.RED_FLAG)
    assert (alert.patient, alert.is_open) == (check_in.patient, True)
    work()
    told = Message.objects.get(kind=MessageKind.RED_FLAG)
    assert told.sent_at is not None
    assert "Mara" not in str(mail.outbox[-1].body) + mail.outbox[-1].subject


def acknowledge(nurse: Page, check_page: CheckPage) -> None:
    nurse.goto("/attention/")
    check_page(nurse)
    expect(nurse.locator("main")).to_contain_text("Made-Up, Mara")
    row = nurse.locator(".alert-rows > li").first
    row.locator("summary").click()
    row.get_by_role("textbox").fill("Called: a pulled muscle, better by now.")
    row.get_by_role("button", name="acknowledge").click()
    expect(nurse.get_by_text("Nothing waits for you.")).to_be_visible()
    alert = Alert.objects.get(kind=AlertKind.RED_FLAG)
    assert alert.acknowledged_by is not None
    assert alert.note == "Called: a pulled muscle, better by now."


def start_the_weekly_plan(page: Page, check_page: CheckPage, clinic: Clinic) -> None:
    """On the day before the last visit of the first stage, under an order of its own."""
    draft_an_order(page, Stage.FOLLOW_UP)
    sign_the_order(page)
    page.goto(f"/patients/{clinic.patient.pk}/plan/?preset=weekly")
    check_page(page)
    page.get_by_role("button", name="Show the first dates").click()
    check_page(page)
    page.get_by_role("button", name="Set plan and book").click()
    plan = FollowUpPlan.objects.get()
    expect(page).to_have_url(re.compile(rf"/plans/{plan.pk}/$"))
    check_page(page)


def four_weeks_stand_on_the_board(desk: Page) -> None:
    visits = list(Appointment.objects.filter(series__stage=Stage.FOLLOW_UP).order_by("starts_at"))
    assert len(visits) == 4
    last = Appointment.objects.filter(series__stage=Stage.INDUCTION).latest("starts_at")
    days = [last.local_date, *(visit.local_date for visit in visits)]
    assert all(4 <= (after - before).days <= 10 for before, after in pairwise(days))
    for visit in visits:
        desk.goto(f"/board/{visit.local_date}/")
        expect(desk.locator("main")).to_contain_text("Made-Up, Mara")
