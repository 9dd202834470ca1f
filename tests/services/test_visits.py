from datetime import datetime, timedelta

import pytest
from django.db.models import Max, QuerySet

from scheduling.access import Actor, NotAllowed
from scheduling.core.words import OrderState, Role, SeatKind, Status
from scheduling.models import Appointment, AuditEntry, Chair, Claim, Location, StaffMember
from scheduling.services.booking import BookedPlace, book_series
from scheduling.services.faults import Refused
from scheduling.services.missing import record_missed
from scheduling.services.undoing import undo_step
from scheduling.services.visits import correct_time, discharge, record_step
from tests.factories import (
    NOW,
    actor,
    book,
    make_chair,
    make_location,
    make_nurse,
    make_order,
    make_patient,
    make_protocol,
    make_staff,
)

pytestmark = pytest.mark.django_db

START = NOW + timedelta(hours=2)
"""10:00 in New York; planned: treatment 10:30-11:10, discharge until 12:00, turnover until 12:15."""


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def after(number: int) -> datetime:
    """So many minutes after the planned start."""
    return START + minutes(number)


@pytest.fixture
def location() -> Location:
    return make_location()


@pytest.fixture
def chair(location: Location) -> Chair:
    return make_chair(location, "Chair 1")


@pytest.fixture
def nurse(location: Location) -> StaffMember:
    return make_nurse(location)


@pytest.fixture
def visit(location: Location, chair: Chair, nurse: StaffMember) -> Appointment:
    order = make_order(make_patient(location), make_protocol())
    return book(order, location, chair, nurse, [START]).appointments.get()


@pytest.fixture
def by(nurse: StaffMember) -> Actor:
    return actor(nurse)


@pytest.fixture
def desk() -> Actor:
    return actor(make_staff(Role.FRONT_DESK))


def brought_to(visit: Appointment, by: Actor, status: Status) -> Appointment:
    """The visit on time at every step up to ``status``."""
    steps = {
        Status.ARRIVED: ("arrived_at", 0),
        Status.IN_TREATMENT: ("started_at", 30),
        Status.RECOVERING: ("treatment_ended_at", 70),
    }
    for reached, (field, at) in steps.items():
        record_step(by=by, now=after(at), appointment=visit, field=field)
        if reached is status:
            break
    visit.refresh_from_db()
    return visit


def discharged(visit: Appointment, by: Actor, at: int) -> Appointment:
    brought_to(visit, by, Status.RECOVERING)
    discharge(by=by, now=after(at), appointment=visit, escort="Sam")
    visit.refresh_from_db()
    return visit


def claims(visit: Appointment) -> list[tuple[str, datetime, datetime]]:
    rows: QuerySet[Claim] = Claim.objects.filter(appointment=visit).select_related("seat")
    return sorted((claim.seat.kind, claim.starts_at, claim.ends_at) for claim in rows)


def entries(visit: Appointment, action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(subject="appointment", subject_id=visit.pk, action=action))


@pytest.mark.parametrize(
    ("field", "before", "status"),
    [
        ("arrived_at", None, Status.ARRIVED),
        ("started_at", Status.ARRIVED, Status.IN_TREATMENT),
        ("treatment_ended_at", Status.IN_TREATMENT, Status.RECOVERING),
    ],
)
def test_a_step_is_recorded_now_with_its_status_and_one_audit_entry(
    visit: Appointment, by: Actor, field: str, before: Status | None, status: Status
) -> None:
    if before:
        brought_to(visit, by, before)
    record_step(by=by, now=after(80) + timedelta(seconds=42), appointment=visit, field=field)
    visit.refresh_from_db()
    assert (visit.status, getattr(visit, field)) == (status, after(80))
    assert [entry.at for entry in entries(visit, field)] == [after(80) + timedelta(seconds=42)]


def test_a_step_may_have_happened_earlier(visit: Appointment, by: Actor) -> None:
    record_step(by=by, now=after(40), appointment=visit, field="arrived_at", at=after(-5))
    visit.refresh_from_db()
    assert visit.arrived_at == after(-5)


