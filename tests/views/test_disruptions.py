from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from scheduling.core.words import CallState, DisruptionKind, Resolution, Role, Status
from scheduling.models import (
    Appointment,
    CapacityRaise,
    DisruptedVisit,
    Disruption,
    Hold,
    Location,
    Shift,
    ShiftException,
)
from tests.factories import NOW, make_chair, make_nurse
from tests.services.clinics import Clinic
from tests.views.clients import logged_in, queries, said

pytestmark = pytest.mark.django_db

LIST = "/disruptions/"
HALF_A_DAY = {
    "first_day": "2026-01-06",
    "first_time": "08:00",
    "last_day": "2026-01-06",
    "last_time": "13:00",
}


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def visit(clinic: Clinic) -> Appointment:
    """Tomorrow at 09:00."""
    return clinic.book(clinic.order()).appointments.order_by("number")[0]


def declared(clinic: Clinic, **typed: Any) -> Any:
    """The answer to the form that says Ana is missing tomorrow morning."""
    values = {"kind": "nurse", "location": clinic.location.pk, "staff": clinic.nurse.pk, "reason": "Flu"}
    return logged_in(Role.FRONT_DESK).post(f"{LIST}add/", values | HALF_A_DAY | typed)


def missing(location: Location, at: datetime = NOW) -> Disruption:
    return Disruption.objects.create(
        kind=DisruptionKind.LOCATION,
        location=location,
        starts_at=at,
        ends_at=at + timedelta(hours=1),
        made_at=NOW,
    )


def test_an_empty_list_says_that_nothing_is_missing() -> None:
    assert "Nothing is missing" in logged_in(Role.NURSE).get(LIST).content.decode()


def test_a_missing_nurse_lists_her_visits_and_a_colleague_covers_them(
    clinic: Clinic, visit: Appointment
) -> None:
    answer = declared(clinic)
    assert said(answer) == ["1 visit is affected."]
    row = DisruptedVisit.objects.get()
    assert (row.appointment_id, row.resolution) == (visit.pk, Resolution.OPEN)
    other = make_nurse(clinic.location, name="Bea")
    client = logged_in(Role.NURSE)
    page = client.get(answer.headers["Location"]).content.decode()
    assert str(visit.patient) in page
    assert "Cover all that can be" in page
    covered = client.post(f"{LIST}{row.disruption_id}/cover/")
    assert said(covered) == ["1 covered by another nurse or chair, 0 still open."]
    visit.refresh_from_db()
    row.refresh_from_db()
    assert (visit.nurse_id, row.resolution) == (other.pk, Resolution.COVERED)


def test_whoever_is_back_takes_the_visits_off_the_list(clinic: Clinic, visit: Appointment) -> None:
    declared(clinic)
    row = DisruptedVisit.objects.get()
    client = logged_in(Role.NURSE)
    client.post(f"{LIST}{row.disruption_id}/lift/")
    row.refresh_from_db()
    assert (row.resolution, row.call) == (Resolution.KEPT, CallState.NONE)
    again = client.post(f"{LIST}{row.disruption_id}/lift/")
    assert said(again)[-1] == "This was lifted before."


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"staff": ""}, "Say who is missing, for a person only."),
        ({"kind": "chair"}, "Say who is missing, for a person only."),
        ({"last_time": "07:00"}, "It ends after it starts."),
        ({"first_day": "", "last_day": "0001-01-01"}, "This field is required."),
        ({"first_day": "2026-01-04", "last_day": "2026-01-04"}, "This is over already."),
    ],
)
def test_bad_input_is_named_and_nothing_is_lost(clinic: Clinic, typed: dict[str, str], words: str) -> None:
    answer = declared(clinic, **typed)
    page = answer.content.decode()
    assert (answer.status_code, words in page, "Flu" in page) == (200, True, True)
    assert not Disruption.objects.exists()


