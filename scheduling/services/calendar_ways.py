"""How a patient's calendar learns of visits: invitations, a feed or files, one way at a time."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.access import Action, Actor, NotAllowed
from scheduling.core.words import ActorKind, CalendarWay, MessageKind
from scheduling.models import AccessLink, Appointment, Message, Order, Patient, Series

from .audit import record
from .course_messages import invite
from .faults import Refused
from .ledger import drop, may_write_to


@transaction.atomic
def choose_calendar_way(*, by: Actor, now: datetime, patient: Patient, way: CalendarWay) -> Patient:
    """Keep the way that the patient chose; the same way again changes nothing and is not recorded.

    Nothing is sent, but for invitations to visits still to come where invitations were chosen. Raises Refused
    for those where the patient may not be written to, and NotAllowed for a link of another patient.
    """
    _require(by, patient)
    before = patient.way_of_calendar
    if way is before:
        return patient
    if way is CalendarWay.INVITATIONS and not may_write_to(patient):
        raise Refused(
            "no_email_consent",
            _("Invitations come by e-mail, which needs an address and consent on record."),
            field="way",
        )
    patient.calendar_way = way.value
    Patient.objects.filter(pk=patient.pk).update(calendar_way=patient.calendar_way)
    follow_way(patient=patient, before=before, now=now)
    record(
        by=by,
        now=now,
        action="choose_calendar_way",
        subject=patient,
        patient_id=patient.pk,
        way=way.value,
        before=before.value,
    )
    return patient


def follow_way(*, patient: Patient, before: CalendarWay, now: datetime) -> None:
    """Write what a changed way asks for, or keep invitations that have not left from leaving.

    A visit that already stands in the calendar by invitation is kept true there. The caller writes the audit.
    """
    way = patient.way_of_calendar
    if way is before or CalendarWay.INVITATIONS not in (way, before):
        return
    visits = locked_visits(patient, now)
    if way is CalendarWay.INVITATIONS:
        for series_id in dict.fromkeys(visit.series_id for visit in visits):
            invite([visit for visit in visits if visit.series_id == series_id], now=now)
        return
    invitations = Message.objects.filter(kind=MessageKind.INVITATION, patient=patient)
    sent = invitations.maybe_sent().values("appointment")
    why = gettext_lazy("The patient chose another calendar way.")
    drop(invitations.exclude(appointment__in=sent), now, why)


def was_invited(patient: Patient) -> bool:
    """Whether visits may stand in the patient's calendar by invitation, where only an e-mail changes them."""
    return Message.objects.filter(kind=MessageKind.INVITATION, patient=patient).maybe_sent().exists()


def _require(by: Actor, patient: Patient) -> None:
    if by.kind is not ActorKind.LINK:
        by.require(Action.EDIT_PATIENTS)
    elif not AccessLink.objects.filter(pk=by.link_id or 0, patient=patient, revoked_at=None).exists():
        raise NotAllowed(Action.EDIT_PATIENTS)


def locked_visits(patient: Patient, now: datetime) -> list[Appointment]:
    """The visits to come, with their orders, courses and themselves locked in that order."""
    courses = list(patient.series.filter(appointments__ends_at__gt=now).distinct().values_list("pk", "order"))
    orders = Order.objects.filter(pk__in=[order for _pk, order in courses])
    list(orders.select_for_update(no_key=True).order_by("pk"))
    series = Series.objects.filter(pk__in=[pk for pk, _order in courses])
    list(series.select_for_update(no_key=True).order_by("pk"))
    visits = (
        Appointment.objects.upcoming(now)
        .filter(patient=patient)
        .select_related("patient__home_location", "series", "location")
        .select_for_update(no_key=True, of=("self",))
        .order_by("pk")
    )
    return list(visits)
