from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import OrderState
from scheduling.models import (
    Appointment,
    AuditEntry,
    Chair,
    Order,
    Patient,
    Series,
)
from scheduling.services.proposals import unsigned
from tests.factories import NOW, make_chair, make_patient
from tests.services.clinics import Clinic
from tests.views.booking.pages import address, asked, book, check, propose
from tests.views.clients import HUGE, said

pytestmark = pytest.mark.django_db

# --- choosing and swapping ---


def test_the_chosen_proposal_is_shown_with_its_places(desk: Client, patient: Patient, order: Order) -> None:
    page = desk.post(address(patient), {"action": "choose", "proposal": propose(desk, order)[0]})
    assert [session.visit.number for session in page.context["sessions"]] == [1, 2, 3, 4, 5, 6]
    assert page.context["found"].fits
    assert "Book 6 visits" in page.content.decode()
    assert not Series.objects.exists()


@pytest.mark.parametrize("htmx", [True, False])
def test_other_times_come_with_and_without_javascript(
    desk: Client, patient: Patient, order: Order, htmx: bool
) -> None:
    data = {"action": "offers", "session": "2", "proposal": propose(desk, order)[0]}
    headers = {"HX-Request": "true"} if htmx else {}
    html = desk.post(address(patient), data, headers=headers).content.decode()
    assert html.count('class="btn btn-outline-secondary offer"') == 9
    assert ("<html" in html) is not htmx


def test_a_swapped_session_is_booked(desk: Client, patient: Patient, order: Order) -> None:
    proposal = propose(desk, order)[0]
    page = desk.post(address(patient), {"action": "offers", "session": "2", "proposal": proposal})
    offer = page.context["sessions"][2].opened.offers[4]
    page = desk.post(address(patient), {"action": "choose", "proposal": offer.text})
    assert page.context["proposal"].changed
    book(desk, patient, offer.text)
    starts = {visit.starts_at for visit in Appointment.objects.all()}
    assert len(starts) == 6
    assert offer.visit.start in starts


def test_a_typed_time_fits_or_names_every_rule(desk: Client, patient: Patient, order: Order) -> None:
    proposal = propose(desk, order, prefer_days=["1", "4"], window_from_0="09:00", window_to_0="09:05")[0]
    assert check(desk, patient, proposal, "2026-01-09", "10:30").answer.fits
    broken = check(desk, patient, proposal, "2026-01-07", "17:00")
    assert [words.partition(": ")[2] for words in broken.answer.reasons] == [
        "the clinic is not open long enough.",
        "no nurse is on shift.",
        "only 1 day lies between it and another visit; at least 2 are needed.",
        "only 32 hours lie between it and another visit; at least 40 are needed.",
    ]
    assert broken.checked is None


@pytest.mark.parametrize(
    ("day", "wall", "words"),
    [
        ("2026-03-08", "02:30", "clocks are set forward"),
        ("2026-01-04", "09:00", "in the past"),
        ("0001-01-01", "00:00", "in the past"),
        ("9999-12-31", "23:55", "No visit can be booked"),
    ],
)
def test_a_typed_time_that_cannot_be_is_refused_in_words(
    desk: Client, patient: Patient, order: Order, day: str, wall: str, words: str
) -> None:
    opened = check(desk, patient, propose(desk, order)[0], day, wall)
    assert words in " ".join(opened.answer.reasons)


def test_a_typed_time_that_is_none_is_said_next_to_it(desk: Client, patient: Patient, order: Order) -> None:
    opened = check(desk, patient, propose(desk, order)[0], "soon", "")
    assert opened.answer is None
    assert set(opened.typed.errors) == {"day", "wall"}


@pytest.mark.parametrize("session", ["6", "-1", "x", "", "9" * 20, "²"])
def test_a_session_that_is_not_there_is_missing(
    desk: Client, patient: Patient, order: Order, session: str
) -> None:
    data = {"action": "offers", "session": session, "proposal": propose(desk, order)[0]}
    assert desk.post(address(patient), data).status_code == 404


