import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from scheduling.access import SYSTEM
from scheduling.core.words import (
    AlertKind,
    AnswerWay,
    CheckInState,
    Effect,
    LinkPurpose,
    Role,
    SafetyQuestion,
)
from scheduling.models import (
    Alert,
    Appointment,
    AuditEntry,
    CheckIn,
    OnCallShift,
    Patient,
    Shift,
    SideEffectReport,
    StaffMember,
)
from scheduling.services.links import check_in_url, link_for, token
from tests.factories import NOW, book_one_course, make_patient, make_staff, treat
from tests.views.clients import HUGE, LONG, logged_in, queries

pytestmark = pytest.mark.django_db

END = NOW + timedelta(days=1, hours=3)
"""The end of the visit: Tuesday 11:00 in New York."""
ASKED = END + timedelta(hours=25)
"""Wednesday 12:00, with a nurse on shift."""
NIGHT = END + timedelta(hours=34)
"""Wednesday 21:00."""


@pytest.fixture
def visit() -> Appointment:
    visit = treat(book_one_course(1).appointments.get())
    visit.location.after_hours_phone = "+12125550155"
    visit.location.save()
    visit.nurse.user.email = "nurse@example.org"
    visit.nurse.user.save()
    return visit


@pytest.fixture
def check_in(visit: Appointment) -> CheckIn:
    return CheckIn.objects.get(appointment=visit, offset_hours=24)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(ASKED, tick=False) as coordinates:
        yield coordinates


def browser_of(patient: Patient) -> Client:
    """A browser that came in by the patient's link."""
    link = link_for(by=SYSTEM, now=NOW, patient=patient, purpose=LinkPurpose.VISITS)
    client = Client()
    client.get(reverse("patient_enter", args=(token(link),)))
    return client


@pytest.fixture
def phone(check_in: CheckIn, clock: time_machine.Traveller) -> Client:
    return browser_of(check_in.patient)


def url(check_in: CheckIn) -> str:
    return reverse("my_check_in", args=(check_in.pk,))


def filled(**changes: Any) -> dict[str, Any]:
    """A whole form with nothing to report but ``changes``."""
    form = {one.value: "no" for one in SafetyQuestion} | {one.value: "0" for one in Effect}
    return form | changes


def errors(answer: Any) -> dict[str, list[str]]:
    return {name: list(map(str, words)) for name, words in answer.context["form"].errors.items()}


def text(answer: Any) -> str:
    """The words of the page's main part."""
    main = re.search(r"<main.*?</main>", answer.content.decode(), re.DOTALL)
    assert main is not None
    return " ".join(re.sub(r"<[^>]+>", " ", main[0]).split())


def test_the_mails_address_leads_to_the_questions_and_writes_nothing(
    check_in: CheckIn, clock: time_machine.Traveller, settings: Any
) -> None:
    link = link_for(by=SYSTEM, now=NOW, patient=check_in.patient, purpose=LinkPurpose.VISITS)
    entries = AuditEntry.objects.count()
    client = Client()
    path = check_in_url(link, check_in).removeprefix(settings.BASE_URL)
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, url(check_in))
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert client.get(url(check_in)).status_code == 200
    assert AuditEntry.objects.count() == entries


def test_a_wrong_key_opens_nothing(check_in: CheckIn) -> None:
    assert Client().get(f"/v/1.nonsense/check-ins/{check_in.pk}/").status_code == 404


def test_the_numbers_to_call_stand_before_the_first_question(phone: Client, check_in: CheckIn) -> None:
    page = phone.get(url(check_in)).content.decode()
    first_question = page.index('name="self_harm"')
    for number in ("tel:911", "tel:988", "tel:+1-212-555-0100"):
        assert 0 < page.index(number) < first_question
    assert page.count('type="radio"') == 4 * 2 + 10 * (5 + 2)
    assert "checked" not in page


def test_during_a_shift_nothing_is_said_about_when_it_is_read(phone: Client, check_in: CheckIn) -> None:
    assert "Nobody reads" not in text(phone.get(url(check_in)))


def test_outside_shifts_it_says_until_when_nobody_reads_it(
    phone: Client, check_in: CheckIn, clock: time_machine.Traveller
) -> None:
    clock.move_to(NIGHT)
    page = phone.get(url(check_in)).content.decode()
    assert "Nobody reads this until <strong>Thursday, 8 a.m.</strong>" in " ".join(page.split())
    assert page.index("Nobody reads") < page.index('name="self_harm"')
    assert page.index("tel:+1-212-555-0155") < page.index('name="self_harm"')


