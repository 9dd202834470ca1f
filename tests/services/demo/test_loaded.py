"""The demo once loaded: sixty lives through the real services, and the pages with them."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from scheduling.core.plan_steps import windows
from scheduling.core.words import (
    COUNTED,
    AlertKind,
    CheckInState,
    MessageKind,
    MessageState,
    OrderState,
    PlanState,
    RequiredBefore,
    Status,
)
from scheduling.models import (
    Alert,
    Appointment,
    AuditEntry,
    Chair,
    CheckIn,
    Claim,
    FollowUpPlan,
    Hold,
    Location,
    Message,
    Offer,
    Order,
    Patient,
    Prerequisite,
    Presence,
    StaffMember,
    WaitlistEntry,
)
from scheduling.services import demo
from scheduling.services.amending import is_news
from scheduling.services.overruns import overruns
from scheduling.services.plan_blocks import steps_of

DAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
"""11:00 at the first site, 08:00 at the second: both are open."""


def of_the_day() -> list[Appointment]:
    return list(Appointment.objects.filter(local_date=DAY).with_places().order_by("starts_at"))


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """One demo for all tests that only read it; each test's own changes are rolled back."""
    with django_db_blocker.unblock():
        demo.load(day=DAY, as_of=NOON)
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def clinic(loaded: None, db: None) -> None:
    """The loaded demo."""


# --- what is in it ---


@pytest.mark.usefixtures("clinic")
def test_two_patients_wait_and_one_of_them_is_offered_a_place() -> None:
    assert WaitlistEntry.objects.live(NOON).count() == 2
    offer = Offer.objects.get()
    assert (offer.state, offer.way, offer.hold_id is not None) == ("open", "link", True)
    assert Message.objects.get(offer=offer).state == MessageState.SENT


@pytest.mark.usefixtures("clinic")
def test_two_sites_in_two_zones_with_their_people() -> None:
    assert list(Location.objects.values_list("zone", flat=True)) == [
        "America/New_York",
        "America/Los_Angeles",
    ]
    roles = ("is_front_desk", "is_nurse", "is_prescriber", "is_manager")
    assert [StaffMember.objects.filter(**{role: True}).count() for role in roles] == [1, 6, 3, 1]
    assert (Chair.objects.count(), Patient.objects.count()) == (8, 60)
    assert set(StaffMember.objects.filter(is_nurse=True).values_list("monitoring_capacity", flat=True)) == {
        2,
        3,
    }


@pytest.mark.usefixtures("clinic")
def test_patients_are_in_every_stage() -> None:
    states = Counter(Order.objects.values_list("stage", "state"))
    for state in (OrderState.DRAFT, OrderState.SIGNED, OrderState.USED_UP, OrderState.WITHDRAWN):
        assert states["induction", state] > 0
    for state in (OrderState.DRAFT, OrderState.SIGNED):
        assert states["follow_up", state] > 0
    assert Patient.objects.filter(orders=None).count() == 3
    assert Order.objects.filter(state=OrderState.SIGNED, series=None).count() == 6
    statuses = set(Appointment.objects.values_list("status", flat=True))
    assert {Status.MISSED, Status.CANCELLED_IN_TIME, Status.CANCELLED_LATE, Status.DONE} <= statuses
    assert set(Patient.objects.values_list("language", flat=True)) == {"en", "es"}


@pytest.mark.usefixtures("clinic")
def test_there_is_a_past_month_a_busy_day_and_weeks_to_come() -> None:
    week = timedelta(days=7)
    days = set(Appointment.objects.values_list("local_date", flat=True))
    assert min(days) < DAY - 4 * week
    assert max(days) > DAY + 3 * week
    assert len(of_the_day()) >= 20
    over = Appointment.objects.filter(local_date__lt=DAY)
    assert not over.open().exists()


