from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries

from scheduling.access import SYSTEM
from scheduling.core.pattern import PhaseKind
from scheduling.core.words import Role, Status
from scheduling.models import Appointment, Chair, Closure, Location, ShiftException, StaffMember
from scheduling.services.appointments import Canceller, cancel_appointment
from scheduling.services.board import DayBoard, Load, day_board
from scheduling.services.missing import record_missed
from scheduling.services.overruns import Shared
from scheduling.services.visits import discharge, record_step
from scheduling.services.week import week_grid
from tests.factories import (
    NOW,
    add_shifts,
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

DAY = date(2026, 1, 5)
START = NOW + timedelta(hours=2)
"""10:00 in New York; planned: treatment 10:30-11:10, discharge until 12:00, turnover until 12:15."""


def after(number: int) -> datetime:
    """So many minutes after the planned start."""
    return START + timedelta(minutes=number)


@pytest.fixture
def location() -> Location:
    return make_location()


@pytest.fixture
def chair(location: Location) -> Chair:
    return make_chair(location, "Chair 1")


@pytest.fixture
def nurse(location: Location) -> StaffMember:
    return make_nurse(location, name="Nora")


def booked(location: Location, chair: Chair, nurse: StaffMember, start: datetime) -> Appointment:
    order = make_order(make_patient(location), make_protocol())
    return book(order, location, chair, nurse, [start]).appointments.get()


@pytest.fixture
def visit(location: Location, chair: Chair, nurse: StaffMember) -> Appointment:
    return booked(location, chair, nurse, START)


def recorded(visit: Appointment, **times: int) -> None:
    """Record steps so many minutes after START."""
    for field, at in times.items():
        if field == "discharged_at":
            discharge(by=SYSTEM, now=after(at), appointment=visit, escort="Sam")
        else:
            record_step(by=SYSTEM, now=after(at), appointment=visit, field=field)


def collisions(board: DayBoard) -> list[tuple[Appointment, Appointment, Shared, datetime, bool]]:
    return [(one.visit, one.following, one.shared, one.until, one.is_expected) for one in board.overruns]


def test_a_visit_stands_on_its_chair_with_its_phases_one_after_the_other(
    visit: Appointment, location: Location, chair: Chair
) -> None:
    board = day_board(location, DAY, NOW)
    assert [row.chair for row in board.chairs] == [chair]
    (row,) = board.chairs[0].visits
    assert [(phase.kind, phase.starts_at, phase.ends_at) for phase in row.phases] == [
        (PhaseKind.CHECK_IN, after(0), after(15)),
        (PhaseKind.PREPARATION, after(15), after(30)),
        (PhaseKind.TREATMENT, after(30), after(70)),
        (PhaseKind.RECOVERY, after(70), after(115)),
        (PhaseKind.DISCHARGE, after(115), after(120)),
        (PhaseKind.TURNOVER, after(120), after(135)),
    ]
    assert (row.visit, row.chair_until, row.actual) == (visit, after(135), ())


def test_what_happened_stands_beside_the_plan_and_runs_on_until_now(
    visit: Appointment, location: Location
) -> None:
    recorded(visit, arrived_at=5, started_at=40)
    (row,) = day_board(location, DAY, after(60)).under_way
    assert [(piece.kind, piece.starts_at, piece.ends_at) for piece in row.actual] == [
        ("waiting", after(5), after(40)),
        ("treatment", after(40), after(60)),
    ]


@pytest.mark.parametrize(
    ("times", "step"),
    [
        ({}, "arrived_at"),
        ({"arrived_at": 0}, "started_at"),
        ({"arrived_at": 0, "started_at": 30}, "treatment_ended_at"),
        ({"arrived_at": 0, "started_at": 30, "treatment_ended_at": 70}, "discharged_at"),
        ({"arrived_at": 0, "started_at": 30, "treatment_ended_at": 70, "discharged_at": 110}, ""),
    ],
)
def test_the_next_action_follows_the_last_step(
    visit: Appointment, location: Location, times: dict[str, int], step: str
) -> None:
    recorded(visit, **times)
    board = day_board(location, DAY, after(110))
    (row,) = board.chairs[0].visits
    assert row.step == step


def test_on_another_day_there_is_no_next_action(visit: Appointment, location: Location) -> None:
    (row,) = day_board(location, DAY, NOW + timedelta(days=1)).to_come
    assert (row.step, row.late) == ("", None)


def test_a_patient_is_late_once_the_location_waits_no_longer(visit: Appointment, location: Location) -> None:
    assert day_board(location, DAY, after(14)).late == ()
    (row,) = day_board(location, DAY, after(20)).late
    assert (row.visit, row.late_minutes) == (visit, 20)


def test_a_visit_that_runs_on_collides_with_the_next_one_on_its_chair(
    visit: Appointment, location: Location, chair: Chair
) -> None:
    following = booked(location, chair, make_nurse(location), after(135))
    recorded(visit, arrived_at=0, started_at=30, treatment_ended_at=70)
    assert collisions(day_board(location, DAY, after(120))) == []
    board = day_board(location, DAY, after(125))
    assert collisions(board) == [(visit, following, Shared.CHAIR, after(125), False)]
    assert [bool(row.overruns) for row in board.chairs[0].visits] == [True, True]


def test_a_late_start_that_will_reach_into_the_next_visit_is_foretold(
    visit: Appointment, location: Location, chair: Chair
) -> None:
    following = booked(location, chair, make_nurse(location), after(135))
    recorded(visit, arrived_at=40, started_at=60)
    board = day_board(location, DAY, after(61))
    assert collisions(board) == [(visit, following, Shared.CHAIR, after(150), True)]


def test_a_past_day_names_what_nobody_finished_and_no_overrun(
    visit: Appointment, location: Location, chair: Chair
) -> None:
    following = booked(location, chair, make_nurse(location), after(135))
    recorded(visit, arrived_at=0, started_at=30)
    board = day_board(location, DAY, START + timedelta(days=1))
    assert [row.visit for row in board.forgotten] == [visit, following]
    assert collisions(board) == []
    assert [row.is_overdue for row in board.forgotten] == [False, False]
    assert day_board(location, DAY, after(60)).forgotten == ()


def test_turnover_takes_up_a_small_delay(visit: Appointment, location: Location, chair: Chair) -> None:
    booked(location, chair, make_nurse(location), after(135))
    recorded(visit, arrived_at=0, started_at=40)
    board = day_board(location, DAY, after(41))
    (row,) = board.under_way
    assert (collisions(board), row.is_overdue, row.leaves_at) == ([], True, after(130))


def test_a_discharge_after_the_next_start_collides_until_both_are_over(
    visit: Appointment, location: Location, chair: Chair
) -> None:
    following = booked(location, chair, make_nurse(location), after(135))
    recorded(visit, arrived_at=0, started_at=30, treatment_ended_at=70, discharged_at=150)
    assert collisions(day_board(location, DAY, after(151))) == [
        (visit, following, Shared.CHAIR, after(150), False)
    ]
    recorded(following, arrived_at=152, started_at=170, treatment_ended_at=210, discharged_at=255)
    assert collisions(day_board(location, DAY, after(256))) == []


def test_a_nurse_with_more_patients_than_she_may_have_collides_on_another_chair(
    visit: Appointment, location: Location, nurse: StaffMember
) -> None:
    following = booked(location, make_chair(location), nurse, after(120))
    recorded(visit, arrived_at=0, started_at=30, treatment_ended_at=70)
    assert collisions(day_board(location, DAY, after(140))) == [
        (visit, following, Shared.NURSE, after(140), False)
    ]


def test_a_nurse_with_room_for_one_more_does_not_collide(location: Location, chair: Chair) -> None:
    nurse = make_nurse(location, capacity=2)
    visit = booked(location, chair, nurse, START)
    booked(location, make_chair(location), nurse, after(120))
    recorded(visit, arrived_at=0, started_at=30, treatment_ended_at=70)
    assert collisions(day_board(location, DAY, after(140))) == []


def test_a_missed_visit_is_in_nobody_s_way(visit: Appointment, location: Location, chair: Chair) -> None:
    recorded(visit, arrived_at=0, started_at=30, treatment_ended_at=70)
    following = booked(location, chair, make_nurse(location), after(135))
    record_missed(by=SYSTEM, now=after(150), appointment=following)
    assert collisions(day_board(location, DAY, after(151))) == []


def test_a_visit_in_a_freed_rest_gets_a_lane_of_its_own(
    visit: Appointment, location: Location, chair: Chair
) -> None:
    record_missed(by=SYSTEM, now=after(15), appointment=visit)
    location.lead_minutes = 0
    location.save()
    order = make_order(make_patient(location), make_protocol())
    other = book(order, location, chair, make_nurse(location), [after(30)], now=after(16))
    (row,) = day_board(location, DAY, after(17)).chairs
    assert [[one.visit for one in lane] for lane in row.lanes] == [[visit], [other.appointments.get()]]


def test_back_to_back_visits_share_a_lane(visit: Appointment, location: Location, chair: Chair) -> None:
    booked(location, chair, make_nurse(location), after(135))
    (row,) = day_board(location, DAY, NOW).chairs
    assert [len(lane) for lane in row.lanes] == [2]


def test_cancelled_visits_are_counted_and_listed_but_take_no_chair(
    visit: Appointment, location: Location
) -> None:
    cancel_appointment(by=SYSTEM, now=NOW, appointment=visit, canceller=Canceller.CLINIC)
    board = day_board(location, DAY, NOW)
    assert board.chairs[0].visits == []
    assert [row.visit for row in board.over] == [visit]
    assert [(count.status, count.number) for count in board.counts] == [(Status.CANCELLED_BY_CLINIC, 1)]


def test_counts_stand_in_the_order_of_a_visit(location: Location, chair: Chair) -> None:
    visits = [booked(location, make_chair(location), make_nurse(location), START) for _ in range(3)]
    recorded(visits[0], arrived_at=0)
    board = day_board(location, DAY, after(1))
    assert [(count.get_status_display, count.number) for count in board.counts] == [
        ("booked", 2),
        ("arrived", 1),
    ]


def test_the_load_of_a_nurse_is_a_step_function_from_preparation_to_discharge(location: Location) -> None:
    nurse = make_nurse(location, capacity=2)
    booked(location, make_chair(location), nurse, START)
    booked(location, make_chair(location), nurse, after(60))
    (row,) = day_board(location, DAY, NOW).nurses
    assert row.loads == (
        Load(after(15), after(75), 1, places=2),
        Load(after(75), after(120), 2, places=2),
        Load(after(120), after(180), 1, places=2),
    )
    assert (row.nurse, row.most, row.places) == (nurse, 2, 2)


def test_a_nurse_s_shift_has_its_break_and_absence_cut_out(location: Location, nurse: StaffMember) -> None:
    nurse.shifts.update(break_starts=time(12), break_ends=time(12, 30))
    ShiftException.objects.create(
        staff=nurse, location=location, kind="absence", day=DAY, starts=time(16), ends=time(18)
    )
    (row,) = day_board(location, DAY, NOW).nurses
    assert row.shifts == ((after(-120), after(120)), (after(150), after(360)))


def test_prescribers_are_not_among_the_nurses(location: Location, nurse: StaffMember) -> None:
    add_shifts(make_staff(Role.PRESCRIBER), location, Role.PRESCRIBER)
    assert [row.nurse for row in day_board(location, DAY, NOW).nurses] == [nurse]


def test_a_chair_out_of_use_is_shown_while_it_has_a_visit(
    visit: Appointment, location: Location, chair: Chair
) -> None:
    Chair.objects.update(is_active=False)
    assert [row.chair for row in day_board(location, DAY, NOW).chairs] == [chair]
    assert day_board(location, DAY + timedelta(days=1), NOW).chairs == ()


def test_the_drawing_reaches_from_opening_to_the_last_thing_that_happened(
    visit: Appointment, location: Location
) -> None:
    location.opening_hours.update(opens=time(9), closes=time(11))
    recorded(visit, arrived_at=-90)
    board = day_board(location, DAY, after(0))
    assert (board.scale.since, board.scale.until) == (after(-120), after(180))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"holiday_country": "US"}, "New Year's Day"),
        ({"holiday_country": "CA", "holiday_subdivision": "BC"}, "New Year's Day"),
        ({}, ""),
    ],
)
def test_a_public_holiday_closes_a_location_that_follows_its_calendar(
    fields: dict[str, str], reason: str
) -> None:
    location = make_location(**fields)
    assert day_board(location, date(2026, 1, 1), NOW).open_day.closed_because == reason