def test_the_page_speaks_the_patients_language_and_zone(phone: Client, check_in: CheckIn) -> None:
    Patient.objects.filter(pk=check_in.patient_id).update(language="es")
    assert '<html lang="es">' in phone.get(url(check_in)).content.decode()


def test_an_answer_is_kept_and_thanked_for(phone: Client, check_in: CheckIn) -> None:
    times = {"nausea_began": "2026-01-06T11:30", "nausea_over": "yes", "nausea_stopped": "2026-01-06T13:00"}
    answer = phone.post(url(check_in), filled(nausea="1", note="All good", **times))
    assert answer.status_code == 200
    assert text(answer).startswith(
        "Thank you, your answers are here You can change them until Friday, 11 a.m."
    )
    check_in.refresh_from_db()
    assert (check_in.state, check_in.way, check_in.note) == (
        CheckInState.ANSWERED,
        AnswerWay.PATIENT,
        "All good",
    )
    report = SideEffectReport.objects.get(check_in=check_in, grade=1)
    assert (report.effect, report.began_at, report.stopped_at) == (
        "nausea",
        datetime(2026, 1, 6, 16, 30, tzinfo=UTC),
        datetime(2026, 1, 6, 18, 0, tzinfo=UTC),
    )
    assert not Alert.objects.exists()


def test_after_a_yes_the_same_response_starts_with_the_numbers_and_who_was_told(
    phone: Client, check_in: CheckIn
) -> None:
    answer = phone.post(url(check_in), filled(chest_pain="yes"))
    assert answer.status_code == 200
    words = text(answer)
    assert words.startswith("If it is urgent, call now 911 in an emergency 988")
    assert "The clinic's nurse on duty was told at noon" in words
    assert words.index("was told") < words.index("Thank you")
    assert Alert.objects.get().kind == AlertKind.RED_FLAG


def test_a_severe_effect_shows_the_numbers_too(phone: Client, check_in: CheckIn) -> None:
    assert text(phone.post(url(check_in), filled(nausea="3"))).startswith("If it is urgent, call now")


def test_with_nobody_on_duty_it_says_until_when(
    phone: Client, check_in: CheckIn, clock: time_machine.Traveller
) -> None:
    clock.move_to(NIGHT)
    words = text(phone.post(url(check_in), filled(self_harm="yes")))
    assert "Nobody is on duty until Thursday, 8 a.m. If you cannot wait, call one of these numbers." in words


def test_at_night_the_contact_on_call_was_told(
    phone: Client, check_in: CheckIn, clock: time_machine.Traveller
) -> None:
    staff = make_staff(Role.PRESCRIBER)
    staff.user.email = "contact@example.org"
    staff.user.save()
    location = check_in.appointment.location
    OnCallShift.objects.create(location=location, staff=staff, weekday=2, starts=time(18), ends=time(8))
    clock.move_to(NIGHT)
    words = text(phone.post(url(check_in), filled(self_harm="yes")))
    assert "The clinic's contact on call was told at 9 p.m." in words


def test_a_nurse_without_an_address_has_it_on_her_list(phone: Client, check_in: CheckIn) -> None:
    nurse = check_in.appointment.nurse
    nurse.user.email = ""
    nurse.user.save()
    words = text(phone.post(url(check_in), filled(self_harm="yes")))
    assert "It stands first on the list of the clinic's nurse on duty." in words


def test_without_any_hours_it_says_that_nobody_is_there(phone: Client, check_in: CheckIn) -> None:
    Shift.objects.all().delete()
    check_in.appointment.location.opening_hours.all().delete()
    assert "Nobody reads this at the moment." in text(phone.get(url(check_in)))
    assert "Nobody is on duty at the moment." in text(phone.post(url(check_in), filled(self_harm="yes")))


def test_what_is_missing_is_said_beside_each_question_and_nothing_is_lost(
    phone: Client, check_in: CheckIn
) -> None:
    answer = phone.post(url(check_in), {"chest_pain": "yes", "headache": "2", "note": "my words"})
    assert answer.status_code == 200
    missing = set(SafetyQuestion) | set(Effect)
    assert errors(answer) == {
        one: ["Please choose an answer."] for one in missing - {"chest_pain", "headache"}
    }
    page = answer.content.decode()
    assert 'name="chest_pain" value="yes"' in page
    assert len(re.findall(r'<input[^>]*type="radio"[^>]*checked', page)) == 2
    assert "my words" in page
    assert page.index('id="self_harm-error"') < page.index('name="self_harm"')
    assert not SideEffectReport.objects.exists()


