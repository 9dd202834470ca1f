import re
from datetime import date
from typing import Any

import pytest
from django.test import Client

from scheduling.core.words import OrderState, RequiredBefore
from scheduling.models import (
    Hold,
    OpeningHours,
    Order,
    Patient,
    Prerequisite,
    Series,
)
from scheduling.services.proposals import unsigned
from tests.factories import make_location
from tests.services.clinics import COURSE, Clinic
from tests.views.booking.pages import address, asked, book, propose

pytestmark = pytest.mark.django_db

# --- the question ---


def test_the_form_begins_with_what_is_left_of_the_order(desk: Client, patient: Patient, order: Order) -> None:
    form = desk.get(address(patient)).context["form"]
    assert [form[name].value() for name in ("order", "location", "sessions", "earliest")] == [
        order.pk,
        patient.home_location_id,
        6,
        date(2026, 1, 5),
    ]
    assert form["request_key"].value()


def test_the_form_begins_with_the_wishes_of_the_course(
    desk: Client, clinic: Clinic, patient: Patient, order: Order
) -> None:
    clinic.book(order, COURSE[:2], wishes={"prefer_weekdays": [1], "never_windows": [[0, 540]]})
    form = desk.get(address(patient)).context["form"]
    assert form["sessions"].value() == 4
    assert form["prefer_days"].value() == [1]
    assert (form["window_kind_0"].value(), f"{form['window_to_0'].value():%H:%M}") == ("never", "09:00")


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"earliest": "2026-01-04"}, "earliest", "This day is in the past."),
        ({"earliest": "2026-05-06"}, "earliest", "Bookings are possible until 2026-05-05."),
        ({"earliest": "soon"}, "earliest", "Enter a valid date."),
        ({"sessions": "7"}, "sessions", "The order has 6 left."),
        ({"sessions": "0"}, "sessions", "Ensure this value is greater than or equal to 1."),
        ({"order": "0"}, "order", "Select a valid choice."),
        ({"location": "0"}, "location", "Select a valid choice."),
        ({"prefer_days": ["1"], "never_days": ["1"]}, "never_days", "excluded at once: Tuesday"),
        ({"prefer_days": ["2"], "only_days": ["1"]}, "prefer_days", "possible days: Wednesday"),
        ({"never_days": list("0123456")}, "never_days", "Leave at least one day."),
        ({"never_days": ["7"]}, "never_days", "Select a valid choice."),
        ({"window_from_0": "12:00", "window_to_0": "09:00"}, "window_to_0", "It ends before it starts."),
        ({"window_from_1": "25:00"}, "window_from_1", "Enter a valid time."),
        ({"window_kind_0": "maybe"}, "window_kind_0", "Select a valid choice."),
        ({"away_from_0": "2026-01-09", "away_to_0": "2026-01-08"}, "away_to_0", "It ends before it starts."),
        ({"away_to_2": "2026-01-08"}, "away_from_2", "Say from when."),
    ],
)
def test_what_cannot_be_is_said_next_to_its_field(
    desk: Client, order: Order, fields: dict[str, Any], field: str, words: str
) -> None:
    page = desk.post(address(order.patient), asked(order, **fields))
    assert page.status_code == 200
    assert words in str(page.context["form"].errors[field])
    assert words.split(":", maxsplit=1)[0] in page.content.decode()
    assert "cards" not in page.context
    # Nothing typed is lost.
    for name, typed in fields.items():
        assert page.context["form"][name].value() == typed


def test_an_order_that_ends_before_the_first_day_is_said(
    desk: Client, clinic: Clinic, patient: Patient
) -> None:
    order = clinic.order(patient, valid_until=date(2026, 1, 20))
    page = desk.post(address(patient), asked(order, earliest="2026-01-21"))
    assert "The order ends on 2026-01-20." in str(page.context["form"].errors["earliest"])


def test_a_course_is_continued_where_it_began(
    desk: Client, clinic: Clinic, patient: Patient, order: Order
) -> None:
    clinic.book(order, COURSE[:2])
    harbour = make_location("Harbour")
    page = desk.post(address(patient), asked(order, sessions="4", location=harbour.pk))
    assert "This course is treated at Riverside." in str(page.context["form"].errors["location"])


