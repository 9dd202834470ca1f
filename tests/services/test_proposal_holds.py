"""What is on somebody's screen is kept for them, once for all alternatives, until it is booked, let go or over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from scheduling.access import Actor, NotAllowed
from scheduling.core.pattern import Pattern
from scheduling.core.words import OrderState, Role, SeatKind
from scheduling.models import Appointment, AuditEntry, Claim, Hold, Order
from scheduling.services.booking import BookedPlace, put
from scheduling.services.claims import claims_of, free_expired, release, take_places
from scheduling.services.draft_holds import hold_for_draft
from scheduling.services.faults import Refused
from scheduling.services.orders import withdraw_order
from scheduling.services.planning import load_problem
from scheduling.services.proposal_holds import (
    booking_now,
    hold_moves,
    hold_proposals,
    release_earlier,
    release_proposal,
)
from tests.factories import NOW, actor, make_chair, make_staff
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TEN = NOW + 10 * MINUTE
KEY = "key-of-the-proposals"


@pytest.fixture
def clinic() -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def order(clinic: Clinic) -> Order:
    return clinic.order()


@pytest.fixture
def other() -> Actor:
    return actor(make_staff(Role.FRONT_DESK, name="Ben"))


def hold(clinic: Clinic, order: Order, *each: Sequence[BookedPlace], **given: object) -> Hold | None:
    values = {"by": clinic.clerk, "now": NOW, "location": clinic.location, "key": KEY}
    with transaction.atomic():
        return hold_proposals(order=order, places_of_each=each, **(values | given))  # type: ignore[arg-type]


def spans(kept: Hold | None, kind: SeatKind) -> list[tuple[str, str]]:
    """What is held of such seats, as hours in New York."""
    rows = Claim.objects.filter(hold=kept, seat__kind=kind).order_by("starts_at")
    return [(f"{one.starts_at - 5 * HOUR:%H:%M}", f"{one.ends_at - 5 * HOUR:%H:%M}") for one in rows]


def at(clinic: Clinic, *starts: datetime) -> list[BookedPlace]:
    return clinic.places(starts)


# --- what is held ---


def test_alternatives_of_one_patient_are_held_as_their_union_and_not_their_sum(
    clinic: Clinic, order: Order
) -> None:
    first = COURSE[0]
    kept = hold(clinic, order, at(clinic, first), at(clinic, first), at(clinic, first + HOUR))
    assert kept
    assert (kept.expires_at, kept.proposed_for, kept.made_by_id) == (TEN, order, clinic.clerk.staff_id)
    assert spans(kept, SeatKind.CHAIR) == [("09:00", "12:15")]
    assert spans(kept, SeatKind.MONITORING) == [("09:15", "12:00")]
    assert spans(kept, SeatKind.HANDS_ON) == [
        ("09:15", "09:30"),
        ("10:15", "10:30"),
        ("10:55", "11:00"),
        ("11:55", "12:00"),
    ]
    assert spans(kept, SeatKind.PATIENT) == []


def test_the_second_patient_of_a_nurse_still_fits_beside_all_alternatives(
    clinic: Clinic, order: Order
) -> None:
    hold(clinic, order, at(clinic, COURSE[0]), at(clinic, COURSE[0] + HOUR))
    chair = make_chair(clinic.location)
    clinic.book(clinic.order(), [COURSE[0] + HOUR / 2], chair=chair)
    assert Appointment.objects.count() == 1


def test_no_more_is_held_than_a_nurse_has_free(clinic: Clinic, order: Order) -> None:
    clinic.book(clinic.order(), [COURSE[0] + HOUR / 4], chair=make_chair(clinic.location))
    clinic.book(clinic.order(), [COURSE[0] + 2 * HOUR + HOUR / 4], chair=make_chair(clinic.location))
    kept = hold(clinic, order, at(clinic, COURSE[0]), at(clinic, COURSE[0] + 2 * HOUR))
    assert spans(kept, SeatKind.MONITORING) == [("09:15", "11:00"), ("11:15", "13:00")]


# --- moves of one course ---


def moved(visits: Sequence[Appointment], by: timedelta) -> list[Appointment]:
    """The visits as they would stand so much later; nothing is saved."""
    fresh = list(Appointment.objects.filter(pk__in=[visit.pk for visit in visits]).order_by("number"))
    for visit in fresh:
        pattern = Pattern.of(visit.protocol.pattern_phases())
        place = BookedPlace(visit.starts_at + by, visit.chair_id, visit.nurse_id)
        put(visit, visit.location, pattern, place, NOW)
    return fresh


def test_visits_that_are_to_move_hold_their_new_places_beside_what_they_have(
    clinic: Clinic, order: Order
) -> None:
    visits = list(clinic.book(order, COURSE[:2]).appointments.order_by("number"))
    later = moved(visits, HOUR)
    kept = hold_moves(by=clinic.clerk, now=NOW, visits=later, key=KEY, own=claims_of(visits))
    assert (kept.expires_at, kept.proposed_for) == (TEN, order)
    assert spans(kept, SeatKind.CHAIR) == [("11:15", "12:15")] * 2
    assert spans(kept, SeatKind.MONITORING) == [("11:00", "12:00")] * 2
    # Nobody else can come between, and the move takes them with the hold gone.
    with pytest.raises(Refused) as refused, transaction.atomic():
        clinic.book(clinic.order(), [COURSE[0] + 3 * HOUR - HOUR / 4])
    assert [str(one).partition(": ")[2] for one in refused.value.details][:1] == [
        f"Chair 1 is held by {kept.made_by} until 08:10 for a proposal."
    ]
    former = claims_of(visits)
    release(visits)
    for visit in later:
        visit.save()
    pattern = Pattern.of(order.protocol.pattern_phases())
    take_places(later, pattern, NOW, former, ending=Hold.objects.of_proposal(KEY))
    assert not Hold.objects.exists()
    assert Claim.objects.filter(appointment__in=later).count() == 10


def test_the_own_key_does_not_bind_the_own_question_and_no_key_frees_nothing(
    clinic: Clinic, order: Order
) -> None:
    hold(clinic, order, at(clinic, COURSE[0]))

    def free_at(holding: str) -> bool:
        problem = load_problem(
            order=order,
            location=clinic.location,
            now=NOW,
            sessions=1,
            since=COURSE[0].date(),
            until=COURSE[0].date(),
            holding=holding,
        )
        return problem.horizon.full == problem.chairs[clinic.chair.pk]

    assert [free_at(holding) for holding in (KEY, "", "another key")] == [True, False, False]


# --- renewing, replacing, ending ---


def test_the_same_places_are_renewed_and_others_replace_them(clinic: Clinic, order: Order) -> None:
    first = hold(clinic, order, at(clinic, *COURSE), at(clinic, COURSE[0]))
    claims = set(Claim.objects.values_list("pk", flat=True))
    again = hold(clinic, order, at(clinic, *COURSE), now=NOW + 9 * MINUTE)
    assert first
    assert (again, Hold.objects.get().expires_at) == (first, NOW + 19 * MINUTE)
    assert set(Claim.objects.values_list("pk", flat=True)) == claims
    hold(clinic, order, at(clinic, COURSE[1]), now=NOW + 9 * MINUTE)
    assert spans(first, SeatKind.CHAIR) == [("09:00", "11:15")]
    assert Claim.objects.count() == 4
    assert hold(clinic, order) is None
    assert not Hold.objects.exists()
    assert AuditEntry.objects.filter(action="hold_proposals").count() == 3


def test_a_hold_that_is_over_is_taken_up_again_while_the_places_are_free(
    clinic: Clinic, order: Order
) -> None:
    hold(clinic, order, at(clinic, COURSE[0]))
    kept = hold(clinic, order, at(clinic, COURSE[0]), now=TEN)
    assert kept
    assert kept.expires_at == TEN + 10 * MINUTE
    assert free_expired(TEN) == 0
    assert len(spans(kept, SeatKind.CHAIR)) == 1
    assert free_expired(kept.expires_at) == 1
    clinic.book(clinic.order(), [COURSE[0]], now=kept.expires_at)
    with pytest.raises(Refused, match="Chair 1 is taken by"):
        hold(clinic, order, at(clinic, COURSE[0]), now=kept.expires_at)


def test_what_cannot_be_held_is_refused_and_what_was_held_stays(
    clinic: Clinic, order: Order, other: Actor
) -> None:
    kept = hold(clinic, order, at(clinic, COURSE[0]))
    clinic.book(clinic.order(), [COURSE[1]])
    rival = clinic.order()
    refusals = []
    for asked, given in (
        (order, {"by": clinic.clerk, "places": at(clinic, *COURSE[:2])}),
        (rival, {"by": other, "places": at(clinic, COURSE[0] + HOUR), "key": "another"}),
        (order, {"by": other, "places": at(clinic, COURSE[0])}),
        (clinic.order(state=OrderState.WITHDRAWN), {"by": other, "places": at(clinic), "key": "third"}),
    ):
        places: Any = given.pop("places")
        with pytest.raises(Refused) as refused:
            hold(clinic, asked, places, **given)
        refusals.append((refused.value.code, str((*refused.value.details, "")[0]).partition(": ")[2]))
    name = Hold.objects.get().made_by
    assert [code for code, _words in refusals] == [
        "places_taken",
        "places_taken",
        "hold_of_another",
        "order_closed",
    ]
    assert refusals[1][1] == f"Chair 1 is held by {name} until 08:10 for a proposal."
    assert Hold.objects.get() == kept
    assert spans(kept, SeatKind.CHAIR) == [("09:00", "11:15")]
    with pytest.raises(NotAllowed):
        hold(clinic, order, at(clinic, COURSE[0]), by=actor(make_staff(Role.MANAGER)))


def test_booking_by_the_key_ends_the_hold_and_another_booking_does_not(clinic: Clinic, order: Order) -> None:
    hold(clinic, order, at(clinic, *COURSE), at(clinic, COURSE[0] + 3 * HOUR))
    clinic.book(clinic.order(), [COURSE[0] + 6 * HOUR])
    assert Hold.objects.exists()
    clinic.book(order, COURSE, request_key=KEY)
    assert not Hold.objects.exists()
    assert Claim.objects.filter(appointment__order=order).count() == 30
    clinic.book(clinic.order(), [COURSE[0] + 3 * HOUR])


def test_a_refused_booking_leaves_the_places_held(clinic: Clinic, order: Order) -> None:
    hold(clinic, order, at(clinic, COURSE[0]))
    clinic.book(clinic.order(), [COURSE[1]])
    with pytest.raises(Refused), transaction.atomic():
        clinic.book(order, COURSE[:2], request_key=KEY)
    assert spans(Hold.objects.get(), SeatKind.CHAIR) == [("09:00", "11:15")]


def test_a_draft_takes_over_what_its_proposals_held(clinic: Clinic) -> None:
    draft = clinic.order(signed=False)
    hold(clinic, draft, at(clinic, *COURSE), at(clinic, COURSE[0] + 3 * HOUR))
    kept = hold_for_draft(
        by=clinic.clerk,
        now=NOW,
        order=draft,
        location=clinic.location,
        places=at(clinic, *COURSE),
        request_key=KEY,
    )
    assert Hold.objects.get() == kept
    assert len(spans(kept, SeatKind.CHAIR)) == 6


def test_only_who_holds_lets_go_and_a_second_time_changes_nothing(
    clinic: Clinic, order: Order, other: Actor
) -> None:
    hold(clinic, order, at(clinic, COURSE[0]))
    with pytest.raises(Refused, match="Somebody else opened these proposals"):
        release_proposal(by=other, now=NOW, key=KEY)
    assert release_proposal(by=clinic.clerk, now=NOW, key=KEY)
    assert not release_proposal(by=clinic.clerk, now=NOW, key=KEY)
    assert not release_proposal(by=clinic.clerk, now=NOW, key="")
    entry = AuditEntry.objects.get(action="release_proposal")
    assert (entry.patient_id, entry.subject_id) == (order.patient_id, order.pk)


def test_an_earlier_question_of_the_same_clerk_about_the_same_order_is_let_go(
    clinic: Clinic, order: Order, other: Actor
) -> None:
    hold(clinic, order, at(clinic, COURSE[0]))
    hold(clinic, order, at(clinic, COURSE[1]), key="mine as well")
    hold(clinic, order, at(clinic, COURSE[2]), key="somebody else's", by=other)
    hold(clinic, clinic.order(), at(clinic, COURSE[3]), key="another order's")
    given: Any = {"by": clinic.clerk, "now": NOW, "order": order, "key": KEY}
    assert [release_earlier(**given), release_earlier(**given)] == [1, 0]
    keys = set(Hold.objects.values_list("proposal_key", flat=True))
    assert keys == {KEY, "somebody else's", "another order's"}
    assert [one.name for one in booking_now(order.patient, clinic.clerk, NOW)] == ["Ben"]
    assert booking_now(order.patient, clinic.clerk, TEN) == []


def test_a_withdrawn_order_holds_nothing(clinic: Clinic, order: Order) -> None:
    hold(clinic, order, at(clinic, COURSE[0]))
    withdraw_order(by=clinic.prescriber, now=NOW, order=order)
    assert not Hold.objects.exists()