@pytest.mark.parametrize(
    ("changes", "where", "words"),
    [
        ({"nausea_began": "2026-01-06T08:00"}, "nausea_began", "This is before your visit."),
        ({"nausea_began": "2026-01-08T08:00"}, "nausea_began", "This time is still to come."),
        (
            {"nausea_began": "2026-01-06T13:00", "nausea_over": "yes", "nausea_stopped": "2026-01-06T12:00"},
            "nausea_stopped",
            "This is before it began.",
        ),
        (
            {"nausea_over": "yes", "nausea_stopped": "2026-01-06T12:00"},
            "nausea_began",
            "Please say when it began.",
        ),
        (
            {"nausea_began": "2026-01-06T13:00", "nausea_over": "yes"},
            "nausea_stopped",
            "Please say when it stopped.",
        ),
        ({"nausea_began": "yesterday"}, "nausea_began", "Please give the day and the time."),
        ({"nausea_began": "0001-01-01T00:00"}, "nausea_began", ""),
        ({"nausea": "9"}, "nausea", "Please choose one of the answers."),
        ({"nausea": str(HUGE)}, "nausea", "Please choose one of the answers."),
        ({"nausea_over": "perhaps"}, "nausea_over", "Please choose one of the answers."),
        ({"chest_pain": LONG}, "chest_pain", "Please choose one of the answers."),
        ({"note": LONG}, "note", "Please use at most 500 characters."),
    ],
)
def test_bad_input_is_explained_where_it_stands(
    phone: Client, check_in: CheckIn, changes: dict[str, str], where: str, words: str
) -> None:
    answer = phone.post(url(check_in), filled(nausea="1") | changes)
    assert answer.status_code == 200
    found = errors(answer)
    assert list(found) == [where]
    assert found[where][0].startswith(words)
    check_in.refresh_from_db()
    assert check_in.answered_at is None


def test_hidden_times_of_what_was_not_there_do_not_matter(phone: Client, check_in: CheckIn) -> None:
    hidden = {"nausea_began": "nonsense", "nausea_over": "yes", "nausea_stopped": "2026-01-06T12:00"}
    assert "Thank you" in text(phone.post(url(check_in), filled(**hidden)))
    assert not SideEffectReport.objects.filter(grade__gt=0).exists()


def test_an_hour_that_comes_twice_is_refused_in_words() -> None:
    start = datetime(2026, 10, 31, 14, 0, tzinfo=UTC)
    series = book_one_course(1, starts=[start], now=start - timedelta(days=2))
    visit = treat(series.appointments.get())
    check_in = CheckIn.objects.get(appointment=visit, offset_hours=24)
    with time_machine.travel(check_in.due_at, tick=False):
        page = url(check_in)
        twice = filled(nausea="1", nausea_began="2026-11-01T01:30")
        answer = browser_of(visit.patient).post(page, twice)
    assert errors(answer) == {
        "nausea_began": ["The clocks change at that hour. Please give a time before or after it."]
    }


def test_the_answer_can_be_changed_until_it_closes(phone: Client, check_in: CheckIn) -> None:
    phone.post(url(check_in), filled(nausea="2", nausea_began="2026-01-06T11:30", note="first"))
    page = phone.get(url(check_in)).content.decode()
    assert "You can change your answers until Friday, 11 a.m." in " ".join(page.split())
    assert 'value="2026-01-06T11:30"' in page
    assert len(re.findall(r"checked", page)) == 4 + 10 + 1
    phone.post(url(check_in), filled(note="second"))
    check_in.refresh_from_db()
    assert (check_in.note, check_in.amended_at) == ("second", ASKED)


def test_a_change_that_comes_too_late_is_refused_and_keeps_what_was_typed(
    phone: Client, check_in: CheckIn, clock: time_machine.Traveller
) -> None:
    phone.post(url(check_in), filled())
    clock.move_to(check_in.closes_at)
    answer = phone.post(url(check_in), filled(note="too late"))
    assert errors(answer) == {
        "__all__": ["This was answered and can no longer be changed. Please call us instead."]
    }
    assert "too late" in text(answer)
    assert "They can no longer be changed." in text(phone.get(url(check_in)))


def test_a_late_first_answer_is_taken(
    phone: Client, check_in: CheckIn, clock: time_machine.Traveller
) -> None:
    clock.move_to(check_in.closes_at)
    words = text(phone.post(url(check_in), filled()))
    assert "They came late and are kept all the same." in words
    assert "You can change them" not in words


