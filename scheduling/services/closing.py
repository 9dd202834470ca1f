"""The last message of a treatment that ended, and keeping back all others."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import CANCELLED, MessageKind
from scheduling.models import Appointment, Message, Patient, Series

from .course_messages import invitations, last_told
from .ledger import draft, drop, may_write_to, write_all
from .rendering import Dropped, Rendered, fill
from .visit_words import when_words

ENDED_WORDS = _("The treatment here has ended or is paused.")
NEEDS_TREATMENT = (
    MessageKind.REMINDER,
    MessageKind.CHECK_IN,
    MessageKind.CHECK_IN_AGAIN,
    MessageKind.NEW_LINK,
    MessageKind.ADDRESS,
    MessageKind.OFFER,
)
"""What is not told to somebody who is not treated here: no reminder, no question, no link, no other place."""


def drop_for(patient: Patient, now: datetime) -> None:
    """Keep everything from being sent to this patient; what a worker holds is dropped by the worker."""
    drop(patient.messages.filter(staff=None), now, _("The patient is not to be written to any more."))


def drop_quietly(patient: Patient, now: datetime) -> None:
    """Keep from being sent what only a patient under treatment gets; news of a course still leaves."""
    drop(patient.messages.filter(kind__in=NEEDS_TREATMENT), now, ENDED_WORDS)


def tell_end(patient: Patient, visits: Sequence[Appointment], now: datetime) -> None:
    """Write the one closing message, and take these cancelled visits off the patient's calendar.

    Whatever else waits for the patient is dropped, but for cancellations on their way to the calendar.
    """
    kept = Q(kind=MessageKind.INVITATION) & ~Q(appointment__in=visits)
    drop(patient.messages.filter(staff=None).exclude(kept), now, ENDED_WORDS)
    closings = patient.messages.filter(kind=MessageKind.CLOSING)
    by_mail = may_write_to(patient)
    closing = draft(
        kind=MessageKind.CLOSING,
        patient=patient,
        subject=patient,
        revision=closings.count() + 1,
        now=now,
        due_at=now,
        by_mail=by_mail,
    )
    cancels = invitations(visits, now=now, due_at=now) if visits and by_mail else []
    write_all([closing, *cancels])


def closing_mail(message: Message, now: datetime) -> Rendered | Dropped:
    """What was cancelled when the treatment ended, and whom to call; no link, since all are closed."""
    visits = _cancelled(message, now)
    words = {"patient": message.patient, "visits": [when_words(visit) for visit in visits]}
    place = visits[0].location if visits else message.patient.home_location
    return fill(message, place, words)


def _cancelled(message: Message, now: datetime) -> list[Appointment]:
    """The visits still to come that ended with the treatment, or before it without the patient's being told."""
    told: set[int] = set()
    for series in Series.objects.filter(patient=message.patient_id):
        told.update(int(pk) for pk in last_told(series) or ())
    rows = Appointment.objects.filter(
        Q(changed_at=message.made_at) | Q(pk__in=told),
        patient=message.patient_id,
        status__in=CANCELLED,
        ends_at__gt=now,
    )
    return list(rows.select_related("location").order_by("starts_at"))
