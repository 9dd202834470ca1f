"""Whether a patient is treated here: pause, end and reopen, each with all that follows in one transaction."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import CANCELLED, ENDED, AlertKind, MessageKind, Standing
from scheduling.models import Alert, Appointment, Patient, Series

from .alerts import settle
from .audit import author, record
from .closing import drop_for, drop_quietly, tell_end
from .course_messages import announce
from .faults import Refused
from .leaving import (
    Record,
    acknowledge_red_flags,
    locked_record,
    require_not_under_way,
    stop_everything,
    withdraw_orders,
)
from .ledger import drop

LONGEST_PAUSE = timedelta(days=366)
"""A pause is at most a year (DESIGN): whoever is away longer has ended and is reopened."""
CLOSED_WITH_WORDS = (Standing.FINISHED, Standing.STOPPED)
"""Ends that are told by one closing message; one that moved away gets the ordinary cancellation."""
LONGEST_REASON = 200
"""Characters, as a visit keeps it."""


@transaction.atomic
def pause_patient(*, by: Actor, now: datetime, patient: Patient, until: date, reason: str = "") -> Patient:
    """Pause until the local date ``until``: visits ahead, plan, check-ins and tasks end, places and links close.

    Orders stay; nothing can be booked under them meanwhile. What was cancelled is told as any cancellation is. A
    paused patient may be paused anew. Raises Refused at ``until`` for a date not in the coming year, for an ended
    patient, and while a visit is under way.
    """
    by.require(Action.CHANGE_STANDING)
    author(by)
    found = locked_record(patient.pk)
    require_pause_end(found.patient, until, now)
    if found.patient.standing in ENDED:
        raise Refused("patient_ended", _("The treatment has ended. Reopen the record before pausing it."))
    require_not_under_way(found)
    _leave(by, now, found, Standing.PAUSED, reason, until)
    return found.patient


@transaction.atomic
def end_patient(
    *, by: Actor, now: datetime, patient: Patient, standing: Standing, reason: str = ""
) -> Patient:
    """End the treatment as ``standing`` says; what a pause does, and orders without an open visit are withdrawn.

    Finished and stopped: one closing message and no other mail. Moved away: the ordinary cancellation. Died:
    nothing on any channel, not even to a calendar; open red flags are acknowledged by whoever records it. Raises
    Refused for a standing that is no end or is there already, for the dead, and while a visit is under way; a
    death is recorded even then.
    """
    by.require(Action.CHANGE_STANDING)
    author(by)
    found = locked_record(patient.pk)
    if standing not in ENDED:
        raise Refused("no_end", _("Choose how the treatment ended."), field="standing")
    if found.patient.standing in (standing, Standing.DIED):
        words = _("This is on record already: %(standing)s.")
        raise Refused(
            "same_standing", words % {"standing": found.patient.get_standing_display()}, field="standing"
        )
    if standing is not Standing.DIED:
        require_not_under_way(found)
    _leave(by, now, found, standing, reason)
    return found.patient


@transaction.atomic
def reopen_patient(*, by: Actor, now: datetime, patient: Patient) -> Patient:
    """Treat the patient here again. Restores the record only: visits, plan, orders and links stay closed.

    Cancellations that nobody was told of yet are told now, as after a death recorded by mistake. Raises Refused
    for an active patient.
    """
    by.require(Action.CHANGE_STANDING)
    found = locked_record(patient.pk)
    person, before = found.patient, Standing(found.patient.standing)
    if person.is_active:
        raise Refused("patient_active", _("This patient is treated here; there is nothing to reopen."))
    closing = person.messages.filter(kind=MessageKind.CLOSING)
    untold = drop(closing, now, _("The record was reopened.")) or before is Standing.DIED
    _stand(person, Standing.ACTIVE, now)
    settle(Alert.objects.filter(patient=person, kind=AlertKind.PAUSE_OVER), now)
    if untold:
        _tell_cancelled(found.series, _cancelled_ahead(person, now), now)
    record(
        by=by,
        now=now,
        action="reopen_patient",
        subject=person,
        patient_id=person.pk,
        before=before.value,
    )
    return person


def require_pause_end(patient: Patient, until: date, now: datetime) -> None:
    """Raise Refused at ``until`` unless it is a date after today at home, within LONGEST_PAUSE."""
    today = now.astimezone(patient.home_location.tz).date()
    if until <= today:
        raise Refused("pause_past", _("A pause ends in the future."), field="until")
    if until > today + LONGEST_PAUSE:
        raise Refused(
            "pause_far",
            _("A pause lasts a year at most. End the treatment instead; it can be reopened."),
            field="until",
        )


def _leave(
    by: Actor, now: datetime, found: Record, standing: Standing, reason: str, until: date | None = None
) -> None:
    patient, before = found.patient, found.patient.standing
    _stand(patient, standing, now, until)
    words = reason.strip()[:LONGEST_REASON] or str(patient.get_standing_display())
    visits = found.booked(standing, now)
    facts = stop_everything(by=by, now=now, record=found, visits=visits, reason=words)
    if standing in ENDED:
        facts["orders"] = withdraw_orders(found)
    if standing is Standing.DIED:
        facts["red_flags"] = acknowledge_red_flags(by=by, now=now, patient=patient, note=words)
    _tell(found, standing, visits, now)
    record(
        by=by,
        now=now,
        action="pause_patient" if standing is Standing.PAUSED else "end_patient",
        subject=patient,
        patient_id=patient.pk,
        standing=standing.value,
        before=before,
        until=until.isoformat() if until else None,
        reason=reason.strip(),
        **facts,
    )


def _stand(patient: Patient, standing: Standing, now: datetime, until: date | None = None) -> None:
    patient.standing, patient.standing_since, patient.paused_until = standing, now, until
    patient.save(update_fields=["standing", "standing_since", "paused_until"])


def _tell(found: Record, standing: Standing, visits: Sequence[Appointment], now: datetime) -> None:
    """Write what the patient hears of it: everything, one closing message, or nothing at all."""
    patient = found.patient
    if standing is Standing.DIED:
        drop_for(patient, now)
    elif standing in CLOSED_WITH_WORDS:
        tell_end(patient, visits, now)
    else:
        drop_quietly(patient, now)
        _tell_cancelled(found.series, visits, now)


def _cancelled_ahead(patient: Patient, now: datetime) -> list[Appointment]:
    """Cancelled visits that would still be to come."""
    rows = Appointment.objects.filter(patient=patient, status__in=CANCELLED, ends_at__gt=now)
    return list(rows.select_related("patient__home_location", "series", "location").order_by("pk"))


def _tell_cancelled(courses: Sequence[Series], visits: Sequence[Appointment], now: datetime) -> None:
    """The ordinary cancellation, one mail a course, at once: there is nothing to take back."""
    for series in courses:
        own = [visit for visit in visits if visit.series_id == series.pk]
        if own:
            announce(series=series, visits=own, now=now, due_at=now)