@pytest.mark.usefixtures("clinic")
def test_the_day_shows_every_live_status_one_late_and_one_overrun() -> None:
    today = of_the_day()
    assert {visit.status for visit in today} >= {
        *(Status.BOOKED, Status.ARRIVED, Status.IN_TREATMENT, Status.RECOVERING),
        *(Status.DONE, Status.MISSED, Status.CANCELLED_LATE),
    }
    late = [v for v in today if v.status == Status.BOOKED and NOON - v.starts_at > timedelta(minutes=15)]
    assert len(late) == 1
    assert any(overrun.is_expected for overrun in overruns(today, NOON))


@pytest.mark.usefixtures("clinic")
def test_no_two_claims_on_a_seat_overlap_and_the_orders_are_counted() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM scheduling_claim a JOIN scheduling_claim b ON a.seat_id = b.seat_id "
            "AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at"
        )
        assert cursor.fetchone() == (0,)
    for order in Order.objects.all():
        counted = Appointment.objects.filter(order=order, status__in=COUNTED).count()
        assert order.taken == counted <= order.sessions
    booked = Appointment.objects.filter(status__in=(Status.BOOKED, Status.ARRIVED))
    assert booked.exists()
    assert all(Claim.objects.filter(appointment=visit).count() == 5 for visit in booked)


@pytest.mark.usefixtures("clinic")
def test_everything_was_done_by_somebody_and_nothing_in_the_future() -> None:
    acts = AuditEntry.objects.exclude(action__in=("set_capacity", "load_demo"))
    assert set(acts.filter(actor_kind="link").values_list("action", flat=True)) == {"answer_check_in"}
    by_worker = {"ask_again", "no_answer", "extend_plan", "notice_overdue", "drop_check_in", "drop_message"}
    assert {"ask_again", "no_answer"} <= set(
        acts.filter(actor_kind="system").values_list("action", flat=True)
    )
    assert by_worker.isdisjoint(acts.filter(actor_kind="staff").values_list("action", flat=True))
    assert AuditEntry.objects.filter(at__gt=NOON).count() == 0
    assert set(acts.filter(action="sign_order").values_list("staff__is_prescriber", flat=True)) == {True}


@pytest.mark.usefixtures("clinic")
def test_messages_stand_in_every_state() -> None:
    states = Counter(Message.objects.values_list("state", flat=True))
    assert set(states) == set(MessageState)
    assert states[MessageState.SENT] > 400
    assert [message.kind for message in Message.objects.due(NOON)] == [MessageKind.RED_FLAG]


@pytest.mark.usefixtures("clinic")
def test_a_month_of_check_ins_has_answers_silence_and_red_flags() -> None:
    states = Counter(CheckIn.objects.values_list("state", flat=True))
    assert set(states) == set(CheckInState)
    assert states[CheckInState.ANSWERED] > 100
    flags = Alert.objects.filter(kind=AlertKind.RED_FLAG)
    assert flags.count() >= 3
    assert [alert.raised_at for alert in flags.open()] == [NOON]


@pytest.mark.usefixtures("clinic")
def test_follow_up_plans_stand_in_each_of_their_steps() -> None:
    today = NOON.date()
    steps = Counter(
        next(
            window.index
            for window in windows(steps_of(plan), plan.starts_after)
            if window.last is None or today <= window.last
        )
        for plan in FollowUpPlan.objects.filter(state=PlanState.ACTIVE)
    )
    assert set(steps) == {0, 1, 2}
    assert sum(steps.values()) >= 6


@pytest.mark.usefixtures("clinic")
def test_the_made_up_people_would_pass_their_own_forms() -> None:
    for patient in Patient.objects.all():
        patient.full_clean()
        assert patient.email.endswith("@example.org")
        assert patient.phone.national_number % 10_000_000 // 100 == 55501
    for location in Location.objects.all():
        location.full_clean()


@pytest.mark.usefixtures("clinic")
def test_what_has_to_be_on_record_is_lacking_only_where_nothing_is_booked() -> None:
    lacking = [
        (order.patient_id, wanted.code)
        for wanted in Prerequisite.objects.exclude(required_before=RequiredBefore.EVERY)
        for order in Order.objects.filter(protocol__in=wanted.protocols.all())
        if not wanted.records.filter(patient=order.patient_id).exists()
    ]
    assert sorted(code for _patient, code in lacking) == ["rems-enrolment", "treatment-consent"]
    assert not Appointment.objects.filter(patient__in=[patient for patient, _code in lacking]).exists()