def test_before_it_is_due_and_once_dropped_it_says_so(
    phone: Client, check_in: CheckIn, clock: time_machine.Traveller
) -> None:
    clock.move_to(check_in.due_at - timedelta(minutes=1))
    assert "Please come back on Wednesday, 11 a.m." in text(phone.get(url(check_in)))
    CheckIn.objects.filter(pk=check_in.pk).update(state=CheckInState.DROPPED)
    words = text(phone.get(url(check_in)))
    assert "These questions are not asked any more." in words
    assert words.index("call now") < words.index("These questions")


def test_another_patient_finds_nothing(check_in: CheckIn, clock: time_machine.Traveller) -> None:
    other = browser_of(make_patient(check_in.appointment.location))
    assert other.get(url(check_in)).status_code == 404
    assert other.post(url(check_in), filled()).status_code == 404
    assert other.get(f"/my/check-ins/{HUGE}/").status_code == 404


def test_my_visits_names_what_can_be_answered_now(phone: Client, check_in: CheckIn) -> None:
    page = phone.get(reverse("my_visits"))
    assert "Answer about Tuesday, January 6, 2026" in text(page)
    assert [row.pk for row in page.context["open_check_ins"]] == [check_in.pk]
    phone.post(url(check_in), filled())
    assert "Change my answers about Tuesday, January 6, 2026" in text(phone.get(reverse("my_visits")))


# --- staff ---


def staff_url(check_in: CheckIn) -> str:
    return reverse("check_in_detail", args=(check_in.pk,))


@pytest.mark.parametrize(("passed", "says"), [(-timedelta(minutes=1), False), (timedelta(0), True)])
def test_a_closed_check_in_says_that_an_answer_is_late(
    check_in: CheckIn, clock: time_machine.Traveller, passed: timedelta, says: bool
) -> None:
    clock.move_to(check_in.closes_at + passed)
    page = text(logged_in(Role.NURSE).get(staff_url(check_in)))
    assert "Not answered." in page
    assert ("It is closed: an answer is kept and marked as late." in page) is says


def test_a_nurse_answers_for_the_patient_by_phone(check_in: CheckIn, clock: time_machine.Traveller) -> None:
    nurse = logged_in(Role.NURSE)
    answer = nurse.post(staff_url(check_in), filled(way="phone", chest_pain="yes"), follow=True)
    words = text(answer)
    assert "It has a red flag. It stands first on the attention list." in words
    assert "Answered Wed 7 Jan, 12:00, by phone, Person" in words
    check_in.refresh_from_db()
    assert check_in.way == AnswerWay.PHONE
    assert check_in.answered_by == StaffMember.objects.get(user=answer.wsgi_request.user.pk)


def test_staff_say_how_they_asked(check_in: CheckIn, clock: time_machine.Traveller) -> None:
    answer = logged_in(Role.NURSE).post(staff_url(check_in), filled())
    assert errors(answer) == {"way": ["Please choose an answer."]}


def test_the_page_shows_what_was_said_before(
    phone: Client, check_in: CheckIn, clock: time_machine.Traveller
) -> None:
    phone.post(url(check_in), filled(nausea="1", breathing="yes", note="hard"))
    phone.post(url(check_in), filled())
    words = text(logged_in(Role.FRONT_DESK).get(staff_url(check_in)))
    assert "Before: Trouble breathing; Nausea: “Mild”; “hard”" in words
    assert "No side effects." in words
    assert "Amend for the patient" not in words


def test_opening_the_page_is_recorded_as_a_reading(check_in: CheckIn, clock: time_machine.Traveller) -> None:
    logged_in(Role.NURSE).get(staff_url(check_in))
    entry = AuditEntry.objects.get(action="read_patient")
    assert entry.patient_id == check_in.patient_id


def test_visit_and_patient_pages_list_the_check_ins_with_worst_grade_and_flag(
    phone: Client, check_in: CheckIn, clock: time_machine.Traveller
) -> None:
    phone.post(url(check_in), filled(nausea="3"))
    nurse = logged_in(Role.NURSE)
    for page in (
        reverse("appointment_detail", args=(check_in.appointment_id,)),
        reverse("patient_detail", args=(check_in.patient_id,)),
    ):
        words = text(nurse.get(page))
        assert "answered 3 red flag" in words, page


def test_the_questions_cost_the_same_queries_before_and_after_an_answer(
    phone: Client, check_in: CheckIn
) -> None:
    before = queries(phone, url(check_in))
    phone.post(url(check_in), filled(nausea="3"))
    assert queries(phone, url(check_in)) == before == 8
