import logging
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.apps import apps
from django.core import mail
from django.test import Client
from django.urls import reverse
from icalendar import Calendar
from pytest_django.fixtures import DjangoAssertNumQueries

from scheduling.access import SYSTEM
from scheduling.core.words import Channel, LinkPurpose, Role
from scheduling.models import AccessLink, Appointment, Consent, Patient, ProtocolInstruction, Series
from scheduling.services.delivery import deliver
from scheduling.services.links import link_for, revoke_link, rotate_link, token
from scheduling.views.patient_entry import COOKIE
from tests.factories import NOW, actor, book_one_course, make_location, make_patient, make_staff

pytestmark = pytest.mark.django_db
EXPIRED = NOW + timedelta(days=400)


@pytest.fixture
def series() -> Series:
    return book_one_course()


@pytest.fixture
def patient(series: Series) -> Patient:
    return series.patient


@pytest.fixture
def link(series: Series) -> AccessLink:
    return AccessLink.objects.get(patient=series.patient, purpose=LinkPurpose.VISITS)


def at(moment: datetime) -> time_machine.travel:
    return time_machine.travel(moment, tick=False)


def entered(link: AccessLink, moment: datetime = NOW) -> Client:
    """A browser that opened the link."""
    client = Client()
    with at(moment):
        answer = client.get(f"/v/{token(link)}/")
    assert answer.status_code == 302
    return client


def rows() -> dict[str, int]:
    return {model._meta.label: model._base_manager.count() for model in apps.get_models()}


def snapshot() -> dict[str, list[object]]:
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values()) for model in apps.get_models()
    }


def test_a_link_becomes_a_cookie_of_its_own_and_a_clean_address(link: AccessLink, client: Client) -> None:
    with at(NOW):
        answer = client.get(f"/v/{token(link)}/")
    assert (answer.status_code, answer["Location"]) == (302, "/my/")
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "private, no-store"
    assert set(answer.cookies) == {COOKIE}
    cookie = answer.cookies[COOKIE]
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/my/", "Lax", True)
    assert token(link) not in cookie.value


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_and_reading_change_nothing_in_the_database(
    link: AccessLink, series: Series, method: str
) -> None:
    visit = series.appointments.first()
    assert visit
    client = entered(link)
    before = snapshot()
    with at(NOW):
        for address in (
            f"/v/{token(link)}/",
            "/v/rubbish/",
            "/my/",
            f"/my/appointments/{visit.pk}/",
            f"/my/appointments/{visit.pk}.ics",
            f"/my/series/{series.pk}.ics",
            "/my/new-link/",
        ):
            getattr(client, method)(address)
    assert snapshot() == before


def test_a_mail_scanner_does_not_use_a_link_up(link: AccessLink) -> None:
    for _ in range(3):
        entered(link)


def test_my_visits_shows_the_next_visit_first(link: AccessLink) -> None:
    with at(NOW):
        answer = entered(link).get("/my/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Referrer-Policy"] == "same-origin"
    assert '<html lang="en">' in page
    assert page.index("Tuesday, January 6, 2026") < page.index("Friday, January 9, 2026")
    assert "9 a.m. to 11 a.m." in page
    assert "New York, UTC-5" in page
    assert "1 Made-up Street" in page
    assert 'href="tel:+1-212-555-0100"' in page
    assert "A downloaded file does not change when your visit does." in page
    assert "Past visits" not in page


def test_past_and_cancelled_visits_stand_apart(link: AccessLink, series: Series) -> None:
    first, second = series.appointments.all()[:2]
    Appointment.objects.filter(pk=second.pk).update(status="cancelled_by_clinic")
    with at(first.ends_at + timedelta(minutes=1)):
        answer = entered(link, first.ends_at).get("/my/")
    visits = answer.context["visits"]
    assert [visit.number for visit in visits.past] == [1]
    assert [visit.number for visit in visits.called_off] == [2]
    assert visits.next.number == 3
    assert "<s>Friday, January 9, 2026, 9 a.m. to 11 a.m.</s>" in answer.content.decode()