def test_a_step_does_not_lie_in_the_future(visit: Appointment, by: Actor) -> None:
    with pytest.raises(Refused) as refused:
        record_step(by=by, now=START, appointment=visit, field="arrived_at", at=after(1))
    assert (refused.value.code, refused.value.field) == ("in_the_future", "at")
    visit.refresh_from_db()
    assert visit.status == Status.BOOKED


def test_nobody_arrives_on_another_day(visit: Appointment, by: Actor) -> None:
    for wrong in (START - timedelta(days=1), START + timedelta(days=3)):
        with pytest.raises(Refused) as refused:
            record_step(by=by, now=wrong, appointment=visit, field="arrived_at")
        assert refused.value.code == "other_day"


def test_the_day_of_a_visit_is_its_local_day(location: Location) -> None:
    vancouver = make_location(zone="America/Vancouver")
    evening = NOW + timedelta(hours=11)  # 16:00 there, midnight UTC
    order = make_order(make_patient(vancouver), make_protocol())
    visit = book(order, vancouver, make_chair(vancouver), make_nurse(vancouver), [evening]).appointments.get()
    by = actor(make_staff(Role.NURSE))
    record_step(by=by, now=evening - minutes(10), appointment=visit, field="arrived_at")
    record_step(by=by, now=evening + minutes(30), appointment=visit, field="started_at")
    visit.refresh_from_db()
    assert (visit.status, visit.local_date.isoformat()) == (Status.IN_TREATMENT, "2026-01-05")


@pytest.mark.parametrize("field", ["started_at", "treatment_ended_at"])
def test_a_step_out_of_turn_is_refused(visit: Appointment, by: Actor, field: str) -> None:
    with pytest.raises(Refused) as refused:
        record_step(by=by, now=START, appointment=visit, field=field)
    assert refused.value.code == "other_status"


def test_two_presses_of_the_same_button_record_once(visit: Appointment, by: Actor) -> None:
    record_step(by=by, now=START, appointment=visit, field="arrived_at")
    with pytest.raises(Refused, match="This visit is arrived by now"):
        record_step(by=by, now=after(1), appointment=visit, field="arrived_at")
    visit.refresh_from_db()
    assert visit.arrived_at == START


def test_a_start_before_the_arrival_is_refused(visit: Appointment, by: Actor) -> None:
    record_step(by=by, now=after(10), appointment=visit, field="arrived_at")
    with pytest.raises(Refused) as refused:
        record_step(by=by, now=after(20), appointment=visit, field="started_at", at=after(5))
    assert refused.value.code == "steps_out_of_order"


@pytest.mark.parametrize("field", ["discharged_at", "status", "pk", ""])
def test_no_other_field_can_be_written_as_a_step(visit: Appointment, by: Actor, field: str) -> None:
    with pytest.raises(Refused) as refused:
        record_step(by=by, now=START, appointment=visit, field=field)
    assert refused.value.code == "unknown_step"


def test_the_front_desk_records_the_arrival_and_nothing_more(visit: Appointment, desk: Actor) -> None:
    record_step(by=desk, now=START, appointment=visit, field="arrived_at")
    with pytest.raises(NotAllowed):
        record_step(by=desk, now=after(30), appointment=visit, field="started_at")


def test_discharge_needs_an_escort_or_a_reason(visit: Appointment, by: Actor) -> None:
    brought_to(visit, by, Status.RECOVERING)
    with pytest.raises(Refused) as refused:
        discharge(by=by, now=after(120), appointment=visit, escort="  ")
    assert (refused.value.code, refused.value.field) == ("no_escort", "escort")
    visit.refresh_from_db()
    assert visit.status == Status.RECOVERING


def test_discharge_with_an_escort_ends_the_visit(visit: Appointment, by: Actor) -> None:
    discharged(visit, by, 120)
    assert (visit.status, visit.escort, visit.discharged_at) == (Status.DONE, "Sam", after(120))
    assert [entry.facts for entry in entries(visit, "discharge")] == [{"override": False}]


def test_leaving_alone_needs_a_reason_and_stands_in_the_audit_trail(visit: Appointment, by: Actor) -> None:
    brought_to(visit, by, Status.RECOVERING)
    discharge(by=by, now=after(120), appointment=visit, no_escort_reason="Lives next door")
    visit.refresh_from_db()
    assert (visit.escort, visit.no_escort_reason) == ("", "Lives next door")
    assert [entry.facts for entry in entries(visit, "discharge")] == [{"override": True}]


