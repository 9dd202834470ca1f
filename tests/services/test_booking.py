from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import transaction

from scheduling.core.words import OrderState, RequiredBefore, SeatKind, Status
from scheduling.models import (
    AccessLink,
    Appointment,
    AuditEntry,
    BookingRequest,
    Claim,
    Hold,
    Order,
    Prerequisite,
    PrerequisiteRecord,
    Seat,
    Series,
)
from scheduling.services import claims
from scheduling.services.appointments import Canceller, cancel_appointment
from scheduling.services.faults import Refused
from scheduling.services.running import run
from tests.factories import NOW, make_chair, make_location, make_nurse, make_patient
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def nothing_is_booked() -> bool:
    return not (
        Series.objects.exists()
        or Appointment.objects.exists()
        or Claim.objects.exists()
        or BookingRequest.objects.exists()
    )


# --- the happy path ---


def test_six_visits_take_five_claims_each(clinic: Clinic) -> None:
    series = clinic.book(clinic.order(), wishes={"prefer_weekdays": [1, 4]})
    visits = list(series.appointments.order_by("number"))
    assert [(visit.number, visit.starts_at) for visit in visits] == list(enumerate(COURSE, 1))
    assert [(visit.local_date, visit.local_time) for visit in visits] == [
        (start.date(), time(9)) for start in COURSE
    ]
    assert {(visit.zone, visit.status, visit.sequence) for visit in visits} == {
        ("America/New_York", "booked", 0)
    }
    assert {visit.ends_at - visit.starts_at for visit in visits} == {timedelta(hours=2)}
    assert len({visit.uid for visit in visits}) == 6
    kinds = Counter(Claim.objects.filter(appointment=visits[0]).values_list("seat__kind", flat=True))
    assert kinds == {
        SeatKind.CHAIR: 1,
        SeatKind.PATIENT: 1,
        SeatKind.MONITORING: 1,
        SeatKind.HANDS_ON: 2,
    }
    assert Claim.objects.count() == 30
    assert series.wishes == {"prefer_weekdays": [1, 4]}


