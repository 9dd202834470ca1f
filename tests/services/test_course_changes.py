"""One visit changes and its course with it: planned, done as one act, told once, undone as one."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from scheduling.core.planner import Place
from scheduling.core.timeline import from_step, to_step
from scheduling.core.words import Channel, CourseAct, MessageKind, MessageState, Scope, Status
from scheduling.models import Appointment, AuditEntry, Claim, Message, Series
from scheduling.services.appointments import Canceller, cancel_appointment, move_appointment
from scheduling.services.booking import BookedPlace
from scheduling.services.changes import undo_change, undoable
from scheduling.services.course_changes import change_course
from scheduling.services.faults import Refused
from scheduling.services.patients import give_consent
from scheduling.services.rest_plans import Asked, RestPlan, rest_plans
from tests.factories import NOW
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def course(clinic: Clinic) -> Series:
    """Six visits, Tuesdays and Fridays at nine, of a patient who is written to."""
    order = clinic.order()
    give_consent(by=clinic.clerk, now=NOW, patient=order.patient, channel=Channel.EMAIL)
    return clinic.book(order)


def visits(course: Series) -> list[Appointment]:
    return list(course.appointments.select_related("series__order__protocol", "location").order_by("number"))


def at(clinic: Clinic, instant: datetime) -> Place:
    return Place(to_step(instant), clinic.chair.pk, clinic.nurse.pk)


def ways(asked: Asked, course: Series, now: datetime = NOW) -> dict[Scope, RestPlan]:
    visit = next(one for one in visits(course) if one.pk == asked.visit_id)
    return {way.scope: way for way in rest_plans(asked=asked, visit=visit, now=now)}


def starts(course: Series) -> list[datetime]:
    rows = Appointment.objects.filter(series=course, status=Status.BOOKED).order_by("starts_at")
    return list(rows.values_list("starts_at", flat=True))


def course_mails(course: Series) -> list[str]:
    waiting = Message.objects.filter(series=course, state=MessageState.WAITING)
    return sorted(waiting.exclude(kind=MessageKind.REMINDER).values_list("kind", flat=True))


@pytest.fixture
def to_thursday(clinic: Clinic, course: Series) -> Asked:
    """The third visit moves two days on, to the day before the fourth."""
    third = visits(course)[2]
    return Asked(third.pk, CourseAct.MOVE, at(clinic, COURSE[2] + timedelta(days=2)))


def test_a_move_too_near_to_the_next_visit_is_shown_three_ways(course: Series, to_thursday: Asked) -> None:
    found = ways(to_thursday, course)
    assert list(found) == [Scope.ONE, Scope.LEAST, Scope.ANEW]
    one, least, anew = found.values()
    third, fourth = visits(course)[2:4]
    assert one.moves == ((third.pk, to_thursday.place),)
    assert [words.split(": ")[1] for words in one.broken] == [
        "only 1 day lies between it and another visit; at least 2 are needed.",
        "only 24 hours lie between it and another visit; at least 40 are needed.",
    ]
    assert (one.needs_override, one.is_possible) == (True, True)
    assert [pk for pk, _place in least.moves] == [third.pk, fourth.pk]
    assert (least.broken, least.added, least.none) == ((), (), None)
    assert anew.moves[0] == (third.pk, to_thursday.place)


def test_the_least_change_moves_one_neighbour_and_tells_of_both_at_once(
    clinic: Clinic, course: Series, to_thursday: Asked
) -> None:
    least = ways(to_thursday, course)[Scope.LEAST]
    before = {one.number: (one.starts_at, one.uid, one.sequence) for one in visits(course)}
    change_course(by=clinic.clerk, now=NOW, asked=to_thursday, way=least, revision=1)
    after = {one.number: (one.starts_at, one.uid, one.sequence) for one in visits(course)}
    assert {number for number in after if after[number] != before[number]} == {3, 4}
    for number in (3, 4):
        assert after[number][1:] == (before[number][1], before[number][2] + 1)
    assert after[3][0] == COURSE[2] + timedelta(days=2)
    days = sorted(start.date() for start in starts(course))
    assert all((b - a).days >= 2 for a, b in pairwise(days))
    course.refresh_from_db()
    assert course.revision == 2
    # One mail about the course, and the calendar's entries, none of which has left before.
    assert course_mails(course) == [MessageKind.CONFIRMATION, *[MessageKind.INVITATION] * 6]
    assert AuditEntry.objects.filter(action="change_course").values_list("facts__moved", flat=True).get() == [
        3,
        4,
    ]


def test_nothing_moves_that_need_not(clinic: Clinic, course: Series) -> None:
    third = visits(course)[2]
    asked = Asked(third.pk, CourseAct.MOVE, at(clinic, COURSE[2] + timedelta(hours=2)))
    found = ways(asked, course)
    assert Scope.LEAST not in found
    assert found[Scope.ONE].broken == ()


def test_the_undo_puts_all_of_it_back(clinic: Clinic, course: Series, to_thursday: Asked) -> None:
    anew = ways(to_thursday, course)[Scope.ANEW]
    change_course(by=clinic.clerk, now=NOW, asked=to_thursday, way=anew, revision=1)
    assert starts(course) != list(COURSE)
    change = undoable(Series.objects.get(pk=course.pk), NOW)
    assert change is not None
    undo_change(by=clinic.clerk, now=NOW, change=change)
    assert starts(course) == list(COURSE)
    assert Claim.objects.filter(hold__isnull=False).count() == 0


def test_a_cancelled_session_is_made_up_behind_the_others(clinic: Clinic, course: Series) -> None:
    third = visits(course)[2]
    asked = Asked(third.pk, CourseAct.CANCEL, canceller=Canceller.PATIENT, reason="travels")
    found = ways(asked, course)
    least = found[Scope.LEAST]
    assert (found[Scope.ONE].moves, found[Scope.ONE].added) == ((), ())
    assert least.moves == ()
    assert [from_step(place.start) for place in least.added] == [COURSE[5] + timedelta(days=3)]
    change_course(by=clinic.clerk, now=NOW, asked=asked, way=least, revision=1)
    booked = [start for index, start in enumerate(COURSE) if index != 2]
    assert starts(course) == [*booked, COURSE[5] + timedelta(days=3)]
    third.refresh_from_db()
    assert (third.status, third.reason) == (Status.CANCELLED_IN_TIME, "travels")
    assert course.appointments.order_by("-number").values_list("number", flat=True)[0] == 7
    change = undoable(Series.objects.get(pk=course.pk), NOW)
    assert change is not None
    undo_change(by=clinic.clerk, now=NOW, change=change)
    assert starts(course) == list(COURSE)
    made_up = course.appointments.get(number=7)
    assert made_up.status == Status.CANCELLED_BY_CLINIC
    course.order.refresh_from_db()
    assert course.order.taken == 6


def test_the_rest_anew_closes_the_gap_of_a_cancelled_session(clinic: Clinic, course: Series) -> None:
    second = visits(course)[1]
    asked = Asked(second.pk, CourseAct.CANCEL, canceller=Canceller.CLINIC)
    anew = ways(asked, course)[Scope.ANEW]
    change_course(by=clinic.clerk, now=NOW, asked=asked, way=anew, revision=1)
    days = [start.date() for start in starts(course)]
    gaps = [(b - a).days for a, b in pairwise(days)]
    protocol = clinic.protocol
    assert all(protocol.ideal_low <= gap <= protocol.ideal_high for gap in gaps)
    assert len(days) == 6


def test_a_missed_session_is_made_up(clinic: Clinic, course: Series) -> None:
    first = visits(course)[0]
    now = COURSE[0] + timedelta(hours=3)
    Claim.objects.filter(appointment=first).delete()
    Appointment.objects.filter(pk=first.pk).update(status=Status.MISSED)
    course.order.taken = 5
    course.order.save()
    asked = Asked(first.pk, CourseAct.MAKE_UP)
    found = ways(asked, course, now)
    assert found[Scope.ONE].moves == ()
    change_course(by=clinic.clerk, now=now, asked=asked, way=found[Scope.LEAST], revision=1)
    assert starts(course) == [*COURSE[1:], COURSE[5] + timedelta(days=3)]


def test_a_long_gap_that_is_left_is_named(clinic: Clinic, course: Series) -> None:
    third, fourth = visits(course)[2:4]
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=third, canceller=Canceller.CLINIC)
    asked = Asked(fourth.pk, CourseAct.CANCEL, canceller=Canceller.CLINIC)
    (gap,) = ways(asked, course)[Scope.ONE].long_gaps
    assert gap == (COURSE[1].date(), COURSE[4].date())


def test_a_way_that_cannot_be_says_why(clinic: Clinic, course: Series) -> None:
    order = course.order
    order.valid_until = COURSE[5].date()
    order.save()
    asked = Asked(visits(course)[5].pk, CourseAct.CANCEL, canceller=Canceller.CLINIC)
    least = ways(asked, course)[Scope.LEAST]
    assert least.none is not None
    assert least.is_possible is False
    assert "order" in " ".join(cause.words for cause in least.none.causes)


def test_an_override_with_a_prescribers_reason_moves_only_this_one(
    clinic: Clinic, course: Series, to_thursday: Asked
) -> None:
    one = ways(to_thursday, course)[Scope.ONE]
    with pytest.raises(Refused) as refused:
        change_course(by=clinic.clerk, now=NOW, asked=to_thursday, way=one, revision=1, override_reason="x")
    assert refused.value.code == "rules_broken"
    assert starts(course) == list(COURSE)
    change_course(
        by=clinic.prescriber, now=NOW, asked=to_thursday, way=one, revision=1, override_reason="travels"
    )
    assert visits(course)[2].override_reason == "travels"


def test_a_course_changed_meanwhile_is_refused_and_nothing_half_applied(
    clinic: Clinic, course: Series, to_thursday: Asked
) -> None:
    least = ways(to_thursday, course)[Scope.LEAST]
    place = BookedPlace(COURSE[4] + timedelta(hours=1), clinic.chair.pk, clinic.nurse.pk)
    move_appointment(by=clinic.clerk, now=NOW, appointment=visits(course)[4], place=place)
    before = starts(course)
    with pytest.raises(Refused) as refused:
        change_course(by=clinic.clerk, now=NOW, asked=to_thursday, way=least, revision=1)
    assert refused.value.code == "course_changed"
    assert starts(course) == before


def test_a_place_taken_meanwhile_is_named_and_nothing_half_applied(
    clinic: Clinic, course: Series, to_thursday: Asked
) -> None:
    least = ways(to_thursday, course)[Scope.LEAST]
    clinic.book(clinic.order(), [from_step(least.moves[1][1].start)])
    with pytest.raises(Refused) as refused:
        change_course(by=clinic.clerk, now=NOW, asked=to_thursday, way=least, revision=1)
    assert refused.value.code == "places_taken"
    assert starts(course) == list(COURSE)


def test_pressing_twice_changes_once(clinic: Clinic, course: Series, to_thursday: Asked) -> None:
    least = ways(to_thursday, course)[Scope.LEAST]
    for _press in range(2):
        change_course(by=clinic.clerk, now=NOW, asked=to_thursday, way=least, revision=1)
    assert AuditEntry.objects.filter(action="change_course").count() == 1


def test_visits_that_take_each_others_days_are_saved_in_an_order_that_works(
    clinic: Clinic, course: Series
) -> None:
    rest = visits(course)
    # Everybody one place on: each lands on the day that the next one leaves.
    shifted = [(one.pk, at(clinic, start)) for one, start in zip(rest[:-1], COURSE[1:], strict=True)]
    last = at(clinic, COURSE[5] + timedelta(days=4))
    way = RestPlan(Scope.ANEW, moves=(*shifted, (rest[-1].pk, last)))
    asked = Asked(rest[0].pk, CourseAct.MOVE, shifted[0][1])
    change_course(by=clinic.clerk, now=NOW, asked=asked, way=way, revision=1)
    assert starts(course) == [*COURSE[1:], COURSE[5] + timedelta(days=4)]
    change = undoable(Series.objects.get(pk=course.pk), NOW)
    assert change is not None
    undo_change(by=clinic.clerk, now=NOW, change=change)
    assert starts(course) == list(COURSE)


def test_two_visits_too_near_by_a_prescribers_wish_stay_so(clinic: Clinic) -> None:
    near = [*COURSE[:2], COURSE[1] + timedelta(days=1), *COURSE[3:]]
    course = clinic.book(clinic.order(), near, by=clinic.prescriber, override_reason="travels")
    fifth = visits(course)[4]
    asked = Asked(fifth.pk, CourseAct.MOVE, at(clinic, COURSE[5] - timedelta(days=1)))
    least = ways(asked, course)[Scope.LEAST]
    assert [pk for pk, _place in least.moves] == [fifth.pk, visits(course)[5].pk]


def test_nothing_is_made_up_where_nothing_is_lost(clinic: Clinic, course: Series) -> None:
    asked = Asked(visits(course)[0].pk, CourseAct.MAKE_UP)
    way = RestPlan(Scope.LEAST, added=(at(clinic, COURSE[5] + timedelta(days=3)),))
    with pytest.raises(Refused) as refused:
        change_course(by=clinic.clerk, now=NOW, asked=asked, way=way, revision=1)
    assert refused.value.code == "course_changed"
    with pytest.raises(Refused) as refused:
        change_course(by=clinic.clerk, now=NOW, asked=asked, way=replace(way, added=()), revision=1)
    assert refused.value.code == "nothing_to_change"
