"""A patient's own pages of the waiting list: waiting, and answering an offered place by its link."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from scheduling.core.words import LinkPurpose, OfferState, WaitEnd, WaitKind
from scheduling.models import Appointment, Closure, Offer, OpeningHours, WaitlistEntry
from scheduling.services.backfill import offer_freed_places
from scheduling.services.links import OFFER_LIFE, link_in_force, offer_url, token
from scheduling.services.waitlist import leave_waitlist, wait_for_better
from tests.factories import NOW, agree_to_email, make_patient
from tests.services.clinics import Clinic
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FREED = NOW + 7 * DAY + HOUR
"""Monday 12 January, 09:00 in New York; the only place of a day."""
LAST = NOW + 9 * DAY + HOUR


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def clinic(clock: time_machine.Traveller) -> Clinic:
    made = Clinic()
    OpeningHours.objects.update(opens="09:00", closes="11:00")
    Closure.objects.create(
        location=made.location, first_day=NOW.date(), last_day=(FREED - DAY).date(), reason="Works"
    )
    return made


@pytest.fixture
def visit(clinic: Clinic) -> Appointment:
    """Wednesday, of a patient who agreed to e-mail."""
    ada = make_patient(clinic.location)
    agree_to_email(ada)
    return clinic.book(clinic.order(ada), [LAST]).appointments.get()


@pytest.fixture
def offer(clinic: Clinic, visit: Appointment) -> Offer:
    wait_for_better(by=clinic.clerk, now=NOW, appointment=visit, kind=WaitKind.EARLIER)
    offer_freed_places(NOW)
    return Offer.objects.get()


def address(offer: Offer) -> str:
    """As the message has it, without the host."""
    link = link_in_force(offer.entry.patient, LinkPurpose.OFFER)
    assert link
    return offer_url(link, offer).partition("//")[2].partition("/")[2].join(("/", ""))


def entered(offer: Offer) -> Client:
    client = Client()
    answer = client.get(address(offer))
    assert (answer.status_code, answer["Location"]) == (302, f"/my/offers/{offer.pk}/")
    return client


def page(client: Client, offer: Offer) -> str:
    answer = client.get(f"/my/offers/{offer.pk}/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_link_opens_the_offered_place_and_nothing_else_and_changes_nothing(offer: Offer) -> None:
    with nothing_changes():
        client = Client()
        answer = client.get(address(offer))
        assert (answer["Referrer-Policy"], answer["Cache-Control"]) == ("no-referrer", "private, no-store")
        cookie = answer.cookies["my_offers"]
        assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/my/offers/", "Lax", True)
        words = page(client, offer)
        for method in ("get", "head"):
            getattr(client, method)(f"/my/offers/{offer.pk}/?answer=accept")
        # The bare link leads to the last offer.
        link = link_in_force(offer.entry.patient, LinkPurpose.OFFER)
        assert link
        assert client.get(f"/v/{token(link)}/")["Location"].endswith(f"/offers/{offer.pk}/")
    assert "Monday, January 12, 2026, 9 a.m. to 11 a.m. (New York, UTC-5)" in words
    assert "Your visit now: Wednesday, January 14, 2026, 9 a.m. to 11 a.m." in words
    assert "Please answer by: Monday, January 5, 2026, 10 a.m." in words
    assert "1 Made-up Street" in words
    for secret in ("infusion", "mg/kg", "session"):
        assert secret not in words.partition("<main")[2].lower()
    for other in ("/my/", f"/my/appointments/{offer.entry.appointment_id}/"):
        assert client.get(other).status_code == 403
    assert client.get("/my/offers/999/").status_code == 404
    assert client.post(f"/my/offers/{offer.pk}/", {"answer": "whatever"}).status_code == 200


def test_accepting_moves_the_visit_once(offer: Offer, visit: Appointment) -> None:
    client = entered(offer)
    assert client.post(f"/my/offers/{offer.pk}/", {"answer": "accept"}).status_code == 302
    visit.refresh_from_db()
    assert visit.starts_at == FREED
    assert "This time is yours" in page(client, offer)
    with nothing_changes():
        again = client.post(f"/my/offers/{offer.pk}/", {"answer": "accept"}).content.decode()
        other = client.post(f"/my/offers/{offer.pk}/", {"answer": "decline"}).content.decode()
    assert "You have accepted this time already." in again
    assert "You have accepted this time already." in other


def test_declining_keeps_the_visit_and_the_patient_waits_on(offer: Offer, visit: Appointment) -> None:
    client = entered(offer)
    assert client.post(f"/my/offers/{offer.pk}/", {"answer": "decline"}).status_code == 302
    visit.refresh_from_db()
    offer.refresh_from_db()
    assert (visit.starts_at, offer.state, offer.hold) == (LAST, OfferState.DECLINED, None)
    words = page(client, offer)
    assert "You have declined this time" in words
    assert "We tell you again when another time is free." in words


def test_too_late_says_what_happened_and_what_is_true(
    offer: Offer, visit: Appointment, clock: time_machine.Traveller
) -> None:
    client = entered(offer)
    clock.move_to(offer.expires_at)
    with nothing_changes():
        answer = client.post(f"/my/offers/{offer.pk}/", {"answer": "accept"}).content.decode()
    assert "This offer has ended. Your visit stays as it was." in answer
    assert "I take this time" not in answer
    assert "your visits are as you were last told" in answer
    clock.move_to(NOW + OFFER_LIFE)
    assert client.get(f"/my/offers/{offer.pk}/").status_code == 403
    assert Client().get(address(offer)).status_code == 404


def test_a_place_taken_back_or_gone_says_so(offer: Offer, clinic: Clinic, visit: Appointment) -> None:
    Closure.objects.create(
        location=clinic.location, first_day=FREED.date(), last_day=FREED.date(), reason="Snow"
    )
    client = entered(offer)
    answer = client.post(f"/my/offers/{offer.pk}/", {"answer": "accept"}).content.decode()
    assert "This time is no longer possible. Your visit stays as it was." in answer
    assert "This time is no longer kept for you" in answer
    assert "snow" not in answer.lower()
    visit.refresh_from_db()
    assert visit.starts_at == LAST
    leave_waitlist(by=clinic.clerk, now=NOW, entry=offer.entry)
    assert "We tell you again" not in page(client, offer)


def test_another_patient_s_link_opens_no_offer_of_mine(offer: Offer, clinic: Clinic) -> None:
    other = clinic.book(clinic.order(), [LAST + DAY])
    link = link_in_force(other.patient, LinkPurpose.VISITS)
    assert link
    client = Client()
    client.get(f"/v/{token(link)}/")
    assert client.get(f"/my/offers/{offer.pk}/").status_code == 404
    with nothing_changes():
        assert client.post(f"/my/offers/{offer.pk}/", {"answer": "accept"}).status_code == 404


def test_my_visits_shows_the_offer_and_its_link_answers_too(offer: Offer, visit: Appointment) -> None:
    link = link_in_force(visit.patient, LinkPurpose.VISITS)
    assert link
    client = Client()
    client.get(f"/v/{token(link)}/")
    for where in ("/my/", f"/my/appointments/{visit.pk}/"):
        assert f'href="/my/offers/{offer.pk}/"' in client.get(where).content.decode()
    client.post(f"/my/offers/{offer.pk}/", {"answer": "accept"})
    visit.refresh_from_db()
    assert visit.starts_at == FREED
    assert f"/my/offers/{offer.pk}/" not in client.get("/my/").content.decode()


def test_a_patient_waits_and_stops_waiting_on_the_page_of_the_visit(visit: Appointment) -> None:
    link = link_in_force(visit.patient, LinkPurpose.VISITS)
    assert link
    client = Client()
    client.get(f"/v/{token(link)}/")
    here = f"/my/appointments/{visit.pk}/"
    assert "Tell me if an earlier time is free" in client.get(here).content.decode()
    assert client.post(f"{here}wait/", {"kind": "earlier"}).status_code == 302
    entry = WaitlistEntry.objects.get()
    assert (entry.kind, entry.made_by) == (WaitKind.EARLIER, None)
    assert "We tell you when an earlier time is free." in client.get(here).content.decode()
    assert (
        "This visit is on the waiting list already."
        in client.post(f"{here}wait/", {"kind": "earlier"}).content.decode()
    )
    for _press in range(2):
        assert client.post(f"{here}stop-waiting/").status_code == 302
    entry.refresh_from_db()
    assert entry.why == WaitEnd.WITHDRAWN
    for typed, wrong in (
        ({"part": "any"}, "Choose days or a time of day."),
        ({"days": ["9"], "part": "any"}, "Select a valid choice."),
        ({"days": ["2"], "part": "morning"}, "The visit is at such a time already."),
        ({"days": ["0"], "part": "afternoon"}, "At these days and times nothing can ever be offered."),
    ):
        with nothing_changes():
            assert wrong in client.post(f"{here}wait/", {"kind": "better_time", **typed}).content.decode()
    assert (
        client.post(f"{here}wait/", {"kind": "better_time", "days": ["0", "4"], "part": "any"}).status_code
        == 302
    )
    entry = WaitlistEntry.objects.open().get()
    assert (entry.kind, entry.wishes) == (WaitKind.BETTER_TIME, {"only_weekdays": [0, 4]})
    assert "a time that suits you better" in client.get(here).content.decode()
