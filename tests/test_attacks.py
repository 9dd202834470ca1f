"""Attacks on the pages: forged requests, foreign ids, poisoned names and hosts. None gets through."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.signing import get_cookie_signer
from django.test import Client, override_settings
from django.urls import reverse
from icalendar import Calendar

from scheduling.core.timeline import to_step
from scheduling.core.words import Channel, Role, Status
from scheduling.models import Appointment, Location, Order, Patient, Series
from scheduling.services.delivery import deliver
from scheduling.services.links import token
from scheduling.services.patients import give_consent
from scheduling.services.proposals import unsigned
from tests.factories import NOW, actor, make_chair, make_location, make_nurse, make_patient, make_staff
from tests.page_forms import forms_of
from tests.services.clinics import Clinic
from tests.test_access import OPEN, READS, TABLE, World, client_for
from tests.test_access import kept_world as kept_world  # noqa: PLC0414 - a fixture
from tests.test_access import world as world  # noqa: PLC0414 - a fixture
from tests.unchanged import nothing_changes
from tests.views.booking.pages import address, asked, book, propose
from tests.views.clients import logged_in

pytestmark = pytest.mark.django_db

POISON = "<script>alert(1)</script>{{ 7|add:7 }}%(name)s%s{0}"
ELSEWHERE = "evil.example.org"


@pytest.fixture(autouse=True)
def _at_now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def order(clinic: Clinic) -> Order:
    return clinic.order()


# --- forged requests ---


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"new_link", "patient_feed", "address_enter"}))
def test_a_forged_form_is_refused_on_every_page(name: str, world: World) -> None:
    arguments, outcomes = TABLE[name]
    url = reverse(name, args=arguments(world))
    for identity in (who for who, met in outcomes.items() if met in (OPEN, READS)):
        client = client_for(identity, world)
        client.handler.enforce_csrf_checks = True
        with nothing_changes():
            assert client.post(url).status_code in (403, 405), identity


def test_what_is_exempt_from_the_check_changes_nothing_for_a_stranger(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    with nothing_changes():
        assert client.post("/my/new-link/", {"token": "1.x"})["Location"] == "/my/new-link/"
        assert client.post(f"/feed/{token(world.feed)}.ics").status_code == 405
        # Whoever sends this form holds the key in its address; a wrong key opens nothing.
        assert client.post("/v/1.x/address/").status_code == 404
    assert mail.outbox == []


def test_a_method_in_the_form_or_a_header_is_not_taken_for_the_method(world: World) -> None:
    url = reverse("visit_step", args=(world.visit.pk, "arrived_at"))
    nurse, headers = logged_in(Role.NURSE), {"X-HTTP-Method-Override": "POST"}
    with nothing_changes():
        assert nurse.get(f"{url}?_method=POST", headers=headers).status_code == 405


# --- foreign ids ---


def test_a_proposal_of_one_patient_cannot_be_used_for_another(clinic: Clinic, order: Order) -> None:
    desk, other = logged_in(Role.FRONT_DESK), make_patient(clinic.location)
    proposal = propose(desk, order)[0]
    with nothing_changes():
        for action in ("choose", "offers", "check", "book"):
            data = {"action": action, "proposal": proposal, "session": "0"}
            assert desk.post(address(other), data).status_code == 404
        assert desk.get(f"{address(other)}?order={order.pk}").status_code == 404
        page = desk.post(address(other), asked(order))
    assert "order" in page.context["form"].errors


def test_a_signature_made_for_something_else_is_no_proposal(clinic: Clinic, order: Order) -> None:
    desk = logged_in(Role.FRONT_DESK)
    with nothing_changes():
        for salt in ("", "my_visits", "django.core.signing"):
            forged = get_cookie_signer(salt=salt).sign_object({"order": order.pk})
            assert "damaged" in book(desk, order.patient, forged).content.decode()


def test_a_form_names_no_other_row_and_no_other_column(world: World) -> None:
    stranger = make_patient(world.patient.home_location)
    more: dict[str, Any] = {"id": stranger.pk, "pk": stranger.pk, "patient": stranger.pk, "state": "signed"}
    more |= {"signed_by": 1, "taken": 0, "status": Status.DONE, "appointment": world.arrived.pk}
    nurse, pk = logged_in(Role.NURSE), world.patient.pk
    nurse.post(f"/patients/{pk}/medicines/add/", {"medicine": "X", "outcome": "no_effect", **more})
    protocol = world.series.order.protocol_id
    draft = {"stage": "follow_up", "dose_amount": "0.5", "weight_kg": "70", "sessions": "2"}
    draft |= {"valid_from": "2026-01-05", "valid_until": "2026-02-05"}
    nurse.post(f"/patients/{pk}/orders/add/?protocol={protocol}", draft | more)
    assert not stranger.medication_trials.exists()
    assert not stranger.orders.exists()
    assert world.patient.medication_trials.count() == 2
    order = Order.objects.latest("pk")
    assert (order.patient_id, order.state, order.signed_by) == (pk, "draft", None)


@pytest.mark.parametrize("field", ["status", "pk", "starts_at", "patient", "delete", "__class__"])
def test_no_other_field_of_a_visit_can_be_named(world: World, field: str) -> None:
    nurse = logged_in(Role.NURSE)
    with nothing_changes():
        for page in ("step", "correct"):
            url = f"/appointments/{world.arrived.pk}/{page}/{field}/"
            assert nurse.post(url, {"at": "09:00", "reason": "x"}).status_code == 404


def test_a_visit_moves_to_no_chair_or_nurse_of_another_location(clinic: Clinic, order: Order) -> None:
    desk, visit = logged_in(Role.FRONT_DESK), clinic.book(order).appointments.get(number=3)
    elsewhere = make_location("Hillside")
    chair, nurse = make_chair(elsewhere), make_nurse(elsewhere)
    with nothing_changes():
        for place in ((chair, clinic.nurse), (clinic.chair, nurse)):
            text = f"{to_step(visit.starts_at)}-{place[0].pk}-{place[1].pk}"
            page = desk.post(f"/appointments/{visit.pk}/move/", {"action": "preview", "place": text})
            chosen = page.context["preview"].cards[0]
            assert not chosen.way.is_possible
            assert desk.post(f"/appointments/{visit.pk}/rest/", {"way": chosen.text}).context["refused"]


def test_two_clerks_with_the_same_places_book_them_once(clinic: Clinic, order: Order) -> None:
    first, second, other = logged_in(Role.FRONT_DESK), logged_in(Role.FRONT_DESK), clinic.order()
    mine = propose(first, order)[0]
    # The first looks away until nothing is held any more; the second gets the same places.
    with time_machine.travel(NOW + timedelta(minutes=10), tick=False):
        theirs = propose(second, other)[0]
        assert unsigned(theirs).places == unsigned(mine).places
        with nothing_changes():
            answer = book(first, order.patient, mine)
        assert answer.context["refused"].code == "places_taken"
        assert "for a proposal" in str(answer.context["refused"].details[0])
        assert book(second, other.patient, theirs).status_code == 302
    assert [one.order for one in Series.objects.filter(location=clinic.location)] == [other]


# --- cookies ---


def test_a_patients_cookie_opens_no_staff_page_and_the_reverse(world: World) -> None:
    patient, nurse = client_for("patient_a", world), logged_in(Role.NURSE)
    nurse.cookies["my_visits"] = nurse.cookies["sessionid"].value
    patient.cookies["sessionid"] = patient.cookies["my_visits"].value
    assert patient.get("/patients/")["Location"] == "/accounts/login/?next=/patients/"
    assert nurse.get("/my/").status_code == 403


def test_a_cookie_signed_for_something_else_is_worth_nothing(world: World) -> None:
    value = f"{world.link.pk}.{world.link.version}"
    signed = client_for("patient_a", world).cookies["my_visits"].value
    another = signed.replace(value, f"{world.link.pk + 1}.1", 1)
    for forged in (value, get_cookie_signer(salt="other").sign(value), signed[:-2], another):
        client = Client()
        client.cookies["my_visits"] = forged
        assert client.get("/my/").status_code == 403, forged


def test_a_session_chosen_by_an_attacker_is_not_logged_in() -> None:
    user = make_staff(Role.NURSE).user
    user.set_password("correct horse battery")
    user.save()
    client = Client()
    client.cookies["sessionid"] = fixed = "a" * 32
    client.post("/accounts/login/", {"login": user.username, "password": "correct horse battery"})
    assert client.session.get("_auth_user_id") == str(user.pk)
    assert client.cookies["sessionid"].value != fixed


# --- hosts and addresses ---


@override_settings(ALLOWED_HOSTS=["*"])
def test_no_link_is_built_from_the_host_header(world: World) -> None:
    headers = {"Host": ELSEWHERE, "X-Forwarded-Host": ELSEWHERE, "X-Forwarded-Proto": "https"}
    desk, patient = logged_in(Role.FRONT_DESK), client_for("patient_a", world)
    pages = [
        desk.post(f"/patients/{world.patient.pk}/link/", headers=headers),
        desk.get(f"/series/{world.series.pk}/print/", headers=headers),
        patient.get("/my/", headers=headers),
        Client().get(f"/v/{world.tokens['patient_a']}/", headers=headers),
        Client().get(f"/feed/{token(world.feed)}.ics", headers=headers),
    ]
    for page in pages:
        assert page.status_code in (200, 302)
        assert ELSEWHERE not in page.content.decode() + page.get("Location", "")
    assert "http://127.0.0.1:8000/v/" in pages[0].content.decode()


@pytest.mark.parametrize(
    "where", [f"//{ELSEWHERE}", f"https://{ELSEWHERE}", "javascript:alert(1)", "\\\\evil"]
)
def test_no_form_leads_to_another_site(world: World, where: str) -> None:
    url = reverse("visit_step", args=(world.visit.pk, "arrived_at"))
    with time_machine.travel(NOW + timedelta(days=1, hours=2), tick=False):
        nurse = logged_in(Role.NURSE)
        answer = nurse.post(f"{url}?next={where}&back={where}", {"back": where, "next": where})
    assert answer["Location"] == f"/appointments/{world.visit.pk}/"
    page = Client().get("/accounts/login/", {"next": where})
    assert [form.action for form in forms_of("/accounts/login/", page)] == ["/accounts/login/"]


# --- poisoned names ---


def test_what_is_typed_stays_text_on_every_page(world: World) -> None:
    Patient.objects.update(first_name=POISON, last_name=POISON, preferred_name=POISON, note=POISON)
    Location.objects.filter(pk=world.patient.home_location_id).update(
        name=POISON, address=POISON, calendar_label=POISON
    )
    seen = 0
    for name, (arguments, outcomes) in TABLE.items():
        for identity in ("prescriber", "patient_a"):
            page = client_for(identity, world).get(reverse(name, args=arguments(world)))
            if outcomes[identity] == OPEN and "html" in page.get("Content-Type", ""):
                html = page.content.decode()
                assert "<script>alert" not in html, name
                # Nothing in a name was run as a template or taken for a format.
                assert html.count("alert(1)") == html.count("{{ 7|add:7 }}%(name)s%s{0}"), name
                seen += html.count("alert(1)")
    assert seen > 20


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\u2028", "\x85", '";X-EVIL="'])
def test_a_name_adds_no_line_to_a_calendar_or_a_mail(world: World, break_: str) -> None:
    evil = f"Ada{break_}Bcc: evil@example.org{break_}BEGIN:VEVENT"
    Patient.objects.update(first_name=evil, preferred_name=evil)
    Location.objects.filter(pk=world.patient.home_location_id).update(
        name=evil, calendar_label=evil, address=evil
    )
    series = client_for("patient_a", world).get(f"/my/series/{world.series.pk}.ics")
    feed = Client().get(f"/feed/{token(world.feed)}.ics")
    visits = Appointment.objects.filter(patient=world.patient).count()
    for answer, count in ((series, 2), (feed, visits)):
        assert len(Calendar.from_ical(answer.content).events) == count
        assert not re.search(rb"(^|[\r\n])Bcc", answer.content)
    by = actor(make_staff(Role.FRONT_DESK))
    give_consent(by=by, now=NOW, patient=world.other, channel=Channel.EMAIL)
    headers = {"Host": "localhost"}
    with time_machine.travel(NOW + timedelta(days=31), tick=False):
        Client().post("/my/new-link/", {"token": world.tokens["patient_b"]}, headers=headers)
    deliver(NOW + timedelta(days=31))
    [sent] = [one for one in mail.outbox if one.recipients() == [world.other.email]]
    assert all(one.message()["Bcc"] is None for one in mail.outbox)
    assert "http://127.0.0.1:8000/v/" in sent.body