def test_a_protocol_without_escort_needs_neither(
    location: Location, chair: Chair, nurse: StaffMember, by: Actor
) -> None:
    order = make_order(make_patient(location), make_protocol(needs_escort=False))
    visit = book(order, location, chair, nurse, [START]).appointments.get()
    brought_to(visit, by, Status.RECOVERING)
    discharge(by=by, now=after(100), appointment=visit)
    visit.refresh_from_db()
    assert visit.status == Status.DONE


def test_discharge_before_recovery_is_refused(visit: Appointment, by: Actor) -> None:
    brought_to(visit, by, Status.IN_TREATMENT)
    with pytest.raises(Refused) as refused:
        discharge(by=by, now=after(60), appointment=visit, escort="Sam")
    assert refused.value.code == "other_status"


def test_an_early_end_frees_the_rest_of_every_place_and_keeps_the_turnover(
    visit: Appointment, by: Actor
) -> None:
    discharged(visit, by, 90)
    assert claims(visit) == [
        (SeatKind.CHAIR, START, after(105)),
        (SeatKind.HANDS_ON, after(15), after(30)),
        (SeatKind.MONITORING, after(15), after(90)),
        (SeatKind.PATIENT, START, after(90)),
    ]


def test_a_freed_rest_ends_at_a_whole_step_of_five_minutes(visit: Appointment, by: Actor) -> None:
    discharged(visit, by, 88)
    assert (SeatKind.PATIENT, START, after(90)) in claims(visit)


def test_somebody_else_is_booked_into_the_freed_rest(
    visit: Appointment, by: Actor, location: Location, chair: Chair, nurse: StaffMember
) -> None:
    discharged(visit, by, 75)
    order = make_order(make_patient(location), make_protocol())
    location.lead_minutes = 0
    location.save()
    other = book(order, location, chair, nurse, [after(90)], now=after(76)).appointments.get()
    assert other.starts_at < visit.ends_at


def test_an_overrun_is_recorded_as_it_was_and_moves_no_claim(visit: Appointment, by: Actor) -> None:
    before = claims(visit)
    discharged(visit, by, 200)
    assert (visit.discharged_at, visit.ends_at) == (after(200), after(120))
    assert claims(visit) == before


def test_an_overrun_into_a_claimed_place_is_recorded_too(
    visit: Appointment, by: Actor, location: Location, chair: Chair, nurse: StaffMember
) -> None:
    order = make_order(make_patient(location), make_protocol())
    following = book(order, location, chair, nurse, [after(135)]).appointments.get()
    before = claims(following)
    discharged(visit, by, 180)
    assert (visit.status, claims(following)) == (Status.DONE, before)


def test_the_last_infusion_of_an_order_uses_it_up(
    location: Location, chair: Chair, nurse: StaffMember, by: Actor
) -> None:
    order = make_order(make_patient(location), make_protocol(), sessions=1)
    visit = book(order, location, chair, nurse, [START]).appointments.get()
    discharged(visit, by, 120)
    order.refresh_from_db()
    assert (order.state, order.taken) == (OrderState.USED_UP, 1)
    undo_step(by=by, now=after(121), appointment=visit)
    order.refresh_from_db()
    assert (order.state, order.taken) == (OrderState.SIGNED, 1)


def test_a_patient_is_not_missed_before_the_location_s_patience_is_over(
    visit: Appointment, desk: Actor
) -> None:
    with pytest.raises(Refused) as refused:
        record_missed(by=desk, now=after(14), appointment=visit)
    assert refused.value.code == "not_late_yet"


def test_a_missed_visit_frees_its_places_and_its_infusion(visit: Appointment, desk: Actor) -> None:
    record_missed(by=desk, now=after(15), appointment=visit)
    visit.refresh_from_db()
    visit.series.order.refresh_from_db()
    assert (visit.status, visit.sequence, claims(visit)) == (Status.MISSED, 1, [])
    assert visit.series.order.taken == 0
    assert len(entries(visit, "record_missed")) == 1