def test_the_claims_follow_the_phases(clinic: Clinic) -> None:
    series = clinic.book(clinic.order(), COURSE[:1])
    start = COURSE[0]
    spans = {
        (kind, (first - start).seconds // 60, (last - start).seconds // 60)
        for kind, first, last in Claim.objects.filter(appointment__series=series).values_list(
            "seat__kind", "starts_at", "ends_at"
        )
    }
    assert spans == {
        ("chair", 0, 135),
        ("patient", 0, 120),
        ("monitoring", 15, 120),
        ("hands_on", 15, 30),
        ("hands_on", 115, 120),
    }


def test_booking_counts_the_order_and_makes_the_patients_link(clinic: Clinic) -> None:
    order = clinic.order()
    clinic.book(order, COURSE[:4])
    order.refresh_from_db()
    assert (order.taken, order.left, order.state) == (4, 2, OrderState.SIGNED)
    assert AccessLink.objects.filter(patient=order.patient).count() == 1


def test_one_booking_writes_one_audit_entry(clinic: Clinic) -> None:
    AuditEntry.objects.all().delete()
    series = clinic.book(clinic.order())
    entry = AuditEntry.objects.get(action="book_series")
    assert (entry.subject, entry.subject_id, entry.patient_id, entry.staff_id) == (
        "series",
        series.pk,
        series.patient_id,
        clinic.clerk.staff_id,
    )
    assert entry.facts == {"numbers": [1, 2, 3, 4, 5, 6], "overridden": []}


def test_places_are_numbered_by_time_whatever_their_order(clinic: Clinic) -> None:
    series = clinic.book(clinic.order(), list(reversed(COURSE)))
    numbered = series.appointments.order_by("number").values_list("starts_at", flat=True)
    assert list(numbered) == list(COURSE)


def test_the_rest_of_an_order_joins_its_course(clinic: Clinic) -> None:
    order = clinic.order()
    first = clinic.book(order, COURSE[:4], wishes={"never_weekdays": [6]})
    second = clinic.book(order, COURSE[4:], wishes={"never_weekdays": [5]})
    assert second == first
    assert list(second.appointments.order_by("starts_at").values_list("number", flat=True)) == list(
        range(1, 7)
    )
    assert (second.revision, second.wishes) == (2, {"never_weekdays": [5]})


def test_a_visit_over_a_clock_change_keeps_its_wall_time() -> None:
    clinic = Clinic()
    now = datetime(2026, 3, 2, 13, tzinfo=UTC)
    starts = [datetime(2026, 3, 6, 14, tzinfo=UTC), datetime(2026, 3, 9, 13, tzinfo=UTC)]
    series = clinic.book(clinic.order(), starts, now=now)
    assert set(series.appointments.values_list("local_time", flat=True)) == {time(9)}


# --- all or nothing ---


def test_a_taken_place_refuses_the_whole_course_and_names_all_that_collides(clinic: Clinic) -> None:
    other = clinic.order(make_patient(clinic.location, last_name="Lovelace"))
    clinic.book(other, [COURSE[1], COURSE[4]])
    order = clinic.order()
    with pytest.raises(Refused) as refused, transaction.atomic():
        clinic.book(order)
    assert refused.value.code == "places_taken"
    assert list(map(str, refused.value.details)) == [
        f"{day} {span}: {seat} is taken by Lovelace, Ada."
        for day in ("Fri 9 Jan", "Tue 20 Jan")
        for span, seat in (
            ("09:00–11:15", "Chair 1"),
            ("09:15–09:30", "Ana (hands-on)"),
            ("09:15–11:00", "Ana (monitoring)"),
            ("10:55–11:00", "Ana (hands-on)"),
        )
    ]
    assert not Appointment.objects.filter(patient=order.patient).exists()
    order.refresh_from_db()
    assert order.taken == 0


def test_an_expired_hold_gives_way_and_one_in_force_does_not(clinic: Clinic) -> None:
    hold = Hold.objects.create(made_by=clinic.nurse, made_at=NOW, expires_at=NOW + timedelta(minutes=10))
    Claim.objects.create(
        seat=clinic.chair.seat, hold=hold, starts_at=COURSE[0], ends_at=COURSE[0] + timedelta(hours=1)
    )
    order = clinic.order()
    with pytest.raises(Refused) as refused, transaction.atomic():
        clinic.book(order, COURSE[:1])
    assert list(map(str, refused.value.details)) == ["Tue 6 Jan 09:00–10:00: Chair 1 is taken by a hold."]
    clinic.book(order, COURSE[:1], now=NOW + timedelta(minutes=10))
    assert not Hold.objects.exists()


def test_one_patient_is_one_seat_in_two_locations(clinic: Clinic) -> None:
    patient = make_patient(clinic.location)
    clinic.book(clinic.order(patient), COURSE[:1])
    away = make_location("Harbour")
    order = clinic.order(patient, regimen="other")
    chair, nurse = make_chair(away), make_nurse(away)
    with pytest.raises(Refused) as refused, transaction.atomic():
        clinic.book(order, COURSE[:1], chair=chair, nurse=nurse, location=away)
    assert refused.value.code == "rules_broken"
    assert any("another visit on that day" in str(detail) for detail in refused.value.details)


# --- the order ---


def refused_code(clinic: Clinic, order: Order, **given: object) -> str:
    with pytest.raises(Refused) as refused, transaction.atomic():
        clinic.book(order, **given)  # type: ignore[arg-type]
    assert nothing_is_booked()
    return refused.value.code


def test_a_draft_is_not_bookable(clinic: Clinic) -> None:
    assert refused_code(clinic, clinic.order(signed=False)) == "order_unsigned"


@pytest.mark.parametrize("state", [OrderState.REPLACED, OrderState.WITHDRAWN, OrderState.EXPIRED])
def test_a_closed_order_is_not_bookable(clinic: Clinic, state: OrderState) -> None:
    assert refused_code(clinic, clinic.order(state=state)) == "order_closed"


def test_an_order_whose_last_day_is_over_is_not_bookable(clinic: Clinic) -> None:
    yesterday = NOW.date() - timedelta(days=1)
    order = clinic.order(valid_from=yesterday, valid_until=yesterday)
    assert refused_code(clinic, order) == "order_expired"


def test_no_visit_lies_behind_the_orders_end(clinic: Clinic) -> None:
    order = clinic.order(valid_until=date(2026, 1, 22))
    with pytest.raises(Refused) as refused, transaction.atomic():
        clinic.book(order)
    assert list(map(str, refused.value.details)) == ["Fri 23 Jan 09:00–11:00: the order ends on Thu 22 Jan."]


def test_more_visits_than_the_order_has_left_are_refused(clinic: Clinic) -> None:
    assert refused_code(clinic, clinic.order(sessions=5)) == "order_not_overbooked"


def test_a_course_without_visits_is_refused(clinic: Clinic) -> None:
    assert refused_code(clinic, clinic.order(), starts=[]) == "no_places"


def test_what_has_to_be_on_record_before_booking_is_named(clinic: Clinic) -> None:
    consent = Prerequisite.objects.create(
        code="consent", name="Signed consent", required_before=RequiredBefore.BOOKING
    )
    first = Prerequisite.objects.create(code="escort", name="Escort", required_before=RequiredBefore.FIRST)
    clinic.protocol.prerequisites.add(consent, first)
    order = clinic.order()
    with pytest.raises(Refused) as refused, transaction.atomic():
        clinic.book(order)
    assert (refused.value.code, refused.value.details) == ("prerequisites_missing", ("Signed consent",))
    PrerequisiteRecord.objects.create(
        patient=order.patient, prerequisite=consent, recorded_by=clinic.nurse, recorded_at=NOW
    )
    assert clinic.book(order).appointments.count() == 6


def test_a_course_stays_at_its_location(clinic: Clinic) -> None:
    order = clinic.order()
    clinic.book(order, COURSE[:2])
    away = make_location("Harbour")
    chair, nurse = make_chair(away), make_nurse(away)
    with pytest.raises(Refused) as refused, transaction.atomic():
        clinic.book(order, COURSE[2:3], chair=chair, nurse=nurse, location=away)
    assert refused.value.code == "other_location"


# --- the request key ---


def test_the_same_request_sent_twice_gives_the_same_course(clinic: Clinic) -> None:
    order = clinic.order()
    first = clinic.book(order, request_key="twice")
    again = clinic.book(order, list(reversed(COURSE)), request_key="twice")
    assert again == first
    assert (Appointment.objects.count(), BookingRequest.objects.count()) == (6, 1)
    assert AuditEntry.objects.filter(action="book_series").count() == 1


def test_another_body_under_the_same_key_is_refused(clinic: Clinic) -> None:
    order = clinic.order()
    clinic.book(order, COURSE[:3], request_key="twice")
    with pytest.raises(Refused) as refused, transaction.atomic():
        clinic.book(order, COURSE[3:], request_key="twice")
    assert refused.value.code == "request_reused"
    assert Appointment.objects.count() == 3


def test_a_refused_request_may_come_again_under_its_key(clinic: Clinic) -> None:
    other = clinic.book(clinic.order(), COURSE[:1])
    order = clinic.order()
    with pytest.raises(Refused), transaction.atomic():
        clinic.book(order, request_key="again")
    visit = other.appointments.get()
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=visit, canceller=Canceller.CLINIC)
    told = NOW + timedelta(minutes=3)
    assert clinic.book(order, request_key="again", now=told).appointments.count() == 6