# --- booking ---


def test_a_booking_ends_on_the_page_of_its_course(desk: Client, patient: Patient, order: Order) -> None:
    answer = book(desk, patient, propose(desk, order, prefer_days=["1", "4"])[0])
    series = Series.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/series/{series.pk}/")
    assert said(answer) == ["6 visits are booked."]
    assert series.appointments.count() == 6
    assert series.wishes["prefer_weekdays"] == [1, 4]
    assert AuditEntry.objects.filter(action="book_series").count() == 1


def test_a_booking_sent_twice_is_one_course(desk: Client, patient: Patient, order: Order) -> None:
    proposal = propose(desk, order)[0]
    first, again = book(desk, patient, proposal), book(desk, patient, proposal)
    assert first["Location"] == again["Location"]
    assert Appointment.objects.count() == 6
    with time_machine.travel(NOW + timedelta(hours=2), tick=False):
        assert book(desk, patient, proposal)["Location"] == first["Location"]


def test_another_proposal_of_the_same_question_is_not_booked_as_well(
    desk: Client, patient: Patient, order: Order
) -> None:
    first, second, *_rest = propose(desk, order, sessions="3")
    book(desk, patient, first)
    answer = book(desk, patient, second)
    assert answer.context["refused"].code == "request_reused"
    assert Appointment.objects.count() == 3


def test_a_stale_proposal_is_answered_with_what_changed_and_fresh_ones(
    desk: Client, clinic: Clinic, patient: Patient, order: Order
) -> None:
    proposal = propose(desk, order, prefer_days=["1", "4"])[0]
    third = unsigned(proposal).booked_places()[2].starts_at
    other = make_patient(clinic.location, last_name="Quick")
    clinic.book(clinic.order(other), [third], now=NOW + timedelta(minutes=10))
    page = book(desk, patient, proposal, override_reason="Travels", way="feed")
    assert page.context["refused"].code == "places_taken"
    assert all("Quick, Ada" in str(detail) for detail in page.context["refused"].details)
    assert len(page.context["cards"]) == 3
    assert page.context["form"]["prefer_days"].value() == [1, 4]
    assert not Series.objects.filter(patient=patient).exists()
    # What was typed beside the button goes along with every answer.
    html = page.content.decode()
    assert html.count('name="override_reason" value="Travels"') == html.count('value="choose"') == 4
    data = {"action": "choose", "proposal": page.context["kept"], "override_reason": "Travels", "way": "feed"}
    typed = desk.post(address(patient), data).context["form"]
    assert (typed["override_reason"].value(), typed["way"].value()) == ("Travels", "feed")
    # The others can be kept: only the third session wants another time.
    review = desk.post(address(patient), {"action": "choose", "proposal": page.context["kept"]})
    faults = [bool(session.faults) for session in review.context["sessions"]]
    assert faults == [False, False, True, False, False, False]
    fresh = book(desk, patient, page.context["cards"][0].text)
    assert fresh.status_code == 302


def test_a_stale_proposal_keeps_its_times_where_another_chair_is_free(
    desk: Client, clinic: Clinic, patient: Patient, order: Order
) -> None:
    clinic.nurse.refresh_from_db()
    proposal = propose(desk, order)[0]
    chair = make_chair(clinic.location, "Chair 2")
    Chair.objects.filter(pk=clinic.chair.pk).update(is_active=False)
    page = book(desk, patient, proposal)
    assert page.context["refused"].code == "chair_inactive"
    repaired = unsigned(page.context["repaired"])
    assert {place.chair for place in repaired.places} == {chair.pk}
    assert book(desk, patient, page.context["repaired"]).status_code == 302


