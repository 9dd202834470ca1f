from datetime import datetime, time, timedelta

import pytest
from django.db import transaction

from scheduling.access import NotAllowed
from scheduling.core.words import OrderState, Role, Status
from scheduling.models import Appointment, AuditEntry, Claim, Series
from scheduling.services.appointments import (
    Canceller,
    cancel_appointment,
    cancel_rest,
    is_in_time,
    move_appointment,
)
from scheduling.services.booking import BookedPlace
from scheduling.services.faults import Refused
from tests.factories import NOW, actor, make_chair, make_staff
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def series(clinic: Clinic) -> Series:
    return clinic.book(clinic.order())


def visit_no(series: Series, number: int) -> Appointment:
    return series.appointments.get(number=number)


def move(clinic: Clinic, visit: Appointment, start: datetime, **given: object) -> Appointment:
    values = {
        "by": clinic.clerk,
        "now": NOW,
        "appointment": visit,
        "place": BookedPlace(start, clinic.chair.pk, clinic.nurse.pk),
    }
    return move_appointment(**(values | given))  # type: ignore[arg-type]


# --- moving ---


def test_a_moved_visit_keeps_number_and_uid_and_its_sequence_rises(clinic: Clinic, series: Series) -> None:
    before = visit_no(series, 2)
    moved = move(clinic, before, COURSE[1] + HOUR)
    assert (moved.number, moved.uid, moved.sequence) == (2, before.uid, 1)
    assert (moved.local_date, moved.local_time) == (before.local_date, time(10))
    assert moved.ends_at == COURSE[1] + 3 * HOUR
    assert set(
        Claim.objects.filter(appointment=before, seat__chair=clinic.chair).values_list("starts_at", "ends_at")
    ) == {(COURSE[1] + HOUR, COURSE[1] + HOUR + timedelta(minutes=135))}
    assert Claim.objects.filter(appointment=before).count() == 5
    series.refresh_from_db()
    assert series.revision == 2


def test_another_chair_at_the_same_time_leaves_sequence_and_confirmation(
    clinic: Clinic, series: Series
) -> None:
    Appointment.objects.update(is_confirmed=True)
    place = BookedPlace(COURSE[0], make_chair(clinic.location).pk, clinic.nurse.pk)
    moved = move(clinic, visit_no(series, 1), COURSE[0], place=place)
    assert (moved.sequence, moved.is_confirmed, moved.chair_id) == (0, True, place.chair_id)


def test_another_time_has_to_be_confirmed_again(clinic: Clinic, series: Series) -> None:
    Appointment.objects.update(is_confirmed=True)
    assert not move(clinic, visit_no(series, 1), COURSE[0] + HOUR).is_confirmed


def test_moving_writes_one_audit_entry(clinic: Clinic, series: Series) -> None:
    AuditEntry.objects.all().delete()
    visit = visit_no(series, 1)
    move(clinic, visit, COURSE[0] + HOUR)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject_id, entry.facts) == (
        "move_appointment",
        visit.pk,
        {"before": COURSE[0].isoformat(), "after": (COURSE[0] + HOUR).isoformat(), "overridden": []},
    )


def test_a_taken_place_refuses_the_move_and_changes_nothing(clinic: Clinic, series: Series) -> None:
    clinic.book(clinic.order(), [COURSE[0] + timedelta(hours=4)])
    with pytest.raises(Refused) as refused, transaction.atomic():
        move(clinic, visit_no(series, 1), COURSE[0] + timedelta(hours=3))
    assert refused.value.code == "places_taken"
    kept = visit_no(series, 1)
    assert (kept.starts_at, kept.sequence, kept.claims.count()) == (COURSE[0], 0, 5)


def test_a_visit_too_near_to_its_neighbour_is_refused(clinic: Clinic, series: Series) -> None:
    with pytest.raises(Refused) as refused, transaction.atomic():
        move(clinic, visit_no(series, 1), COURSE[1] - timedelta(days=1))
    assert list(map(str, refused.value.details)) == [
        "Thu 8 Jan 09:00–11:00: only 1 day lies between it and another visit; at least 2 are needed.",
        "Thu 8 Jan 09:00–11:00: only 24 hours lie between it and another visit; at least 40 are needed.",
    ]


@pytest.mark.parametrize("status", [Status.ARRIVED, Status.MISSED, Status.CANCELLED_LATE])
def test_only_a_visit_that_has_not_begun_is_moved(clinic: Clinic, series: Series, status: Status) -> None:
    visit = visit_no(series, 1)
    Appointment.objects.filter(pk=visit.pk).update(status=status)
    with pytest.raises(Refused) as refused:
        move(clinic, visit, COURSE[0] + HOUR)
    assert refused.value.code == "not_booked"


def test_two_visits_can_swap_their_days_one_after_the_other(clinic: Clinic, series: Series) -> None:
    move(clinic, visit_no(series, 6), COURSE[5] + timedelta(days=6))
    moved = move(clinic, visit_no(series, 5), COURSE[5])
    assert (moved.number, moved.starts_at) == (5, COURSE[5])


