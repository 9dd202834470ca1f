"""What a clerk has on screen is held: shown until when, renewed by every step, over by time, button or booking."""

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import Role, SeatKind
from scheduling.models import Claim, Hold, Order, Patient, Series
from scheduling.services.appointments import Canceller, cancel_appointment
from scheduling.services.claims import free_expired
from scheduling.services.proposals import propose as propose_places
from scheduling.services.proposals import unsigned
from tests.factories import NOW, make_patient
from tests.services.clinics import Clinic
from tests.views.booking.pages import address, asked, book, check, propose
from tests.views.clients import logged_in, said

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def starts(proposal: str) -> list[str]:
    return [place.starts_at.isoformat() for place in unsigned(proposal).booked_places()]


def held_starts() -> list[str]:
    """The starts of the places held, each once."""
    return sorted({place["starts_at"] for place in Hold.objects.get().places})


def words(html: bytes) -> str:
    return " ".join(html.decode().split())


def test_all_proposals_are_held_then_the_chosen_one_and_going_back_all_again(
    desk: Client, patient: Patient, order: Order
) -> None:
    page = desk.post(address(patient), asked(order))
    texts = [card.text for card in page.context["cards"]]
    everything = sorted({start for text in texts for start in starts(text)})
    assert held_starts() == everything
    assert (page.context["on_hold"].seconds, page.context["on_hold"].until) == (600, "08:10")
    assert 'data-held-seconds="600"' in page.content.decode()
    assert "Held for you until <strong" in words(page.content)
    hold = Hold.objects.get()
    page = desk.post(address(patient), {"action": "choose", "proposal": texts[1]})
    assert held_starts() == starts(texts[1])
    assert "Let the places go" in page.content.decode()
    desk.post(address(patient), {"action": "back", "proposal": texts[1]})
    assert held_starts() == everything
    assert Hold.objects.get() == hold


def test_a_typed_time_that_fits_is_held_with_the_rest_and_a_swap_changes_the_hold(
    desk: Client, patient: Patient, order: Order
) -> None:
    proposal = propose(desk, order, prefer_days=["1", "4"])[0]
    opened = check(desk, patient, proposal, "2026-01-09", "15:30")
    assert set(held_starts()) == {*starts(proposal), "2026-01-09T20:30:00+00:00"}
    desk.post(address(patient), {"action": "choose", "proposal": opened.checked.text})
    assert held_starts() == starts(opened.checked.text)
    assert "2026-01-09T20:30:00+00:00" in held_starts()
    # A time that does not fit is not held.
    check(desk, patient, opened.checked.text, "2026-01-09", "19:00")
    assert held_starts() == starts(opened.checked.text)


def test_every_step_renews_the_time_and_reading_writes_nothing(
    desk: Client, patient: Patient, order: Order
) -> None:
    proposal = propose(desk, order)[0]
    with time_machine.travel(NOW + 9 * MINUTE, tick=False):
        desk.get(address(patient))
        assert Hold.objects.get().expires_at == NOW + 10 * MINUTE
        data = {"action": "offers", "session": "2", "proposal": proposal}
        page = desk.post(address(patient), data, headers={"HX-Request": "true"})
    assert Hold.objects.get().expires_at == NOW + 19 * MINUTE
    html = words(page.content)
    assert 'id="on-hold" data-held-seconds="600" hx-swap-oob="true"' in html
    assert ">08:19</strong>" in html


def test_another_question_about_the_same_order_lets_the_earlier_places_go(
    desk: Client, patient: Patient, order: Order, clinic: Clinic
) -> None:
    clinic.location.hold_minutes = 25
    clinic.location.save()
    first = propose(desk, order)
    assert Hold.objects.get().expires_at == NOW + 25 * MINUTE
    again = propose(desk, order)
    # The clerk's own earlier hold did not stand in the way of the same answer.
    assert [starts(text) for text in again] == [starts(text) for text in first]
    assert Hold.objects.count() == 1
    Order.objects.update(valid_until=date(2026, 1, 12))
    page = desk.post(address(patient), asked(order))
    assert "none" in page.context
    assert not Hold.objects.exists()