# --- the pages with it ---


@pytest.mark.usefixtures("clinic")
@pytest.mark.parametrize("login", demo.LOGINS)
def test_every_log_in_that_is_printed_opens_the_pages(client: Client, login: str) -> None:
    with time_machine.travel(NOON, tick=False):
        assert client.login(username=login, password=demo.PASSWORD)
        patient = Patient.objects.filter(series__isnull=False).earliest("pk")
        series = patient.series.earliest("pk")
        pages = [
            *(reverse("board"), reverse("week"), reverse("patient_list")),
            *(reverse("attention"), reverse("message_list")),
            reverse("patient_detail", args=[patient.pk]),
            reverse("series_detail", args=[series.pk]),
            reverse("series_print", args=[series.pk]),
            reverse("appointment_detail", args=[series.appointments.earliest("number").pk]),
        ]
        assert {page: client.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


@pytest.mark.usefixtures("clinic")
def test_the_link_that_is_printed_opens_a_patients_visits(client: Client) -> None:
    with time_machine.travel(NOON, tick=False):
        address = demo.sample_link().removeprefix("http://127.0.0.1:8000")
        html = client.get(address, follow=True).content.decode()
    assert "Eat nothing for 6 hours" in html


@pytest.mark.usefixtures("clinic")
def test_a_loaded_demo_is_not_replaced_outside_a_demo() -> None:
    with pytest.raises(CommandError, match="DEMO=1 is not set"):
        call_command("load_demo", "--fresh")
    assert Patient.objects.count() == 60


# --- what real days bring ---


@pytest.mark.usefixtures("clinic")
def test_every_spray_was_given_with_a_prescriber_on_site_and_its_own_fasting_record() -> None:
    sprays = Appointment.objects.filter(protocol__prescriber_on_site=True, started_at__isnull=False)
    assert sprays.count() > 15
    assert not sprays.filter(prescriber=None).exists()
    assert not sprays.exclude(start_override_reason="").exists()
    fasting = Prerequisite.objects.get(required_before=RequiredBefore.EVERY)
    assert set(fasting.records.values_list("appointment", flat=True)) == set(
        sprays.values_list("pk", flat=True)
    )
    assert set(fasting.records.values_list("recorded_by__is_nurse", flat=True)) == {True}
    here = Presence.objects.filter(left_at=None).values_list("staff__name", flat=True)
    assert sorted(here) == ["Dr. Amara Whitfield", "Dr. Rosa Sandoval"]
    assert Presence.objects.exclude(left_at=None).count() > 40
    assert not Alert.objects.filter(kind=AlertKind.NO_PRESCRIBER).exists()


@pytest.mark.usefixtures("clinic")
def test_doses_and_blood_pressures_of_the_last_week_are_on_record() -> None:
    given = Appointment.objects.filter(status=Status.DONE)
    recent = given.filter(starts_at__gt=NOON - timedelta(days=7))
    assert recent.count() > 10
    for visit in recent.select_related("order").prefetch_related("blood_pressures"):
        assert visit.dose_given == visit.order.dose_amount
        assert sorted(row.moment for row in visit.blood_pressures.all()) == ["before", "leaving"]
    assert not given.exclude(pk__in=recent).exclude(dose_given=None).exists()


@pytest.mark.usefixtures("clinic")
def test_one_draft_holds_places_and_one_changed_dose_was_not_seen() -> None:
    hold = Hold.objects.exclude(order=None).get()
    assert hold.order
    assert hold.order.state == OrderState.DRAFT
    assert hold.expires_at == datetime(2026, 11, 26, 0, 0, tzinfo=UTC), "closing on Wednesday in New York"
    assert len(hold.places["visits"]) == hold.order.sessions
    news = [order for order in Order.objects.exclude(replaces=None) if is_news(order)]
    assert len(news) == 1
    assert news[0].appointments.filter(local_date=DAY, status=Status.BOOKED).exists()