def test_the_location_s_own_reason_comes_before_the_holiday_s_name() -> None:
    location = make_location(holiday_country="US")
    Closure.objects.create(
        location=location, first_day=date(2025, 12, 30), last_day=date(2026, 1, 2), reason="Moving house"
    )
    board = day_board(location, date(2026, 1, 1), NOW)
    assert (board.open_day.closed_because, board.open_day.intervals) == ("Moving house", ())


def test_a_weekday_without_hours_says_so(location: Location) -> None:
    location.opening_hours.filter(weekday=6).delete()
    reasons = {day: day_board(location, day, NOW).open_day.closed_because for day in (DAY, date(2026, 1, 4))}
    assert reasons == {DAY: "", date(2026, 1, 4): "no opening hours on this weekday"}


def test_the_day_is_that_of_the_location_s_zone() -> None:
    far = make_location(zone="Pacific/Auckland")
    late = NOW + timedelta(hours=7)  # 09:00 on the 6th over there
    visit = booked(far, make_chair(far), make_nurse(far), late)
    assert [row.visit for row in day_board(far, date(2026, 1, 6), NOW).to_come] == [visit]
    assert day_board(far, DAY, NOW).is_empty
    assert day_board(far, date(2026, 1, 6), NOW).is_today


def many(location: Location, number: int) -> None:
    protocols = [make_protocol(dose_low=Decimal("0.2")) for _ in range(3)]
    for index in range(number):
        chair, nurse = make_chair(location), make_nurse(location)
        order = make_order(make_patient(location), protocols[index % 3])
        visit = book(order, location, chair, nurse, [START]).appointments.get()
        if index % 2:
            recorded(visit, arrived_at=0, started_at=30)


