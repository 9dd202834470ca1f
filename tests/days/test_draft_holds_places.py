"""Ada is at the desk, the prescriber signs tomorrow: the clerk holds her places, and books exactly these."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from scheduling.access import NotAllowed
from scheduling.core.wishes import Wishes
from scheduling.core.words import OrderState, Role, SeatKind
from scheduling.models import (
    Appointment,
    AuditEntry,
    Claim,
    Closure,
    Hold,
    OpeningHours,
    Order,
    Prerequisite,
    Series,
)
from scheduling.services.claims import free_expired
from scheduling.services.draft_holds import book_held, held_for, hold_for_draft
from scheduling.services.faults import Refused
from scheduling.services.orders import edit_draft, sign_order, withdraw_order
from scheduling.services.planning import propose_course
from scheduling.services.proposals import unsigned
from tests.factories import NOW, actor, make_chair, make_nurse, make_protocol, make_staff
from tests.services.clinics import COURSE, Clinic
from tests.views.booking.pages import address, asked
from tests.views.clients import logged_in, said

from .adas_course import ada_of

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TUESDAY_EVENING = datetime(2026, 1, 6, 23, tzinfo=UTC)
"""18:00 in New York, when Riverside closes on the day after NOW."""


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def draft(clinic: Clinic) -> Order:
    return clinic.order(ada_of(clinic), signed=False)


@pytest.fixture
def _at_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def hold(clinic: Clinic, draft: Order, starts: Any = COURSE, **given: Any) -> Hold:
    values: dict[str, Any] = {"by": clinic.clerk, "now": NOW, "order": draft, "location": clinic.location}
    return hold_for_draft(**(values | {"places": clinic.places(starts)} | given))


def sign(clinic: Clinic, draft: Order, now: datetime = NOW) -> None:
    sign_order(by=clinic.prescriber, now=now, order=draft)


def kinds_held() -> dict[str, int]:
    kinds = list(Claim.objects.exclude(hold=None).values_list("seat__kind", flat=True))
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


# --- holding ---


def test_the_places_are_held_until_the_clinic_closes_tomorrow(clinic: Clinic, draft: Order) -> None:
    kept = hold(clinic, draft, wishes={"only_weekdays": [1, 4]})
    assert (kept.order, kept.expires_at, kept.made_by_id) == (draft, TUESDAY_EVENING, clinic.clerk.staff_id)
    assert not Appointment.objects.exists()
    assert not Series.objects.exists()
    draft.refresh_from_db()
    assert (draft.state, draft.taken) == (OrderState.DRAFT, 0)
    entry = AuditEntry.objects.get(action="hold_for_draft")
    assert (entry.subject_id, entry.patient_id) == (draft.pk, draft.patient_id)
    assert entry.facts == {"visits": 6, "until": "2026-01-06T23:00:00+00:00"}


def test_chair_and_nurse_are_held_but_not_the_patients_own_time(clinic: Clinic, draft: Order) -> None:
    hold(clinic, draft)
    # Six visits; the nurse's hands are needed twice in each.
    assert kinds_held() == {SeatKind.CHAIR: 6, SeatKind.HANDS_ON: 12, SeatKind.MONITORING: 6}


@pytest.mark.parametrize("closed", ["the clinic has its day off", "tomorrow is a holiday"])
def test_a_closed_day_is_not_the_next_working_day(clinic: Clinic, draft: Order, closed: str) -> None:
    tomorrow = date(2026, 1, 6)
    if closed == "tomorrow is a holiday":
        Closure.objects.create(
            location=clinic.location, first_day=tomorrow, last_day=tomorrow, reason="Holiday"
        )
    else:
        OpeningHours.objects.filter(location=clinic.location, weekday=tomorrow.weekday()).delete()
    fridays = COURSE[1::2]
    assert hold(clinic, draft, fridays).expires_at == TUESDAY_EVENING + DAY


def test_a_clinic_with_a_break_at_noon_closes_in_the_evening(clinic: Clinic, draft: Order) -> None:
    OpeningHours.objects.filter(location=clinic.location).update(closes=time(13))
    OpeningHours.objects.bulk_create(
        OpeningHours(location=clinic.location, weekday=day, opens=time(14), closes=time(18))
        for day in range(7)
    )
    assert hold(clinic, draft).expires_at == TUESDAY_EVENING


def test_nobody_else_gets_the_places_and_is_told_whose_they_are(clinic: Clinic, draft: Order) -> None:
    hold(clinic, draft)
    with pytest.raises(Refused) as refused:
        clinic.book(clinic.order())
    assert refused.value.code == "places_taken"
    assert len(refused.value.details) == 24
    assert str(refused.value.details[0]).endswith(f"is taken by {draft.patient} (held for a draft).")
    other = clinic.order(signed=False)
    with pytest.raises(Refused, match="held for a draft"):
        hold(clinic, other)
    assert Hold.objects.get().order == draft


def test_a_booked_place_is_not_held(clinic: Clinic, draft: Order) -> None:
    booked = clinic.book(clinic.order(), COURSE[:1])
    with pytest.raises(Refused) as refused:
        hold(clinic, draft)
    assert refused.value.code == "places_taken"
    assert {str(booked.patient) in str(words) for words in refused.value.details} == {True}
    assert not Hold.objects.exists()


def test_a_nurse_looks_after_no_more_patients_than_she_may_held_ones_included(
    clinic: Clinic, draft: Order
) -> None:
    nurse = make_nurse(clinic.location, capacity=2, name="Ben")
    start = COURSE[0]
    for minutes in (0, 75):
        clinic.book(
            clinic.order(),
            [start + timedelta(minutes=minutes)],
            chair=make_chair(clinic.location),
            nurse=nurse,
        )
    with pytest.raises(Refused, match="Ben"):
        hold(clinic, draft, places=clinic.places([start + timedelta(minutes=45)], nurse=nurse))
    hold(clinic, draft, places=clinic.places([start + timedelta(minutes=195)], nurse=nurse))
    assert kinds_held() == {SeatKind.CHAIR: 1, SeatKind.HANDS_ON: 2, SeatKind.MONITORING: 1}


@pytest.mark.parametrize(
    ("starts", "code"),
    [
        ([COURSE[0], COURSE[0] + DAY], "rules_broken"),
        ([COURSE[0] + 12 * HOUR], "rules_broken"),
        ([NOW - DAY], "in_the_past"),
        ([], "no_places"),
        ([*COURSE, COURSE[-1] + 4 * DAY], "order_not_overbooked"),
    ],
)
def test_every_rule_of_booking_binds_a_hold(
    clinic: Clinic, draft: Order, starts: list[datetime], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        hold(clinic, draft, starts)
    assert refused.value.code == code
    assert not Hold.objects.exists()


def test_a_prescribers_reason_overrides_nothing_here(clinic: Clinic, draft: Order) -> None:
    with pytest.raises(Refused):
        hold(clinic, draft, [COURSE[0], COURSE[0] + DAY], by=clinic.prescriber)


@pytest.mark.parametrize("state", [OrderState.SIGNED, OrderState.WITHDRAWN, OrderState.EXPIRED])
def test_only_a_draft_holds_places(clinic: Clinic, draft: Order, state: OrderState) -> None:
    sign(clinic, draft)
    Order.objects.filter(pk=draft.pk).update(state=state)
    with pytest.raises(Refused) as refused:
        hold(clinic, draft)
    assert refused.value.code == "order_not_draft"


def test_a_manager_holds_nothing(clinic: Clinic, draft: Order) -> None:
    manager = actor(make_staff(Role.MANAGER))
    with pytest.raises(NotAllowed):
        hold(clinic, draft, by=manager)
    with pytest.raises(NotAllowed):
        book_held(by=manager, now=NOW, order=draft, request_key="key")


def test_a_new_hold_replaces_the_old_one_and_its_own_places_count_as_free(
    clinic: Clinic, draft: Order
) -> None:
    first = hold(clinic, draft)
    again = hold(clinic, draft, now=NOW + HOUR)
    assert Hold.objects.get() == again != first
    assert Claim.objects.filter(hold=again).count() == 24


def test_what_was_held_stays_where_the_new_times_are_refused(clinic: Clinic, draft: Order) -> None:
    first = hold(clinic, draft, COURSE[1:])
    clinic.book(clinic.order(), COURSE[:1])
    with pytest.raises(Refused):
        hold(clinic, draft)
    assert Hold.objects.get() == first


def proposed(clinic: Clinic, order: Order, now: datetime = NOW) -> bool:
    """Whether the planner still offers Tuesday at 09:00, the first place held."""
    problem, _found = propose_course(
        order=order,
        location=clinic.location,
        now=now,
        sessions=1,
        earliest=NOW.date(),
        wishes=Wishes(),
    )
    first = int(COURSE[0].timestamp()) // 300 - problem.horizon.origin
    return bool(problem.chairs[clinic.chair.pk] >> first & 1)


def test_the_planner_offers_the_places_to_this_draft_alone(clinic: Clinic, draft: Order) -> None:
    other = clinic.order()
    hold(clinic, draft)
    assert proposed(clinic, draft)
    assert not proposed(clinic, other)
    assert proposed(clinic, other, TUESDAY_EVENING)


# --- signing and booking ---


def test_after_the_signature_one_press_books_exactly_these(clinic: Clinic, draft: Order) -> None:
    key = held(hold(clinic, draft, wishes={"only_weekdays": [1, 4]}))
    sign(clinic, draft)
    series = book_held(by=clinic.clerk, now=NOW, order=draft, request_key=key)
    visits = Appointment.objects.filter(series=series).order_by("number")
    assert [(visit.starts_at, visit.chair, visit.nurse) for visit in visits] == [
        (start, clinic.chair, clinic.nurse) for start in COURSE
    ]
    assert series.wishes == {"only_weekdays": [1, 4]}
    assert not Hold.objects.exists()
    assert not Claim.objects.exclude(hold=None).exists()
    assert AuditEntry.objects.filter(action="book_series").count() == 1


def held(kept: Hold) -> str:
    assert kept.order
    return held_for([kept.order], NOW)[kept.order.pk].request_key


def test_pressing_twice_books_once(clinic: Clinic, draft: Order) -> None:
    key = held(hold(clinic, draft))
    sign(clinic, draft)
    once = book_held(by=clinic.clerk, now=NOW, order=draft, request_key=key)
    assert book_held(by=clinic.clerk, now=NOW, order=draft, request_key=key) == once
    assert Appointment.objects.count() == 6


def test_nothing_is_booked_before_the_signature(clinic: Clinic, draft: Order) -> None:
    key = held(hold(clinic, draft))
    with pytest.raises(Refused) as refused:
        book_held(by=clinic.clerk, now=NOW, order=draft, request_key=key)
    assert refused.value.code == "order_unsigned"
    assert Hold.objects.exists()


def test_what_is_wanted_before_booking_may_be_recorded_while_the_places_are_held(
    clinic: Clinic, draft: Order
) -> None:
    consent = Prerequisite.objects.create(code="consent", name="Consent", required_before="booking")
    consent.protocols.add(clinic.protocol)
    key = held(hold(clinic, draft))
    sign(clinic, draft)
    with pytest.raises(Refused, match="Consent"):
        book_held(by=clinic.clerk, now=NOW, order=draft, request_key=key)
    assert Hold.objects.exists()


def test_the_patient_got_another_visit_at_that_time_meanwhile(clinic: Clinic, draft: Order) -> None:
    hold(clinic, draft)
    other = clinic.order(draft.patient, stage="follow_up")
    places = {"chair": make_chair(clinic.location), "nurse": make_nurse(clinic.location)}
    clinic.book(other, COURSE[:1], **places)
    sign(clinic, draft)
    with pytest.raises(Refused) as refused:
        book_held(by=clinic.clerk, now=NOW, order=draft, request_key="key")
    assert refused.value.code == "rules_broken"


def test_at_the_hour_it_ends_the_hold_binds_nobody_and_books_nothing(clinic: Clinic, draft: Order) -> None:
    key = held(hold(clinic, draft, COURSE[1:]))
    sign(clinic, draft)
    with pytest.raises(Refused) as refused:
        book_held(by=clinic.clerk, now=TUESDAY_EVENING, order=draft, request_key=key)
    assert refused.value.code == "hold_over"
    clinic.book(clinic.order(), COURSE[1:], now=TUESDAY_EVENING)
    assert held_for([draft], TUESDAY_EVENING)[draft.pk].is_over


def test_the_worker_frees_the_places_and_the_page_can_still_say_so(clinic: Clinic, draft: Order) -> None:
    hold(clinic, draft)
    assert free_expired(TUESDAY_EVENING - timedelta(seconds=1)) == 0
    assert free_expired(TUESDAY_EVENING) == 1
    assert not Claim.objects.exists()
    assert free_expired(TUESDAY_EVENING) == 0
    assert held_for([draft], TUESDAY_EVENING)[draft.pk].is_over


def test_booking_other_times_ends_the_hold(clinic: Clinic, draft: Order) -> None:
    hold(clinic, draft)
    sign(clinic, draft)
    clinic.book(draft, COURSE[:2])
    assert not Hold.objects.exists()


# --- a draft that changes ---


def test_withdrawing_the_draft_frees_the_places(clinic: Clinic, draft: Order) -> None:
    hold(clinic, draft)
    withdraw_order(by=clinic.clerk, now=NOW, order=draft)
    assert not Hold.objects.exists()
    assert clinic.book(clinic.order()).appointments.count() == 6


def test_another_protocol_frees_the_places(clinic: Clinic, draft: Order) -> None:
    hold(clinic, draft)
    draft.protocol = make_protocol("other")
    edit_draft(by=clinic.clerk, now=NOW, order=draft)
    assert not Hold.objects.exists()


def test_another_dose_keeps_them(clinic: Clinic, draft: Order) -> None:
    kept = hold(clinic, draft)
    draft.dose_amount = Decimal("0.6")
    edit_draft(by=clinic.clerk, now=NOW, order=draft)
    assert Hold.objects.get() == kept


# --- at the desk ---


@pytest.fixture
def desk(_at_now: None) -> Client:
    return logged_in(Role.FRONT_DESK)


def chart(client: Client, draft: Order) -> str:
    return " ".join(client.get(f"/patients/{draft.patient_id}/").content.decode().split())


def proposals(client: Client, draft: Order) -> list[str]:
    page = client.post(address(draft.patient), asked(draft))
    return [card.text for card in page.context["cards"]]


def press_hold(client: Client, draft: Order, proposal: str) -> Any:
    return client.post(address(draft.patient), {"action": "hold", "proposal": proposal})


def test_the_clerk_finds_times_for_a_draft_and_holds_them(desk: Client, draft: Order) -> None:
    assert f"/book/?order={draft.pk}" in chart(desk, draft)
    page = desk.get(f"{address(draft.patient)}?order={draft.pk}").content.decode()
    assert "This order is a draft." in page
    proposal = proposals(desk, draft)[0]
    page = desk.post(address(draft.patient), {"action": "choose", "proposal": proposal}).content.decode()
    assert "Hold these places" in page
    assert 'value="book"' not in page
    answer = press_hold(desk, draft, proposal)
    assert answer["Location"] == f"/patients/{draft.patient_id}/"
    assert said(answer) == ["The places are held. They can be booked once the order is signed."]
    starts = [place.starts_at for place in unsigned(proposal).booked_places()]
    claims = Claim.objects.filter(hold__order=draft, seat__kind=SeatKind.CHAIR)
    assert list(claims.order_by("starts_at").values_list("starts_at", flat=True)) == starts


def test_everybody_reads_what_is_held_and_until_when(desk: Client, clinic: Clinic, draft: Order) -> None:
    hold(clinic, draft)
    words = "Places held until <strong>Tue 6 Jan 18:00</strong>"
    assert words in chart(desk, draft)
    assert "Tue 6 Jan 09:00" in chart(desk, draft)
    prescriber = logged_in(Role.PRESCRIBER)
    assert words in prescriber.get(f"/orders/{draft.pk}/sign/").content.decode()
    assert words in desk.get(f"/orders/{draft.pk}/withdraw/").content.decode()
    assert words in desk.get(f"{address(draft.patient)}?order={draft.pk}").content.decode()
    assert "Book the held places" not in chart(desk, draft)


def test_signed_the_held_places_are_one_press_away(desk: Client, clinic: Clinic, draft: Order) -> None:
    key = held(hold(clinic, draft))
    sign(clinic, draft)
    assert f'value="{key}"' in chart(desk, draft)
    answer = desk.post(f"/orders/{draft.pk}/book-held/", {"request_key": key})
    series = Series.objects.get()
    assert (answer["Location"], said(answer)) == (f"/series/{series.pk}/", ["The held places are booked."])
    assert [visit.starts_at for visit in series.appointments.order_by("number")] == list(COURSE)
    again = desk.post(f"/orders/{draft.pk}/book-held/", {"request_key": key})
    assert again["Location"] == f"/series/{series.pk}/"
    assert "Book the held places" not in chart(desk, draft)


def test_too_late_the_page_says_so_and_offers_to_find_times_again(clinic: Clinic, draft: Order) -> None:
    key = held(hold(clinic, draft))
    sign(clinic, draft)
    with time_machine.travel(TUESDAY_EVENING, tick=False):
        evening = logged_in(Role.FRONT_DESK)
        page = chart(evening, draft)
        answer = evening.post(f"/orders/{draft.pk}/book-held/", {"request_key": key})
    assert "were held until Tue 6 Jan 18:00 and are free again" in page
    assert "Find times again </a>" in page
    assert "Book the held places" not in page
    assert said(answer) == ["These places are no longer held. Find times again."]
    assert not Series.objects.exists()


def test_somebody_was_faster_and_the_clerk_gets_fresh_times(
    desk: Client, clinic: Clinic, draft: Order
) -> None:
    proposal = proposals(desk, draft)[0]
    starts = [place.starts_at for place in unsigned(proposal).booked_places()]
    clinic.book(clinic.order(), starts[:1], now=NOW + timedelta(minutes=10))
    page = press_hold(desk, draft, proposal)
    assert page.context["refused"].code == "places_taken"
    assert page.context["cards"]
    assert not Hold.objects.filter(order=draft).exists()


def test_a_proposal_waits_an_hour_and_no_longer(desk: Client, draft: Order) -> None:
    proposal = proposals(desk, draft)[0]
    with time_machine.travel(NOW + HOUR + timedelta(seconds=1), tick=False):
        page = press_hold(desk, draft, proposal)
    assert page.context["refused"].code == "proposal_expired"
    assert not Hold.objects.filter(order=draft).exists()


def test_signed_meanwhile_it_is_booked_and_not_held(desk: Client, clinic: Clinic, draft: Order) -> None:
    proposal = proposals(desk, draft)[0]
    sign(clinic, draft)
    page = press_hold(desk, draft, proposal)
    assert page.context["refused"].code == "order_not_draft"
    page = desk.post(address(draft.patient), {"action": "choose", "proposal": proposal}).content.decode()
    assert 'value="book"' in page


@pytest.mark.parametrize("key", ["", "x" * 65])
def test_a_damaged_form_books_nothing(desk: Client, clinic: Clinic, draft: Order, key: str) -> None:
    hold(clinic, draft)
    sign(clinic, draft)
    answer = desk.post(f"/orders/{draft.pk}/book-held/", {"request_key": key})
    assert said(answer) == ["This form was damaged on its way here. Nothing was booked."]
    assert not Series.objects.exists()
