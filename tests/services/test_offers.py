from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest

from scheduling.core.planner import Place, Ranking
from scheduling.core.timeline import from_step, to_step
from scheduling.core.wishes import Wishes
from scheduling.models import Closure, OpeningHours, Order, Series, Shift
from scheduling.services.appointments import move_appointment
from scheduling.services.booking import BookedPlace
from scheduling.services.faults import Refused
from scheduling.services.offers import (
    Offers,
    check_session,
    check_typed,
    offer_places,
    offer_sessions,
    review,
    same_times,
)
from scheduling.services.proposals import LIFE, Proposal, Question, propose, signed, unsigned
from scheduling.services.reason_words import NoPlanWords
from tests.factories import NOW, make_chair, make_nurse
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


def ask(clinic: Clinic, order: Order, **fields: object) -> Question:
    values = {
        "order_id": order.pk,
        "location_id": clinic.location.pk,
        "sessions": 6,
        "earliest": NOW.date(),
        "wishes": Wishes(),
        "request_key": "key",
    }
    return Question(**(values | fields))  # type: ignore[arg-type]


def proposed(clinic: Clinic, order: Order, **fields: object) -> tuple[Proposal, ...]:
    found = propose(question=ask(clinic, order, **fields), order=order, location=clinic.location, now=NOW)
    assert isinstance(found, tuple)
    return found


def course(clinic: Clinic, order: Order, starts: tuple[datetime, ...] = COURSE) -> Proposal:
    """A proposal with the given starts in the clinic's one chair with its one nurse."""
    places = tuple(Place(to_step(start), clinic.chair.pk, clinic.nurse.pk) for start in starts)
    return Proposal(ask(clinic, order), places, NOW, Ranking.BEST_FIT)


def locals_of(offers: Offers, clinic: Clinic) -> list[str]:
    tz = clinic.location.tz
    return [f"{from_step(place.start).astimezone(tz):%a %d %b %H:%M}" for place in offers.places]


# --- proposals ---


def test_three_proposals_are_three_different_courses(clinic: Clinic) -> None:
    found = proposed(clinic, clinic.order())
    assert [one.ranking for one in found] == [Ranking.BEST_FIT, Ranking.SOONEST, Ranking.STEADIEST]
    assert len({one.places for one in found}) == 3
    assert {len(one.places) for one in found} == {6}


def test_every_proposal_can_be_booked_as_it_stands(clinic: Clinic) -> None:
    for proposal in proposed(clinic, clinic.order()):
        order = clinic.order(regimen=f"again-{proposal.ranking}")
        places = proposal.booked_places()
        if proposal.ranking is Ranking.BEST_FIT:
            series = clinic.book(order, places=places)
            assert series.appointments.count() == 6


def test_only_days_and_blackouts_are_kept(clinic: Clinic) -> None:
    wishes = Wishes(only_weekdays=frozenset({1, 4}), blackouts=((date(2026, 1, 9), date(2026, 1, 15)),))
    for proposal in proposed(clinic, clinic.order(), wishes=wishes):
        days = [from_step(place.start).date() for place in proposal.places]
        assert {day.weekday() for day in days} == {1, 4}
        assert not any(date(2026, 1, 9) <= day <= date(2026, 1, 15) for day in days)


def test_where_nothing_fits_the_reasons_are_words(clinic: Clinic) -> None:
    OpeningHours.objects.exclude(weekday=1).delete()
    order = clinic.order(valid_until=date(2026, 1, 20))
    found = propose(question=ask(clinic, order), order=order, location=clinic.location, now=NOW)
    assert isinstance(found, NoPlanWords)
    assert found.headline.startswith("Visit ") or found.headline.startswith("No day")
    assert "The order ends on Tue 20 Jan" in [cause.words for cause in found.causes]


# --- signed text ---


def test_a_signed_proposal_comes_back_as_it_was(clinic: Clinic) -> None:
    wishes = Wishes(
        prefer_weekdays=frozenset({1}),
        never_windows=((0, 540),),
        blackouts=((date(2026, 1, 9), date(2026, 1, 9)),),
    )
    for proposal in proposed(clinic, clinic.order(), wishes=wishes):
        assert unsigned(signed(proposal)) == proposal


@pytest.mark.parametrize("damage", [str.upper, lambda text: text[:-1], lambda text: "", lambda text: "é:a"])
def test_a_damaged_proposal_is_refused(clinic: Clinic, damage: object) -> None:
    text = signed(course(clinic, clinic.order()))
    with pytest.raises(Refused) as refused:
        unsigned(damage(text))  # type: ignore[operator]
    assert refused.value.code == "proposal_unreadable"


def test_a_proposal_is_good_for_an_hour(clinic: Clinic) -> None:
    proposal = course(clinic, clinic.order())
    assert not proposal.is_expired(NOW + LIFE)
    assert proposal.is_expired(NOW + LIFE + timedelta(seconds=1))


