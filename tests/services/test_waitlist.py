"""Who joins the waiting list, who is refused and why, how wishes change; and what is due but not booked."""

from datetime import date, timedelta

import pytest

from scheduling.access import Actor, NotAllowed
from scheduling.core.wishes import Wishes
from scheduling.core.words import (
    ActorKind,
    LinkPurpose,
    OfferState,
    OrderState,
    Role,
    Status,
    WaitEnd,
    WaitKind,
)
from scheduling.models import Appointment, AuditEntry, FollowUpPlan, Offer, Patient, Series, WaitlistEntry
from scheduling.services.amending import amend_order
from scheduling.services.appointments import Canceller, cancel_rest
from scheduling.services.backfill import offer_freed_places
from scheduling.services.due_unbooked import due_unbooked
from scheduling.services.faults import Refused
from scheduling.services.links import link_in_force
from scheduling.services.offer_ends import end_offers
from scheduling.services.running import run
from scheduling.services.standing import pause_patient
from scheduling.services.transfers import transfer_series
from scheduling.services.waitlist import change_wait, leave_waitlist, wait_for_better, wait_for_session
from scheduling.services.wishes import wishes_to_json
from tests.factories import (
    NOW,
    actor,
    make_chair,
    make_follow_up,
    make_location,
    make_nurse,
    make_patient,
    make_plan,
    make_staff,
    make_visits,
)
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAYS = wishes_to_json(Wishes(prefer_weekdays=frozenset({0})))


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def series(clinic: Clinic) -> Series:
    """Six visits, Tuesdays and Fridays at 09:00."""
    return clinic.book(clinic.order())


@pytest.fixture
def visit(series: Series) -> Appointment:
    """The third of them."""
    return series.appointments.get(number=3)


def code(service: object, **given: object) -> str:
    with pytest.raises(Refused) as refused:
        run(service, **given)  # type: ignore[arg-type]
    return refused.value.code


def test_staff_and_the_own_link_join_and_nobody_else(clinic: Clinic, visit: Appointment) -> None:
    link = link_in_force(visit.patient, LinkPurpose.VISITS)
    assert link
    mine = Actor(ActorKind.LINK, link_id=link.pk)
    entry = wait_for_better(by=mine, now=NOW, appointment=visit, kind=WaitKind.EARLIER)
    assert (entry.made_by_id, entry.since, entry.wishes, entry.location) == (None, NOW, {}, clinic.location)
    act = AuditEntry.objects.get(action="join_waitlist")
    assert (act.link_id, act.patient_id) == (link.pk, visit.patient_id)
    other = clinic.book(clinic.order(), [start + 3 * HOUR for start in COURSE]).appointments.get(number=3)
    for by in (mine, actor(make_staff(Role.MANAGER))):
        with pytest.raises(NotAllowed):
            wait_for_better(by=by, now=NOW, appointment=other, kind=WaitKind.EARLIER)
    leave_waitlist(by=mine, now=NOW + HOUR, entry=entry)
    leave_waitlist(by=mine, now=NOW + 2 * HOUR, entry=entry)
    entry.refresh_from_db()
    assert (entry.ended_at, entry.why) == (NOW + HOUR, WaitEnd.WITHDRAWN)
    again = wait_for_better(by=clinic.clerk, now=NOW + HOUR, appointment=visit, kind=WaitKind.EARLIER)
    assert again.made_by_id == clinic.clerk.staff_id