def test_a_patient_who_was_not_reached_is_called_again_until_told(clinic: Clinic, visit: Appointment) -> None:
    disruption = missing(clinic.location)
    row = DisruptedVisit.objects.create(
        disruption=disruption, appointment=visit, was_at=visit.starts_at, call=CallState.TO_CALL
    )
    client, url = logged_in(Role.FRONT_DESK), f"{LIST}visits/{row.pk}/call/"
    reached, not_reached = {"outcome": "none"}, {"outcome": "not_reached"}
    assert said(client.post(url, not_reached))[-1] == f"{visit.patient} was not reached; call again."
    assert said(client.post(url, reached))[-1] == f"{visit.patient} is told."
    row.refresh_from_db()
    assert (row.calls, row.told_at, row.call) == (2, NOW, CallState.NONE)
    assert said(client.post(url, reached))[-1] == "Nobody is to be called about this visit any more."
    assert said(client.post(url, {"outcome": "maybe"}))[-1] == "Say what the call ended with."


def test_a_day_is_closed_in_one_act_once_that_is_confirmed(clinic: Clinic, visit: Appointment) -> None:
    client = logged_in(Role.MANAGER)
    typed = {"location": clinic.location.pk, "day": "2026-01-06", "reason": "Snow"}
    refused = client.post("/closing/", typed)
    assert "Confirm that the day is to be closed." in refused.content.decode()
    assert not Disruption.objects.exists()
    answer = client.post("/closing/", typed | {"confirmed": "on"})
    assert said(answer) == ["The day is closed; 1 visit is cancelled."]
    visit.refresh_from_db()
    assert visit.status == Status.CANCELLED_BY_CLINIC
    page = client.get(answer.headers["Location"]).content.decode()
    assert (str(visit.patient) in page, "cancelled" in page) == (True, True)
    twice = client.post("/closing/", typed | {"confirmed": "on"})
    assert "This day is closed already." in twice.content.decode()


def test_the_number_of_queries_does_not_grow(clinic: Clinic, visit: Appointment) -> None:
    first = missing(clinic.location)
    missing(clinic.location, NOW - timedelta(days=1))
    DisruptedVisit.objects.create(disruption=first, appointment=visit, was_at=visit.starts_at)
    client = logged_in(Role.NURSE)
    few = queries(client, LIST), queries(client, f"{LIST}{first.pk}/")
    for number in range(5):
        missing(clinic.location, NOW + timedelta(hours=number))
        missing(clinic.location, NOW - timedelta(days=2 + number))
    for other in visit.series.appointments.exclude(pk=visit.pk):
        DisruptedVisit.objects.create(disruption=first, appointment=other, was_at=other.starts_at)
    assert (queries(client, LIST), queries(client, f"{LIST}{first.pk}/")) == few


def listed(clinic: Clinic, visit: Appointment) -> DisruptedVisit:
    """Ana is missing tomorrow morning, and ``visit`` is on the list."""
    declared(clinic)
    return DisruptedVisit.objects.get(appointment=visit)


def row_page(row: DisruptedVisit, sent: dict[str, str] | None = None, role: Role = Role.FRONT_DESK) -> Any:
    client, url = logged_in(role), f"{LIST}visits/{row.pk}/"
    return client.post(url, sent) if sent else client.get(url)


def test_the_page_of_a_visit_offers_cover_first_and_then_another_time(
    clinic: Clinic, visit: Appointment
) -> None:
    page = row_page(listed(clinic, visit)).content.decode()
    parts = [
        "1. Cover it at the same time",
        "No other chair or nurse is free",
        "Nobody on shift is full only in number",
        "An added shift",
        "Another time",
        "Hold ",
        "Move it without a call",
    ]
    found = [page.find(part) for part in parts]
    assert -1 not in found
    assert found == sorted(found)