def test_a_swapped_session_is_sorted_in_and_counts_as_fresh(clinic: Clinic) -> None:
    proposal = course(clinic, clinic.order())
    later = replace(proposal.places[0], start=to_step(COURSE[5] + timedelta(days=3)))
    changed = proposal.with_place(0, later, NOW + LIFE)
    assert changed.places == (*proposal.places[1:], later)
    assert (changed.changed, changed.made_at) == (True, NOW + LIFE)


# --- a proposal against what is true now ---


def look(clinic: Clinic, order: Order, proposal: Proposal, **given: object):  # type: ignore[no-untyped-def]
    return review(
        proposal=proposal,
        order=order,
        location=clinic.location,
        now=NOW,
        **given,  # type: ignore[arg-type]
    )


def test_a_proposal_that_still_fits_has_no_faults(clinic: Clinic) -> None:
    order = clinic.order()
    found = look(clinic, order, course(clinic, order))
    assert found.fits
    assert not found.needs_override


def test_a_place_taken_meanwhile_is_the_fault_of_its_session(clinic: Clinic) -> None:
    order = clinic.order()
    clinic.book(clinic.order(), COURSE[2:3])
    found = look(clinic, order, course(clinic, order))
    assert [bool(reasons) for reasons in found.faults] == [False, False, True, False, False, False]
    assert not found.needs_override


def test_the_times_are_kept_where_another_chair_and_nurse_can_take_them(clinic: Clinic) -> None:
    order = clinic.order()
    clinic.book(clinic.order(), COURSE[2:3])
    proposal = course(clinic, order)
    assert same_times(proposal=proposal, found=look(clinic, order, proposal), now=NOW) is None
    make_chair(clinic.location)
    make_nurse(clinic.location)
    repaired = same_times(proposal=proposal, found=look(clinic, order, proposal), now=NOW)
    assert repaired is not None
    assert [place.start for place in repaired.places] == [place.start for place in proposal.places]
    assert look(clinic, order, repaired).fits


def test_other_times_of_a_session_keep_their_distance_to_the_others(clinic: Clinic) -> None:
    order = clinic.order()
    proposal = course(clinic, order)
    found = look(clinic, order, proposal)
    offers = offer_sessions(proposal=proposal, found=found, index=2)
    assert len(offers.places) == 9
    for place in offers.places:
        swapped = proposal.with_place(2, place, NOW)
        assert look(clinic, order, swapped).fits
        starts = [one.start for one in swapped.places]
        assert all(after - before >= 40 * 12 for before, after in pairwise(starts))


def test_other_times_are_offered_though_several_sessions_are_gone(clinic: Clinic) -> None:
    order = clinic.order()
    clinic.book(clinic.order(), COURSE[1:4])
    proposal = course(clinic, order)
    found = look(clinic, order, proposal)
    for index in range(6):
        assert offer_sessions(proposal=proposal, found=found, index=index).places


def test_without_a_place_within_the_wishes_others_are_offered_and_marked(clinic: Clinic) -> None:
    order = clinic.order()
    proposal = course(clinic, order, COURSE[:1])
    day = COURSE[0].date()
    away = Wishes(only_weekdays=frozenset({1}), only_windows=((9 * 60, 11 * 60),))
    question = replace(proposal.question, wishes=away, sessions=1)
    proposal = replace(proposal, question=question)
    Closure.objects.create(
        location=clinic.location, first_day=day + timedelta(days=1), last_day=date(2026, 6, 1), reason="x"
    )
    found = look(clinic, order, proposal)
    offers = offer_sessions(proposal=proposal, found=found, index=0)
    assert offers.beside_wishes
    assert offers.places


def typed(clinic: Clinic, order: Order, proposal: Proposal, index: int, day: date, wall: time):  # type: ignore[no-untyped-def]
    return check_session(
        proposal=proposal,
        found=look(clinic, order, proposal, reach=day),
        index=index,
        location=clinic.location,
        now=NOW,
        day=day,
        wall=wall,
    )


def test_a_typed_time_of_a_session_fits(clinic: Clinic) -> None:
    order = clinic.order()
    answer = typed(clinic, order, course(clinic, order), 2, date(2026, 1, 14), time(10, 5))
    assert answer.fits
    assert from_step(answer.place.start) == datetime(2026, 1, 14, 15, 5, tzinfo=UTC)


def test_a_typed_time_far_behind_the_course_fits_too(clinic: Clinic) -> None:
    order = clinic.order()
    assert typed(clinic, order, course(clinic, order), 5, date(2026, 4, 20), time(10)).fits