def test_the_button_lets_the_places_go_and_keeps_the_question(
    desk: Client, patient: Patient, order: Order
) -> None:
    proposal = propose(desk, order, prefer_days=["1", "4"])[0]
    for _press in range(2):
        page = desk.post(address(patient), {"action": "let_go", "proposal": proposal})
        assert said(page) == ["The places are free again. Nothing was booked."]
        assert page.context["form"]["prefer_days"].value() == [1, 4]
    assert not Hold.objects.exists()
    assert not Claim.objects.exists()


def test_booking_ends_the_hold_with_the_visits_in_its_place(
    desk: Client, patient: Patient, order: Order
) -> None:
    proposal = propose(desk, order)[0]
    assert book(desk, patient, proposal).status_code == 302
    assert not Hold.objects.exists()
    assert Claim.objects.filter(appointment__patient=patient, seat__kind=SeatKind.CHAIR).count() == 6


def test_a_second_clerk_gets_other_places_and_reads_who_is_booking(
    desk: Client, clinic: Clinic, patient: Patient, order: Order
) -> None:
    mine = propose(desk, order)
    maker = Hold.objects.get().made_by
    other = logged_in(Role.FRONT_DESK)
    note = f"<strong>{maker}</strong> is booking this patient right now (until 08:10)."
    assert note in words(other.get(address(patient)).content)
    assert note not in words(desk.get(address(patient)).content)
    page = other.post(address(patient), asked(order))
    theirs = [card.text for card in page.context["cards"]]
    assert note in words(page.content)
    taken = {start for text in mine for start in starts(text)}
    assert not taken & {start for text in theirs for start in starts(text)}
    with time_machine.travel(NOW + 10 * MINUTE, tick=False):
        assert note not in words(other.get(address(patient)).content)


def test_after_the_time_is_over_free_places_are_booked_and_taken_ones_are_named(
    desk: Client, clinic: Clinic, patient: Patient, order: Order
) -> None:
    proposal = propose(desk, order, prefer_days=["1", "4"])[0]
    late = NOW + 11 * MINUTE
    quick = clinic.order(make_patient(clinic.location, last_name="Quick"))
    with time_machine.travel(late, tick=False):
        assert free_expired(late) == 1
        third = unsigned(proposal).booked_places()[2].starts_at
        lost = clinic.book(quick, [third], now=late).appointments.get()
        page = book(desk, patient, proposal)
        assert page.context["refused"].code == "places_taken"
        assert "Chair 1 is taken by Quick, Ada." in str(page.context["refused"].details[0])
        assert {place["starts_at"] for place in Hold.objects.get().places} >= {
            start for at, start in enumerate(starts(proposal)) if at != 2
        }
        cancel_appointment(by=clinic.clerk, now=late, appointment=lost, canceller=Canceller.CLINIC)
        Hold.objects.filter(change__isnull=False).delete()
        assert book(desk, patient, proposal).status_code == 302
    assert Series.objects.get(patient=patient).appointments.count() == 6


def test_a_clerk_who_is_overtaken_between_the_look_and_the_hold_gets_other_proposals(
    desk: Client, clinic: Clinic, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = clinic.order()
    looks: list[Any] = []

    def overtaken(**given: Any) -> Any:
        found: Any = propose_places(**given)
        if not looks:
            clinic.book(quick, [found[0].booked_places()[0].starts_at])
        looks.append(found)
        return found

    monkeypatch.setattr("scheduling.views.booking.propose", overtaken)
    page = desk.post(address(order.patient), asked(order))
    assert len(looks) == 2
    assert page.context["on_hold"].seconds == 600
    taken = quick.series.get().appointments.get().starts_at
    assert all(taken.isoformat() not in starts(card.text) for card in page.context["cards"])
