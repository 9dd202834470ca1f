"""Half past six and it snows: one act closes the day, cancels everybody booked and tells them at once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from scheduling.core.words import (
    CallState,
    DisruptionKind,
    MessageKind,
    MessageState,
    MessageWay,
    Resolution,
    Role,
    Status,
)
from scheduling.models import Appointment, AuditEntry, Claim, CourseChange, Disruption, Message, Order
from scheduling.services.call_lists import record_call
from scheduling.services.closing_days import close_day
from scheduling.services.faults import Refused
from tests import factories
from tests.factories import actor
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db

TUESDAY = date(2026, 1, 6)
HALF_PAST_SIX = datetime(2026, 1, 6, 11, 30, tzinfo=UTC)
"""06:30 in New York, in the quiet hours; the first visit is at nine."""


class Snow:
    """Two patients on Tuesday, at nine by e-mail and at one by phone; the first has five visits after it."""

    def __init__(self) -> None:
        self.clinic = Clinic()
        mailed = factories.make_patient(self.clinic.location)
        factories.agree_to_email(mailed)
        self.course = self.clinic.book(self.clinic.order(mailed), COURSE)
        called = factories.make_patient(self.clinic.location, phone="555-0100")
        at_one = COURSE[0] + timedelta(hours=4)
        self.other = self.clinic.book(self.clinic.order(called), [at_one])
        Message.objects.filter(kind__in=[MessageKind.CONFIRMATION, MessageKind.INVITATION]).update(
            state=MessageState.SENT, sent_at=COURSE[0] - timedelta(days=1)
        )
        told = {str(visit.pk): visit.starts_at.isoformat() for visit in Appointment.objects.all()}
        Message.objects.filter(kind=MessageKind.CONFIRMATION).update(told=told)
        self.manager = actor(factories.make_staff(Role.MANAGER))

    def close(self) -> Disruption:
        return close_day(
            by=self.manager,
            now=HALF_PAST_SIX,
            location=self.clinic.location,
            day=TUESDAY,
            reason="Snow",
        )


@pytest.fixture
def snow() -> Snow:
    return Snow()


def test_one_act_cancels_the_day_and_nothing_else(snow: Snow) -> None:
    disruption = snow.close()

    assert (disruption.kind, disruption.blocks) == (DisruptionKind.LOCATION, True)
    # The whole local day, from midnight to midnight in New York.
    assert disruption.starts_at == datetime(2026, 1, 6, 5, tzinfo=UTC)
    assert disruption.ends_at == datetime(2026, 1, 7, 5, tzinfo=UTC)
    today = Appointment.objects.filter(local_date=TUESDAY)
    assert [visit.status for visit in today] == [Status.CANCELLED_BY_CLINIC] * 2
    assert not Claim.objects.filter(starts_at__lt=disruption.ends_at).exists()
    assert snow.course.appointments.filter(status=Status.BOOKED).count() == 5
    # Neither session is used: both can be booked again.
    assert sorted(Order.objects.values_list("taken", flat=True)) == [0, 5]
    assert AuditEntry.objects.filter(action="close_day").count() == 1
    assert not AuditEntry.objects.filter(action="cancel_appointment").exists()


def test_everybody_is_told_at_once_past_the_quiet_hours_and_the_undo_delay(snow: Snow) -> None:
    snow.close()

    mails = Message.objects.filter(series=snow.course, state=MessageState.WAITING, way=MessageWay.EMAIL)
    about_today = mails.filter(kind__in=[MessageKind.CHANGE, MessageKind.CANCELLATION])
    assert [message.due_at for message in about_today] == [HALF_PAST_SIX]
    cancelled = mails.get(kind=MessageKind.INVITATION, appointment__local_date=TUESDAY)
    assert cancelled.due_at == HALF_PAST_SIX
    call = Message.objects.get(series=snow.other, way=MessageWay.CALL, state=MessageState.TO_DO)
    assert call.due_at == HALF_PAST_SIX
    # Told at once, so nothing is left to take back, and no place is kept for that.
    assert not CourseChange.objects.exists()


def test_all_of_them_are_on_the_call_list_by_start(snow: Snow) -> None:
    disruption = snow.close()

    listed = disruption.visits.values_list("appointment__series", "resolution", "call")
    assert list(listed) == [
        (snow.course.pk, Resolution.CANCELLED, CallState.TO_CALL),
        (snow.other.pk, Resolution.CANCELLED, CallState.TO_CALL),
    ]


def test_a_patient_who_is_here_already_stays(snow: Snow) -> None:
    here = snow.other.appointments.get()
    Appointment.objects.filter(pk=here.pk).update(status=Status.ARRIVED, arrived_at=HALF_PAST_SIX)
    disruption = snow.close()

    assert Appointment.objects.get(pk=here.pk).status == Status.ARRIVED
    assert [row.appointment.series for row in disruption.visits.all()] == [snow.course]


def test_nothing_can_be_booked_on_the_closed_day(snow: Snow) -> None:
    snow.close()

    with pytest.raises(Refused, match="These times do not fit"):
        snow.clinic.book(snow.clinic.order(), [COURSE[0] + timedelta(hours=1)], now=HALF_PAST_SIX)


def test_a_day_is_closed_once_with_a_reason_and_not_afterwards(snow: Snow) -> None:
    given: dict[str, Any] = {"by": snow.manager, "location": snow.clinic.location, "day": TUESDAY}
    with pytest.raises(Refused, match="Give a reason"):
        close_day(now=HALF_PAST_SIX, reason=" ", **given)
    with pytest.raises(Refused, match="is over"):
        close_day(now=HALF_PAST_SIX + timedelta(days=1), reason="Snow", **given)
    snow.close()
    with pytest.raises(Refused, match="closed already"):
        close_day(now=HALF_PAST_SIX, reason="Snow", **given)
    assert Disruption.objects.count() == 1


class Storm(Snow):
    """The storm is announced on Monday evening for Tuesday; whoever comes on Wednesday is far enough away."""

    def close_for_other_times(self, day: date, now: datetime = HALF_PAST_SIX) -> Disruption:
        return close_day(
            by=self.manager,
            now=now,
            location=self.clinic.location,
            day=day,
            reason="Storm",
            find_other_times=True,
        )


def test_for_visits_of_today_another_place_is_held_until_closing_for_the_call() -> None:
    storm = Storm()
    disruption = storm.close_for_other_times(TUESDAY)

    rows = list(disruption.visits.select_related("hold", "appointment").order_by("appointment__starts_at"))
    assert [(row.resolution, row.call) for row in rows] == [(Resolution.CANCELLED, CallState.TO_CALL)] * 2
    assert {row.appointment.status for row in rows} == {Status.CANCELLED_BY_CLINIC}
    closing = datetime(2026, 1, 6, 23, tzinfo=UTC)
    assert [row.hold and row.hold.expires_at for row in rows] == [closing, closing]
    # Her course keeps its rhythm best with the session at its end; his one visit was at one.
    kept = [row.hold.places[0]["starts_at"] for row in rows if row.hold]
    assert kept == ["2026-01-26T14:00:00+00:00", "2026-01-07T18:00:00+00:00"]
    entry = AuditEntry.objects.get(action="close_day")
    assert sorted(entry.facts["held"]) == sorted(row.appointment_id for row in rows)


def test_who_agrees_is_booked_again_with_a_new_number_and_uses_no_session_twice() -> None:
    storm = Storm()
    disruption = storm.close_for_other_times(TUESDAY)
    row = disruption.visits.order_by("appointment__starts_at")[0]
    record_call(by=storm.clinic.clerk, now=HALF_PAST_SIX, row=row, outcome=CallState.AGREED)

    again = storm.course.appointments.get(local_date=date(2026, 1, 26))
    assert (again.number, again.status) == (7, Status.BOOKED)
    assert again.uid != row.appointment.uid
    order = Order.objects.get(pk=storm.course.order_id)
    assert (order.taken, storm.course.appointments.filter(status=Status.BOOKED).count()) == (6, 6)
    row.refresh_from_db()
    assert (row.resolution, row.call, row.told_at) == (Resolution.MOVED, CallState.AGREED, HALF_PAST_SIX)
    with pytest.raises(Refused, match="Nobody is to be called"):
        record_call(by=storm.clinic.clerk, now=HALF_PAST_SIX, row=row, outcome=CallState.AGREED)


def test_visits_more_than_a_day_away_are_moved_at_once() -> None:
    storm = Storm()
    friday = TUESDAY + timedelta(days=3)
    before = storm.course.appointments.get(local_date=friday)
    disruption = storm.close_for_other_times(friday)

    row = disruption.visits.get()
    assert (row.resolution, row.call, row.hold) == (Resolution.MOVED, CallState.NONE, None)
    visit = Appointment.objects.get(pk=before.pk)
    assert (visit.uid, visit.number, visit.sequence) == (before.uid, before.number, before.sequence + 1)
    assert visit.local_date == friday + timedelta(days=1)
    change = Message.objects.get(series=storm.course, kind=MessageKind.CHANGE)
    assert (change.due_at, change.change) == (HALF_PAST_SIX, None)
    entry = AuditEntry.objects.get(action="close_day")
    assert (entry.facts["moved"], entry.facts["held"]) == ([visit.pk], [])


def test_where_no_other_time_is_free_the_visit_is_cancelled_and_no_more() -> None:
    storm = Storm()
    location, friday = storm.clinic.location, TUESDAY + timedelta(days=3)
    for day in [friday + timedelta(days=ahead) for ahead in range(-7, 50)]:
        if day != friday:
            location.closures.create(first_day=day, last_day=day, reason="Works")
    disruption = storm.close_for_other_times(friday)

    assert [row.resolution for row in disruption.visits.all()] == [Resolution.CANCELLED]
    assert storm.course.appointments.get(local_date=friday).status == Status.CANCELLED_BY_CLINIC