def test_a_patient_who_is_there_is_not_missed(visit: Appointment, by: Actor) -> None:
    brought_to(visit, by, Status.ARRIVED)
    with pytest.raises(Refused) as refused:
        record_missed(by=by, now=after(30), appointment=visit)
    assert refused.value.code == "other_status"


@pytest.mark.parametrize(
    ("reached", "before", "field"),
    [
        (Status.ARRIVED, Status.BOOKED, "arrived_at"),
        (Status.IN_TREATMENT, Status.ARRIVED, "started_at"),
        (Status.RECOVERING, Status.IN_TREATMENT, "treatment_ended_at"),
    ],
)
def test_undo_takes_back_the_last_step_and_keeps_its_time_in_the_audit_trail(
    visit: Appointment, by: Actor, reached: Status, before: Status, field: str
) -> None:
    brought_to(visit, by, reached)
    recorded = getattr(visit, field)
    undo_step(by=by, now=after(100), appointment=visit)
    visit.refresh_from_db()
    assert (visit.status, getattr(visit, field)) == (before, None)
    assert [entry.facts for entry in entries(visit, "undo_step")] == [
        {"status": reached, "field": field, "before": recorded.isoformat()}
    ]


def test_undo_of_a_discharge_takes_back_the_places_that_it_freed(visit: Appointment, by: Actor) -> None:
    before = claims(visit)
    discharged(visit, by, 80)
    assert claims(visit) != before
    undo_step(by=by, now=after(81), appointment=visit)
    visit.refresh_from_db()
    assert (visit.status, visit.escort, visit.discharged_at) == (Status.RECOVERING, "", None)
    assert claims(visit) == before


def test_undo_of_a_discharge_leaves_freed_what_somebody_else_has_by_now(
    visit: Appointment, by: Actor, location: Location, chair: Chair, nurse: StaffMember
) -> None:
    discharged(visit, by, 75)
    shortened = claims(visit)
    location.lead_minutes = 0
    location.save()
    order = make_order(make_patient(location), make_protocol())
    other = book(order, location, chair, nurse, [after(90)], now=after(76)).appointments.get()
    others = claims(other)
    undo_step(by=by, now=after(78), appointment=visit)
    visit.refresh_from_db()
    assert visit.status == Status.RECOVERING
    assert (claims(visit), claims(other)) == (shortened, others)
    discharge(by=by, now=after(100), appointment=visit, escort="Sam")
    assert claims(visit) == shortened


def test_undo_of_a_miss_takes_the_places_again(visit: Appointment, desk: Actor) -> None:
    before = claims(visit)
    record_missed(by=desk, now=after(20), appointment=visit)
    undo_step(by=desk, now=after(25), appointment=visit)
    visit.refresh_from_db()
    assert (visit.status, visit.sequence, claims(visit)) == (Status.BOOKED, 2, before)


def test_undo_of_a_miss_is_refused_once_the_place_is_taken(
    visit: Appointment, desk: Actor, location: Location, chair: Chair
) -> None:
    record_missed(by=desk, now=after(20), appointment=visit)
    location.lead_minutes = 0
    location.save()
    order = make_order(make_patient(location), make_protocol())
    book(order, location, chair, make_nurse(location), [after(30)], now=after(21))
    with pytest.raises(Refused) as refused:
        undo_step(by=desk, now=after(25), appointment=visit)
    assert refused.value.code == "places_taken"
    assert "Chair 1" in str(refused.value)
    visit.refresh_from_db()
    assert (visit.status, claims(visit)) == (Status.MISSED, [])


def test_there_is_nothing_to_undo_on_a_booked_visit(visit: Appointment, by: Actor) -> None:
    with pytest.raises(Refused) as refused:
        undo_step(by=by, now=START, appointment=visit)
    assert refused.value.code == "nothing_to_undo"


def test_the_front_desk_takes_back_an_arrival_and_nothing_more(
    visit: Appointment, by: Actor, desk: Actor
) -> None:
    brought_to(visit, by, Status.IN_TREATMENT)
    with pytest.raises(NotAllowed):
        undo_step(by=desk, now=after(40), appointment=visit)
    undo_step(by=by, now=after(40), appointment=visit)
    undo_step(by=desk, now=after(41), appointment=visit)
    visit.refresh_from_db()
    assert visit.status == Status.BOOKED


