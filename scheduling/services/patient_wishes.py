"""Tasks that patients' wishes make for the front desk, and what settles them."""

from collections.abc import Sequence
from datetime import datetime

from scheduling.core.words import AlertKind, OfferState, Status, WaitEnd
from scheduling.models import Alert, Appointment, Hold, Offer, Order, Series, WaitlistEntry

from .alerts import raise_alert, settle


def follow_change(visits: Sequence[Appointment], now: datetime) -> None:
    """These visits were moved or cancelled: a wish for another time is met, a patient's cancellation to be looked at.

    The caller holds the lock of the course; the revision of the first visit's course is already raised.
    """
    settle(Alert.objects.filter(kind=AlertKind.OTHER_TIME, appointment__in=visits), now)
    off = [visit for visit in visits if visit.status in (Status.CANCELLED_IN_TIME, Status.CANCELLED_LATE)]
    if off:
        series, first = visits[0].series, min(off, key=lambda visit: visit.starts_at)
        raise_alert(
            kind=AlertKind.REPLAN,
            key=f"replan:{series.pk}:{series.revision}",
            patient=first.patient,
            location=first.location,
            appointment=first,
            now=now,
            facts={"is_late": any(visit.status == Status.CANCELLED_LATE for visit in off)},
        )


def follow_undo(visits: Sequence[Appointment], made_at: datetime, now: datetime) -> None:
    """A change made at ``made_at`` was taken back: nothing to re-plan, and wishes it had met are open again."""
    settle(Alert.objects.filter(kind=AlertKind.REPLAN, appointment__in=visits, raised_at=made_at), now)
    wishes = Alert.objects.filter(kind=AlertKind.OTHER_TIME, appointment__in=visits, acknowledged_at=None)
    wishes.filter(settled_at=made_at).update(settled_at=None)


def settle_waits(order: Order, now: datetime) -> None:
    """A session of ``order`` is booked: nobody waits for one any more, and what was offered for it is free."""
    waits = WaitlistEntry.objects.open().filter(order=order, appointment=None)
    Hold.objects.filter(waitlist_offer__entry__in=waits).delete()
    Offer.objects.filter(entry__in=waits, state=OfferState.OPEN).update(state=OfferState.WITHDRAWN)
    waits.update(ended_at=now, why=WaitEnd.PLACED)


def follow_booking(series: Series, now: datetime) -> None:
    """Somebody booked this course again: its cancellations are dealt with."""
    settle(Alert.objects.filter(kind=AlertKind.REPLAN, appointment__series=series), now)
