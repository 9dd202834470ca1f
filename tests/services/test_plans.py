"""Setting, ending and reviewing a follow-up plan, and the first block that is booked with it."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from scheduling.access import Actor, NotAllowed
from scheduling.core.plan_steps import Step
from scheduling.core.timeline import from_step
from scheduling.core.wishes import Wishes
from scheduling.core.words import AlertKind, OrderState, PlanState, Role, Stage, Status
from scheduling.models import (
    Alert,
    Appointment,
    AuditEntry,
    Chair,
    Closure,
    FollowUpPlan,
    Message,
    Order,
    Patient,
    PlanReview,
    Prerequisite,
    Series,
)
from scheduling.services.faults import Refused
from scheduling.services.offers import offer_places
from scheduling.services.plan_asks import checked_ask
from scheduling.services.plan_blocks import propose_block
from scheduling.services.plan_next import next_visit
from scheduling.services.plan_orders import continue_under, next_orders, renew_order
from scheduling.services.plans import end_plan, fingerprint, mark_reviewed, set_plan
from scheduling.services.wishes import wishes_to_json
from tests.factories import (
    NOW,
    actor,
    book,
    make_chair,
    make_follow_up,
    make_location,
    make_nurse,
    make_order,
    make_patient,
    make_plan,
    make_protocol,
    make_staff,
    make_visits,
)

pytestmark = pytest.mark.django_db

MONDAY = NOW.date()
WEEKLY = (Step(per_week=1),)


@pytest.fixture
def order() -> Order:
    """A signed follow-up order in a clinic with one chair and one nurse."""
    location = make_location()
    make_chair(location)
    make_nurse(location)
    return make_follow_up(make_patient(location), make_protocol())


def given(patient: Patient, start: datetime) -> None:
    """An infusion of the first stage given from ``start`` on, as a bare row."""
    induction = make_order(patient, make_protocol())
    times = {"arrived_at": start, "started_at": start, "treatment_ended_at": start, "discharged_at": start}
    make_visits(induction, [start], status=Status.DONE, escort="a friend", **times)


def put(order: Order, prescriber: Actor, **fields: Any) -> FollowUpPlan:
    """Set a weekly plan that counts from NOW."""
    values: dict[str, Any] = {"steps": WEEKLY, "starts_after": MONDAY, "now": NOW}
    return set_plan(by=prescriber, order=order, location=order.patient.home_location, **(values | fields))


def gaps(plan: FollowUpPlan) -> list[int]:
    """Days from the date the plan counts from to each booked visit behind it."""
    days = Appointment.objects.counted().filter(patient=plan.patient, local_date__gt=plan.starts_after)
    rising = days.order_by("starts_at").values_list("local_date", flat=True)
    return [(day - plan.starts_after).days for day in rising]


@pytest.mark.parametrize(
    ("steps", "days"),
    [
        ((Step(per_week=1),), [7, 14, 21, 28]),
        ((Step(every_weeks=2),), [14, 28]),
        ((Step(every_weeks=4),), [28, 56]),
        ((Step(per_week=2),), [3, 7, 10, 14, 17, 21, 24, 28]),
        ((Step(per_week=1, weeks=2), Step(every_weeks=2)), [7, 14, 28]),
        ((Step(per_week=1, weeks=1), Step(every_weeks=4)), [7, 35]),
        ((Step(per_week=1, weeks=1),), [7]),
    ],
)
def test_the_first_block_reaches_four_weeks_or_two_visits(
    order: Order, prescriber: Actor, steps: tuple[Step, ...], days: list[int]
) -> None:
    plan = put(order, prescriber, steps=steps)
    assert gaps(plan) == days
    order.refresh_from_db()
    assert (order.taken, plan.booked_until) == (len(days), MONDAY + timedelta(days=days[-1]))
    assert plan.series == Series.objects.get(order=order)


def test_a_plan_keeps_its_steps_and_reviews_and_is_audited_once(order: Order, prescriber: Actor) -> None:
    steps = (Step(per_week=1, weeks=4), Step(every_weeks=2))
    plan = put(order, prescriber, steps=steps, reviews=[MONDAY + timedelta(days=56)])
    rows = plan.steps.values_list("position", "per_week", "every_weeks", "weeks")
    assert list(rows) == [(1, 1, None, 4), (2, None, 2, None)]
    assert [review.due_on for review in plan.reviews.all()] == [date(2026, 3, 2)]
    assert AuditEntry.objects.filter(action="set_plan", subject_id=plan.pk).count() == 1


def test_the_first_visit_counts_from_the_last_infusion_given(order: Order, prescriber: Actor) -> None:
    given(order.patient, NOW - timedelta(days=3))
    plan = put(order, prescriber, starts_after=None)
    assert (plan.starts_after, gaps(plan)[:2]) == (date(2026, 1, 2), [7, 14])


def test_the_first_visit_counts_from_the_last_one_booked_of_the_first_stage(
    order: Order, prescriber: Actor
) -> None:
    location = order.patient.home_location
    induction = make_order(order.patient, make_protocol())
    starts = [NOW + timedelta(days=days, hours=1) for days in (1, 4)]
    book(induction, location, make_chair(location), make_nurse(location), starts)
    plan = put(order, prescriber, starts_after=None)
    assert (plan.starts_after, gaps(plan)) == (date(2026, 1, 9), [7, 14, 21, 28])


def test_a_last_infusion_long_ago_does_not_use_up_the_first_step(order: Order, prescriber: Actor) -> None:
    given(order.patient, NOW - timedelta(days=40))
    plan = put(order, prescriber, starts_after=None, steps=(Step(per_week=1, weeks=4),))
    assert plan.starts_after == MONDAY - timedelta(days=7)
    assert [day - 7 for day in gaps(plan)] == [1, 8, 15, 22]


def test_the_wishes_bind_the_block(order: Order, prescriber: Actor) -> None:
    wishes = Wishes(only_weekdays=frozenset({2}), only_windows=((13 * 60, 18 * 60),))
    plan = put(order, prescriber, wishes=wishes_to_json(wishes))
    visits = Appointment.objects.filter(series=plan.series)
    assert {visit.local_date.weekday() for visit in visits} == {2}
    assert all(visit.local_time.hour >= 13 for visit in visits)


def test_nothing_is_booked_beyond_the_orders_number(order: Order, prescriber: Actor) -> None:
    Order.objects.filter(pk=order.pk).update(sessions=3)
    assert gaps(put(order, prescriber)) == [7, 14, 21]


def test_nothing_is_booked_beyond_the_orders_validity(order: Order, prescriber: Actor) -> None:
    Order.objects.filter(pk=order.pk).update(valid_until=MONDAY + timedelta(days=20))
    assert gaps(put(order, prescriber)) == [7, 14]


def test_nothing_is_booked_more_than_14_days_behind_a_review(order: Order, prescriber: Actor) -> None:
    plan = put(order, prescriber, reviews=[MONDAY + timedelta(days=3)])
    assert gaps(plan) == [7, 14]


def test_a_closed_day_moves_a_visit_but_costs_none(order: Order, prescriber: Actor) -> None:
    day = MONDAY + timedelta(days=14)
    Closure.objects.create(
        location=order.patient.home_location, first_day=day, last_day=day, reason="Made up"
    )
    plan = put(order, prescriber, steps=(Step(per_week=1, weeks=4),))
    assert len(gaps(plan)) == 4
    assert 14 not in gaps(plan)


def test_one_block_is_one_mail(order: Order, prescriber: Actor) -> None:
    plan = put(order, prescriber)
    assert Message.objects.filter(series=plan.series, kind__in=("confirmation", "change")).count() <= 1


def test_a_new_plan_replaces_the_active_one_whose_visits_stay_and_count(
    order: Order, prescriber: Actor
) -> None:
    old = put(order, prescriber)
    new = put(order, prescriber, steps=(Step(every_weeks=2),), now=NOW + timedelta(minutes=5))
    old.refresh_from_db()
    assert (old.state, old.series, new.series_id) == (PlanState.REPLACED, None, old.order.series.get().pk)
    assert gaps(new) == [7, 14, 21, 28]
    assert FollowUpPlan.objects.filter(patient=order.patient, state=PlanState.ACTIVE).get() == new


def test_only_a_prescriber_sets_a_plan(order: Order) -> None:
    for role in (Role.FRONT_DESK, Role.NURSE, Role.MANAGER):
        with pytest.raises(NotAllowed):
            put(order, actor(make_staff(role)))
    assert not FollowUpPlan.objects.exists()


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"starts_after": None}, "no_infusion_yet", "starts_after"),
        ({"starts_after": MONDAY - timedelta(days=8)}, "starts_long_ago", "starts_after"),
        ({"steps": ()}, "no_steps", "steps"),
        ({"steps": (Step(per_week=1), Step(per_week=1))}, "open_not_last", "steps"),
        ({"steps": (Step(per_week=4),)}, "step_too_often", "steps"),
        ({"reviews": [MONDAY]}, "review_past", "reviews"),
        ({"reviews": [date(2026, 3, 1), date(2026, 2, 1)]}, "review_order", "reviews"),
        ({"reviews": [date(2026, 3, 1), date(2026, 3, 1)]}, "review_order", "reviews"),
        ({"seen": "other dates"}, "block_changed", None),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    order: Order, prescriber: Actor, fields: dict[str, Any], code: str, field: str | None
) -> None:
    with pytest.raises(Refused) as refused:
        put(order, prescriber, **fields)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not FollowUpPlan.objects.exists()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"stage": Stage.INDUCTION}, "order_not_follow_up"),
        ({"state": OrderState.DRAFT}, "order_not_signed"),
        ({"state": OrderState.WITHDRAWN}, "order_not_signed"),
    ],
)
def test_a_plan_needs_a_signed_follow_up_order(
    order: Order, prescriber: Actor, fields: dict[str, Any], code: str
) -> None:
    Order.objects.filter(pk=order.pk).update(**fields)
    with pytest.raises(Refused) as refused:
        put(order, prescriber)
    assert (refused.value.code, refused.value.field) == (code, "order")


def test_what_booking_refuses_a_plan_is_refused_too(order: Order, prescriber: Actor) -> None:
    consent = Prerequisite.objects.create(code="consent", name="Consent", required_before="booking")
    consent.protocols.add(order.protocol)
    with pytest.raises(Refused) as refused:
        put(order, prescriber)
    assert refused.value.code == "prerequisites_missing"
    assert not FollowUpPlan.objects.exists()


def test_what_was_looked_at_is_what_gets_booked(order: Order, prescriber: Actor) -> None:
    ask = checked_ask(
        order=order,
        location=order.patient.home_location,
        steps=WEEKLY,
        reviews=(),
        wishes=None,
        starts_after=MONDAY,
        now=NOW,
    )
    plan = put(order, prescriber, seen=fingerprint(propose_block(ask, NOW)))
    assert gaps(plan) == [7, 14, 21, 28]


def test_without_a_free_place_the_plan_stands_and_the_desk_is_told(order: Order, prescriber: Actor) -> None:
    Chair.objects.update(is_active=False)
    plan = put(order, prescriber)
    alert = Alert.objects.get()
    assert (plan.stuck, gaps(plan), alert.kind, alert.plan) == ("no_place", [], AlertKind.PLAN_STUCK, plan)
    assert alert.facts["code"] == "no_place"
    assert any("no chair is free" in reason.lower() for reason in alert.facts["reasons"])


def test_an_ended_plan_keeps_its_visits(order: Order, prescriber: Actor) -> None:
    plan = put(order, prescriber)
    end_plan(by=prescriber, now=NOW, plan=plan, reason=" Feels well ")
    plan.refresh_from_db()
    assert (plan.state, plan.ended_at, plan.end_reason) == (PlanState.ENDED, NOW, "Feels well")
    assert gaps(plan) == [7, 14, 21, 28]
    with pytest.raises(Refused) as refused:
        end_plan(by=prescriber, now=NOW, plan=plan, reason="Again")
    assert refused.value.code == "plan_over"


def test_an_end_needs_a_reason(order: Order, prescriber: Actor) -> None:
    plan = put(order, prescriber)
    with pytest.raises(Refused) as refused:
        end_plan(by=prescriber, now=NOW, plan=plan, reason=" ")
    assert (refused.value.code, refused.value.field) == ("no_reason", "reason")


def test_a_review_is_noted_with_the_next_one(order: Order, prescriber: Actor) -> None:
    plan = put(order, prescriber, reviews=[MONDAY + timedelta(days=28)])
    following = MONDAY + timedelta(days=84)
    mark_reviewed(
        by=prescriber, now=NOW, review=plan.reviews.get(), note="Better. Goes on.", next_due=following
    )
    rows = PlanReview.objects.filter(plan=plan).values_list("due_on", "done_by", "done_at", "note")
    assert list(rows) == [
        (MONDAY + timedelta(days=28), prescriber.staff_id, NOW, "Better. Goes on."),
        (following, None, None, ""),
    ]


@pytest.mark.parametrize(("stuck", "left"), [("review_overdue", ""), ("no_place", "no_place")])
def test_a_noted_review_no_longer_holds_the_plan_up(
    order: Order, prescriber: Actor, stuck: str, left: str
) -> None:
    plan = put(order, prescriber, reviews=[MONDAY + timedelta(days=28)])
    FollowUpPlan.objects.update(stuck=stuck, tried_at=NOW)
    mark_reviewed(by=prescriber, now=NOW, review=plan.reviews.get(), note="Better.")
    plan.refresh_from_db()
    assert (plan.stuck, plan.tried_at) == (left, None)


@pytest.mark.parametrize(
    ("note", "following", "code", "field"),
    [
        (" ", None, "no_note", "note"),
        ("Better", MONDAY, "review_past", "next_due"),
        ("Better", MONDAY + timedelta(days=28), "planreview_once", "next_due"),
    ],
)
def test_a_review_that_is_wrong_is_refused_at_its_field(
    order: Order, prescriber: Actor, note: str, following: date | None, code: str, field: str
) -> None:
    plan = put(order, prescriber, reviews=[MONDAY + timedelta(days=28)])
    with pytest.raises(Refused) as refused:
        mark_reviewed(by=prescriber, now=NOW, review=plan.reviews.get(), note=note, next_due=following)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_review_is_noted_once(order: Order, prescriber: Actor) -> None:
    plan = put(order, prescriber, reviews=[MONDAY + timedelta(days=28)])
    mark_reviewed(by=prescriber, now=NOW, review=plan.reviews.get(), note="Better")
    with pytest.raises(Refused) as refused:
        mark_reviewed(by=prescriber, now=NOW, review=plan.reviews.get(), note="Again")
    assert refused.value.code == "review_done"


def test_a_plan_goes_on_under_a_renewed_order(order: Order, prescriber: Actor) -> None:
    Order.objects.filter(pk=order.pk).update(sessions=2)
    plan = put(order, prescriber)
    assert gaps(plan) == [7, 14]
    again = Order(
        patient=order.patient,
        protocol=order.protocol,
        dose_amount=order.dose_amount,
        dose_unit=order.dose_unit,
        weight_kg=order.weight_kg,
        sessions=8,
        valid_from=MONDAY,
        valid_until=MONDAY + timedelta(days=200),
    )
    later = NOW + timedelta(days=3)
    plan = renew_order(by=prescriber, now=later, plan=plan, order=again)
    order.refresh_from_db()
    plan.order.refresh_from_db()
    assert (order.state, plan.order.state, plan.order.taken) == (OrderState.REPLACED, OrderState.SIGNED, 2)
    assert gaps(plan) == [7, 14, 21, 28]
    assert plan.series is not None
    assert plan.series.order == plan.order


def test_a_renewal_that_is_refused_leaves_the_old_order_in_force(order: Order, prescriber: Actor) -> None:
    plan = put(order, prescriber)
    again = Order(
        patient=order.patient,
        protocol=order.protocol,
        dose_amount=5,
        dose_unit=order.dose_unit,
        weight_kg=order.weight_kg,
        sessions=8,
        valid_from=MONDAY,
        valid_until=MONDAY + timedelta(days=200),
    )
    with pytest.raises(Refused) as refused:
        renew_order(by=prescriber, now=NOW, plan=plan, order=again)
    order.refresh_from_db()
    assert (refused.value.code, order.state) == ("dose_unusual", OrderState.SIGNED)


def test_a_plan_goes_on_under_another_signed_order(order: Order, prescriber: Actor) -> None:
    Order.objects.filter(pk=order.pk).update(sessions=1)
    plan = put(order, prescriber)
    other = make_follow_up(order.patient, make_protocol())
    assert next_orders(plan, MONDAY) == [other]
    plan = continue_under(by=prescriber, now=NOW, plan=plan, order=other)
    assert (plan.order, gaps(plan)) == (other, [7, 14, 21, 28])
    assert sorted(Series.objects.values_list("appointments__series__order", flat=True).distinct()) == sorted(
        [order.pk, other.pk]
    )


def test_a_plan_goes_on_only_under_an_order_that_fits(order: Order, prescriber: Actor) -> None:
    plan = put(order, prescriber)
    wrong = [
        make_follow_up(make_patient(order.patient.home_location), make_protocol()),
        make_order(order.patient, make_protocol()),
        make_follow_up(order.patient, make_protocol(), state=OrderState.DRAFT),
        make_follow_up(order.patient, make_protocol(), taken=12),
    ]
    for other in wrong:
        with pytest.raises(Refused) as refused:
            continue_under(by=prescriber, now=NOW, plan=plan, order=other)
        assert refused.value.field == "order"


def test_the_next_visit_is_named_or_why_there_is_none(order: Order, prescriber: Actor) -> None:
    patient = order.patient
    assert next_visit(patient, NOW).why == "not_booked"
    plan = put(order, prescriber, steps=(Step(per_week=1, weeks=1),))
    found = next_visit(patient, NOW)
    assert found.visit is not None
    assert (found.visit.local_date, found.why) == (date(2026, 1, 12), "")
    Appointment.objects.update(status=Status.MISSED)
    assert next_visit(patient, NOW).why == "to_be_booked"
    FollowUpPlan.objects.update(stuck="review_overdue")
    assert "a review is due before the next visit" in next_visit(patient, NOW).words
    end_plan(by=prescriber, now=NOW, plan=plan, reason="Feels well")
    Order.objects.update(state=OrderState.EXPIRED)
    assert next_visit(patient, NOW).why == "plan_ended"


def test_without_a_plan_a_used_up_order_means_the_course_is_complete() -> None:
    order = make_order(make_patient(make_location()), make_protocol(), state=OrderState.USED_UP)
    assert next_visit(order.patient, NOW).why == "course_complete"
    assert next_visit(make_patient(order.patient.home_location), NOW).why == "no_order"


def test_the_helper_makes_a_plan_that_stands_on_its_own() -> None:
    assert gaps(make_plan()) == [7, 14, 21, 28]


def test_a_changed_plan_may_go_on_counting(order: Order, prescriber: Actor) -> None:
    steps = (Step(per_week=1, weeks=4), Step(every_weeks=2))
    old = put(order, prescriber, steps=steps)
    Appointment.objects.filter(patient=order.patient).update(status=Status.MISSED)
    later = NOW + timedelta(days=35)
    new = put(order, prescriber, steps=steps, starts_after=old.starts_after, now=later)
    assert (new.starts_after, gaps(new)) == (MONDAY, [36, 50])


def test_other_places_for_a_planned_visit_are_ranked_by_its_step(order: Order, prescriber: Actor) -> None:
    given(order.patient, NOW - timedelta(days=1))
    plan = put(order, prescriber, starts_after=None)
    visits = Appointment.objects.filter(series=plan.series).order_by("starts_at")
    offers = offer_places(appointment=visits[1], now=NOW)
    by_step = {(from_step(place.start).date() - visits[1].local_date).days for place in offers.places}
    FollowUpPlan.objects.update(state=PlanState.ENDED, ended_at=NOW)
    offers = offer_places(appointment=visits[1], now=NOW)
    by_protocol = {(from_step(place.start).date() - visits[1].local_date).days for place in offers.places}
    # By the protocol alone: as near to a neighbour as it allows.
    assert (by_step, by_protocol) == ({0, 20, 21}, {-11, -10, 10})
