"""Nobody can cover Ana: another place is kept until closing while the desk calls, and booked once Ada agrees."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduling.access import Actor
from scheduling.core.words import (
    CallState,
    MessageKind,
    MessageState,
    MessageWay,
    Resolution,
    Role,
    Standing,
    Status,
)
from scheduling.models import Alert, Appointment, AuditEntry, Claim, DisruptedVisit, Disruption, Hold, Message
from scheduling.services.appointments import Canceller, cancel_appointment, move_appointment
from scheduling.services.booking import BookedPlace
from scheduling.services.call_lists import is_to_call, record_call
from scheduling.services.disruptions import lift_disruption
from scheduling.services.faults import Refused
from scheduling.services.late import as_booked
from scheduling.services.other_places import hold_other_place, let_place_go, other_places
from scheduling.services.standing import end_patient
from scheduling.services.uncovering import settle_covered
from tests import factories
from tests.days.one_day import NINE, SIX, is_missing
from tests.factories import actor
from tests.services.clinics import Clinic

pytestmark = pytest.mark.django_db

CLOSING = datetime(2026, 1, 6, 23, tzinfo=UTC)
"""18:00 in New York."""
WEDNESDAY = NINE + timedelta(days=1)


class Day:
    """Ada is booked with Ana at nine and called by phone; Ana is ill until Tuesday evening."""

    def __init__(self) -> None:
        self.clinic = Clinic()
        self.ada = factories.make_patient(self.clinic.location, phone="555-0100")
        self.visit = self.clinic.book(self.clinic.order(self.ada), [NINE]).appointments.get()
        Message.objects.update(state=MessageState.DONE, sent_at=SIX - timedelta(days=1))
        told = {str(self.visit.pk): NINE.isoformat()}
        Message.objects.filter(kind=MessageKind.CONFIRMATION).update(told=told)
        self.desk: Actor = actor(factories.make_staff(Role.FRONT_DESK))
        self.disruption = is_missing(self.clinic, self.desk, self.clinic.nurse)

    @property
    def row(self) -> DisruptedVisit:
        return DisruptedVisit.objects.select_related("appointment").get()

    def place(self, at: datetime = WEDNESDAY) -> BookedPlace:
        return BookedPlace(at, self.clinic.chair.pk, self.clinic.nurse.pk)

    def hold(self, at: datetime = WEDNESDAY) -> Hold:
        return hold_other_place(by=self.desk, now=SIX, row=self.row, place=self.place(at))

    def call(self, outcome: CallState, at: datetime = SIX) -> DisruptedVisit:
        return record_call(by=self.desk, now=at, row=self.row, outcome=outcome)


@pytest.fixture
def day() -> Day:
    return Day()


def test_the_first_place_offered_is_held_until_closing_and_nothing_is_booked_or_told(day: Day) -> None:
    messages = Message.objects.count()
    best = other_places(day.row, SIX).places[0]
    hold = hold_other_place(by=day.desk, now=SIX, row=day.row, place=as_booked(best))

    assert as_booked(best) == day.place()
    assert hold.expires_at == CLOSING
    assert (day.row.hold, day.row.call) == (hold, CallState.TO_CALL)
    # The chair, Ana's hands twice and one of her places; the patient's own time stays free.
    assert hold.claims.count() == Claim.objects.filter(appointment=day.visit).count() - 1
    assert Appointment.objects.get().starts_at == NINE
    assert Message.objects.count() == messages
    assert AuditEntry.objects.filter(action="hold_other_place").count() == 1


def test_nobody_else_is_booked_into_the_held_place_and_is_told_for_whom_it_is_kept(day: Day) -> None:
    day.hold()

    with pytest.raises(Refused) as refused:
        day.clinic.book(day.clinic.order(), [WEDNESDAY], now=SIX)
    assert all(f"{day.ada} (held for a call)" in str(detail) for detail in refused.value.details)
    # For herself it is no obstacle.
    assert as_booked(other_places(day.row, SIX).places[0]) == day.place()


def test_she_agrees_and_only_now_the_visit_moves_and_the_call_is_done(day: Day) -> None:
    day.hold()
    row = day.call(CallState.AGREED)

    visit = Appointment.objects.get()
    assert (visit.starts_at, visit.sequence, visit.pk) == (WEDNESDAY, 1, day.visit.pk)
    assert (row.call, row.resolution, row.calls) == (CallState.AGREED, Resolution.MOVED, 1)
    assert (row.told_at, row.told_by_id) == (SIX, day.desk.staff_id)
    assert DisruptedVisit.objects.get().told_at == SIX
    assert not Hold.objects.exists()
    assert not Alert.objects.open().exists()
    # She has no e-mail: the call that the move would ask for was this one.
    assert not Message.objects.filter(way=MessageWay.CALL, state=MessageState.TO_DO).exclude(
        kind=MessageKind.REMINDER
    )
    change = Message.objects.get(kind=MessageKind.CHANGE)
    assert (change.state, change.told) == (MessageState.DONE, {str(visit.pk): WEDNESDAY.isoformat()})


def test_who_has_email_is_written_to_at_once_without_a_time_to_undo(day: Day) -> None:
    day.ada.email = "ada@example.org"
    day.ada.save()
    factories.agree_to_email(day.ada)
    day.hold()
    day.call(CallState.AGREED)

    change = Message.objects.get(kind=MessageKind.CHANGE)
    assert (change.way, change.state, change.due_at) == (MessageWay.EMAIL, MessageState.WAITING, SIX)
    assert change.change is None


def test_another_time_frees_the_place_and_the_next_one_is_held_for_another_call(day: Day) -> None:
    day.hold()
    row = day.call(CallState.OTHER_TIME)

    assert (row.call, row.resolution, row.told_at) == (CallState.OTHER_TIME, Resolution.OPEN, SIX)
    assert not Hold.objects.exists()
    with pytest.raises(Refused, match="No place is held"):
        day.call(CallState.AGREED)
    assert DisruptedVisit.objects.get().calls == 1
    day.hold(WEDNESDAY + timedelta(hours=2))
    assert day.call(CallState.AGREED).calls == 2
    assert Appointment.objects.get().starts_at == WEDNESDAY + timedelta(hours=2)


def test_who_is_not_reached_keeps_the_place_until_closing_and_then_not(day: Day) -> None:
    day.hold()
    row = day.call(CallState.NOT_REACHED)
    assert (row.call, row.calls, row.told_at) == (CallState.NOT_REACHED, 1, None)
    assert Hold.objects.exists()

    with pytest.raises(Refused, match="No place is held"):
        day.call(CallState.AGREED, CLOSING)
    assert Appointment.objects.get().starts_at == NINE
    assert (DisruptedVisit.objects.get().calls, is_to_call(day.row, CLOSING)) == (1, True)


def test_told_alone_is_refused_while_a_place_waits_for_an_answer(day: Day) -> None:
    day.hold()
    with pytest.raises(Refused, match="say whether the patient agreed"):
        day.call(CallState.NONE)
    let_place_go(by=day.desk, now=SIX, row=day.row)
    assert day.call(CallState.NONE).told_at == SIX
    with pytest.raises(Refused, match="Nobody is to be called"):
        day.call(CallState.NONE)
    with pytest.raises(Refused, match="No place is held"):
        let_place_go(by=day.desk, now=SIX, row=day.row)


def test_a_place_an_hour_later_in_the_own_chair_can_be_held(day: Day) -> None:
    """What the visit has anyway is not taken twice; agreed, it has all of it once."""
    ben = factories.make_nurse(day.clinic.location, capacity=1, name="Ben")
    later = BookedPlace(NINE + timedelta(hours=1), day.clinic.chair.pk, ben.pk)
    hold = hold_other_place(by=day.desk, now=SIX, row=day.row, place=later)

    kept = hold.claims.get(seat__chair=day.clinic.chair)
    own = Claim.objects.get(appointment=day.visit, seat__chair=day.clinic.chair)
    assert (kept.starts_at, kept.ends_at) == (own.ends_at, own.ends_at + timedelta(hours=1))
    day.call(CallState.AGREED)
    own = Claim.objects.get(appointment=day.visit, seat__chair=day.clinic.chair)
    assert (own.starts_at, own.ends_at - own.starts_at) == (later.starts_at, timedelta(minutes=135))


def test_the_same_nurse_an_hour_later_is_held_beside_her_own_visit() -> None:
    """A broken chair: Ana stays, and one place of hers is enough for the hour the two share."""
    day = Day()
    lift_disruption(by=day.desk, now=SIX, disruption=day.disruption)
    second = factories.make_chair(day.clinic.location, "Chair 2")
    is_missing(day.clinic, day.desk, day.clinic.chair)
    row = DisruptedVisit.objects.open().get()
    place = BookedPlace(NINE + timedelta(hours=1), second.pk, day.clinic.nurse.pk)
    hold = hold_other_place(by=day.desk, now=SIX, row=row, place=place)

    monitoring = hold.claims.get(seat__kind="monitoring")
    own = Claim.objects.get(appointment=day.visit, seat__kind="monitoring")
    assert monitoring.starts_at == own.ends_at
    record_call(by=day.desk, now=SIX, row=row, outcome=CallState.AGREED)
    own = Claim.objects.get(appointment=day.visit, seat__kind="monitoring")
    assert own.seat.number == 1


@pytest.mark.parametrize("how", ["moved", "cancelled", "covered", "lifted", "ended", "died"])
def test_whatever_settles_the_visit_frees_the_held_place(day: Day, how: str) -> None:
    day.hold()
    clerk, now = day.desk, SIX + timedelta(minutes=5)
    if how == "moved":
        thursday = day.place(NINE + timedelta(days=2))
        move_appointment(by=clerk, now=now, appointment=day.visit, place=thursday)
    elif how == "cancelled":
        cancel_appointment(by=clerk, now=now, appointment=day.visit, canceller=Canceller.PATIENT)
    elif how == "covered":
        factories.make_nurse(day.clinic.location, capacity=1, name="Ben")
        day.disruption.lifted_at = now
        day.disruption.save()
        settle_covered(now)
    elif how == "lifted":
        lift_disruption(by=clerk, now=now, disruption=day.disruption)
    else:
        standing = Standing.DIED if how == "died" else Standing.STOPPED
        end_patient(by=clerk, now=now, patient=day.ada, standing=standing, reason="-")

    assert not Hold.objects.filter(offered_to__isnull=False).exists()
    row = day.row
    assert row.hold is None
    # Moved or cancelled without a call, she still has to hear of it; else there is nothing to tell, or nobody.
    assert row.call == (CallState.TO_CALL if how in ("moved", "cancelled") else CallState.NONE)
    assert (
        row.resolution
        == {
            "moved": Resolution.MOVED,
            "cancelled": Resolution.CANCELLED,
            "covered": Resolution.COVERED,
            "lifted": Resolution.KEPT,
            "ended": Resolution.CANCELLED,
            "died": Resolution.CANCELLED,
        }[how]
    )


def test_nobody_is_called_about_a_patient_who_died_after_the_day_was_cancelled(day: Day) -> None:
    day.hold()
    DisruptedVisit.objects.update(resolution=Resolution.CANCELLED, resolved_at=SIX)
    Appointment.objects.update(status=Status.CANCELLED_BY_CLINIC)
    end_patient(by=day.desk, now=SIX, patient=day.ada, standing=Standing.DIED, reason="-")

    with pytest.raises(Refused, match="Nobody is to be called"):
        day.call(CallState.NOT_REACHED)
    assert not Hold.objects.exists()


def test_a_visit_that_found_its_place_gets_no_other_held(day: Day) -> None:
    lift_disruption(by=day.desk, now=SIX, disruption=day.disruption)
    with pytest.raises(Refused, match="found its place"):
        day.hold()


def test_a_place_that_breaks_a_rule_or_is_taken_keeps_the_former_one(day: Day) -> None:
    former = day.hold()
    with pytest.raises(Refused, match="do not fit"):
        day.hold(WEDNESDAY + timedelta(hours=9))
    taken = NINE + timedelta(days=2)
    day.clinic.book(day.clinic.order(), [taken], now=SIX)
    with pytest.raises(Refused, match="are taken"):
        day.hold(taken)
    assert Hold.objects.get() == former


def test_a_visit_on_two_lists_is_told_once(day: Day) -> None:
    is_missing(day.clinic, day.desk, day.clinic.chair)
    rows = DisruptedVisit.objects.order_by("pk")
    # A chair that is missing as well takes nothing more from a visit that has lost its nurse.
    assert [row.disruption_id for row in rows] == [day.disruption.pk]
    DisruptedVisit.objects.create(
        disruption=Disruption.objects.exclude(pk=day.disruption.pk).get(),
        appointment=day.visit,
        was_at=NINE,
        call=CallState.TO_CALL,
    )
    record_call(by=day.desk, now=SIX, row=rows[0], outcome=CallState.NONE)
    assert list(rows.values_list("call", "told_at")) == [(CallState.NONE, SIX), (CallState.NONE, SIX)]


def test_a_visit_listed_days_ago_is_to_be_called_once_it_comes_near(day: Day) -> None:
    DisruptedVisit.objects.update(call=CallState.NONE)
    assert not is_to_call(day.row, NINE - timedelta(hours=25))
    assert is_to_call(day.row, NINE - timedelta(hours=24))
    assert day.call(CallState.NOT_REACHED).call == CallState.NOT_REACHED


def test_another_place_replaces_the_one_held_on_any_list(day: Day) -> None:
    is_missing(day.clinic, day.desk, None)
    other = DisruptedVisit.objects.create(
        disruption=Disruption.objects.exclude(pk=day.disruption.pk).get(), appointment=day.visit, was_at=NINE
    )
    day_row = DisruptedVisit.objects.get(disruption=day.disruption)
    for row in (day_row, other, day_row):
        hold_other_place(by=day.desk, now=SIX, row=row, place=day.place())
    assert Hold.objects.get().offered_to == day_row


@pytest.mark.parametrize("outcome", [CallState.NONE, CallState.OTHER_TIME])
def test_who_was_told_that_it_is_off_is_called_again_when_it_is_on_after_all(
    day: Day, outcome: CallState
) -> None:
    day.call(outcome)
    lift_disruption(by=day.desk, now=SIX, disruption=day.disruption)

    assert (day.row.resolution, day.row.call, day.row.told_at) == (Resolution.KEPT, CallState.TO_CALL, None)
    assert day.call(CallState.NONE).told_at == SIX
    assert not is_to_call(day.row, SIX)