def test_an_old_proposal_is_answered_with_fresh_ones(desk: Client, patient: Patient, order: Order) -> None:
    proposal = propose(desk, order)[0]
    with time_machine.travel(NOW + timedelta(minutes=61), tick=False):
        for action in ("choose", "book", "offers"):
            data = {"action": action, "proposal": proposal, "session": "0"}
            page = desk.post(address(patient), data)
            assert page.context["refused"].code == "proposal_expired"
            assert len(page.context["cards"]) == 3
    assert not Series.objects.exists()


@pytest.mark.parametrize("action", ["choose", "offers", "check", "book"])
def test_a_tampered_proposal_is_refused_in_words(
    desk: Client, patient: Patient, order: Order, action: str
) -> None:
    proposal = propose(desk, order)[0]
    for text in (proposal[:-2] + "xx", "x" + proposal[1:], "", "x" * 5000):
        page = desk.post(address(patient), {"action": action, "proposal": text, "session": "0"})
        assert page.status_code == 200
        assert "This proposal was damaged on its way here." in page.content.decode()
    assert not Series.objects.exists()


def test_a_proposal_of_another_patient_is_missing(desk: Client, clinic: Clinic, order: Order) -> None:
    other = make_patient(clinic.location)
    proposal = propose(desk, order)[0]
    assert book(desk, other, proposal).status_code == 404
    assert not Series.objects.exists()


def test_an_order_withdrawn_meanwhile_is_said(desk: Client, patient: Patient, order: Order) -> None:
    proposal = propose(desk, order)[0]
    Order.objects.update(state=OrderState.WITHDRAWN)
    page = book(desk, patient, proposal)
    assert page.context["refused"].code == "order_closed"
    assert not Series.objects.exists()


def too_near(client: Client, patient: Patient, order: Order) -> str:
    """A proposal with its second session a day after the first, as checked by hand."""
    proposal = propose(client, order, prefer_days=["1", "4"], window_from_0="09:00", window_to_0="09:05")[0]
    return str(check(client, patient, proposal, "2026-01-07", "10:00").checked.text)


def test_a_prescriber_books_against_a_gap_with_a_reason(
    prescriber: Client, patient: Patient, order: Order
) -> None:
    proposal = too_near(prescriber, patient, order)
    page = prescriber.post(address(patient), {"action": "choose", "proposal": proposal})
    assert "Reason for overriding the marked rules" in page.content.decode()
    page = book(prescriber, patient, proposal)
    assert "override_reason" in page.context["form"].errors
    assert not Series.objects.exists()
    assert book(prescriber, patient, proposal, override_reason="x" * 201).status_code == 200
    answer = book(prescriber, patient, proposal, override_reason="Travels")
    assert answer.status_code == 302
    assert Appointment.objects.get(number=2).override_reason == "Travels"


def test_a_clerk_cannot_book_against_a_gap(desk: Client, patient: Patient, order: Order) -> None:
    proposal = too_near(desk, patient, order)
    page = desk.post(address(patient), {"action": "choose", "proposal": proposal})
    assert "A prescriber has to book this" in page.content.decode()
    assert "Reason for overriding" not in page.content.decode()
    page = book(desk, patient, proposal, override_reason="Please")
    assert page.context["refused"].code == "rules_broken"
    assert not Series.objects.exists()


def test_an_unknown_action_shows_the_form(desk: Client, patient: Patient, order: Order) -> None:
    assert desk.post(address(patient), {"action": "drop"}).status_code == 200


def test_a_nul_is_refused(desk: Client, patient: Patient, order: Order) -> None:
    assert desk.post(address(patient), asked(order, request_key="a\x00b")).status_code == 400


@pytest.mark.parametrize("named", ["x", "0", "-1", str(HUGE), "²"])
def test_an_order_that_is_not_the_patients_is_missing(
    desk: Client, patient: Patient, order: Order, named: str
) -> None:
    assert desk.get(f"{address(patient)}?order={named}").status_code == 404
