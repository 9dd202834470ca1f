"""Freed places and who waits for them: offered to one after the other, kept, answered, taken back."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from django.core import mail
from pytest_django.fixtures import DjangoAssertNumQueries

from scheduling.access import Actor
from scheduling.core.wishes import Wishes
from scheduling.core.words import (
    ActorKind,
    CallState,
    LinkPurpose,
    MessageKind,
    MessageState,
    OfferState,
    OfferWay,
    Status,
    WaitEnd,
    WaitKind,
)
from scheduling.models import (
    Appointment,
    AuditEntry,
    Closure,
    Hold,
    Message,
    Offer,
    OpeningHours,
    Series,
    WaitlistEntry,
)
from scheduling.services.appointments import Canceller, cancel_appointment, move_appointment
from scheduling.services.backfill import by_urgency, offer_freed_places
from scheduling.services.booking import BookedPlace
from scheduling.services.claims import free_expired
from scheduling.services.delivery import deliver
from scheduling.services.faults import Refused
from scheduling.services.links import link_in_force
from scheduling.services.offer_answers import (
    accept_offer,
    decline_offer,
    record_offer_call,
    withdraw_offer,
)
from scheduling.services.offer_ends import end_offers
from scheduling.services.patient_wishes import settle_waits
from scheduling.services.patients import revoke_consent, save_patient
from scheduling.services.waitlist import leave_waitlist, wait_for_better, wait_for_session
from scheduling.services.wishes import wishes_to_json
from tests.factories import NOW, agree_to_email, make_patient, make_visits
from tests.services.clinics import Clinic

pytestmark = pytest.mark.django_db

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
FREED = NOW + 7 * DAY + HOUR
"""The one place a day: Monday 12 January at 09:00 in New York."""
LAST = NOW + 9 * DAY + HOUR
"""Wednesday at 09:00, behind Tuesday, which is full."""
_ages = count()


@pytest.fixture
def clinic() -> Clinic:
    """One chair and one visit a day, at 09:00; closed until the place that the tests free."""
    made = Clinic()
    OpeningHours.objects.update(opens="09:00", closes="11:00")
    Closure.objects.create(
        location=made.location, first_day=NOW.date(), last_day=(FREED - DAY).date(), reason="Works"
    )
    booked(made, FREED + DAY)
    return made


def booked(clinic: Clinic, start: datetime, *, may_write: bool = True) -> Appointment:
    """The only visit of a new patient, who agreed to e-mail unless told otherwise."""
    ada = make_patient(clinic.location, phone="+12125550177")
    if may_write:
        agree_to_email(ada)
    return clinic.book(clinic.order(ada), [start]).appointments.get()


def wait(clinic: Clinic, visit: Appointment, **given: object) -> WaitlistEntry:
    """The patient of this visit would come earlier; each waits a minute less than the one before."""
    values: dict[str, object] = {
        "by": clinic.clerk,
        "now": NOW + next(_ages) * MINUTE,
        "kind": WaitKind.EARLIER,
    }
    return wait_for_better(appointment=visit, **(values | given))  # type: ignore[arg-type]


def by_link(offer: Offer, purpose: LinkPurpose = LinkPurpose.OFFER) -> Actor:
    link = link_in_force(offer.entry.patient, purpose)
    assert link
    return Actor(ActorKind.LINK, link_id=link.pk)


def open_offer() -> Offer:
    return Offer.objects.get(state=OfferState.OPEN)


def told() -> list[str]:
    return list(Message.objects.filter(kind=MessageKind.OFFER).order_by("pk").values_list("state", flat=True))


def test_a_freed_place_is_offered_kept_and_accepted_by_link_with_one_message(clinic: Clinic) -> None:
    visit = booked(clinic, LAST)
    entry = wait(clinic, visit)
    deliver(NOW)
    mail.outbox.clear()
    assert offer_freed_places(NOW + HOUR) == 1
    offer = open_offer()
    assert (offer.entry, offer.starts_at, offer.way) == (entry, FREED, OfferWay.LINK)
    assert offer.expires_at == NOW + 3 * HOUR
    assert offer.hold
    assert offer.hold.expires_at == offer.expires_at
    deliver(NOW + HOUR)
    (letter,) = mail.outbox
    assert letter.subject == "Another time is free for you – Riverside Clinic"
    words = str(letter.body)
    assert "free: Monday, January 12, 2026, 9 a.m. to 11 a.m. (New York, UTC-5)" in words
    assert "by Monday, January 5, 2026, 11 a.m.:" in words
    assert not any(secret in words.lower() for secret in ("infusion", "mg", "treatment", "session"))
    # Neither the place nor the patient is offered anything else meanwhile.
    assert offer_freed_places(NOW + HOUR) == 0
    mail.outbox.clear()

    moved = accept_offer(by=by_link(offer), now=NOW + 2 * HOUR, offer=offer)
    assert (moved.pk, moved.starts_at, moved.status) == (visit.pk, FREED, Status.BOOKED)
    entry.refresh_from_db()
    assert (entry.why, entry.ended_at) == (WaitEnd.PLACED, NOW + 2 * HOUR)
    assert not Hold.objects.exists()
    deliver(NOW + 2 * HOUR)
    assert [str(letter.subject).split(" –")[0] for letter in mail.outbox] == [
        "Your appointments have changed",
        "Changed: appointment, Monday, January 12, 2026, 9 a.m. to 11 a.m. (New York, UTC-5)",
    ]
    done = AuditEntry.objects.filter(patient=visit.patient, at=NOW + 2 * HOUR).values_list(
        "action", flat=True
    )
    assert sorted(done) == ["accept_offer", "move_appointment"]
    # The second answer, whichever it is, changes nothing.
    for answer in (accept_offer, decline_offer):
        with pytest.raises(Refused) as refused:
            answer(by=by_link(offer), now=NOW + 2 * HOUR, offer=offer)
        assert refused.value.code == "offer_accepted"


def test_the_place_goes_on_to_the_next_only_after_no_or_silence(clinic: Clinic) -> None:
    first, second, third = (
        wait(clinic, booked(clinic, start)) for start in (LAST, LAST + DAY, LAST + 2 * DAY)
    )
    assert offer_freed_places(NOW + HOUR) == 1
    offer = open_offer()
    assert offer.entry == first
    decline_offer(by=by_link(offer), now=NOW + 2 * HOUR, offer=offer)
    assert told() == [MessageState.DROPPED]
    # Whoever declined is not asked about that place again; the next one is.
    assert offer_freed_places(NOW + 2 * HOUR) == 1
    offer = open_offer()
    assert (offer.entry, offer.starts_at) == (second, FREED)
    late = offer.expires_at
    assert late == NOW + 4 * HOUR
    with pytest.raises(Refused) as refused:
        accept_offer(by=by_link(offer), now=late, offer=offer)
    assert refused.value.code == "offer_expired"
    free_expired(late)
    assert end_offers(late) == 1
    offer.refresh_from_db()
    assert (offer.state, offer.hold) == (OfferState.EXPIRED, None)
    assert offer_freed_places(late) == 1
    assert (open_offer().entry, open_offer().starts_at) == (third, FREED)
    assert WaitlistEntry.objects.open().count() == 3


def test_the_overdue_come_first_then_whoever_waits_longest(clinic: Clinic) -> None:
    long, short = wait(clinic, booked(clinic, LAST)), wait(clinic, booked(clinic, LAST + DAY))
    late = wait(clinic, booked(clinic, LAST + 2 * DAY))
    given = make_visits(
        clinic.order(late.patient, regimen="earlier"),
        [NOW - 22 * DAY],
        status=Status.DONE,
        arrived_at=NOW - 22 * DAY,
        started_at=NOW - 22 * DAY,
        treatment_ended_at=NOW - 22 * DAY,
        discharged_at=NOW - 22 * DAY,
        escort="Sam",
    )
    assert given.patient == late.patient
    assert by_urgency([short, late, long], NOW) == [late, long, short]
    offer_freed_places(NOW + HOUR)
    assert open_offer().entry == late


def test_nobody_waiting_costs_one_query_each(
    clinic: Clinic, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for duty in (offer_freed_places, end_offers):
        with django_assert_num_queries(1):
            assert duty(NOW) == 0


def test_no_place_is_offered_that_breaks_the_own_course(clinic: Clinic) -> None:
    ada = make_patient(clinic.location)
    order = clinic.order(ada)
    Closure.objects.all().delete()
    # The day before the freed one is the patient's own visit; the shortest gap is a day.
    clinic.protocol.min_gap_days, clinic.protocol.max_gap_days = 2, 9
    clinic.protocol.save()
    clinic.book(order, [FREED - DAY, LAST])
    for day in range(1, 6):
        booked(clinic, NOW + day * DAY + HOUR)
    visit = Appointment.objects.get(patient=ada, starts_at=LAST)
    away = (NOW.date(), NOW.date()), (LAST.date(), (LAST + 60 * DAY).date())
    with pytest.raises(Refused) as refused:
        wait(
            clinic,
            visit,
            kind=WaitKind.BETTER_TIME,
            wishes=wishes_to_json(Wishes(only_weekdays=frozenset({0}), blackouts=away)),
        )
    assert refused.value.code == "wishes_exclude_all"
    wait(clinic, visit)
    assert offer_freed_places(NOW + HOUR) == 0


def test_a_better_time_is_one_on_the_days_wished_for(clinic: Clinic) -> None:
    entry = wait(
        clinic,
        booked(clinic, LAST),
        kind=WaitKind.BETTER_TIME,
        wishes=wishes_to_json(Wishes(prefer_weekdays=frozenset({4}))),
    )
    booked(clinic, FREED + 4 * DAY)
    assert offer_freed_places(NOW + HOUR) == 1
    # The Friday of that week is full: the next one.
    assert open_offer().starts_at == FREED + 11 * DAY
    # Moved to such a day by hand, the patient waits no longer.
    place = BookedPlace(FREED + 18 * DAY, clinic.chair.pk, clinic.nurse.pk)
    assert entry.appointment
    move_appointment(by=clinic.clerk, now=NOW + 2 * HOUR, appointment=entry.appointment, place=place)
    assert Offer.objects.get().state == OfferState.WITHDRAWN
    assert (end_offers(NOW + 2 * HOUR), told()) == (0, [MessageState.DROPPED])
    assert offer_freed_places(NOW + 2 * HOUR) == 1
    entry.refresh_from_db()
    assert entry.why == WaitEnd.PLACED


def test_at_night_nobody_is_written_to_and_the_time_counts_from_the_morning(clinic: Clinic) -> None:
    wait(clinic, booked(clinic, LAST))
    night = NOW + 14 * HOUR
    assert offer_freed_places(night) == 1
    offer = open_offer()
    morning = datetime(2026, 1, 6, 13, tzinfo=UTC)
    assert offer.expires_at == morning + 2 * HOUR
    assert Message.objects.get(kind=MessageKind.OFFER).due_at == morning
    assert deliver(morning - MINUTE) == 0 or told() == [MessageState.WAITING]


def test_an_offer_ends_a_day_before_its_place_and_nearer_ones_are_called_about(clinic: Clinic) -> None:
    entry = wait(clinic, booked(clinic, LAST))
    shortly = FREED - DAY - HOUR
    assert offer_freed_places(shortly) == 1
    offer = open_offer()
    assert (offer.way, offer.expires_at) == (OfferWay.LINK, FREED - DAY)
    withdraw_offer(by=clinic.clerk, now=shortly, offer=offer)
    near = FREED - DAY - 20 * MINUTE
    assert offer_freed_places(near) == 1
    offer = open_offer()
    # Kept until the location closes, at 11:00.
    assert (offer.way, offer.expires_at) == (OfferWay.CALL, FREED - DAY + 2 * HOUR)
    assert told() == [MessageState.DROPPED]
    record_offer_call(by=clinic.clerk, now=near, offer=offer, outcome=CallState.NOT_REACHED)
    offer.refresh_from_db()
    assert (offer.state, offer.calls, offer.called_by_id) == (OfferState.OPEN, 1, clinic.clerk.staff_id)
    record_offer_call(by=clinic.clerk, now=near + HOUR, offer=offer, outcome=CallState.AGREED)
    assert entry.appointment
    entry.appointment.refresh_from_db()
    assert entry.appointment.starts_at == FREED


def test_without_consent_to_mail_and_after_its_end_the_front_desk_calls(clinic: Clinic) -> None:
    wait(clinic, booked(clinic, LAST, may_write=False))
    assert offer_freed_places(NOW + 2 * HOUR) == 1
    offer = open_offer()
    assert (offer.way, told()) == (OfferWay.CALL, [])
    record_offer_call(by=clinic.clerk, now=NOW + 2 * HOUR, offer=offer, outcome=CallState.OTHER_TIME)
    offer.refresh_from_db()
    assert (offer.state, offer.answered_by_id) == (OfferState.DECLINED, clinic.clerk.staff_id)
    writable = wait(clinic, booked(clinic, LAST + DAY))
    offer_freed_places(NOW + 2 * HOUR)
    offer = open_offer()
    assert (offer.entry, offer.way) == (writable, OfferWay.LINK)
    consent = writable.patient.consents.get()
    revoke_consent(by=clinic.clerk, now=NOW + 2 * HOUR, consent=consent)
    deliver(NOW + 2 * HOUR)
    assert (told(), end_offers(NOW + 2 * HOUR)) == ([MessageState.DROPPED], 1)
    offer.refresh_from_db()
    assert (offer.way, offer.state) == (OfferWay.CALL, OfferState.OPEN)


def test_an_offer_whose_link_was_revoked_becomes_a_call(clinic: Clinic) -> None:
    entry = wait(clinic, booked(clinic, LAST))
    offer_freed_places(NOW + HOUR)
    deliver(NOW + HOUR)
    assert end_offers(NOW + HOUR) == 0
    entry.patient.email = "new@example.org"
    save_patient(by=clinic.clerk, now=NOW + HOUR, patient=entry.patient)
    assert (end_offers(NOW + HOUR), open_offer().way) == (1, OfferWay.CALL)


def test_a_cancelled_visit_takes_its_offer_back_and_an_undo_lets_the_patient_wait_on(clinic: Clinic) -> None:
    visit = booked(clinic, LAST)
    entry = wait(clinic, visit)
    offer_freed_places(NOW + HOUR)
    offer = open_offer()
    cancel_appointment(by=clinic.clerk, now=NOW + HOUR, appointment=visit, canceller=Canceller.PATIENT)
    offer.refresh_from_db()
    assert (offer.state, offer.hold) == (OfferState.WITHDRAWN, None)
    with pytest.raises(Refused) as refused:
        accept_offer(by=by_link(offer), now=NOW + HOUR, offer=offer)
    assert refused.value.code == "offer_withdrawn"
    assert (offer_freed_places(NOW + HOUR), end_offers(NOW + HOUR)) == (0, 0)
    entry.refresh_from_db()
    assert entry.ended_at is None
    assert end_offers(NOW + 5 * HOUR) == 1
    entry.refresh_from_db()
    assert entry.why == WaitEnd.VISIT_OVER


def test_a_place_that_is_no_longer_possible_leaves_the_visit_as_it_was(clinic: Clinic) -> None:
    visit = booked(clinic, LAST)
    entry = wait(clinic, visit)
    offer_freed_places(NOW + HOUR)
    Closure.objects.create(
        location=clinic.location, first_day=FREED.date(), last_day=FREED.date(), reason="Snow"
    )
    offer = open_offer()
    with pytest.raises(Refused) as refused:
        accept_offer(by=by_link(offer), now=NOW + HOUR, offer=offer)
    assert refused.value.code == "place_gone"
    visit.refresh_from_db()
    offer.refresh_from_db()
    entry.refresh_from_db()
    assert (visit.starts_at, offer.state, entry.ended_at) == (LAST, OfferState.WITHDRAWN, None)
    assert not Hold.objects.exists()


def test_a_session_not_booked_yet_is_offered_and_booked(clinic: Clinic) -> None:
    ada = make_patient(clinic.location)
    agree_to_email(ada)
    entry = wait_for_session(by=clinic.clerk, now=NOW, order=clinic.order(ada), kind=WaitKind.EARLIER)
    assert offer_freed_places(NOW + HOUR) == 1
    offer = open_offer()
    assert offer.starts_at == FREED
    mail.outbox.clear()
    visit = accept_offer(by=by_link(offer), now=NOW + HOUR, offer=offer)
    entry.refresh_from_db()
    series = Series.objects.get(order=entry.order)
    assert (visit.starts_at, series.booked_by_id, entry.why) == (FREED, clinic.clerk.staff_id, WaitEnd.PLACED)
    deliver(NOW + HOUR)
    assert next(str(letter.subject).split(" –")[0] for letter in mail.outbox) == "Your appointments"


def test_booking_by_hand_ends_the_wait_for_a_session(clinic: Clinic) -> None:
    order = clinic.order()
    entry = wait_for_session(by=clinic.clerk, now=NOW, order=order, kind=WaitKind.EARLIER)
    assert offer_freed_places(NOW + HOUR) == 1
    # The held place is the patient's own, so it can be booked by hand.
    clinic.book(order, [FREED])
    entry.refresh_from_db()
    assert (entry.why, Offer.objects.get().state) == (WaitEnd.PLACED, OfferState.WITHDRAWN)


def test_a_session_that_is_booked_some_other_way_frees_what_was_offered_for_it(clinic: Clinic) -> None:
    order = clinic.order()
    wait_for_session(by=clinic.clerk, now=NOW, order=order, kind=WaitKind.EARLIER)
    offer_freed_places(NOW + HOUR)
    hold = open_offer().hold
    assert hold is not None
    settle_waits(order, NOW + HOUR)
    offer = Offer.objects.get()
    assert (offer.state, offer.hold) == (OfferState.WITHDRAWN, None)
    assert not Hold.objects.filter(pk=hold.pk).exists()


def test_whoever_leaves_frees_the_place_for_the_next(clinic: Clinic) -> None:
    first, second = wait(clinic, booked(clinic, LAST)), wait(clinic, booked(clinic, LAST + DAY))
    offer_freed_places(NOW + HOUR)
    leave_waitlist(by=clinic.clerk, now=NOW + HOUR, entry=first)
    assert offer_freed_places(NOW + HOUR) == 1
    assert open_offer().entry == second


def test_after_three_unwanted_places_a_day_the_patient_is_left_alone(clinic: Clinic) -> None:
    wait(clinic, booked(clinic, FREED + 12 * DAY))
    for number in range(4):
        assert offer_freed_places(NOW + HOUR) == (number < 3)
        for offer in Offer.objects.filter(state=OfferState.OPEN):
            decline_offer(by=by_link(offer), now=NOW + HOUR, offer=offer)
    assert offer_freed_places(NOW + 26 * HOUR) == 1