def test_a_typed_time_too_near_needs_an_override_and_has_a_place(clinic: Clinic) -> None:
    order = clinic.order()
    answer = typed(clinic, order, course(clinic, order), 1, date(2026, 1, 7), time(9))
    assert (answer.fits, answer.needs_override) == (False, True)
    assert answer.place is not None
    assert len(answer.reasons) == 2


def test_a_typed_time_against_a_hard_rule_has_no_place(clinic: Clinic) -> None:
    order = clinic.order()
    answer = typed(clinic, order, course(clinic, order), 1, date(2026, 1, 7), time(7))
    assert (answer.place, answer.needs_override) == (None, False)
    assert "Wed 7 Jan 07:00–09:00: the clinic is not open long enough." in answer.reasons


# --- one booked visit ---


def third(series: Series):  # type: ignore[no-untyped-def]
    return series.appointments.get(number=3)


def test_offered_places_of_a_booked_visit_can_all_be_taken(clinic: Clinic) -> None:
    series = clinic.book(clinic.order())
    visit = third(series)
    offers = offer_places(appointment=visit, now=NOW)
    assert len(offers.places) == 9
    assert locals_of(offers, clinic)[0].endswith("09:00")
    for place in offers.places:
        to = BookedPlace(from_step(place.start), place.chair, place.nurse)
        move_appointment(by=clinic.clerk, now=NOW, appointment=visit, place=to)


def test_the_visits_own_place_counts_as_free(clinic: Clinic) -> None:
    series = clinic.book(clinic.order())
    visit = third(series)
    answer = check_typed(appointment=visit, now=NOW, day=visit.local_date, wall=time(9, 30))
    assert answer.fits


def test_offers_keep_the_wishes_of_the_course(clinic: Clinic) -> None:
    series = clinic.book(clinic.order(), wishes={"only_weekdays": [1, 4]})
    days = {name[:3] for name in locals_of(offer_places(appointment=third(series), now=NOW), clinic)}
    assert days <= {"Tue", "Fri"}
    free = offer_places(appointment=third(series), now=NOW, wishes=Wishes())
    assert not {name[:3] for name in locals_of(free, clinic)} <= {"Tue", "Fri"}


def test_nothing_is_offered_where_nobody_works(clinic: Clinic) -> None:
    series = clinic.book(clinic.order())
    Shift.objects.all().delete()
    assert offer_places(appointment=third(series), now=NOW).places == ()


def test_a_visit_whose_time_is_over_can_still_be_offered_places(clinic: Clinic) -> None:
    series = clinic.book(clinic.order())
    late = COURSE[2] + timedelta(days=1)
    offers = offer_places(appointment=third(series), now=late)
    assert offers.places
    assert all(from_step(place.start) > late for place in offers.places)


@pytest.mark.parametrize(
    ("day", "wall", "words"),
    [
        (date(2026, 1, 4), time(9), "A visit cannot start in the past."),
        (date(2026, 1, 13), time(9, 2), "A visit starts on a multiple of 5 minutes."),
        (
            date(2026, 3, 8),
            time(2, 30),
            "On 2026-03-08 clocks are set forward and 02:30 does not exist. Choose another time.",
        ),
        (
            date(2026, 11, 1),
            time(1, 30),
            "On 2026-11-01 clocks are set back and 01:30 happens twice. Choose another time.",
        ),
        (date(2026, 1, 14), time(17), "Wed 14 Jan 17:00–19:00: the clinic is not open long enough."),
        (date(2026, 9, 1), time(9), "Tue 1 Sep 09:00–11:00: bookings are possible until Tue 5 May."),
        (date(1, 1, 1), time(0), "A visit cannot start in the past."),
        (date(9999, 12, 31), time(23, 55), "No visit can be booked on 9999-12-31 at 23:55."),
    ],
)
def test_a_typed_time_that_cannot_be_is_refused_in_words(
    clinic: Clinic, day: date, wall: time, words: str
) -> None:
    series = clinic.book(clinic.order())
    answer = check_typed(appointment=third(series), now=NOW, day=day, wall=wall)
    assert answer.place is None
    assert words in answer.reasons


def test_a_gap_is_broken_against_the_visit_before_and_the_one_after(clinic: Clinic) -> None:
    series = clinic.book(clinic.order())
    for day in (date(2026, 1, 10), date(2026, 1, 15)):
        answer = check_typed(appointment=third(series), now=NOW, day=day, wall=time(9))
        assert (answer.fits, answer.needs_override) == (False, True)
        assert "only 1 day lies between it and another visit" in answer.reasons[0]
        assert answer.place is not None
        to = BookedPlace(from_step(answer.place.start), answer.place.chair, answer.place.nurse)
        moved = move_appointment(
            by=clinic.prescriber, now=NOW, appointment=third(series), place=to, override_reason="Travels"
        )
        assert (moved.local_date, moved.override_reason) == (day, "Travels")