def test_an_empty_key_is_refused_by_the_database(clinic: Clinic) -> None:
    def book() -> Series:
        with transaction.atomic():
            return clinic.book(clinic.order(), request_key="")

    with pytest.raises(Refused) as refused:
        run(book)
    assert refused.value.code == "bookingrequest_key_present"
    assert nothing_is_booked()


# --- monitoring seats of one nurse ---


STAGGERED = (timedelta(0), timedelta(minutes=60), timedelta(minutes=120))
"""The middle one overlaps both others in monitoring, and none collides in the nurse's hands."""


def monitoring() -> dict[int, int]:
    """The monitoring seat by appointment."""
    claims = Claim.objects.filter(seat__kind=SeatKind.MONITORING, appointment__isnull=False)
    return dict(claims.values_list("appointment", "seat"))


def test_a_nurse_with_two_seats_takes_three_staggered_visits() -> None:
    clinic = Clinic(capacity=2)
    for offset in (STAGGERED[2], STAGGERED[0], STAGGERED[1]):
        clinic.book(clinic.order(), [COURSE[0] + offset], chair=make_chair(clinic.location))
    assert sorted(Counter(monitoring().values()).values()) == [1, 2]


def test_booking_moves_another_visit_to_the_nurses_other_seat() -> None:
    clinic = Clinic(capacity=2)
    early, late = (
        clinic.book(clinic.order(), [COURSE[0] + offset], chair=make_chair(clinic.location))
        for offset in (STAGGERED[0], STAGGERED[2])
    )
    first, second = Seat.objects.filter(nurse=clinic.nurse, kind=SeatKind.MONITORING).order_by("number")
    # The two sit on different seats, as after a cancellation: neither is free for the middle one.
    Claim.objects.filter(appointment__series=late, seat=first).update(seat=second)
    middle = clinic.book(clinic.order(), [COURSE[0] + STAGGERED[1]], chair=make_chair(clinic.location))
    seats = monitoring()
    keys = [series.appointments.get().pk for series in (early, middle, late)]
    assert [seats[key] for key in keys] == [first.pk, second.pk, first.pk]
    assert Claim.objects.count() == 15


