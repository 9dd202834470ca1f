"""Ada moves to Chicago: her course goes on at Lakeside, and Riverside keeps what it gave."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from scheduling.access import NotAllowed
from scheduling.core.words import AlertKind, MessageKind, PlanState, Role, Standing, Status
from scheduling.models import (
    Alert,
    Claim,
    FollowUpPlan,
    Location,
    Message,
    Patient,
    Series,
    SeriesTransfer,
    StaffMember,
)
from scheduling.services.appointments import move_appointment
from scheduling.services.board import BoardVisit, DayBoard, day_board
from scheduling.services.booking import BookedPlace
from scheduling.services.changes import undoable
from scheduling.services.countersigning import countersign
from scheduling.services.faults import Refused
from scheduling.services.standing import end_patient
from scheduling.services.transfer_plans import propose_transfer
from scheduling.services.transfers import transfer_series
from scheduling.services.visits import record_step
from tests.factories import (
    NOW,
    actor,
    add_shifts,
    make_chair,
    make_follow_up,
    make_location,
    make_nurse,
    make_plan,
    make_staff,
    treat,
)
from tests.services.clinics import COURSE, Clinic

from .adas_course import ada_of, post_by, visits_of

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=2)
"""Wednesday 08:00 in New York: the first visit was yesterday."""


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def lakeside() -> Location:
    """One hour behind, with one chair and one nurse."""
    location = make_location("Lakeside", zone="America/Chicago")
    Location.objects.filter(pk=location.pk).update(address="2 Shore Road", calendar_label="Lakeside Clinic")
    location.refresh_from_db()
    make_chair(location, "Window")
    make_nurse(location, name="Bea")
    return location


@pytest.fixture
def doctor(lakeside: Location) -> StaffMember:
    """A prescriber with shifts at Lakeside."""
    staff = make_staff(Role.PRESCRIBER, name="Dr. Lake")
    add_shifts(staff, lakeside, Role.PRESCRIBER)
    return staff


@pytest.fixture
def ada(clinic: Clinic) -> Patient:
    return ada_of(clinic)


@pytest.fixture
def course(clinic: Clinic, ada: Patient) -> Series:
    """Six visits, told, of which the first was given."""
    series = clinic.book(clinic.order(ada))
    post_by(NOW)
    treat(visits_of(series)[0])
    mail.outbox.clear()
    return series


def transfer(clinic: Clinic, course: Series, location: Location, **given: object) -> SeriesTransfer:
    values: dict[str, object] = {"by": clinic.clerk, "now": LATER, "series": course, "location": location}
    return transfer_series(**(values | given))  # type: ignore[arg-type]


def test_the_visits_ahead_go_and_the_one_given_stays(
    clinic: Clinic, course: Series, lakeside: Location
) -> None:
    before = visits_of(course)
    transfer(clinic, course, lakeside, reason="moves house")
    after = visits_of(course)
    assert [visit.location.name for visit in after] == ["Riverside", *["Lakeside"] * 5]
    assert [(visit.number, visit.uid) for visit in after] == [(visit.number, visit.uid) for visit in before]
    assert [visit.sequence for visit in after] == [0, 1, 1, 1, 1, 1]
    assert {(visit.zone, visit.chair.name, visit.nurse.name) for visit in after[1:]} == {
        ("America/Chicago", "Window", "Bea")
    }
    for visit in after[1:]:
        local = visit.starts_at.astimezone(ZoneInfo("America/Chicago"))
        assert (visit.local_date, visit.local_time) == (local.date(), local.time())
        assert visit.claims.filter(seat__chair=visit.chair).count() == 1
    course.refresh_from_db()
    assert (course.location, course.revision) == (lakeside, 2)
    assert not Claim.objects.filter(seat__chair=clinic.chair, appointment__in=after[1:]).exists()
    course.order.refresh_from_db()
    assert course.order.taken == 6
    row = SeriesTransfer.objects.get()
    assert (row.from_location, row.to_location, row.reason) == (clinic.location, lakeside, "moves house")


def test_the_gaps_hold_and_the_hours_are_the_new_sites(
    clinic: Clinic, course: Series, lakeside: Location
) -> None:
    transfer(clinic, course, lakeside)
    dates = [visit.local_date for visit in visits_of(course)]
    assert all((later - earlier).days >= 2 for earlier, later in pairwise(dates))
    assert all(8 <= visit.local_time.hour < 18 for visit in visits_of(course))
    # Nine o'clock was her hour, and it is the hour of the new place.
    assert {visit.local_time.isoformat() for visit in visits_of(course)} == {"09:00:00"}


def test_she_gets_one_mail_with_old_and_new_times_and_where_to_go(
    clinic: Clinic, course: Series, lakeside: Location
) -> None:
    transfer(clinic, course, lakeside)
    post_by(LATER + timedelta(hours=1))
    changes = [one for one in mail.outbox if "changed" in one.subject]
    assert [one.subject for one in changes] == ["Your appointments have changed – Lakeside Clinic"]
    body = str(changes[0].body)
    assert body.count("- MOVED: ") == 5
    assert "(Chicago, UTC-6) (was: Friday, January 9, 2026, 9 a.m. to 11 a.m. (New York, UTC-5))" in body
    assert "2 Shore Road" in body
    updates = [one for one in mail.outbox if "METHOD:REQUEST" in str(one.message())]
    assert len(updates) == 5
    told = Message.objects.filter(series=course, sent_at__gt=LATER, check_in=None)
    assert told.count() == 6


def test_a_visit_at_the_same_moment_elsewhere_is_told_as_moved(clinic: Clinic, course: Series) -> None:
    twin = make_location("Twin", zone="America/New_York")
    make_chair(twin)
    make_nurse(twin)
    before = [visit.starts_at for visit in visits_of(course)]
    transfer(clinic, course, twin)
    assert [visit.starts_at for visit in visits_of(course)] == before
    post_by(LATER + timedelta(hours=1))
    (change,) = [one for one in mail.outbox if "changed" in one.subject]
    assert str(change.body).count("- MOVED: ") == 5


def test_visits_before_the_day_asked_for_stay_and_can_still_be_moved_there(
    clinic: Clinic, course: Series, lakeside: Location
) -> None:
    transfer(clinic, course, lakeside, earliest=date(2026, 1, 16))
    assert [visit.location.name for visit in visits_of(course)] == [*["Riverside"] * 3, *["Lakeside"] * 3]
    third = visits_of(course)[2]
    start = third.starts_at + timedelta(hours=2)
    place = BookedPlace(start, clinic.chair.pk, clinic.nurse.pk)
    moved = move_appointment(by=clinic.clerk, now=LATER, appointment=third, place=place)
    assert (moved.location, moved.starts_at) == (clinic.location, start)


def test_a_gap_holds_by_the_dates_of_both_sites(clinic: Clinic, ada: Patient) -> None:
    """Thursday morning in Guam is Wednesday evening in New York: a Friday visit there would be one day after."""
    guam = make_location("Guam", zone="Pacific/Guam")
    chair, nurse = make_chair(guam), make_nurse(guam)
    starts = [datetime(2026, 1, 7, 23, tzinfo=UTC), datetime(2026, 1, 11, 23, tzinfo=UTC)]
    course = clinic.book(clinic.order(ada, sessions=2), starts, chair=chair, nurse=nurse, location=guam)
    assert [visit.local_date for visit in visits_of(course)] == [date(2026, 1, 8), date(2026, 1, 12)]
    transfer(clinic, course, clinic.location, now=NOW, earliest=date(2026, 1, 9))
    first, second = visits_of(course)
    assert first.starts_at.astimezone(clinic.location.tz).date() == date(2026, 1, 7)
    place = BookedPlace(datetime(2026, 1, 9, 20, 30, tzinfo=UTC), clinic.chair.pk, clinic.nurse.pk)
    with pytest.raises(Refused) as refused:
        move_appointment(by=clinic.clerk, now=NOW, appointment=second, place=place)
    assert refused.value.code == "rules_broken"
    assert (second.local_date - first.local_date).days >= 2


def rows(board: DayBoard) -> list[BoardVisit]:
    return [*board.under_way, *board.to_come, *board.over]


def test_the_board_of_riverside_keeps_its_own_visits_and_sees_none_of_lakesides(
    clinic: Clinic, course: Series, lakeside: Location
) -> None:
    transfer(clinic, course, lakeside)
    days = sorted({visit.local_date for visit in visits_of(course)})
    seen = {
        site.name: [one.visit.number for day in days for one in rows(day_board(site, day, LATER))]
        for site in (clinic.location, lakeside)
    }
    assert seen == {"Riverside": [1], "Lakeside": [2, 3, 4, 5, 6]}


def test_the_weekly_plan_goes_with_its_course(clinic: Clinic, ada: Patient, lakeside: Location) -> None:
    plan = make_plan(make_follow_up(ada, clinic.protocol))
    assert plan.series is not None
    transfer(clinic, plan.series, lakeside, now=NOW)
    plan = FollowUpPlan.objects.get(pk=plan.pk)
    assert (plan.location, plan.state) == (lakeside, PlanState.ACTIVE)


def test_nothing_is_given_there_before_a_prescriber_of_that_site_signs(
    clinic: Clinic, course: Series, lakeside: Location, doctor: StaffMember
) -> None:
    row = transfer(clinic, course, lakeside)
    alert = Alert.objects.open().get(kind=AlertKind.COUNTERSIGN)
    assert (alert.location, alert.owner, alert.facts["to"]) == (lakeside, Role.PRESCRIBER, "Lakeside")
    visit, nurse = visits_of(course)[1], actor(make_staff(Role.NURSE))
    at = visit.starts_at + timedelta(minutes=30)
    record_step(by=nurse, now=at, appointment=visit, field="arrived_at")
    with pytest.raises(Refused) as refused:
        record_step(by=nurse, now=at, appointment=visit, field="started_at")
    assert refused.value.code == "not_countersigned"
    with pytest.raises(Refused) as elsewhere:
        countersign(by=clinic.prescriber, now=at, transfer=row)
    assert elsewhere.value.code == "not_from_there"
    with pytest.raises(NotAllowed):
        countersign(by=nurse, now=at, transfer=row)
    countersign(by=actor(doctor), now=at, transfer=row)
    assert not Alert.objects.open().filter(kind=AlertKind.COUNTERSIGN).exists()
    assert record_step(by=nurse, now=at, appointment=visit, field="started_at").status == Status.IN_TREATMENT
    with pytest.raises(Refused) as again:
        countersign(by=actor(doctor), now=at, transfer=row)
    assert again.value.code == "countersigned"


def test_a_visit_that_stayed_at_riverside_starts_without_it(
    clinic: Clinic, course: Series, lakeside: Location
) -> None:
    transfer(clinic, course, lakeside, earliest=date(2026, 1, 13))
    assert treat(visits_of(course)[1]).status == Status.DONE


def test_a_prescriber_of_the_new_site_who_transfers_has_signed_by_it(
    clinic: Clinic, course: Series, lakeside: Location, doctor: StaffMember
) -> None:
    row = transfer(clinic, course, lakeside, by=actor(doctor))
    assert (row.countersigned_by, row.countersigned_at) == (doctor, LATER)
    assert not Alert.objects.filter(kind=AlertKind.COUNTERSIGN).exists()


def test_who_signed_too_late_is_told_that_the_course_went_on(
    clinic: Clinic, course: Series, lakeside: Location, doctor: StaffMember
) -> None:
    first = transfer(clinic, course, lakeside)
    transfer(clinic, course, clinic.location)
    with pytest.raises(Refused) as refused:
        countersign(by=actor(doctor), now=LATER, transfer=first)
    assert refused.value.code == "transferred_on"
    assert Alert.objects.open().get(kind=AlertKind.COUNTERSIGN).location == clinic.location


def test_it_says_when_the_new_site_does_not_give_the_protocol(
    clinic: Clinic, course: Series, lakeside: Location
) -> None:
    clinic.protocol.locations.add(clinic.location)
    with pytest.raises(Refused, match="is not given at Lakeside") as refused:
        transfer(clinic, course, lakeside)
    assert (refused.value.code, refused.value.field) == ("not_given_there", "location")
    clinic.protocol.locations.add(lakeside)
    assert transfer(clinic, course, lakeside).to_location == lakeside


def test_booking_says_so_too(clinic: Clinic, ada: Patient, lakeside: Location) -> None:
    order = clinic.order(ada)
    clinic.protocol.locations.add(lakeside)
    with pytest.raises(Refused) as refused:
        clinic.book(order)
    assert refused.value.code == "not_given_there"


def test_it_is_refused_where_it_makes_no_sense(clinic: Clinic, course: Series, lakeside: Location) -> None:
    closed = make_location("Closed", is_active=False)
    bare = make_location("Bare")
    for location, code in (
        (clinic.location, "same_location"),
        (closed, "location_closed"),
        (bare, "no_plan"),
    ):
        with pytest.raises(Refused) as refused:
            transfer(clinic, course, location)
        assert refused.value.code == code
    with pytest.raises(Refused) as empty:
        transfer(clinic, course, lakeside, earliest=date(2026, 3, 1))
    assert (empty.value.code, empty.value.field) == ("nothing_to_move", "earliest")
    treat(visits_of(course)[1], is_open=True)
    with pytest.raises(Refused) as here:
        transfer(clinic, course, lakeside)
    assert here.value.code == "visit_under_way"
    assert not SeriesTransfer.objects.exists()


def test_it_says_why_there_is_no_plan(clinic: Clinic, course: Series) -> None:
    bare = make_location("Bare")
    with pytest.raises(Refused) as refused:
        transfer(clinic, course, bare)
    assert "no chair is free" in " ".join(map(str, refused.value.details)).lower()


def test_who_is_not_treated_here_is_not_transferred(
    clinic: Clinic, ada: Patient, course: Series, lakeside: Location
) -> None:
    end_patient(by=clinic.clerk, now=LATER, patient=ada, standing=Standing.MOVED)
    with pytest.raises(Refused) as refused:
        transfer(clinic, course, lakeside)
    assert refused.value.code == "patient_inactive"


def test_what_was_looked_at_is_what_gets_booked(clinic: Clinic, course: Series, lakeside: Location) -> None:
    seen = propose_transfer(series=course, location=lakeside, now=LATER).fingerprint
    make_chair(lakeside, "A better one")
    other = clinic.order(sessions=1)
    place = visits_of(course)[1].starts_at + timedelta(hours=1)
    chair = lakeside.chairs.get(name="Window")
    nurse = StaffMember.objects.get(name="Bea")
    clinic.book(other, [place], chair=chair, nurse=nurse, location=lakeside, now=LATER)
    with pytest.raises(Refused) as refused:
        transfer(clinic, course, lakeside, seen=seen)
    assert refused.value.code == "times_changed"
    fresh = propose_transfer(series=course, location=lakeside, now=LATER).fingerprint
    assert transfer(clinic, course, lakeside, seen=fresh).to_location == lakeside


def test_an_earlier_change_is_not_taken_back_after_it(
    clinic: Clinic, course: Series, lakeside: Location
) -> None:
    fifth = visits_of(course)[4]
    place = BookedPlace(COURSE[4] + timedelta(hours=3), clinic.chair.pk, clinic.nurse.pk)
    move_appointment(by=clinic.clerk, now=LATER, appointment=fifth, place=place)
    assert undoable(course, LATER)
    transfer(clinic, course, lakeside)
    course.refresh_from_db()
    assert undoable(course, LATER) is None
    kinds = Message.objects.pending().filter(series=course).values_list("kind", flat=True)
    assert list(kinds).count(MessageKind.CHANGE) == 1


def test_a_manager_transfers_nobody(course: Series, lakeside: Location) -> None:
    with pytest.raises(NotAllowed):
        transfer_series(by=actor(make_staff(Role.MANAGER)), now=LATER, series=course, location=lakeside)
