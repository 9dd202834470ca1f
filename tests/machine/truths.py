"""What is true after every act of anybody: asked of the database alone, never of the services."""

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db.models import F, Q

from scheduling.core.check_ins import offsets
from scheduling.core.pattern import Pattern
from scheduling.core.words import (
    CANCELLED,
    COUNTED,
    UNDER_WAY,
    USED,
    AlertKind,
    AttemptOutcome,
    CallState,
    DisruptionKind,
    MessageKind,
    OfferState,
    Resolution,
    SeatKind,
    Standing,
    Status,
    WaitEnd,
)
from scheduling.models import (
    Alert,
    Appointment,
    Attempt,
    CheckIn,
    Claim,
    DisruptedVisit,
    Disruption,
    Hold,
    Offer,
    Order,
    Patient,
    Protocol,
)

STEP, HALF_AN_HOUR = timedelta(minutes=5), timedelta(minutes=30)
Span = tuple[str, int, datetime, datetime]
FAREWELL = (MessageKind.CLOSING, MessageKind.INVITATION, MessageKind.CANCELLATION, MessageKind.CHANGE)
"""What may still leave once a treatment is over: the end itself, and visits taken off calendars."""


def no_seat_overlaps() -> None:
    """No two claims on a seat share time."""
    by_seat: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for seat, start, end in Claim.objects.values_list("seat_id", "starts_at", "ends_at"):
        by_seat[seat].append((start, end))
    for spans in by_seat.values():
        assert all(one[1] <= other[0] for one, other in pairwise(sorted(spans)))


def claims_are_the_plan() -> None:
    """A visit to come holds exactly what its phases need; one that left early less; one that is off nothing."""
    held: dict[int, set[Span]] = defaultdict(set)
    owners = ("seat__chair_id", "seat__patient_id", "seat__nurse_id")
    rows = Claim.objects.filter(appointment__isnull=False)
    for of, kind, chair, patient, nurse, start, end in rows.values_list(
        "appointment_id", "seat__kind", *owners, "starts_at", "ends_at"
    ):
        held[of].add((kind, chair or patient or nurse or 0, start, end))
    patterns = {
        one.pk: Pattern.of(one.pattern_phases()) for one in Protocol.objects.prefetch_related("phases")
    }
    places = ("status", "starts_at", "chair_id", "patient_id", "nurse_id", "protocol_id")
    for visit in Appointment.objects.only(*places):
        planned, has = _planned(visit, patterns[visit.protocol_id]), held[visit.pk]
        if visit.status == Status.BOOKED:
            assert has == planned, visit
        elif visit.status in (*UNDER_WAY, *USED):
            for kind, owner, start, end in has:
                assert any(
                    (kind, owner, start) == (other[0], other[1], other[2]) and end <= other[3]
                    for other in planned
                ), visit
        else:
            assert not has, visit


def _planned(visit: Appointment, pattern: Pattern) -> set[Span]:
    def at(kind: SeatKind, owner: int, first: int, last: int) -> Span:
        return kind.value, owner, visit.starts_at + first * STEP, visit.starts_at + last * STEP

    return {
        at(SeatKind.CHAIR, visit.chair_id, 0, pattern.chair),
        at(SeatKind.PATIENT, visit.patient_id, 0, pattern.patient),
        at(SeatKind.MONITORING, visit.nurse_id, *pattern.nurse),
        *(at(SeatKind.HANDS_ON, visit.nurse_id, *span) for span in pattern.hands_on),
    }


def orders_are_counted() -> None:
    """Used and booked infusions are what stands in the order, and never above its number."""
    counted: dict[int, int] = defaultdict(int)
    for order_id in Appointment.objects.filter(status__in=COUNTED).values_list("order_id", flat=True):
        counted[order_id] += 1
    for order in Order.objects.all():
        assert order.taken == counted[order.pk] <= order.sessions, order.pk
    to_come = Appointment.objects.filter(status=Status.BOOKED)
    assert not to_come.exclude(order=F("series__order")).exists(), "a visit to come under a replaced order"