def test_a_board_asks_as_often_for_forty_visits_as_for_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    small, large = make_location(), make_location()
    many(small, 1)
    many(large, 40)
    for location in (small, large):
        with django_assert_num_queries(13):
            board = day_board(location, DAY, after(140))
        assert len(board.chairs) == sum(count.number for count in board.counts)


def test_a_week_counts_visits_and_free_time_of_every_chair(visit: Appointment, location: Location) -> None:
    other = make_chair(location, "Chair 2")
    grid = week_grid(location, date(2026, 1, 8), NOW)
    assert [one.open_day.day for one in grid.days] == [DAY + timedelta(days=offset) for offset in range(7)]
    assert [one.is_today for one in grid.days] == [True, *[False] * 6]
    assert [one.visits for one in grid.days] == [1, 0, 0, 0, 0, 0, 0]
    assert [row.chair for row in grid.rows] == [visit.chair, other]
    monday, tuesday = grid.rows[0].cells[:2]
    assert (monday.visits, monday.open_minutes, monday.free_minutes) == (1, 600, 600 - 135)
    assert (monday.taken_percent, monday.free_words) == (22, "7:45 h")
    assert (tuesday.visits, tuesday.free_minutes, tuesday.taken_percent) == (0, 600, 0)


def test_a_closed_day_of_the_week_has_no_free_time(location: Location, chair: Chair) -> None:
    Closure.objects.create(location=location, first_day=DAY, last_day=DAY, reason="Painting")
    grid = week_grid(location, DAY, NOW)
    assert grid.days[0].open_day.closed_because == "Painting"
    assert (grid.rows[0].cells[0].open_minutes, grid.rows[0].cells[0].free_minutes) == (0, 0)
    assert grid.rows[0].cells[1].free_minutes == 600


def test_a_chair_out_of_use_has_no_free_time(visit: Appointment, location: Location) -> None:
    Chair.objects.update(is_active=False)
    (row,) = week_grid(location, DAY, NOW).rows
    assert [cell.free_minutes for cell in row.cells] == [0] * 7


def test_a_week_asks_as_often_for_forty_visits_as_for_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    small, large = make_location(), make_location()
    many(small, 1)
    many(large, 40)
    for location in (small, large):
        with django_assert_num_queries(10):
            week_grid(location, DAY, NOW)