def test_what_cannot_wait_is_refused_with_why(clinic: Clinic, series: Series, visit: Appointment) -> None:
    base = {"by": clinic.clerk, "now": NOW, "appointment": visit}
    nights = wishes_to_json(Wishes(only_windows=((0, 300),)))
    assert code(wait_for_better, **base, kind=WaitKind.BETTER_TIME) == "no_wish"
    assert code(wait_for_better, **base, kind=WaitKind.BETTER_TIME, wishes=nights) == "wishes_exclude_all"
    tuesdays = wishes_to_json(Wishes(prefer_weekdays=frozenset({1})))
    assert code(wait_for_better, **base, kind=WaitKind.BETTER_TIME, wishes=tuesdays) == "suits_already"
    wait_for_better(**base, kind=WaitKind.EARLIER)  # type: ignore[arg-type]
    assert code(wait_for_better, **base, kind=WaitKind.EARLIER) == "waiting_already"
    first = series.appointments.get(number=1)
    begun = base | {"appointment": first, "now": first.starts_at}
    assert code(wait_for_better, **begun, kind=WaitKind.EARLIER) == "not_booked"
    # Today closes in ten hours and no visit is nearer than an hour.
    early = base | {"appointment": first, "now": first.starts_at - HOUR}
    assert code(wait_for_better, **early, kind=WaitKind.EARLIER) == "nothing_earlier"
    cancel_rest(by=clinic.clerk, now=NOW, series=series, canceller=Canceller.CLINIC)
    off = base | {"appointment": series.appointments.get(number=2)}
    assert code(wait_for_better, **off, kind=WaitKind.EARLIER) == "not_booked"
    draft = clinic.order(signed=False)
    session = {"by": clinic.clerk, "now": NOW, "kind": WaitKind.EARLIER}
    assert code(wait_for_session, **session, order=draft) == "order_unsigned"
    order = clinic.order()
    pause_patient(
        by=clinic.clerk, now=NOW, patient=order.patient, until=date(2026, 2, 2), reason="On holiday"
    )
    assert code(wait_for_session, **session, order=order) == "patient_inactive"
    full = clinic.order(sessions=1)
    clinic.book(full, [NOW + 5 * DAY + HOUR])
    assert code(wait_for_session, **session, order=full) == "order_not_overbooked"


def test_the_database_knows_one_entry_a_visit_and_one_offer_an_entry(
    clinic: Clinic, visit: Appointment
) -> None:
    entry = wait_for_better(by=clinic.clerk, now=NOW, appointment=visit, kind=WaitKind.EARLIER)
    fields = {
        name: getattr(entry, name)
        for name in ("patient", "order", "appointment", "location", "kind", "since")
    }
    assert code(WaitlistEntry.objects.create, **fields) == "waitlistentry_one_a_visit"


def test_the_database_refuses_a_second_open_offer_of_a_place(clinic: Clinic, visit: Appointment) -> None:
    entry = wait_for_better(by=clinic.clerk, now=NOW, appointment=visit, kind=WaitKind.EARLIER)
    session = wait_for_session(by=clinic.clerk, now=NOW, order=clinic.order(), kind=WaitKind.EARLIER)
    offer = {
        "starts_at": NOW + 2 * DAY,
        "chair": clinic.chair,
        "nurse": clinic.nurse,
        "made_at": NOW,
        "expires_at": NOW + HOUR,
        "way": "link",
    }
    Offer.objects.create(entry=entry, **offer)
    assert code(Offer.objects.create, entry=session, **offer) == "offer_one_a_place"


def test_changed_wishes_keep_the_turn_and_take_the_offer_back(clinic: Clinic, visit: Appointment) -> None:
    entry = wait_for_better(by=clinic.clerk, now=NOW, appointment=visit, kind=WaitKind.EARLIER)
    assert offer_freed_places(NOW + HOUR) == 1
    given = {"by": clinic.clerk, "now": NOW + HOUR, "entry": entry, "kind": WaitKind.BETTER_TIME}
    entry = change_wait(**given, wishes=MONDAYS, note=" Works on Tuesdays ")  # type: ignore[arg-type]
    assert (entry.since, entry.note, entry.wishes) == (NOW, "Works on Tuesdays", {"prefer_weekdays": [0]})
    assert Offer.objects.get().state == OfferState.WITHDRAWN
    assert code(change_wait, **given) == "no_wish"
    leave_waitlist(by=clinic.clerk, now=NOW + HOUR, entry=entry)
    assert code(change_wait, **given, wishes=MONDAYS) == "not_waiting"


