"""The worker keeps plans booked: in blocks, never past the order or an overdue review, and says why it stops."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scheduling.access import SYSTEM, Actor
from scheduling.core.plan_steps import Step
from scheduling.core.words import AlertKind, Role, Severity, Standing, Status
from scheduling.models import (
    Alert,
    Appointment,
    AuditEntry,
    BookingRequest,
    Chair,
    FollowUpPlan,
    Order,
    Patient,
    Prerequisite,
)
from scheduling.services import plan_extension
from scheduling.services.plan_blocks import Ask, Block, propose_block
from scheduling.services.plan_extension import extend_plan, extend_plans, short_plans
from scheduling.services.plan_orders import continue_under
from scheduling.services.plans import end_plan, mark_reviewed
from tests.factories import (
    NOW,
    make_chair,
    make_follow_up,
    make_location,
    make_nurse,
    make_patient,
    make_plan,
    make_protocol,
)

pytestmark = pytest.mark.django_db

MONDAY = NOW.date()


def at(days: int) -> datetime:
    """08:00 in New York, so many days after the plan was set."""
    return NOW + timedelta(days=days)


def booked(plan: FollowUpPlan) -> list[int]:
    """Days from the date the plan counts from to each visit that counts."""
    days = Appointment.objects.counted().filter(patient=plan.patient).order_by("starts_at")
    return [(day - plan.starts_after).days for day in days.values_list("local_date", flat=True)]


def stuck(plan: FollowUpPlan) -> str:
    plan.refresh_from_db()
    return plan.stuck


def kinds() -> list[str]:
    return sorted(Alert.objects.open().values_list("kind", flat=True))


def test_a_plan_is_left_alone_while_two_weeks_are_booked() -> None:
    plan = make_plan()
    assert extend_plans(at(14)) == 0
    assert booked(plan) == [7, 14, 21, 28]
    assert not AuditEntry.objects.filter(action="extend_plan").exists()


def test_with_less_than_two_weeks_the_next_block_is_one_booking() -> None:
    plan = make_plan()
    assert extend_plans(at(15)) == 2
    assert booked(plan) == [7, 14, 21, 28, 35, 42]
    plan.refresh_from_db()
    assert (plan.booked_until, plan.stuck) == (MONDAY + timedelta(days=42), "")
    assert list(BookingRequest.objects.order_by("pk").values_list("key", flat=True)) == [
        f"plan:{plan.pk}:1",
        f"plan:{plan.pk}:2",
    ]
    assert AuditEntry.objects.filter(action="extend_plan", subject_id=plan.pk).count() == 1


def test_with_one_visit_left_a_monthly_plan_is_extended() -> None:
    plan = make_plan(steps=(Step(every_weeks=4),))
    assert booked(plan) == [28, 56]
    assert extend_plans(at(27)) == 0
    assert extend_plans(at(28)) == 1
    assert booked(plan) == [28, 56, 84]


def test_extending_twice_does_no_harm() -> None:
    plan = make_plan()
    assert (extend_plans(at(15)), extend_plans(at(15))) == (2, 0)
    assert extend_plan(by=SYSTEM, now=at(15), pk=plan.pk) == 0
    assert booked(plan) == [7, 14, 21, 28, 35, 42]


def test_a_taper_is_booked_to_its_end_in_blocks_and_then_is_over() -> None:
    order = make_follow_up_order(sessions=20, valid_until=MONDAY + timedelta(days=400))
    steps = (Step(per_week=1, weeks=4), Step(every_weeks=2, weeks=8), Step(every_weeks=4, weeks=12))
    plan = make_plan(order, steps=steps)
    for week in range(1, 26):
        extend_plans(at(7 * week))
    assert booked(plan) == [7, 14, 21, 28, 42, 56, 70, 84, 112, 140, 168]
    assert stuck(plan) == "plan_over"
    assert kinds() == []


def make_follow_up_order(**fields: object) -> Order:
    """A follow-up order in a clinic with one chair and one nurse."""
    location = make_location()
    make_chair(location)
    make_nurse(location)
    return make_follow_up(make_patient(location), make_protocol(), **fields)


def test_the_orders_number_ends_it_and_a_new_order_is_asked_for_14_days_before() -> None:
    plan = make_plan()
    Order.objects.filter(pk=plan.order_id).update(sessions=4)
    assert extend_plans(at(14)) == 0
    assert (stuck(plan), kinds()) == ("", [])
    assert extend_plans(at(15)) == 0
    assert (stuck(plan), kinds()) == ("order_used_up", ["renew_order"])
    alert = Alert.objects.get()
    assert (alert.owner, alert.severity) == (Role.PRESCRIBER, Severity.PAPERWORK)
    assert alert.facts == {
        "code": "order_used_up",
        "last": "2026-07-04",
        "left": 0,
        "booked_until": "2026-02-02",
    }


def test_a_monthly_plan_asks_for_the_order_only_14_days_before_the_last_visit() -> None:
    plan = make_plan(steps=(Step(every_weeks=4),))
    Order.objects.filter(pk=plan.order_id).update(sessions=2)
    extend_plans(at(30))
    assert (stuck(plan), kinds()) == ("order_used_up", [])
    extend_plans(at(41))
    assert kinds() == []
    extend_plans(at(42))
    assert kinds() == ["renew_order"]


def test_the_orders_end_ends_it() -> None:
    plan = make_plan()
    Order.objects.filter(pk=plan.order_id).update(valid_until=MONDAY + timedelta(days=36))
    assert extend_plans(at(15)) == 1
    assert booked(plan)[-1] == 35
    extend_plans(at(22))
    assert (stuck(plan), kinds()) == ("order_expires", ["renew_order"])


def test_a_new_order_settles_the_alert_and_the_plan_goes_on(prescriber: Actor) -> None:
    plan = make_plan()
    Order.objects.filter(pk=plan.order_id).update(sessions=4)
    extend_plans(at(15))
    other = make_follow_up(plan.patient, make_protocol())
    continue_under(by=prescriber, now=at(16), plan=plan, order=other)
    assert (stuck(plan), kinds(), plan.order) == ("", [], other)
    assert booked(plan) == [7, 14, 21, 28, 35, 42]
    assert extend_plans(at(29)) == 2
    assert booked(plan)[-1] == 56


def test_a_plan_whose_course_is_not_begun_is_extended_on_behalf_of_its_prescriber() -> None:
    order = make_follow_up_order()
    Chair.objects.update(is_active=False)
    plan = make_plan(order)
    assert (plan.series, stuck(plan)) == (None, "no_place")
    Chair.objects.update(is_active=True)
    assert extend_plans(at(1)) == 4
    plan.refresh_from_db()
    assert plan.series is not None
    assert (plan.series.booked_by, plan.stuck) == (plan.set_by, "")
    assert kinds() == []


def test_without_a_free_place_the_desk_is_told_once() -> None:
    plan = make_plan()
    Chair.objects.update(is_active=False)
    assert (extend_plans(at(15)), extend_plans(at(16)), extend_plans(at(17))) == (0, 0, 0)
    assert (stuck(plan), kinds()) == ("no_place", ["plan_stuck"])
    alert = Alert.objects.get()
    assert (alert.owner, alert.facts["code"], alert.facts["wanted"]) == (
        Role.FRONT_DESK,
        "no_place",
        "2026-02-09",
    )
    assert AuditEntry.objects.filter(action="extend_plan").count() == 1
    Chair.objects.update(is_active=True)
    assert extend_plans(at(18)) == 2
    assert (stuck(plan), kinds()) == ("", [])


def test_what_booking_refuses_is_told_the_desk() -> None:
    plan = make_plan()
    consent = Prerequisite.objects.create(code="consent", name="Consent", required_before="booking")
    consent.protocols.add(plan.order.protocol)
    assert extend_plans(at(15)) == 0
    assert (stuck(plan), kinds()) == ("refused", ["plan_stuck"])
    assert Alert.objects.get().facts["reasons"] == [
        "These have to be on record before booking.",
        "Consent",
    ]


def test_a_plan_that_could_not_be_booked_is_tried_again_after_an_hour() -> None:
    make_plan()
    Chair.objects.update(is_active=False)
    extend_plans(at(15))
    assert short_plans(at(15) + timedelta(minutes=59)).count() == 0
    assert short_plans(at(15) + timedelta(minutes=60)).count() == 1


def test_a_review_that_came_is_announced_once_to_the_prescriber() -> None:
    plan = make_plan(reviews=[MONDAY + timedelta(days=3)])
    extend_plans(at(2))
    assert kinds() == []
    extend_plans(at(3))
    extend_plans(at(4))
    alert = Alert.objects.get()
    assert (alert.kind, alert.owner, alert.plan) == (AlertKind.REVIEW_DUE, Role.PRESCRIBER, plan)
    assert AuditEntry.objects.filter(action="review_due").count() == 1


def test_a_review_is_due_by_the_locations_date() -> None:
    make_plan(reviews=[MONDAY + timedelta(days=3)])
    # 04:59 UTC is 23:59 of the day before in New York.
    extend_plans(
        datetime.combine(MONDAY + timedelta(days=3), NOW.time(), NOW.tzinfo).replace(hour=4, minute=59)
    )
    assert kinds() == []


def test_nothing_new_is_booked_14_days_past_a_review_until_it_is_noted(prescriber: Actor) -> None:
    plan = make_plan(reviews=[MONDAY + timedelta(days=21)])
    assert extend_plans(at(15)) == 1
    assert booked(plan) == [7, 14, 21, 28, 35]
    extend_plans(at(24))
    assert (stuck(plan), booked(plan)[-1]) == ("review_overdue", 35)
    mark_reviewed(by=prescriber, now=at(24), review=plan.reviews.get(), note="Better. Goes on.")
    assert kinds() == []
    assert extend_plans(at(24)) == 2
    assert (stuck(plan), booked(plan)[-1]) == ("", 49)


def test_an_ended_plan_and_an_inactive_patient_are_not_booked_further(prescriber: Actor) -> None:
    plan = make_plan()
    end_plan(by=prescriber, now=NOW, plan=plan, reason="Feels well")
    other = make_plan()
    Patient.objects.filter(pk=other.patient_id).update(standing=Standing.STOPPED)
    assert extend_plans(at(20)) == 0


def test_a_missed_visit_is_not_doubled_up() -> None:
    plan = make_plan()
    Appointment.objects.filter(local_date=MONDAY + timedelta(days=14)).update(status=Status.MISSED)
    extend_plans(at(15))
    assert booked(plan) == [7, 21, 28, 35, 42]


def test_one_plan_that_fails_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, plan = make_plan(), make_plan()
    found = [ended.pk, plan.pk]
    FollowUpPlan.objects.filter(pk=ended.pk).update(state="ended", ended_at=NOW)
    rows = FollowUpPlan.objects.filter(pk__in=found).order_by("pk")
    monkeypatch.setattr(plan_extension, "short_plans", lambda now: rows)
    assert extend_plans(at(15)) == 2


def test_a_fault_in_one_plan_is_logged_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, plan = make_plan(), make_plan()
    propose = propose_block

    def fail_once(ask: Ask, now: datetime) -> Block:
        if ask.order == broken.order:
            raise ZeroDivisionError
        return propose(ask, now)

    monkeypatch.setattr(plan_extension, "propose_block", fail_once)
    assert extend_plans(at(15)) == 2
    assert booked(plan)[-1] == 42
    assert caplog.messages == [f"Plan {broken.pk} could not be extended."]
    assert list(short_plans(at(15))) == []


def test_a_round_extends_so_many_plans_and_the_next_one_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_extension, "BATCH", 1)
    make_plan()
    make_plan()
    assert [extend_plans(at(15)) for _round in range(3)] == [2, 2, 0]


@pytest.mark.parametrize("count", [1, 5])
def test_plans_that_are_not_short_cost_no_query_of_their_own(count: int) -> None:
    plan = make_plan()
    for _number in range(count - 1):
        make_nurse(plan.location)
        make_chair(plan.location)
        make_plan(make_follow_up(make_patient(plan.location), plan.order.protocol))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert extend_plans(at(2)) == 0
    assert len(queries) == 2