def no_session_is_lost_or_doubled() -> None:
    """Numbers of a course run from 1 without a hole; places are wall times of the visit's own location."""
    by_series: dict[int, list[int]] = defaultdict(list)
    rows = Appointment.objects.values_list("series_id", "number", "chair__location_id", "location_id")
    for series, number, *places in rows.order_by("number"):
        by_series[series].append(number)
        assert places[0] == places[1], (series, number)
    for series, numbers in by_series.items():
        assert numbers == list(range(1, len(numbers) + 1)), series
    times = ("pk", "starts_at", "local_date", "local_time", "zone", "location__zone")
    for pk, starts_at, day, wall, *zones in Appointment.objects.values_list(*times):
        local = starts_at.astimezone(ZoneInfo(zones[1]))
        assert (day, wall, zones[0]) == (local.date(), local.time(), zones[1]), pk


def gaps_hold() -> None:
    """Visits that count keep the protocol's spacing, unless a prescriber gave a reason."""
    by_patient: dict[int, list[Appointment]] = defaultdict(list)
    rows = Appointment.objects.filter(status__in=COUNTED).select_related("protocol").order_by("starts_at")
    for visit in rows:
        by_patient[visit.patient_id].append(visit)
    for visits in by_patient.values():
        for one, other in pairwise(visits):
            if one.override_reason or other.override_reason:
                continue
            days = (other.local_date - one.local_date).days
            assert days >= other.protocol.min_gap_days, (str(one), str(other))
            assert other.starts_at - one.starts_at >= timedelta(hours=other.protocol.floor_hours)
        most = visits[0].protocol.max_per_7_days
        for first, last in zip(visits, visits[most:], strict=False):
            between = [visit for visit in visits if first.starts_at <= visit.starts_at <= last.starts_at]
            if not any(visit.override_reason for visit in between):
                assert (last.local_date - first.local_date).days >= 7, (str(first), str(last))


def nobody_who_ended_hears_from_us() -> None:
    """Nothing leaves to the dead; to whose treatment ended, nothing but that."""
    sent = Attempt.objects.filter(outcome=AttemptOutcome.SENT, message__staff=None).select_related(
        "message__patient"
    )
    for attempt in sent:
        patient = attempt.message.patient
        since = patient.standing_since
        if patient.standing == Standing.ACTIVE or since is None or attempt.at < since:
            continue
        if patient.standing == Standing.DIED:
            # What left in the same minute may have left before.
            assert attempt.at == since, attempt
        elif attempt.at > since:
            assert attempt.message.kind in FAREWELL, attempt


def nobody_who_ended_is_booked(now: datetime) -> None:
    """Whoever pauses or ended has no visit to come, no plan, no way in."""
    for patient in Patient.objects.exclude(standing=Standing.ACTIVE):
        ahead = patient.appointments.filter(status=Status.BOOKED, starts_at__gt=now)
        assert not ahead.exists(), patient
        assert not patient.plans.filter(state="active").exists(), patient
        assert not patient.links.filter(revoked_at=None).exists(), patient


def started_visits_have_check_ins() -> None:
    """Whoever got the drug and left is asked at every hour of the protocol, unless nothing is asked any more."""
    rows = Appointment.objects.filter(status__in=USED).exclude(patient__standing=Standing.DIED)
    planned: dict[int, set[int]] = defaultdict(set)
    for of, hours in CheckIn.objects.values_list("appointment_id", "offset_hours"):
        planned[of].add(hours)
    for visit in rows.select_related("protocol"):
        assert planned[visit.pk] == set(offsets(visit.protocol.check_in_hours)), visit
    never = Appointment.objects.filter(status__in=(Status.NOT_GIVEN, Status.MISSED, *CANCELLED))
    assert not CheckIn.objects.filter(appointment__in=never).exclude(state="dropped").exists()


def calls_are_about_lost_visits() -> None:
    """A place is held for a visit without one, while someone is to call; nobody calls whose treatment is over."""
    rows = DisruptedVisit.objects.select_related("appointment__patient", "hold")
    for row in rows:
        visit = row.appointment
        if row.resolution == Resolution.OPEN and visit.status == Status.BOOKED:
            assert row.resolved_at is None, row
        if row.hold:
            assert row.call in (CallState.TO_CALL, CallState.NOT_REACHED), row
            is_lost = row.resolution == Resolution.OPEN or visit.status in CANCELLED
            assert is_lost, row
            assert not row.hold.claims.filter(seat__kind=SeatKind.PATIENT).exists(), row
        if row.call == CallState.AGREED:
            assert (row.resolution, row.told_at is None) == (Resolution.MOVED, False), row
        if visit.patient.standing != Standing.ACTIVE:
            assert (row.call, row.hold) == (CallState.NONE, None), row


