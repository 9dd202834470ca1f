"""Another place for a visit of a disruption: kept while somebody calls, booked only once the patient agreed."""

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.words import CANCELLED, CallState, Resolution, Status
from scheduling.models import Appointment, DisruptedVisit, Hold, Location

from .appointments import move_booked
from .audit import author, record
from .booking import BookedPlace, book_series, new_visit, put, require_room
from .claims import claims_of, keep_places, let_offers_go
from .draft_holds import end_of_next_day
from .faults import Refused
from .locks import locked_visit
from .offers import Offers, offer_places
from .rules import require_rules


def other_places(row: DisruptedVisit, now: datetime) -> Offers:
    """Other places for the visit, best first; for one that was cancelled, places to book the session again."""
    return offer_places(appointment=row.appointment, now=now)


@transaction.atomic
def hold_other_place(*, by: Actor, now: datetime, row: DisruptedVisit, place: BookedPlace) -> Hold:
    """Keep ``place`` until the location closes, and put the patient on the call list; it replaces one kept before.

    Nothing is booked and nobody is told. Raises Refused where the visit has found its place, for a broken rule
    (``rules_broken``) and for a place that is taken (``places_taken``); then what was kept before stays.
    """
    by.require(Action.COVER)
    visit, row = locked_row(row)
    _require_lost(visit, row)
    hold = keep_for_call(by=by, now=now, visit=visit, row=row, place=place)
    record(
        by=by,
        now=now,
        action="hold_other_place",
        subject=row,
        patient_id=visit.patient_id,
        until=hold.expires_at.isoformat(),
    )
    return hold


def keep_for_call(
    *, by: Actor, now: datetime, visit: Appointment, row: DisruptedVisit, place: BookedPlace
) -> Hold:
    """Hold ``place`` for a locked visit and its row; the caller writes the audit entry. Raises as above."""
    pattern = Pattern.of(visit.protocol.pattern_phases())
    if visit.status == Status.BOOKED:
        wanted = Appointment.objects.select_related("series__order", "protocol", "patient").get(pk=visit.pk)
        put(wanted, visit.location, pattern, place, now)
    else:
        require_room(visit.series.order, 1, visit.location, now)
        wanted = new_visit(visit.series, pattern, place, visit.number, now)
    let_offers_go([visit])
    require_rules(by=by, now=now, series=visit.series, visits=[wanted], override_reason="")
    hold = Hold.objects.create(
        expires_at=min(closing_time(visit.location, now), place.starts_at),
        made_by_id=author(by),
        made_at=now,
        places=[{"starts_at": place.starts_at.isoformat(), "chair": place.chair_id, "nurse": place.nurse_id}],
    )
    keep_places(hold, [wanted], pattern, now, claims_of([visit]))
    row.hold, row.call = hold, CallState.TO_CALL
    row.save(update_fields=["hold", "call"])
    return hold


def closing_time(location: Location, now: datetime) -> datetime:
    """When ``location`` closes today, whatever a disruption takes away; else on its next open day (UTC)."""
    today = now.astimezone(location.tz).date()
    hours = location.opening_hours.filter(weekday=today.weekday()).order_by("-closes").first()
    if hours:
        closes = datetime.combine(today, hours.closes, location.tz).astimezone(UTC)
        if closes > now:
            return closes
    return end_of_next_day(location, now)


@transaction.atomic
def let_place_go(*, by: Actor, now: datetime, row: DisruptedVisit) -> DisruptedVisit:
    """Free the place that is kept for a call. Raises Refused where none is."""
    by.require(Action.COVER)
    visit, row = locked_row(row)
    if not held_for_row(row).delete()[0]:
        raise Refused("hold_over", _("No place is held for this visit."))
    record(by=by, now=now, action="let_place_go", subject=row, patient_id=visit.patient_id)
    return row


def book_held_place(*, by: Actor, now: datetime, visit: Appointment, row: DisruptedVisit) -> Appointment:
    """Give the locked visit the place that is kept for it; one that was cancelled is booked again. Which it is.

    The patient was asked, so the change is told at once, with nothing to undo. Moving and booking write their own
    audit entries. Raises Refused where nothing is held any more (``hold_over``), and for all that moving or
    booking refuses.
    """
    _require_lost(visit, row)
    hold = held_for_row(row).filter(expires_at__gt=now).first()
    if hold is None:
        raise Refused("hold_over", _("No place is held for this visit any more. Look for another one."))
    (kept,) = hold.places
    place = BookedPlace(datetime.fromisoformat(kept["starts_at"]), kept["chair"], kept["nurse"])
    key = f"call:{hold.pk}"
    hold.delete()
    row.hold = None
    if visit.status == Status.BOOKED:
        by.require(Action.MOVE)
        move_booked(by, visit, place, now, leaves=now)
        return visit
    series = book_series(
        by=by,
        now=now,
        order=visit.series.order,
        location=visit.location,
        places=[place],
        request_key=key,
    )
    return series.appointments.get(starts_at=place.starts_at, status=Status.BOOKED)


def locked_row(row: DisruptedVisit) -> tuple[Appointment, DisruptedVisit]:
    """The visit with its order and course, then the row itself: in the order in which a move locks them."""
    visit = locked_visit(row.appointment_id)
    rows = DisruptedVisit.objects.select_for_update(no_key=True, of=("self",))
    return visit, rows.select_related("disruption").get(pk=row.pk)


def held_for_row(row: DisruptedVisit) -> "QuerySet[Hold]":
    """The hold of this row, if any; expired ones too."""
    return Hold.objects.filter(offered_to=row)


def _require_lost(visit: Appointment, row: DisruptedVisit) -> None:
    """Raise Refused unless the visit still waits for a place, or was cancelled with the day."""
    is_open = row.resolution == Resolution.OPEN and visit.status == Status.BOOKED
    is_cancelled = row.resolution == Resolution.CANCELLED and visit.status in CANCELLED
    if not (is_open or is_cancelled):
        raise Refused("has_place", _("This visit has found its place, or it is over."))
