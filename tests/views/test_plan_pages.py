"""The weekly plan on its pages: set with a look at the first dates, shown, reviewed, renewed, ended."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from scheduling.core.plan_steps import Step
from scheduling.core.words import OrderState, PlanState, Role, Status
from scheduling.models import Appointment, Chair, FollowUpPlan, Order, PlanReview, Series, TaperStep
from tests.factories import (
    NOW,
    make_chair,
    make_follow_up,
    make_location,
    make_nurse,
    make_order,
    make_patient,
    make_plan,
    make_protocol,
    make_visits,
)
from tests.page_forms import forms_of
from tests.views.clients import HUGE, LONG, logged_in, queries, said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]

MONDAY = NOW.date()
WEEKLY = {"step_1_per_week": "1"}


@pytest.fixture
def order() -> Order:
    """A signed follow-up order in a clinic with one chair and one nurse."""
    location = make_location("Riverside")
    make_chair(location, "Chair 1")
    make_nurse(location, name="Ana")
    return make_follow_up(make_patient(location), make_protocol())


def address(order: Order) -> str:
    return reverse("plan_set", args=(order.patient_id,))


def values(order: Order, /, **typed: Any) -> dict[str, Any]:
    """A weekly plan that counts from NOW, as typed."""
    fields = {"order": order.pk, "location": order.patient.home_location_id, "starts_after": "2026-01-05"}
    return fields | WEEKLY | typed


def send(client: Client, order: Order, /, **typed: Any) -> Any:
    return client.post(address(order), values(order, **typed))


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def set_plan(client: Client, order: Order, /, **typed: Any) -> Any:
    """Look at the first dates, then press the button."""
    seen = send(client, order, **typed).context["card"].seen
    return send(client, order, seen=seen, **typed)


def test_without_a_signed_follow_up_order_the_page_leads_to_one(prescriber: Client) -> None:
    patient = make_patient(make_location())
    page = prescriber.get(reverse("plan_set", args=(patient.pk,)))
    assert reverse("order_draft", args=(patient.pk,)) in text(page)
    draft = make_follow_up(patient, make_protocol(), state=OrderState.DRAFT)
    page = prescriber.get(reverse("plan_set", args=(patient.pk,)))
    assert reverse("order_sign", args=(draft.pk,)) in text(page)


def test_a_preset_fills_the_steps_in(prescriber: Client, order: Order) -> None:
    page = prescriber.get(address(order), {"preset": "taper"})
    initial = page.context["form"].initial
    assert [initial.get(f"step_{row}_weeks") for row in range(1, 5)] == [4, 8, 12, None]
    assert 'name="step_2_every_weeks" value="2"' in text(page)


def test_the_protocols_own_steps_are_offered_first(prescriber: Client, order: Order) -> None:
    TaperStep.objects.create(protocol=order.protocol, position=1, per_week=2, weeks=3)
    page = prescriber.get(address(order), {"preset": "protocol"})
    assert page.context["presets"][0]["code"] == "protocol"
    assert page.context["form"].initial["step_1_per_week"] == 2


def test_an_unknown_preset_fills_nothing_in(prescriber: Client, order: Order) -> None:
    for odd in (LONG, "nothing"):
        page = prescriber.get(address(order), {"preset": odd})
        assert page.status_code == 200
        assert "step_1_per_week" not in page.context["form"].initial


def test_reviews_are_offered_every_8_weeks_and_never_on_a_weekend(prescriber: Client, order: Order) -> None:
    make_visits(make_order(order.patient, make_protocol()), [NOW + timedelta(days=5)])
    initial = prescriber.get(address(order)).context["form"].initial
    assert (initial["starts_after"], initial["review_1"]) == (date(2026, 1, 10), date(2026, 3, 9))


def test_looking_at_the_first_dates_books_nothing(prescriber: Client, order: Order) -> None:
    page = send(prescriber, order)
    card = page.context["card"]
    assert [visit.day for visit in card.visits] == [MONDAY + timedelta(days=days) for days in (7, 14, 21, 28)]
    assert "The first 4 visits" in text(page)
    assert not FollowUpPlan.objects.exists()
    assert not Appointment.objects.exists()


def test_the_button_sets_the_plan_and_books(prescriber: Client, order: Order) -> None:
    answer = set_plan(prescriber, order, review_1="2026-03-02", prefer_days=["0"], step_1_weeks="6")
    plan = FollowUpPlan.objects.get()
    assert answer.headers["Location"] == reverse("plan_detail", args=(plan.pk,))
    assert said(answer) == ["The plan is set; 4 visits are booked."]
    assert [(step.per_week, step.weeks) for step in plan.steps.all()] == [(1, 6)]
    assert [review.due_on for review in plan.reviews.all()] == [date(2026, 3, 2)]
    assert plan.wishes["prefer_weekdays"] == [0]


def test_dates_that_changed_meanwhile_are_shown_again(prescriber: Client, order: Order) -> None:
    seen = send(prescriber, order).context["card"].seen
    make_chair(order.patient.home_location)
    Chair.objects.filter(name="Chair 1").update(is_active=False)
    page = send(prescriber, order, seen=seen)
    assert "The dates changed meanwhile" in text(page)
    assert page.context["card"].seen != seen
    assert not FollowUpPlan.objects.exists()
    assert send(prescriber, order, seen=page.context["card"].seen).status_code == 302


def test_pressing_twice_sets_one_plan(prescriber: Client, order: Order) -> None:
    seen = send(prescriber, order).context["card"].seen
    send(prescriber, order, seen=seen)
    page = send(prescriber, order, seen=seen)
    assert "The dates changed meanwhile" in text(page)
    assert FollowUpPlan.objects.count() == 1


def test_without_a_free_place_the_reasons_are_shown(prescriber: Client, order: Order) -> None:
    Chair.objects.update(is_active=False)
    page = send(prescriber, order)
    assert "No visit can be booked now" in text(page)
    assert "No chair is free" in text(page)
    answer = set_plan(prescriber, order)
    assert said(answer) == ["The plan is set; 0 visits are booked."]


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"step_1_per_week": ""}, "step_1_per_week", "Give at least one step."),
        ({"step_1_per_week": "x"}, "step_1_per_week", "A whole number."),
        ({"step_1_per_week": str(HUGE)}, "step_1_per_week", "less than or equal to 7"),
        ({"step_1_every_weeks": "2"}, "step_1_per_week", "not both"),
        ({"step_1_per_week": "", "step_1_weeks": "4"}, "step_1_per_week", "not both"),
        ({"step_2_per_week": "1"}, "step_1_per_week", "Only the last step may be open"),
        ({"step_1_per_week": "4"}, "step_1_per_week", "does not allow that many"),
        ({"step_1_weeks": "105"}, "step_1_weeks", "less than or equal to 104"),
        ({"starts_after": ""}, "starts_after", "No infusion was given or booked yet"),
        ({"starts_after": "2025-12-01"}, "starts_after", "2025-12-29 or later"),
        ({"starts_after": "9999-12-31"}, "starts_after", "Bookings are possible until"),
        ({"starts_after": "0001-01-01"}, "starts_after", "2025-12-29 or later"),
        ({"review_1": "9999-12-31", "review_4": ""}, "review_1", "within the next two years"),
        ({"starts_after": "soon"}, "starts_after", "Enter a valid date."),
        ({"review_1": "2026-01-05"}, "review_1", "A review lies in the future."),
        ({"review_1": "2026-03-02", "review_2": "2026-03-01"}, "review_2", "later than the one before"),
        ({"order": "999999"}, "order", "Select a valid choice"),
        ({"location": "x"}, "location", "Select a valid choice"),
        ({"only_days": ["0"], "never_days": ["0"]}, "never_days", "Wished for and excluded at once"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    prescriber: Client, order: Order, typed: dict[str, Any], field: str, words: str
) -> None:
    for seen in ({}, {"seen": "anything"}):
        page = send(prescriber, order, **({"review_4": "2027-12-01"} | typed | seen))
        assert page.status_code == 200
        assert words in str(page.context["form"].errors[field])
        assert words in text(page)
        assert ('value="2027-12-01"' in text(page)) is ("review_4" not in typed)
        assert page.context["card"] is None
    assert not FollowUpPlan.objects.exists()


def test_who_is_no_prescriber_sees_the_page_but_sets_nothing(order: Order) -> None:
    for role in (Role.FRONT_DESK, Role.NURSE, Role.MANAGER):
        client = logged_in(role)
        assert "A prescriber sets the weekly plan." in text(client.get(address(order)))
        assert send(client, order).status_code == 403
        assert send(client, order, seen="x").status_code == 403


def test_the_plans_page_marks_the_step_in_force_and_says_how_far_it_is_booked(
    desk: Client, order: Order
) -> None:
    steps = (Step(per_week=1, weeks=4), Step(every_weeks=2))
    plan = make_plan(order, steps=steps, reviews=[date(2026, 3, 2)], starts_after=MONDAY - timedelta(days=1))
    page = desk.get(reverse("plan_detail", args=(plan.pk,)))
    shown = page.context["page"]
    assert [step.is_in_force for step in shown.steps] == [True, False]
    assert [(step.first, step.last) for step in shown.steps] == [
        (date(2026, 1, 5), date(2026, 2, 1)),
        (date(2026, 2, 2), None),
    ]
    assert (shown.ahead, shown.booked_until, shown.following) == (4, date(2026, 2, 1), date(2026, 2, 15))
    assert "One every 2 weeks until a review" in text(page)
    assert "Mark reviewed" not in text(page)
    assert "End plan" not in text(page)


def test_a_stuck_plan_says_why(desk: Client) -> None:
    plan = make_plan()
    FollowUpPlan.objects.update(stuck="order_used_up")
    page = text(desk.get(reverse("plan_detail", args=(plan.pk,))))
    assert "Nothing more is booked: all infusions of the order are used or booked" in page


def test_a_due_review_is_marked_and_noted(prescriber: Client) -> None:
    plan = make_plan(reviews=[MONDAY + timedelta(days=1)])
    PlanReview.objects.update(due_on=MONDAY)
    page = text(prescriber.get(reverse("plan_detail", args=(plan.pk,))))
    assert "nothing is booked beyond Mon 19 Jan 2026" in page
    note = reverse("plan_review", args=(plan.reviews.get().pk,))
    assert "Review of 5 January 2026" in text(prescriber.get(note))
    answer = prescriber.post(note, {"note": "Better. Goes on.", "next_due": "2026-03-02"})
    assert said(answer) == ["The review is noted."]
    assert "Better. Goes on." in text(prescriber.get(answer.headers["Location"]))
    assert list(plan.reviews.values_list("due_on", flat=True)) == [MONDAY, date(2026, 3, 2)]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"note": ""}, "note"),
        ({"note": LONG}, "note"),
        ({"note": "x", "next_due": "2026-01-05"}, "next_due"),
        ({"note": "x", "next_due": "9999-12-31"}, "next_due"),
        ({"note": "x", "next_due": "soon"}, "next_due"),
    ],
)
def test_a_review_that_is_wrong_is_shown_again(prescriber: Client, typed: dict[str, str], field: str) -> None:
    plan = make_plan(reviews=[date(2026, 3, 2)])
    page = prescriber.post(reverse("plan_review", args=(plan.reviews.get().pk,)), typed)
    assert page.context["form"].errors[field]


def test_a_plan_is_ended_with_a_reason(prescriber: Client) -> None:
    plan = make_plan()
    end = reverse("plan_end", args=(plan.pk,))
    assert "The 4 booked visits until Mon 2 Feb 2026 stay" in text(prescriber.get(end))
    assert prescriber.post(end, {"reason": ""}).context["form"].errors["reason"]
    answer = prescriber.post(end, {"reason": "Feels well"})
    assert said(answer) == ["The plan has ended. What is booked stays booked."]
    assert "Feels well" in text(prescriber.get(answer.headers["Location"]))
    assert FollowUpPlan.objects.get().state == PlanState.ENDED
    assert "no longer in force" in text(prescriber.post(end, {"reason": "Again"}))


def test_an_order_is_renewed_on_its_page(prescriber: Client, order: Order) -> None:
    plan = make_plan(order)
    renew = reverse("plan_renew", args=(plan.pk,))
    typed = next(form.values for form in forms_of(renew, prescriber.get(renew)) if "sessions" in form.values)
    answer = prescriber.post(renew, typed | {"sessions": "8", "confirmed": "on"})
    assert said(answer) == ["The order is signed; the plan goes on under it."]
    plan.refresh_from_db()
    order.refresh_from_db()
    assert (order.state, plan.order.state, plan.order.sessions) == ("replaced", "signed", 8)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"confirmed": ""}, "Confirm that you have checked the order."),
        ({"dose_amount": "3"}, "Confirm it to sign."),
        ({"dose_amount": ""}, "This field is required."),
        ({"valid_until": "2026-01-01"}, "The order ends before it starts."),
        ({"sessions": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_renewal_that_is_wrong_changes_nothing(
    prescriber: Client, order: Order, typed: dict[str, str], words: str
) -> None:
    renew = reverse("plan_renew", args=(make_plan(order).pk,))
    start = next(form.values for form in forms_of(renew, prescriber.get(renew)) if "sessions" in form.values)
    page = prescriber.post(renew, start | {"confirmed": "on"} | typed)
    assert words in text(page)
    order.refresh_from_db()
    assert (order.state, Order.objects.count()) == (OrderState.SIGNED, 1)


def test_a_plan_is_continued_under_another_order(prescriber: Client, order: Order) -> None:
    plan = make_plan(order)
    other = make_follow_up(order.patient, make_protocol())
    page = text(prescriber.get(reverse("plan_detail", args=(plan.pk,))))
    go_on = reverse("plan_continue", args=(plan.pk,))
    assert go_on in page
    assert prescriber.post(go_on, {"order": order.pk}).context["form"].errors["order"]
    answer = prescriber.post(go_on, {"order": other.pk})
    assert said(answer) == ["The plan goes on under the new order."]
    assert FollowUpPlan.objects.get().order == other


def test_the_patients_page_offers_the_plan_near_the_end_of_the_first_stage(prescriber: Client) -> None:
    patient = make_patient(make_location())
    page = reverse("patient_detail", args=(patient.pk,))
    link = reverse("plan_set", args=(patient.pk,))
    first = make_order(patient, make_protocol(), sessions=2)
    times = {"arrived_at": NOW, "started_at": NOW, "treatment_ended_at": NOW, "discharged_at": NOW}
    series = make_visits(first, [NOW - timedelta(days=3), NOW + timedelta(days=1)])
    assert link not in text(prescriber.get(page))
    given = Appointment.objects.filter(number=1)
    given.update(status=Status.DONE, escort="a friend", **times)
    assert link in text(prescriber.get(page))
    assert link in text(prescriber.get(reverse("series_detail", args=(series.pk,))))
    assert link not in text(logged_in(Role.NURSE).get(page))


def test_the_patients_page_names_the_plan_and_the_next_date(desk: Client) -> None:
    plan = make_plan()
    page = text(desk.get(reverse("patient_detail", args=(plan.patient_id,))))
    assert "1 a week until a review" in page
    assert "Mon 12 Jan 2026, 08:00" in page
    assert reverse("plan_detail", args=(plan.pk,)) in page
    assert "The weekly plan books <strong>8 more infusions</strong> by itself" in page
    course = text(desk.get(reverse("series_detail", args=(plan.order.series.get().pk,))))
    assert "Book the remaining" not in course


def test_the_discharge_names_the_next_date_or_why_there_is_none() -> None:
    nurse = logged_in(Role.NURSE)
    plan = make_plan()
    first, second = Appointment.objects.order_by("starts_at")[:2]
    page = reverse("visit_discharge", args=(first.pk,))
    assert "Mon 19 Jan 2026" in text(nurse.get(page))
    assert second.pk != first.pk
    Appointment.objects.exclude(pk=first.pk).update(status=Status.MISSED)
    FollowUpPlan.objects.update(stuck="review_overdue")
    assert "a review is due before the next visit" in text(nurse.get(page))
    assert reverse("plan_detail", args=(plan.pk,)) in text(nurse.get(page))


def test_a_visit_that_is_over_names_the_next_date(desk: Client) -> None:
    make_plan()
    first = Appointment.objects.order_by("starts_at")[0]
    page = reverse("appointment_detail", args=(first.pk,))
    assert "Next visit" not in text(desk.get(page))
    Appointment.objects.filter(pk=first.pk).update(status=Status.MISSED)
    assert "Mon 19 Jan 2026, 08:00" in text(desk.get(page))


def test_the_plans_page_costs_the_same_at_one_and_at_many_visits(desk: Client) -> None:
    few, many = make_plan(steps=(Step(per_week=1, weeks=1),)), make_plan(steps=(Step(per_week=2),))
    assert Series.objects.count() == 2
    counts = [queries(desk, reverse("plan_detail", args=(plan.pk,))) for plan in (few, many)]
    assert counts[0] == counts[1]