def test_a_manager_moves_nothing(clinic: Clinic, series: Series) -> None:
    with pytest.raises(NotAllowed):
        move(clinic, visit_no(series, 1), COURSE[0] + HOUR, by=actor(make_staff(Role.MANAGER)))


# --- cancelling ---


def test_cancelling_frees_every_place_and_the_infusion(clinic: Clinic, series: Series) -> None:
    visit = visit_no(series, 2)
    cancelled = cancel_appointment(
        by=clinic.clerk, now=NOW, appointment=visit, canceller=Canceller.PATIENT, reason="Has a cold"
    )
    assert (cancelled.status, cancelled.sequence, cancelled.reason) == (
        Status.CANCELLED_IN_TIME,
        1,
        "Has a cold",
    )
    assert not visit.claims.exists()
    series.order.refresh_from_db()
    assert series.order.taken == 5
    told = NOW + timedelta(minutes=3)
    assert clinic.book(clinic.order(), [COURSE[1]], now=told).appointments.count() == 1


@pytest.mark.parametrize(
    ("canceller", "before", "status"),
    [
        (Canceller.PATIENT, timedelta(hours=24), Status.CANCELLED_IN_TIME),
        (Canceller.PATIENT, timedelta(hours=23, minutes=59), Status.CANCELLED_LATE),
        (Canceller.CLINIC, timedelta(hours=1), Status.CANCELLED_BY_CLINIC),
    ],
)
def test_notice_decides_between_in_time_and_late(
    clinic: Clinic, series: Series, canceller: Canceller, before: timedelta, status: Status
) -> None:
    visit, now = visit_no(series, 1), COURSE[0] - before
    cancelled = cancel_appointment(by=clinic.clerk, now=now, appointment=visit, canceller=canceller)
    assert cancelled.status == status
    assert is_in_time(visit, now) == (before >= timedelta(hours=24))


def test_a_cancelled_visit_is_not_cancelled_twice(clinic: Clinic, series: Series) -> None:
    visit = visit_no(series, 1)
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=visit, canceller=Canceller.CLINIC)
    with pytest.raises(Refused) as refused:
        cancel_appointment(by=clinic.clerk, now=NOW, appointment=visit, canceller=Canceller.CLINIC)
    assert refused.value.code == "not_booked"


def test_the_rest_is_cancelled_as_one_change(clinic: Clinic, series: Series) -> None:
    AuditEntry.objects.all().delete()
    now = COURSE[2]
    Appointment.objects.filter(number=1).update(status=Status.MISSED)
    cancelled = cancel_rest(by=clinic.clerk, now=now, series=series, canceller=Canceller.CLINIC)
    assert sorted(visit.number for visit in cancelled) == [4, 5, 6]
    assert list(series.appointments.order_by("number").values_list("status", flat=True)) == [
        Status.MISSED,
        Status.BOOKED,
        Status.BOOKED,
        *[Status.CANCELLED_BY_CLINIC] * 3,
    ]
    series.refresh_from_db()
    assert series.revision == 2
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.facts) == ("cancel_rest", {"numbers": [4, 5, 6]})
    kept = Claim.objects.filter(appointment__isnull=False)
    assert set(kept.values_list("appointment__number", flat=True)) == {1, 2, 3}


def test_each_visit_of_the_rest_is_in_time_or_late_by_itself(clinic: Clinic, series: Series) -> None:
    now = COURSE[3] - HOUR
    cancel_rest(by=clinic.clerk, now=now, series=series, canceller=Canceller.PATIENT)
    by_number = dict(series.appointments.values_list("number", "status"))
    assert [by_number[number] for number in (4, 5, 6)] == [
        Status.CANCELLED_LATE,
        Status.CANCELLED_IN_TIME,
        Status.CANCELLED_IN_TIME,
    ]


def test_the_order_is_free_again_after_the_rest_is_cancelled(clinic: Clinic, series: Series) -> None:
    cancel_rest(by=clinic.clerk, now=NOW, series=series, canceller=Canceller.PATIENT)
    order = series.order
    order.refresh_from_db()
    assert (order.taken, order.state) == (0, OrderState.SIGNED)
    assert clinic.book(order).appointments.filter(status=Status.BOOKED).count() == 6


def test_nothing_left_is_nothing_to_cancel(clinic: Clinic, series: Series) -> None:
    now = COURSE[5] + HOUR
    with pytest.raises(Refused) as refused:
        cancel_rest(by=clinic.clerk, now=now, series=series, canceller=Canceller.PATIENT)
    assert refused.value.code == "nothing_to_cancel"


def test_a_manager_cancels_nothing(clinic: Clinic, series: Series) -> None:
    manager = actor(make_staff(Role.MANAGER))
    with pytest.raises(NotAllowed):
        cancel_rest(by=manager, now=NOW, series=series, canceller=Canceller.CLINIC)
    with pytest.raises(NotAllowed):
        cancel_appointment(by=manager, now=NOW, appointment=visit_no(series, 1), canceller=Canceller.CLINIC)
