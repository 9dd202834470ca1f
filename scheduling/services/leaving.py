"""What a pause or an end does to a patient's courses, in one transaction: nothing goes on, nothing stays taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.access import Actor
from scheduling.core.words import (
    OPEN,
    OPEN_ORDER,
    UNDER_WAY,
    AlertKind,
    CallState,
    CheckInState,
    OrderState,
    PlanState,
    Resolution,
    Standing,
    Status,
)
from scheduling.models import (
    AccessLink,
    Alert,
    Appointment,
    CheckIn,
    DisruptedVisit,
    FollowUpPlan,
    Hold,
    Order,
    Patient,
    Series,
)

from .alerts import settle
from .audit import author
from .check_ins import ASKING, drop_check_in
from .claims import release
from .faults import Refused
from .ledger import drop
from .locks import raise_revision
from .orders import recount
from .plan_words import day_words
from .plans import close_plan

NOT_TREATED = gettext_lazy("The patient is not treated here at present.")


@dataclass(frozen=True, slots=True)
class Record:
    """One patient with all that a pause or an end touches, locked in the lock order."""

    patient: Patient
    orders: Sequence[Order]
    series: Sequence[Series]
    visits: Sequence[Appointment]
    """The open ones, by primary key: booked and under way."""

    def booked(self, standing: Standing, now: datetime) -> list[Appointment]:
        """The booked visits that end with this standing: those not over, since older ones were given or missed.

        Of the dead all: recording a past one as missed would have somebody call.
        """
        booked = [visit for visit in self.visits if visit.status == Status.BOOKED]
        return [visit for visit in booked if standing is Standing.DIED or visit.ends_at > now]

    def under_way(self) -> list[Appointment]:
        """Visits whose patient is here now."""
        return [visit for visit in self.visits if visit.status in UNDER_WAY]


def locked_record(pk: int) -> Record:
    """The patient first, so that two who change the standing wait for each other; then as everybody locks."""
    people = Patient.objects.select_for_update(no_key=True, of=("self",)).select_related("home_location")
    patient = people.get(pk=pk)
    orders = Order.objects.select_for_update(no_key=True).filter(patient=patient).order_by("pk")
    known = {order.pk: order for order in orders}
    courses = (
        Series.objects.select_for_update(no_key=True, of=("self",))
        .select_related("location")
        .filter(patient=patient)
        .order_by("pk")
    )
    series = {one.pk: one for one in courses}
    for one in series.values():
        one.patient, one.order = patient, known[one.order_id]
    visits = (
        Appointment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("location", "protocol")
        .filter(patient=patient, status__in=OPEN)
        .order_by("pk")
    )
    found = list(visits)
    for visit in found:
        visit.patient, visit.series, visit.order = patient, series[visit.series_id], known[visit.order_id]
    return Record(patient, list(known.values()), list(series.values()), found)


def require_not_under_way(record: Record) -> None:
    """Raise Refused while the patient is here: the visit is closed first."""
    visits = record.under_way()
    if visits:
        words = _("Visit %(number)d of %(day)s is under way. Close it first.")
        raise Refused(
            "visit_under_way",
            words % {"number": visits[0].number, "day": day_words(visits[0].local_date)},
        )


def stop_everything(
    *, by: Actor, now: datetime, record: Record, visits: Sequence[Appointment], reason: str
) -> dict[str, Any]:
    """Cancel these booked visits of the record, end the plan, drop check-ins and tasks, free places, close links.

    Writes no message: the caller tells what is to be told, and the audit entry, for which the facts are returned.
    """
    _cancel(by, now, record, visits, reason)
    return {
        "visits": [visit.pk for visit in visits],
        "plans": _end_plans(record.patient, now, reason),
        "check_ins": _stop_asking(record.patient, now),
        "alerts": _settle_alerts(record, now),
        "holds": _free_holds(record),
        "links": AccessLink.objects.filter(patient=record.patient, revoked_at=None).update(revoked_at=now),
    }


def _cancel(by: Actor, now: datetime, record: Record, visits: Sequence[Appointment], reason: str) -> None:
    release(visits)
    for visit in visits:
        visit.status, visit.reason, visit.changed_at = Status.CANCELLED_BY_CLINIC, reason, now
        visit.sequence += 1
        visit.save(update_fields=["status", "reason", "changed_at", "sequence"])
    touched = {visit.order_id for visit in visits}
    for order in record.orders:
        if order.pk in touched:
            recount(order)
    changed = {visit.series_id for visit in visits}
    for series in record.series:
        if series.pk in changed:
            raise_revision(series)
    DisruptedVisit.objects.open().filter(appointment__in=visits).update(
        resolution=Resolution.CANCELLED, resolved_by=author(by), resolved_at=now
    )
    # Also for visits that an earlier disruption cancelled: nobody is called about a new time.
    DisruptedVisit.objects.filter(appointment__patient=record.patient).update(call=CallState.NONE)


def _end_plans(patient: Patient, now: datetime, reason: str) -> list[int]:
    rows = FollowUpPlan.objects.select_for_update(no_key=True).filter(patient=patient, state=PlanState.ACTIVE)
    plans = list(rows.order_by("pk"))
    for plan in plans:
        close_plan(plan, PlanState.ENDED, now, reason)
    return [plan.pk for plan in plans]


def _stop_asking(patient: Patient, now: datetime) -> list[int]:
    """Drop what was never asked. What was asked waits for no answer any more, though a late one still counts."""
    rows = CheckIn.objects.select_for_update(no_key=True).filter(
        patient=patient, state__in=(CheckInState.PLANNED, CheckInState.ASKED)
    )
    found = list(rows.order_by("pk"))
    for row in found:
        drop_check_in(row, now, NOT_TREATED)
    CheckIn.objects.asked().filter(patient=patient).update(state=CheckInState.SILENT)
    drop(patient.messages.filter(kind__in=ASKING), now, NOT_TREATED)
    return [row.pk for row in found]


def _settle_alerts(record: Record, now: datetime) -> int:
    """Take the patient's tasks off the list; those of a visit that is under way stay until it is closed."""
    alerts = Alert.objects.filter(patient=record.patient)
    return settle(alerts.exclude(appointment__in=record.under_way()), now)