def test_a_full_nurse_refuses_a_further_visit() -> None:
    clinic = Clinic(capacity=2)
    chairs = [clinic.chair, make_chair(clinic.location), make_chair(clinic.location)]
    for minutes, chair in zip((0, 20), chairs, strict=False):
        clinic.book(clinic.order(), [COURSE[0] + timedelta(minutes=minutes)], chair=chair)
    with pytest.raises(Refused) as refused, transaction.atomic():
        clinic.book(clinic.order(), [COURSE[0] + timedelta(minutes=40)], chair=chairs[2])
    assert refused.value.code == "places_taken"
    assert [("monitoring" in str(detail)) for detail in refused.value.details] == [True, True]


# --- rebooking ---


def test_a_cancelled_visit_can_be_booked_again_under_the_next_number(clinic: Clinic) -> None:
    order = clinic.order()
    series = clinic.book(order)
    third = series.appointments.get(number=3)
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=third, canceller=Canceller.PATIENT)
    again = clinic.book(order, [third.starts_at])
    assert again == series
    assert list(
        series.appointments.filter(starts_at=third.starts_at)
        .order_by("number")
        .values_list("number", "status")
    ) == [(3, Status.CANCELLED_IN_TIME), (7, Status.BOOKED)]


def test_visits_asked_about_in_several_queries_count_a_patient_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both visits are near enough to hers to bind her; Ana looks after two at a time."""
    monkeypatch.setattr(claims, "AT_ONCE", 1)
    clinic = Clinic(capacity=2)
    clinic.book(clinic.order(), [COURSE[0] + timedelta(hours=1)])
    starts = [COURSE[0], COURSE[0] + timedelta(days=2)]
    series = clinic.book(clinic.order(), starts, chair=make_chair(clinic.location, "Chair 2"))
    assert Claim.objects.filter(appointment__series=series).count() == 2 * 5
    third = make_chair(clinic.location, "Chair 3")
    with pytest.raises(Refused, match="taken"):
        clinic.book(clinic.order(), [COURSE[0] + timedelta(minutes=30)], chair=third)
