"""A patient who did not come: the places are free at once, somebody calls, and a second miss asks the prescriber."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import AlertKind, Status
from scheduling.models import Alert, Appointment, Series

from .alerts import raise_again, raise_alert, settle
from .audit import record
from .claims import release
from .coming_back import come_back
from .faults import Refused
from .locks import locked_visit
from .open_visits import closing_time
from .orders import recount
from .visit_status import require_status

ASKED_FROM = 2
"""So many misses in one course put it under review (facts: clinician review after 2 misses)."""


def may_be_missed(visit: Appointment, now: datetime) -> bool:
    """Whether the patient has been expected for longer than the location waits."""
    patience = timedelta(minutes=visit.location.late_minutes)
    return visit.status == Status.BOOKED and now >= visit.starts_at + patience


@transaction.atomic
def record_missed(*, by: Actor, now: datetime, appointment: Appointment) -> Appointment:
    """Record that the patient did not come, once the location's late time is over; frees the places.

    The front desk is asked to call today. From the second miss of a course on it stands under review: later visits
    stay, nothing more is booked by the plan, and the prescriber is asked how to go on.
    """
    by.require(Action.RECORD_ARRIVAL)
    visit = locked_visit(appointment.pk)
    require_status(visit, Status.BOOKED)
    if not may_be_missed(visit, now):
        raise Refused(
            "not_late_yet",
            _("A visit counts as missed %(minutes)d minutes after its start.")
            % {"minutes": visit.location.late_minutes},
        )
    visit.status, visit.changed_at = Status.MISSED, now
    visit.sequence += 1
    visit.save()
    release([visit])
    recount(visit.order)
    _ask_to_call(visit, now)
    _ask_for_review(visit, now)
    record(by=by, now=now, action="record_missed", subject=visit, patient_id=visit.patient_id)
    return visit


def _ask_to_call(visit: Appointment, now: datetime) -> None:
    """A task for the same day: welfare first, then another day for the visit."""
    key = f"call_missed:{visit.pk}"
    alert = raise_alert(
        kind=AlertKind.CALL_MISSED,
        key=key,
        patient=visit.patient,
        location=visit.location,
        now=now,
        appointment=visit,
        due_at=closing_time(visit),
    )
    if alert is None:
        raise_again(Alert.objects.filter(key=key), now)


def misses_of(series: Series) -> int:
    """How many visits of a course were missed."""
    return Appointment.objects.filter(series=series, status=Status.MISSED).count()


def _review_key(series: Series, count: int) -> str:
    return f"misses:{series.pk}:{count}"


def _ask_for_review(visit: Appointment, now: datetime) -> None:
    series, count = visit.series, misses_of(visit.series)
    if count < ASKED_FROM:
        return
    series.review_asked_at = series.review_asked_at or now
    series.save(update_fields=["review_asked_at"])
    key = _review_key(series, count)
    alert = raise_alert(
        kind=AlertKind.MISSES,
        key=key,
        patient=visit.patient,
        location=visit.location,
        now=now,
        appointment=visit,
        facts={"count": count},
    )
    if alert is None:
        raise_again(Alert.objects.filter(key=key), now)
    # One question at a time: the latest one counts all misses.
    older = [_review_key(series, number) for number in range(ASKED_FROM, count)]
    settle(Alert.objects.filter(key__in=older), now)


def take_back_miss(visit: Appointment, now: datetime) -> None:
    """The patient came after all: the visit is booked again under the course's order and has its places.

    The caller holds its lock, recounts and writes the audit entry. Raises Refused as ``come_back`` does.
    """
    count = misses_of(visit.series)
    come_back(visit, Status.BOOKED, now)
    settle(Alert.objects.filter(kind=AlertKind.CALL_MISSED, appointment=visit), now)
    settle(Alert.objects.filter(key=_review_key(visit.series, count)), now)
    if count <= ASKED_FROM:
        visit.series.review_asked_at = None
        visit.series.save(update_fields=["review_asked_at"])