def test_a_colleague_takes_it_at_the_same_time(clinic: Clinic, visit: Appointment) -> None:
    row, bea = listed(clinic, visit), make_nurse(clinic.location, name="Bea")
    page = row_page(row)
    ((place, value),) = page.context["same_time"]
    assert (place.chair, place.nurse) == ("Chair 1", "Bea")
    assert said(row_page(row, {"action": "cover", "place": value}, Role.MANAGER)) == [
        f"{visit.patient} is covered at the same time."
    ]
    visit.refresh_from_db()
    assert visit.nurse == bea


def test_one_patient_more_and_an_added_shift_by_their_forms(clinic: Clinic, visit: Appointment) -> None:
    bea = make_nurse(clinic.location, name="Bea")
    second = make_chair(clinic.location, "Chair 2")
    clinic.book(clinic.order(), [visit.starts_at + timedelta(minutes=30)], nurse=bea, chair=second)
    row = listed(clinic, visit)
    no_reason = row_page(row, {"action": "raise", "raise-nurse": str(bea.pk), "raise-reason": ""})
    assert (no_reason.status_code, "This field is required." in no_reason.content.decode()) == (200, True)
    forged = row_page(row, {"action": "raise", "raise-nurse": str(clinic.nurse.pk), "raise-reason": "x"})
    assert "This nurse cannot take the visit even so." in forged.content.decode()
    done = row_page(row, {"action": "raise", "raise-nurse": str(bea.pk), "raise-reason": "Ana is ill"})
    assert said(done) == [f"{visit.patient} is covered: the nurse looks after one patient more."]
    visit.refresh_from_db()
    assert (visit.nurse, CapacityRaise.objects.get().capacity) == (bea, 2)


def test_an_added_shift_by_its_form(clinic: Clinic, visit: Appointment) -> None:
    row, dora = listed(clinic, visit), make_nurse(clinic.location, name="Dora")
    Shift.objects.filter(staff=dora).delete()
    typed = {"action": "shift", "shift-nurse": str(dora.pk), "shift-starts": "09:00", "shift-ends": "08:00"}
    wrong = row_page(row, typed).content.decode()
    assert ("It ends after it starts." in wrong, 'value="08:00"' in wrong) == (True, True)
    short = row_page(row, typed | {"shift-ends": "10:00"}).content.decode()
    assert "This chair or nurse does not fit." in short
    done = row_page(row, typed | {"shift-ends": "11:00"})
    assert said(done) == [f"{visit.patient} is covered by the added shift."]
    assert ShiftException.objects.get().staff == dora


def test_a_place_is_held_shown_on_the_list_and_booked_when_she_agrees(
    clinic: Clinic, visit: Appointment
) -> None:
    row = listed(clinic, visit)
    place, value = next(one for one in row_page(row).context["others"] if one[0].day > NOW.date())
    answer = row_page(row, {"action": "hold", "place": value})
    assert said(answer) == [f"The place is held until closing. Call {visit.patient} and ask."]
    desk, detail = logged_in(Role.FRONT_DESK), f"{LIST}{row.disruption_id}/"
    page = desk.get(detail).content.decode()
    assert "is held until 18:00" in page
    assert [words in page for words in (">Agreed<", ">Other time<", ">Not reached<", ">Told<")] == [
        *(True, True, True, False)
    ]
    # A manager covers and calls, but books no one.
    assert ">Agreed<" not in logged_in(Role.MANAGER).get(detail).content.decode()
    url = f"{LIST}visits/{row.pk}/call/"
    assert logged_in(Role.MANAGER).post(url, {"outcome": "agreed"}).status_code == 403
    assert said(desk.post(url, {"outcome": "agreed"})) == [
        f"{visit.patient} agreed; the held place is booked."
    ]
    visit.refresh_from_db()
    assert visit.starts_at == place.start
    assert "This visit needs no place any more: moved." in row_page(row).content.decode()