def test_a_patient_without_visits_is_told_so() -> None:
    patient = make_patient(make_location())
    link = link_for(by=SYSTEM, now=NOW, patient=patient, purpose=LinkPurpose.VISITS)
    with at(NOW):
        page = entered(link).get("/my/").content.decode()
    assert "You have no visit ahead." in page


def test_the_pages_speak_the_patients_language_with_the_clinics_instructions(
    link: AccessLink, series: Series
) -> None:
    protocol = series.order.protocol
    ProtocolInstruction.objects.create(protocol=protocol, language="en", text="Do not eat & drink.")
    with at(NOW):
        assert "Do not eat &amp; drink." in entered(link).get("/my/").content.decode()
        Patient.objects.update(language="es")
        fallback = entered(link).get("/my/").content.decode()
        ProtocolInstruction.objects.create(protocol=protocol, language="es", text="No coma.")
        page = entered(link).get("/my/").content.decode()
    assert "Do not eat &amp; drink." in fallback
    assert "No coma." in page
    assert "Do not eat" not in page
    assert '<html lang="es">' in page
    assert "Martes, 6 de enero de 2026" in page
    assert "Mis citas" in page


def test_the_wall_time_is_the_clinics_wherever_the_server_stands() -> None:
    series = book_one_course(
        zone="America/Vancouver",
        starts=[datetime(2026, 12, 7, 17, tzinfo=UTC)],
        now=datetime(2026, 12, 1, tzinfo=UTC),
    )
    link = AccessLink.objects.get(patient=series.patient)
    now = datetime(2026, 12, 2, tzinfo=UTC)
    with at(now):
        page = entered(link, now).get("/my/").content.decode()
    assert "10 a.m. to noon" in page
    assert "Vancouver, UTC-7" in page


