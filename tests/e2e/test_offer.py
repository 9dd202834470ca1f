"""A freed place reaches whoever waits: asked for on a phone, offered by mail, accepted from the mail's link."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from playwright.sync_api import Page, expect

from scheduling.access import SYSTEM
from scheduling.core.words import LinkPurpose, OfferState
from scheduling.models import Appointment, Chair, Message, Offer, Protocol, StaffMember
from scheduling.services.backfill import offer_freed_places
from scheduling.services.delivery import deliver
from scheduling.services.links import link_for, token
from tests import factories
from tests.factories import NOW

from .conftest import PHONE, CheckPage, Clinic, OpenPage

pytestmark = pytest.mark.browser


def test_a_place_is_asked_for_offered_and_accepted_from_the_link(
    clock: time_machine.Traveller,
    clinic: Clinic,
    at_the_desk: Callable[[str], Page],
    open_page: OpenPage,
    check_page: CheckPage,
) -> None:
    place = clinic.patient.home_location
    order = factories.make_order(clinic.patient, Protocol.objects.get())
    start = NOW + timedelta(days=10, hours=2)
    nurse = StaffMember.objects.get(name="Nurse 1")
    factories.book(order, place, Chair.objects.get(name="Chair 1"), nurse, [start])
    visit = Appointment.objects.get()
    link = link_for(by=SYSTEM, now=NOW, patient=clinic.patient, purpose=LinkPurpose.VISITS)

    phone = open_page(PHONE)
    phone.goto(f"/v/{token(link)}/")
    phone.goto(f"/my/appointments/{visit.pk}/")
    phone.get_by_text("Other days or times would suit me better").click()
    check_page(phone)
    phone.get_by_role("button", name="Tell me if an earlier time is free").click()
    expect(phone.get_by_text("We tell you when an earlier time is free.")).to_be_visible()

    assert offer_freed_places(NOW) == 1
    mail.outbox.clear()
    deliver(NOW)
    letter = next(str(one.body) for one in mail.outbox if "Another time" in one.subject)
    found = re.search(r"/v/\S+/offers/\d+/", letter)
    assert found
    desk = at_the_desk("front_desk")
    desk.goto("/waitlist/")
    expect(desk.get_by_text("kept until")).to_be_visible()
    check_page(desk)
    narrow = at_the_desk("front_desk")
    narrow.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    narrow.goto("/waitlist/")
    check_page(narrow)

    # Another browser, which only has the mail.
    mailed = open_page(PHONE)
    mailed.goto(found[0])
    expect(mailed).to_have_url(re.compile(r"/my/offers/\d+/$"))
    check_page(mailed)
    mailed.get_by_role("button", name="I take this time").click()
    expect(mailed.get_by_role("heading", name="This time is yours")).to_be_visible()
    check_page(mailed)
    offer = Offer.objects.get()
    visit.refresh_from_db()
    assert (offer.state, visit.starts_at) == (OfferState.ACCEPTED, offer.starts_at)
    assert Message.objects.filter(series=visit.series, kind="change").count() == 1
    desk.goto("/waitlist/")
    expect(desk.get_by_text("Nobody waits.")).to_be_visible()
