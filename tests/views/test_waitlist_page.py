"""The waiting list as staff see it: who waits, what is offered, whom to call, and what is due but not booked."""

from datetime import timedelta

import pytest
from django.test import Client

from scheduling.core.words import OfferState, Role, WaitEnd, WaitKind
from scheduling.models import Appointment, Closure, Offer, OpeningHours, WaitlistEntry
from scheduling.services.backfill import offer_freed_places
from scheduling.services.waitlist import wait_for_better
from tests.factories import NOW, agree_to_email, make_patient
from tests.services.clinics import Clinic
from tests.unchanged import nothing_changes
from tests.views.clients import LONG, logged_in, queries, said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FREED = NOW + 7 * DAY + HOUR
LAST = NOW + 9 * DAY + HOUR


@pytest.fixture
def clinic() -> Clinic:
    """One place a day, at 09:00; the first on Monday in a week."""
    made = Clinic()
    OpeningHours.objects.update(opens="09:00", closes="11:00")
    Closure.objects.create(
        location=made.location, first_day=NOW.date(), last_day=(FREED - DAY).date(), reason="Works"
    )
    return made


def booked(clinic: Clinic, days: int = 0, *, may_write: bool = True) -> Appointment:
    ada = make_patient(clinic.location, phone="+12125550177")
    if may_write:
        agree_to_email(ada)
    return clinic.book(clinic.order(ada), [LAST + days * DAY]).appointments.get()


def wait(clinic: Clinic, visit: Appointment) -> WaitlistEntry:
    return wait_for_better(by=clinic.clerk, now=NOW, appointment=visit, kind=WaitKind.EARLIER)


def words(client: Client) -> str:
    answer = client.get("/waitlist/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_an_empty_list_says_how_to_get_on_it(desk: Client) -> None:
    found = words(desk)
    assert "Nobody waits." in found
    assert "Every signed order, weekly plan and active patient has what is due booked." in found
    assert "To call" not in found


def test_the_page_shows_who_waits_since_when_and_what_is_offered(clinic: Clinic, desk: Client) -> None:
    first, second = booked(clinic), booked(clinic, 1, may_write=False)
    wait(clinic, first)
    wait(clinic, second)
    booked(clinic, -1)
    clinic.order(make_patient(clinic.location, last_name="Unbooked"))
    found = words(desk)
    assert "since Mon 5 Jan, 08:00" in found
    assert "Wed 14 Jan 2026, 09:00" in found
    assert found.count("nothing yet") == 2
    assert "Unbooked" in found
    assert "Signed, and nothing is booked under it" in found
    before = queries(desk, "/waitlist/")
    assert offer_freed_places(NOW) == 1
    found = words(desk)
    assert "by message, kept until Mon 5 Jan, 10:00" in found
    assert queries(desk, "/waitlist/") == before
    wait(clinic, booked(clinic, 2))
    clinic.order()
    assert queries(desk, "/waitlist/") == before
    # A manager looks on.
    assert "No longer waits" not in words(logged_in(Role.MANAGER))


def test_a_call_is_made_from_the_list(clinic: Clinic, desk: Client) -> None:
    visit = booked(clinic, may_write=False)
    wait(clinic, visit)
    offer_freed_places(NOW + 2 * HOUR)
    offer = Offer.objects.get()
    found = words(desk)
    assert "To call" in found
    assert 'href="tel:+1-212-555-0177"' in found
    call = f"/waitlist/offers/{offer.pk}/call/"
    with nothing_changes():
        assert said(desk.post(call, {"outcome": "never"})) == ["Say what the call ended with."]
    desk.post(call, {"outcome": "not_reached"})
    assert "not reached (1" in words(desk)
    answer = desk.post(call, {"outcome": "agreed"})
    assert said(answer)[-1] == f"{visit.patient} agreed; the place is booked."
    visit.refresh_from_db()
    assert visit.starts_at == FREED
    with nothing_changes():
        late = desk.post(call, {"outcome": "other_time"})
    assert said(late)[-1] == f"{visit.patient}: You have accepted this time already."


def test_staff_join_change_and_leave_from_the_visit(clinic: Clinic, desk: Client) -> None:
    visit = booked(clinic)
    page = desk.get(f"/appointments/{visit.pk}/").content.decode()
    join = f"/appointments/{visit.pk}/wait/"
    assert f'href="{join}"' in page
    for typed, wrong in (
        ({"kind": "better_time"}, "Choose the days or times that would suit better."),
        ({"kind": "sooner"}, "Select a valid choice."),
        ({}, "This field is required."),
        ({"kind": "earlier", "note": LONG}, "Ensure this value has at most 200 characters"),
        ({"kind": "better_time", "only_days": ["2"], "never_days": ["2"]}, "Wished for and excluded at once"),
        ({"kind": "better_time", "only_days": ["2"]}, "The visit is at such a time already."),
        ({"kind": "earlier", "never_days": ["0", "1"]}, "nothing can ever be offered"),
    ):
        with nothing_changes():
            assert wrong in desk.post(join, typed).content.decode()
    answer = desk.post(join, {"kind": "earlier", "note": "Works late"})
    assert (answer.status_code, answer["Location"]) == (302, "/waitlist/")
    entry = WaitlistEntry.objects.get()
    assert (entry.appointment, entry.note) == (visit, "Works late")
    assert desk.get(join)["Location"] == f"/waitlist/{entry.pk}/"
    assert (
        "Waits for an earlier time since 5 Jan 2026."
        in desk.get(f"/appointments/{visit.pk}/").content.decode()
    )
    assert 'value="Works late"' in desk.get(f"/waitlist/{entry.pk}/").content.decode()
    desk.post(f"/waitlist/{entry.pk}/", {"kind": "better_time", "prefer_days": ["4"]})
    entry.refresh_from_db()
    assert (entry.kind, entry.wishes, entry.note) == (WaitKind.BETTER_TIME, {"prefer_weekdays": [4]}, "")
    assert "prefers Fridays" in words(desk) or "prefers Fri" in words(desk)
    left = desk.post(f"/waitlist/{entry.pk}/leave/", {"back": "visit"})
    assert left["Location"] == f"/appointments/{visit.pk}/"
    entry.refresh_from_db()
    assert entry.why == WaitEnd.WITHDRAWN
    assert desk.get(f"/waitlist/{entry.pk}/")["Location"] == "/waitlist/"


def test_a_session_not_booked_waits_and_an_offer_is_taken_back(clinic: Clinic, desk: Client) -> None:
    order = clinic.order(make_patient(clinic.location))
    assert f'href="/orders/{order.pk}/wait/"' in words(desk)
    assert "is not booked yet" in desk.get(f"/orders/{order.pk}/wait/").content.decode()
    desk.post(f"/orders/{order.pk}/wait/", {"kind": "earlier"})
    offer_freed_places(NOW + 2 * HOUR)
    offer = Offer.objects.get()
    assert "not booked: first stage" in words(desk)
    for _press in range(2):
        assert desk.post(f"/waitlist/offers/{offer.pk}/withdraw/").status_code == 302
    offer.refresh_from_db()
    assert (offer.state, offer.hold) == (OfferState.WITHDRAWN, None)
    assert WaitlistEntry.objects.open().count() == 1
