"""What slipped past the pages is noticed: a booked visit without its place raises one alert until it has one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from scheduling.core.words import AlertKind, DisruptionKind, Role, Status
from scheduling.models import Alert, Appointment, AuditEntry, Chair, DisruptedVisit, Location, StaffMember
from scheduling.services import uncovered_watch
from scheduling.services.acknowledging import acknowledge
from scheduling.services.appointments import Canceller, cancel_appointment, move_appointment
from scheduling.services.booking import BookedPlace
from scheduling.services.disruptions import open_disruption
from scheduling.services.reassigning import reassign
from scheduling.services.uncovered_watch import notice_uncovered
from scheduling.services.uncovering import settle_covered
from tests.factories import NOW, actor, book, make_chair, make_nurse, make_order, make_patient
from tests.services.clinics import COURSE, Clinic
from tests.views.clients import logged_in

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=10)
NEXT = NOW + timedelta(minutes=20)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def visit(clinic: Clinic) -> Appointment:
    """Tuesday at nine in Chair 1 with Ana."""
    series = book(clinic.order(), clinic.location, clinic.chair, clinic.nurse, COURSE[:1])
    return series.appointments.get()


def close(chair: Chair) -> None:
    """Take a chair out of use behind everybody's back."""
    Chair.objects.filter(pk=chair.pk).update(is_active=False)


def open_alerts() -> list[Alert]:
    return list(Alert.objects.open().filter(kind=AlertKind.UNCOVERED).order_by("pk"))


def test_it_raises_one_alert_however_often_it_looks(clinic: Clinic, visit: Appointment) -> None:
    assert notice_uncovered(NOW) == 0
    close(clinic.chair)
    assert notice_uncovered(NOW) == 1
    assert notice_uncovered(LATER) == 0
    alert = Alert.objects.get(kind=AlertKind.UNCOVERED)
    assert (alert.appointment, alert.patient, alert.location) == (visit, visit.patient, clinic.location)
    assert (alert.raised_at, alert.due_at) == (NOW, visit.starts_at)
    assert alert.facts == {"reasons": ["Chair 1 is not in use."]}
    assert alert.key == f"uncovered:duty:{visit.pk}:2026-01-06T14:00:00+00:00"
    entry = AuditEntry.objects.get(action="notice_uncovered")
    assert (entry.at, entry.patient_id) == (NOW, visit.patient_id)


def test_the_attention_page_says_which_visit_and_why(clinic: Clinic, visit: Appointment) -> None:
    close(clinic.chair)
    notice_uncovered(NOW)
    with time_machine.travel(LATER, tick=False):
        page = logged_in(Role.FRONT_DESK).get("/attention/")
    (row, _form) = page.context["rows"][0]
    assert (len(page.context["rows"]), row.words) == (1, ("Chair 1 is not in use.",))
    words = page.content.decode()
    assert str(visit.patient) in words
    assert "Chair 1 is not in use." in words
    assert f"/appointments/{visit.pk}/" in words


def test_covered_again_it_is_settled_and_uncovered_once_more_it_is_back(
    clinic: Clinic, visit: Appointment
) -> None:
    close(clinic.chair)
    notice_uncovered(NOW)
    assert settle_covered(NOW) == 0
    Chair.objects.update(is_active=True)
    assert settle_covered(LATER) == 1
    assert Alert.objects.get().settled_at == LATER

    StaffMember.objects.filter(pk=clinic.nurse.pk).update(is_active=False)
    assert notice_uncovered(NEXT) == 1
    alert = Alert.objects.get()
    assert (alert.settled_at, alert.raised_at) == (None, NEXT)
    assert alert.facts == {"reasons": ["Ana no longer works here."]}
    assert AuditEntry.objects.filter(action="notice_uncovered").count() == 2


def test_moved_it_is_settled_and_at_its_new_start_it_is_watched_anew(
    clinic: Clinic, visit: Appointment
) -> None:
    close(clinic.chair)
    notice_uncovered(NOW)
    other = make_chair(clinic.location, "Chair 2")
    place = BookedPlace(visit.starts_at + timedelta(hours=3), other.pk, clinic.nurse.pk)
    move_appointment(by=clinic.clerk, now=LATER, appointment=visit, place=place)
    settle_covered(LATER)
    assert open_alerts() == []

    close(other)
    assert notice_uncovered(NEXT) == 1
    (alert,) = open_alerts()
    assert (alert.due_at, alert.facts) == (place.starts_at, {"reasons": ["Chair 2 is not in use."]})