def test_a_lost_request_key_is_replaced(desk: Client, order: Order) -> None:
    proposals = propose(desk, order, request_key="lost")
    assert len(unsigned(proposals[0]).question.request_key) == 36


def test_without_a_bookable_order_the_page_says_so(desk: Client, clinic: Clinic, patient: Patient) -> None:
    closed = clinic.order(patient, state=OrderState.WITHDRAWN)
    page = desk.get(f"{address(patient)}?order={closed.pk}").content.decode()
    assert "There is no draft and no signed order with infusions left to book." in page
    assert "This order cannot be booked: withdrawn" in page


def test_what_is_missing_on_record_is_said_before_anything_is_planned(
    desk: Client, clinic: Clinic, patient: Patient, order: Order
) -> None:
    consent = Prerequisite.objects.create(
        code="consent", name="Signed consent", required_before=RequiredBefore.BOOKING
    )
    clinic.protocol.prerequisites.add(consent)
    assert "Signed consent" in desk.get(address(patient)).content.decode()
    answer = book(desk, patient, propose(desk, order)[0])
    assert answer.context["refused"].code == "prerequisites_missing"
    assert not Series.objects.exists()


# --- proposals ---


def test_three_proposals_stand_side_by_side_in_local_time(desk: Client, order: Order) -> None:
    page = desk.post(
        address(order.patient),
        asked(order, prefer_days=["1", "4"], window_from_0="09:00", window_to_0="09:05"),
    )
    cards = page.context["cards"]
    assert [card.title for card in cards] == ["Best fit", "Soonest", "Another time of day"]
    assert page.context["zone"] == "New York, UTC-5"
    best = cards[0]
    assert [f"{visit.day:%a %d} {visit.clock}" for visit in best.visits] == [
        f"{day} 09:00" for day in ("Tue 06", "Fri 09", "Tue 13", "Fri 16", "Tue 20", "Fri 23")
    ]
    assert dict(best.words.facts) == {
        "finish": "ends Fri 23 Jan",
        "days": "all on Tue/Fri",
        "times": "always 09:00",
        "gaps": "3 to 4 days apart",
        "nurse": "Ana for all",
        "wishes": "every preference met",
    }
    html = page.content.decode()
    assert html.count('class="weeks') == 3
    assert "<strong>Tue 6 Jan</strong> 09:00" in html


def test_all_calendars_show_the_same_weeks(desk: Client, order: Order) -> None:
    cards = desk.post(address(order.patient), asked(order)).context["cards"]
    assert len({tuple(cell.day for week in card.weeks for cell in week) for card in cards}) == 1


def test_a_long_gap_is_flagged(desk: Client, order: Order) -> None:
    cards = desk.post(
        address(order.patient), asked(order, away_from_0="2026-01-08", away_to_0="2026-01-20")
    ).context["cards"]
    assert "the protocol's longest gap is 7." in cards[1].words.warnings[0]


def test_where_nothing_fits_the_reasons_stand_above_the_filled_form(desk: Client, order: Order) -> None:
    OpeningHours.objects.exclude(weekday=1).delete()
    Order.objects.update(valid_until=date(2026, 1, 20))
    page = desk.post(address(order.patient), asked(order, never_days=["6"]))
    html = page.content.decode()
    assert "No course fits" in html
    assert "The order ends on Tue 20 Jan" in html
    assert page.context["form"]["never_days"].value() == ["6"]
    assert "cards" not in page.context


def test_the_page_costs_the_same_number_of_queries_for_few_and_many_visits(
    desk: Client, order: Order, django_assert_max_num_queries: Any
) -> None:
    desk.get(address(order.patient))
    with django_assert_max_num_queries(60) as one:
        desk.post(address(order.patient), asked(order, sessions="1"))
    Hold.objects.all().delete()
    with django_assert_max_num_queries(60) as six:
        desk.post(address(order.patient), asked(order, sessions="6"))
    assert len(one) == len(six)


def test_no_style_or_script_is_inline(desk: Client, order: Order) -> None:
    html = desk.post(address(order.patient), asked(order)).content.decode()
    assert not re.search(r"\sstyle=|<script>|\son\w+=", html)