def test_a_page_costs_the_same_queries_for_one_visit_and_for_many(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for count in (1, 6):
        series = book_one_course(count)
        client = entered(AccessLink.objects.get(patient=series.patient))
        with at(NOW), django_assert_num_queries(8):
            assert client.get("/my/").status_code == 200


def test_downloads_are_calendar_files(link: AccessLink, series: Series) -> None:
    visit = series.appointments.first()
    assert visit
    client = entered(link)
    with at(NOW):
        one = client.get(f"/my/appointments/{visit.pk}.ics", headers={"accept": "application/pdf"})
        course = client.get(f"/my/series/{series.pk}.ics")
    assert one["Content-Type"] == course["Content-Type"] == "text/calendar; charset=utf-8"
    assert one["Content-Disposition"] == 'attachment; filename="appointment-2026-01-06.ics"'
    assert course["Content-Disposition"] == 'attachment; filename="appointments.ics"'
    [event] = Calendar.from_ical(one.content).events
    assert event.uid == visit.uid
    assert event["SUMMARY"] == "Appointment – Riverside Clinic"
    assert len(event.alarms.times) == 2
    assert "A downloaded file does not change when your visit does." in str(event["DESCRIPTION"])
    assert len(Calendar.from_ical(course.content).events) == 6
    assert not any(
        word in course.content.lower() for word in (b"infusion", b"method", b"attendee", b"vtimezone")
    )


def test_someone_elses_visit_is_not_found(link: AccessLink) -> None:
    other = book_one_course(1)
    visit = other.appointments.get()
    client = entered(link)
    with at(NOW):
        for address in (
            f"/my/appointments/{visit.pk}/",
            f"/my/appointments/{visit.pk}.ics",
            f"/my/series/{other.pk}.ics",
            "/my/appointments/99999999999999999999999/",
        ):
            answer = client.get(address)
            assert answer.status_code == 404
            assert "This address does not belong to one of your visits." in answer.content.decode()


@pytest.mark.parametrize(
    "address", ["/my/", "/my/appointments/1/", "/my/appointments/1.ics", "/my/series/1.ics"]
)
def test_nobody_comes_in_without_a_link(client: Client, address: str) -> None:
    make_location()
    answer = client.get(address)
    assert answer.status_code == 403
    assert 'href="tel:+1-212-555-0100"' in answer.content.decode()


def test_every_request_checks_the_link_again(link: AccessLink) -> None:
    nurse = actor(make_staff(Role.NURSE))
    client = entered(link)
    with at(NOW):
        assert client.get("/my/").status_code == 200
        rotate_link(by=nurse, now=NOW, link=link)
        assert client.get("/my/").status_code == 403
        again = entered(link)
        assert again.get("/my/").status_code == 200
        revoke_link(by=nurse, now=NOW, link=link)
        assert again.get("/my/").status_code == 403
    assert client.get(f"/v/{token(link)}/").status_code == 404


def test_a_cookie_ends_with_its_link(link: AccessLink, series: Series) -> None:
    last = series.appointments.last()
    assert last
    client = entered(link, last.ends_at + timedelta(days=29))
    with at(last.ends_at + timedelta(days=30)):
        assert client.get("/my/").status_code == 403


def test_a_forged_cookie_is_worth_nothing(link: AccessLink, client: Client) -> None:
    client.cookies[COOKIE] = f"{link.pk}.{link.version}"
    assert client.get("/my/").status_code == 403
    client.cookies[COOKIE] = f"{link.pk}.{link.version}:aaaaaa:{'b' * 43}"
    assert client.get("/my/").status_code == 403


def test_a_patient_is_no_staff_and_staff_is_no_patient(link: AccessLink) -> None:
    client = entered(link)
    with at(NOW):
        assert client.get(reverse("patient_list")).status_code == 302
        staff = Client()
        staff.force_login(make_staff(Role.NURSE).user)
        assert staff.get("/my/").status_code == 403
        session = staff.cookies["sessionid"].value
        staff.get(f"/v/{token(link)}/")
    assert staff.cookies["sessionid"].value == session


def test_the_answer_about_a_new_link_is_the_same_for_anyone(link: AccessLink, patient: Patient) -> None:
    Consent.objects.create(
        patient=patient,
        channel=Channel.EMAIL,
        wording_version="1",
        given_at=NOW,
        recorded_by=make_staff(Role.NURSE),
    )
    revoked = link_for(by=SYSTEM, now=NOW, patient=make_patient(make_location()), purpose=LinkPurpose.VISITS)
    revoke_link(by=SYSTEM, now=NOW, link=revoked)
    answers, pages = set(), set()
    with at(EXPIRED):
        for text in (token(link), token(revoked), "rubbish", "1.é", ""):
            client = Client(enforce_csrf_checks=True)
            if text:
                closed = client.get(f"/v/{text}/")
                pages.add((closed.status_code, closed.content.decode().replace(text, "")))
            answer = client.post("/my/new-link/", {"token": text}, headers={"origin": "null"})
            said = client.get("/my/new-link/")
            answers.add(
                (answer.status_code, answer["Location"], answer.content, str(answer.cookies), said.content)
            )
    assert len(answers) == 1
    assert len(pages) == 1
    assert next(iter(pages))[0] == 404
    assert deliver(EXPIRED) == 1
    assert len(mail.outbox) == 1
    with at(EXPIRED):
        assert Client().get(f"/v/{token(link)}/").status_code == 404
        link.refresh_from_db()
        assert Client().get(f"/v/{token(link)}/").status_code == 302


def test_a_cookie_whose_link_expired_can_ask_too(link: AccessLink, patient: Patient, series: Series) -> None:
    Consent.objects.create(
        patient=patient,
        channel=Channel.EMAIL,
        wording_version="1",
        given_at=NOW,
        recorded_by=make_staff(Role.NURSE),
    )
    last = series.appointments.last()
    assert last
    client = entered(link, last.ends_at + timedelta(days=29))
    with at(last.ends_at + timedelta(days=31)):
        client.post("/my/new-link/")
    assert deliver(last.ends_at + timedelta(days=31)) == 1
    assert len(mail.outbox) == 1


def test_no_token_reaches_a_log(link: AccessLink, caplog: pytest.LogCaptureFixture, client: Client) -> None:
    caplog.set_level(logging.DEBUG)
    text = token(link)
    feed = link_for(by=SYSTEM, now=NOW, patient=link.patient, purpose=LinkPurpose.FEED)
    with at(EXPIRED):
        client.get(f"/v/{text}/")
        client.put(f"/v/{text}/")
        client.get(f"/v/{text}x/")
        client.get(f"/feed/{token(feed)}.ics")
        client.put(f"/feed/{token(feed)}.ics")
        client.post("/my/new-link/", {"token": text})
    logged = "\n".join(logging.Formatter().format(record) for record in caplog.records)
    assert "/v/***" in logged
    assert "/feed/***" in logged
    assert text.partition(".")[2] not in logged
    assert token(feed).partition(".")[2] not in logged


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_links_and_pages_only_answer_to_reading(link: AccessLink, method: str) -> None:
    client = entered(link)
    with at(NOW):
        for address in (f"/v/{token(link)}/", "/my/"):
            assert getattr(client, method)(address).status_code == 405


def test_a_calendar_address_is_made_once_and_shown(link: AccessLink) -> None:
    Patient.objects.update(calendar_way="feed")
    client = entered(link)
    before = rows()
    with at(NOW):
        assert client.get("/my/feed/").status_code == 405
        assert client.post("/my/feed/")["Location"] == "/my/"
        assert client.post("/my/feed/")["Location"] == "/my/"
        page = client.get("/my/").content.decode()
    feed = AccessLink.objects.get(patient=link.patient, purpose=LinkPurpose.FEED)
    assert f'href="webcal://127.0.0.1:8000/feed/{token(feed)}.ics"' in page
    assert f'href="http://127.0.0.1:8000/feed/{token(feed)}.ics"' in page
    assert "Changes may take up to a day" in page
    after = rows()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "scheduling.AccessLink": 1,
        "scheduling.AuditEntry": 1,
    }