def test_cancelled_or_covered_by_another_chair_it_is_settled(clinic: Clinic, visit: Appointment) -> None:
    second = book(
        clinic.order(), clinic.location, clinic.chair, clinic.nurse, [visit.starts_at + timedelta(hours=4)]
    ).appointments.get()
    close(clinic.chair)
    assert notice_uncovered(NOW) == 2
    other = make_chair(clinic.location, "Chair 2")
    reassign(
        by=actor(clinic.nurse), now=LATER, appointment=visit, chair_id=other.pk, nurse_id=clinic.nurse.pk
    )
    cancel_appointment(by=clinic.clerk, now=LATER, appointment=second, canceller=Canceller.CLINIC)
    settle_covered(LATER)
    assert open_alerts() == []
    assert notice_uncovered(NEXT) == 0


def test_what_a_disruption_lists_is_not_listed_twice(clinic: Clinic, visit: Appointment) -> None:
    open_disruption(
        by=clinic.clerk,
        now=NOW,
        kind=DisruptionKind.CHAIR,
        location=clinic.location,
        chair=clinic.chair,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
    )
    assert notice_uncovered(LATER) == 0
    # Seen by somebody, and still on the list of the disruption.
    acknowledge(by=actor(clinic.nurse), now=LATER, alert=open_alerts()[0], note="Looking for a chair.")
    assert notice_uncovered(NEXT) == 0

    DisruptedVisit.objects.update(resolution="kept", resolved_at=LATER)
    assert notice_uncovered(NEXT) == 1


def test_what_somebody_acknowledged_is_not_raised_again(clinic: Clinic, visit: Appointment) -> None:
    close(clinic.chair)
    notice_uncovered(NOW)
    acknowledge(by=actor(clinic.nurse), now=LATER, alert=open_alerts()[0], note="A chair is borrowed.")
    assert notice_uncovered(NEXT) == 0
    assert open_alerts() == []


def test_what_is_covered_between_look_and_lock_is_not_raised(
    clinic: Clinic, visit: Appointment, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(clinic.chair)

    def reopen_first(service: Callable[..., bool], **given: Any) -> bool:
        Chair.objects.update(is_active=True)
        return service(**given)

    monkeypatch.setattr(uncovered_watch, "run", reopen_first)
    assert notice_uncovered(NOW) == 0
    assert not Alert.objects.exists()


@pytest.mark.parametrize(
    "change",
    [{"status": Status.ARRIVED, "arrived_at": NOW}, {"status": Status.MISSED}],
    ids=["arrived", "missed"],
)
def test_only_what_is_still_to_come_is_watched(
    clinic: Clinic, visit: Appointment, change: dict[str, Any]
) -> None:
    close(clinic.chair)
    Appointment.objects.update(**change)
    assert notice_uncovered(NOW) == 0


def test_it_is_watched_until_it_is_over(clinic: Clinic, visit: Appointment) -> None:
    close(clinic.chair)
    assert notice_uncovered(visit.ends_at) == 0
    assert notice_uncovered(visit.ends_at - timedelta(minutes=1)) == 1


def test_no_zone_is_out_of_sight() -> None:
    """Late on the day before in Honolulu, when it is the next day in UTC."""
    clinic = Clinic(zone="Pacific/Honolulu")
    six_in_the_evening = datetime(2026, 1, 7, 1, 30, tzinfo=UTC)
    series = book(
        clinic.order(),
        clinic.location,
        clinic.chair,
        clinic.nurse,
        [six_in_the_evening - timedelta(minutes=60)],
    )
    assert series.appointments.get().local_date.isoformat() == "2026-01-06"
    close(clinic.chair)
    assert notice_uncovered(six_in_the_evening) == 1


def test_of_many_the_soonest_are_noticed_first(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    course = book(clinic.order(), clinic.location, clinic.chair, clinic.nurse, COURSE)
    monkeypatch.setattr(uncovered_watch, "AT_ONCE", 4)
    Location.objects.update(is_active=False)
    first, rest = notice_uncovered(NOW), notice_uncovered(LATER)
    assert (first, rest, notice_uncovered(NEXT)) == (4, 2, 0)
    assert [alert.appointment for alert in open_alerts()] == list(course.appointments.order_by("starts_at"))


def test_looking_costs_the_same_however_many_visits_there_are(
    clinic: Clinic, django_assert_num_queries: Any
) -> None:
    book(clinic.order(), clinic.location, clinic.chair, clinic.nurse, COURSE[:1])
    with django_assert_num_queries(10):
        assert notice_uncovered(NOW) == 0
    for number in range(3):
        start = [at + timedelta(hours=3) for at in COURSE[number : number + 1]]
        patient = make_patient(clinic.location)
        order = make_order(patient, clinic.protocol)
        nurse = make_nurse(clinic.location)
        book(order, clinic.location, make_chair(clinic.location), nurse, start)
    with django_assert_num_queries(10):
        assert notice_uncovered(NOW) == 0