def test_another_time_leads_back_to_the_offers_and_a_place_can_be_let_go(
    clinic: Clinic, visit: Appointment
) -> None:
    row = listed(clinic, visit)
    value = row_page(row).context["others"][0][1]
    row_page(row, {"action": "hold", "place": value})
    answer = logged_in(Role.FRONT_DESK).post(f"{LIST}visits/{row.pk}/call/", {"outcome": "other_time"})
    assert answer.headers["Location"] == f"{LIST}visits/{row.pk}/"
    assert not Hold.objects.exists()
    row_page(row, {"action": "hold", "place": value})
    assert said(row_page(row, {"action": "release"})) == ["The held place is free again."]
    twice = row_page(row, {"action": "release"}).content.decode()
    assert "No place is held for this visit." in twice


@pytest.mark.parametrize("place", ["", "soon", "1-2-3", "29460000-99-99", f"{10**7}-1-1"])
@pytest.mark.parametrize("action", ["cover", "hold"])
def test_a_forged_place_is_refused_beside_the_offers(
    clinic: Clinic, visit: Appointment, action: str, place: str
) -> None:
    answer = row_page(listed(clinic, visit), {"action": action, "place": place})
    assert answer.status_code == 200
    assert answer.context["errors"]
    assert not Hold.objects.exists()
    visit.refresh_from_db()
    assert visit.nurse == clinic.nurse


def test_an_unknown_button_changes_nothing_and_an_unknown_visit_is_not_found(
    clinic: Clinic, visit: Appointment
) -> None:
    row = listed(clinic, visit)
    assert row_page(row, {"action": "explode"}).status_code == 200
    assert logged_in(Role.NURSE).get(f"{LIST}visits/{row.pk + 1}/").status_code == 404


def test_a_day_that_is_closed_with_other_times_says_what_became_of_it(
    clinic: Clinic, visit: Appointment
) -> None:
    clinic.book(clinic.order(), [visit.starts_at + timedelta(hours=3)])
    typed = {"location": clinic.location.pk, "day": "2026-01-06", "reason": "Snow", "confirmed": "on"}
    with time_machine.travel(visit.starts_at - timedelta(hours=24, minutes=30), tick=False):
        answer = logged_in(Role.MANAGER).post("/closing/", typed | {"find_other_times": "yes"})
    assert said(answer) == ["The day is closed; 0 visits are cancelled. 2 are moved."]


def test_snow_with_other_times_holds_places_for_the_calls(clinic: Clinic, visit: Appointment) -> None:
    typed = {"location": clinic.location.pk, "day": "2026-01-06", "reason": "Snow", "confirmed": "on"}
    with time_machine.travel(visit.starts_at - timedelta(hours=3), tick=False):
        answer = logged_in(Role.MANAGER).post("/closing/", typed | {"find_other_times": "yes"})
        words = "The day is closed; 1 visit is cancelled. For 1 another place is held until closing: call and ask."
        assert said(answer) == [words]
        page = logged_in(Role.NURSE).get(answer.headers["Location"]).content.decode()
    assert ("is held until 18:00" in page, ">Agreed<" in page) == (True, True)
    again = typed | {"find_other_times": "perhaps"}
    wrong = logged_in(Role.MANAGER).post("/closing/", again).content.decode()
    assert "Select a valid choice." in wrong


def test_held_places_cost_no_further_queries(clinic: Clinic, visit: Appointment) -> None:
    disruption, client = missing(clinic.location), logged_in(Role.NURSE)

    def add(one: Appointment) -> None:
        place = {"starts_at": NOW.isoformat(), "chair": clinic.chair.pk, "nurse": clinic.nurse.pk}
        hold = Hold.objects.create(made_at=NOW, expires_at=NOW + timedelta(hours=1), places=[place])
        DisruptedVisit.objects.create(disruption=disruption, appointment=one, was_at=NOW, hold=hold)

    add(visit)
    before = queries(client, f"{LIST}{disruption.pk}/")
    for other in visit.series.appointments.exclude(pk=visit.pk):
        add(other)
    assert queries(client, f"{LIST}{disruption.pk}/") == before