def what_is_on_screen_is_held(now: datetime) -> None:
    """Every place of open proposals has its chair and nurse, and nobody's own time is taken by them."""
    holds = Hold.objects.filter(expires_at__gt=now).exclude(proposal_key="").select_related("proposed_for")
    for hold in holds:
        order = hold.proposed_for
        assert order, hold
        pattern = Pattern.of(order.protocol.pattern_phases())
        claims = list(hold.claims.select_related("seat"))
        assert all(claim.seat.kind != SeatKind.PATIENT for claim in claims), hold
        for place in hold.places:
            start = datetime.fromisoformat(place["starts_at"])
            for kind, owner, span in (
                (SeatKind.CHAIR, place["chair"], (0, pattern.chair)),
                (SeatKind.MONITORING, place["nurse"], pattern.nurse),
            ):
                assert any(
                    claim.seat.kind == kind
                    and owner in (claim.seat.chair_id, claim.seat.nurse_id)
                    and claim.starts_at <= start + span[0] * STEP
                    and start + span[1] * STEP <= claim.ends_at
                    for claim in claims
                ), (hold, place, kind)


def no_place_is_offered_to_two() -> None:
    """An open offer belongs to somebody who waits, and its chair is nobody else's: neither offered nor booked."""
    spans: list[tuple[int, datetime, datetime, int]] = []
    rows = Offer.objects.select_related("entry__order__protocol", "entry__appointment__protocol", "hold")
    for offer in rows.prefetch_related("hold__claims__seat"):
        entry = offer.entry
        if offer.state != OfferState.OPEN:
            assert offer.hold is None, offer
        elif offer.hold and offer.hold.claims.exists():
            assert entry.ended_at is None, offer
            assert not offer.hold.claims.filter(seat__kind=SeatKind.PATIENT).exists(), offer
            protocol = (entry.appointment or entry.order).protocol
            end = offer.starts_at + Pattern.of(protocol.pattern_phases()).chair * STEP
            spans.append((offer.chair_id, offer.starts_at, end, entry.patient_id))
        if offer.state == OfferState.ACCEPTED:
            assert entry.why == WaitEnd.PLACED, offer
    for one, other in pairwise(sorted(spans)):
        assert one[0] != other[0] or one[2] <= other[1], (one, other)
    for chair, start, end, patient in spans:
        taken = Claim.objects.filter(seat__chair=chair, starts_at__lt=end, ends_at__gt=start)
        assert not taken.exclude(appointment__patient=patient).filter(hold=None).exists()


def nothing_is_silently_uncovered(now: datetime) -> None:
    """After the worker's round every visit to come that lost something is on a list, unless somebody has seen it.

    By what is declared missing alone, read off the tables.
    """
    lost = Q()
    for row in Disruption.objects.in_force():
        about: dict[str, dict[str, int | None]] = {
            DisruptionKind.NURSE: {"nurse": row.staff_id},
            DisruptionKind.CHAIR: {"chair": row.chair_id},
            DisruptionKind.LOCATION: {"location": row.location_id},
            DisruptionKind.PRESCRIBER: {"pk": 0},
        }
        # From preparation on: that is when all of them need their nurse.
        lost |= Q(starts_at__lt=row.ends_at - HALF_AN_HOUR, ends_at__gt=row.starts_at, **about[row.kind])
    if not lost:
        return
    for visit in Appointment.objects.filter(lost, status=Status.BOOKED, starts_at__gt=now):
        listed = DisruptedVisit.objects.open().filter(appointment=visit).exists()
        alerts = Alert.objects.filter(kind=AlertKind.UNCOVERED, appointment=visit, settled_at=None)
        assert listed or alerts.exists(), visit


def everything_is_true(now: datetime) -> None:
    """All of it."""
    no_seat_overlaps()
    claims_are_the_plan()
    orders_are_counted()
    no_session_is_lost_or_doubled()
    gaps_hold()
    nobody_who_ended_hears_from_us()
    nobody_who_ended_is_booked(now)
    started_visits_have_check_ins()
    calls_are_about_lost_visits()
    what_is_on_screen_is_held(now)
    no_place_is_offered_to_two()