def test_the_form_for_a_calendar_address_is_protected(link: AccessLink) -> None:
    client = Client(enforce_csrf_checks=True)
    with at(NOW):
        client.get(f"/v/{token(link)}/")
        assert client.post("/my/feed/").status_code == 403
    assert not AccessLink.objects.filter(purpose=LinkPurpose.FEED).exists()


def test_a_course_prints_in_the_patients_language_within_the_staffs_page(
    series: Series, client: Client
) -> None:
    Patient.objects.update(language="es")
    client.force_login(make_staff(Role.FRONT_DESK).user)
    with at(NOW):
        page = client.get(f"/series/{series.pk}/print/").content.decode()
    assert '<html lang="en">' in page
    assert '<article class="panel sheet" lang="es">' in page
    assert "Martes, 6 de enero de 2026" in page
    assert "Print" in page


def test_a_course_prints_on_one_page_with_its_link(link: AccessLink, series: Series, client: Client) -> None:
    client.force_login(make_staff(Role.FRONT_DESK).user)
    with at(NOW):
        page = client.get(f"/series/{series.pk}/print/").content.decode()
    assert "Tuesday, January 6, 2026" in page
    assert "New York, UTC-5" in page
    assert f"/v/{token(link)}/" in page
    assert 'src="data:image/svg+xml' in page
    assert "style=" not in page


def test_a_course_without_a_working_link_gets_one_by_post(
    link: AccessLink, series: Series, client: Client
) -> None:
    with at(EXPIRED):
        client.force_login(make_staff(Role.FRONT_DESK).user)
        before = snapshot()
        page = client.get(f"/series/{series.pk}/print/").content.decode()
        assert "data:image/svg+xml" not in page
        assert snapshot() == before
        assert client.post(f"/series/{series.pk}/print/").status_code == 302
        assert "data:image/svg+xml" in client.get(f"/series/{series.pk}/print/").content.decode()
    link.refresh_from_db()
    assert link.version == 2