def _free_holds(record: Record) -> int:
    """Free what is kept for drafts, open proposals, taking back changes, calls about another time, and as offers."""
    kept = (
        Q(order__in=record.orders) | Q(proposed_for__in=record.orders) | Q(change__series__in=record.series)
    )
    kept |= Q(offered_to__appointment__patient=record.patient)
    kept |= Q(waitlist_offer__entry__patient=record.patient)
    holds = Hold.objects.filter(kept)
    return (
        Hold.objects.filter(pk__in=list(holds.values_list("pk", flat=True)))
        .delete()[1]
        .get("scheduling.Hold", 0)
    )


def withdraw_orders(record: Record) -> list[int]:
    """Close drafts and signed orders under which no visit is open any more; which."""
    in_use = {visit.order_id for visit in record.visits if visit.status in OPEN}
    found = [one for one in record.orders if one.state in OPEN_ORDER and one.pk not in in_use]
    for order in found:
        order.state = OrderState.WITHDRAWN
        order.save(update_fields=["state"])
    return [order.pk for order in found]


def acknowledge_red_flags(*, by: Actor, now: datetime, patient: Patient, note: str) -> list[int]:
    """Take open red flags off the list in the name of whoever recorded the death, so that nobody is called on."""
    rows = Alert.objects.open().filter(patient=patient, kind=AlertKind.RED_FLAG)
    flags = list(rows.select_for_update(no_key=True).order_by("pk"))
    for alert in flags:
        alert.acknowledged_by_id, alert.acknowledged_at, alert.note = author(by), now, note
        alert.next_call_at = None
        alert.save(update_fields=["acknowledged_by", "acknowledged_at", "note", "next_call_at"])
        drop(alert.messages.all(), now, _("Somebody acknowledged it."))
    return [alert.pk for alert in flags]