def test_a_replaced_order_takes_its_waiting_patient_along_and_a_closed_one_ends_the_wait(
    clinic: Clinic,
) -> None:
    order = clinic.order()
    entry = wait_for_session(by=clinic.clerk, now=NOW, order=order, kind=WaitKind.EARLIER)
    replacement = type(order)(
        **{name: getattr(order, name) for name in ("protocol", "dose_amount", "dose_unit", "weight_kg")},
        sessions=4,
        valid_from=order.valid_from,
        valid_until=order.valid_until,
    )
    amend_order(by=clinic.prescriber, now=NOW, old=order, order=replacement)
    entry.refresh_from_db()
    assert entry.order_id == replacement.pk
    assert end_offers(NOW) == 0
    replacement.state = OrderState.WITHDRAWN
    replacement.save()
    assert end_offers(NOW) == 1
    entry.refresh_from_db()
    assert entry.why == WaitEnd.ORDER_CLOSED


def test_a_course_that_goes_on_elsewhere_takes_its_waiting_patient_along(
    clinic: Clinic, series: Series, visit: Appointment
) -> None:
    entry = wait_for_better(by=clinic.clerk, now=NOW, appointment=visit, kind=WaitKind.EARLIER)
    offer_freed_places(NOW + HOUR)
    there = make_location("Pacific", zone="America/Los_Angeles")
    make_chair(there)
    make_nurse(there)
    transfer_series(by=clinic.clerk, now=NOW + HOUR, series=series, location=there, reason="Has moved house")
    entry.refresh_from_db()
    assert (entry.location, Offer.objects.get().state) == (there, OfferState.WITHDRAWN)
    assert offer_freed_places(NOW + HOUR) == 1
    assert Offer.objects.get(state=OfferState.OPEN).chair.location == there


# --- due but not booked ---


def due(now: object = NOW) -> list[tuple[Patient, date, int]]:
    return [(row.patient, row.since, len(row.why)) for row in due_unbooked(now)]  # type: ignore[arg-type]


def test_a_signed_order_without_a_course_is_due_since_it_was_signed(clinic: Clinic) -> None:
    clinic.order(signed=False)
    order = clinic.order()
    (row,) = due_unbooked(NOW)
    assert (row.patient, row.since, row.order) == (order.patient, NOW.date(), order)
    assert row.why == ["signed, and nothing is booked under it"]
    clinic.book(order)
    assert due() == []


def test_an_order_is_due_until_its_last_local_day_is_over(clinic: Clinic) -> None:
    order = clinic.order(valid_until=NOW.date())
    # 23:00 in New York is the next day in UTC.
    assert [row.order for row in due_unbooked(NOW + 15 * HOUR)] == [order]
    assert due(NOW + 16 * HOUR) == []


def test_an_order_that_has_ended_is_not_the_one_to_book(clinic: Clinic) -> None:
    ada = make_patient(clinic.location)
    at = NOW - 22 * DAY
    make_visits(
        clinic.order(ada, sessions=2, valid_from=at.date(), valid_until=NOW.date() - DAY),
        [at],
        status=Status.DONE,
        arrived_at=at,
        started_at=at,
        treatment_ended_at=at,
        discharged_at=at,
        escort="Sam",
    )
    (row,) = due_unbooked(NOW)
    assert (row.patient, row.order) == (ada, None)


def test_a_plan_that_ran_dry_is_due_since_its_last_visit(clinic: Clinic) -> None:
    plan = make_plan(make_follow_up(make_patient(clinic.location), clinic.protocol))
    assert due() == []
    last = Appointment.objects.filter(patient=plan.patient).latest("starts_at")
    FollowUpPlan.objects.update(stuck="no_place")
    (row,) = due_unbooked(last.ends_at)
    assert (row.patient, row.since, row.order) == (plan.patient, last.local_date, plan.order)
    assert row.why[0].startswith("the weekly plan has nothing booked ahead: no place is free")


def test_an_active_patient_beyond_the_interval_is_due_and_has_one_row(clinic: Clinic) -> None:
    ada = make_patient(clinic.location)
    at = NOW - 22 * DAY
    make_visits(
        clinic.order(ada, sessions=1),
        [at],
        status=Status.DONE,
        arrived_at=at,
        started_at=at,
        treatment_ended_at=at,
        discharged_at=at,
        escort="Sam",
    )
    assert due(at + 14 * DAY) == []
    assert due() == [(ada, at.date() + 14 * DAY, 1)]
    order = clinic.order(ada, regimen="again")
    (row,) = due_unbooked(NOW)
    assert (row.order, row.since, len(row.why)) == (order, at.date() + 14 * DAY, 2)