def test_a_correction_keeps_the_former_time_and_the_reason(visit: Appointment, by: Actor) -> None:
    brought_to(visit, by, Status.RECOVERING)
    now = after(90)
    correct_time(
        by=by, now=now, appointment=visit, field="started_at", at=after(25), reason=" Read off wrongly "
    )
    visit.refresh_from_db()
    assert (visit.started_at, visit.status) == (after(25), Status.RECOVERING)
    assert [(entry.at, entry.staff_id, entry.facts) for entry in entries(visit, "correct_time")] == [
        (
            now,
            by.staff_id,
            {
                "field": "started_at",
                "reason": "Read off wrongly",
                "before": after(30).isoformat(),
                "after": after(25).isoformat(),
            },
        )
    ]


def test_a_correction_needs_a_reason(visit: Appointment, by: Actor) -> None:
    brought_to(visit, by, Status.ARRIVED)
    with pytest.raises(Refused) as refused:
        correct_time(by=by, now=after(5), appointment=visit, field="arrived_at", at=START, reason=" ")
    assert (refused.value.code, refused.value.field) == ("no_reason", "reason")


def test_a_correction_keeps_the_order_of_the_steps(visit: Appointment, by: Actor) -> None:
    brought_to(visit, by, Status.RECOVERING)
    with pytest.raises(Refused) as refused:
        correct_time(by=by, now=after(90), appointment=visit, field="started_at", at=after(80), reason="x")
    assert (refused.value.code, refused.value.field) == ("steps_out_of_order", "at")


def test_only_a_recorded_step_is_corrected(visit: Appointment, by: Actor) -> None:
    with pytest.raises(Refused) as refused:
        correct_time(by=by, now=START, appointment=visit, field="arrived_at", at=START, reason="x")
    assert refused.value.code == "unknown_step"


def test_the_front_desk_corrects_no_time(visit: Appointment, by: Actor, desk: Actor) -> None:
    brought_to(visit, by, Status.ARRIVED)
    with pytest.raises(NotAllowed):
        correct_time(by=desk, now=after(9), appointment=visit, field="arrived_at", at=START, reason="x")


def test_an_earlier_discharge_frees_more_and_a_later_one_takes_nothing(visit: Appointment, by: Actor) -> None:
    discharged(visit, by, 110)
    correct_time(by=by, now=after(115), appointment=visit, field="discharged_at", at=after(90), reason="x")
    assert (SeatKind.PATIENT, START, after(90)) in claims(visit)
    correct_time(by=by, now=after(115), appointment=visit, field="discharged_at", at=after(112), reason="x")
    visit.refresh_from_db()
    assert visit.discharged_at == after(112)
    assert (SeatKind.PATIENT, START, after(90)) in claims(visit)


def test_every_act_writes_exactly_one_audit_entry(visit: Appointment, by: Actor) -> None:
    last = AuditEntry.objects.aggregate(last=Max("pk"))["last"]
    discharged(visit, by, 120)
    correct_time(by=by, now=after(125), appointment=visit, field="arrived_at", at=after(-2), reason="x")
    undo_step(by=by, now=after(126), appointment=visit)
    written = AuditEntry.objects.filter(pk__gt=last).order_by("pk")
    assert [entry.action for entry in written] == [
        "arrived_at",
        "started_at",
        "treatment_ended_at",
        "discharge",
        "correct_time",
        "undo_step",
    ]
    assert {entry.patient_id for entry in written} == {visit.patient_id}


def test_a_booking_after_a_miss_uses_the_freed_infusion(
    visit: Appointment, desk: Actor, location: Location, chair: Chair, nurse: StaffMember
) -> None:
    record_missed(by=desk, now=after(20), appointment=visit)
    book_series(
        by=desk,
        now=after(20),
        order=visit.series.order,
        location=location,
        places=[BookedPlace(START + timedelta(days=3), chair.pk, nurse.pk)],
        request_key="again",
    )
    assert visit.series.appointments.count() == 2
