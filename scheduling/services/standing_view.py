"""What a pause or an end would do, shown before it is done. Nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.core.words import (
    ENDED,
    OPEN_ORDER,
    UNDER_WAY,
    CheckInState,
    MessageKind,
    MessageWay,
    PlanState,
    Standing,
    Status,
)
from scheduling.models import Appointment, FollowUpPlan, Order, Patient

from .ledger import way_to

FOLLOWING: dict[Standing, tuple[Standing, ...]] = {
    Standing.ACTIVE: (Standing.PAUSED, *ENDED),
    Standing.PAUSED: (Standing.PAUSED, *ENDED),
    Standing.DIED: (),
}
"""What may be recorded next; after another end, any end but the same."""


def following(standing: Standing) -> tuple[Standing, ...]:
    """The standings that may be recorded after this one, apart from reopening."""
    return FOLLOWING.get(standing, tuple(end for end in ENDED if end is not standing))


@dataclass(frozen=True, slots=True)
class Ending:
    """All that stops with a pause or an end; ``under_way`` visits forbid it, except for a death."""

    visits: Sequence[Appointment]
    under_way: Sequence[Appointment]
    plan: FollowUpPlan | None
    orders: Sequence[Order]
    check_ins: int
    links: int
    alerts: int
    tells: Sequence[tuple[str, str]]
    """Each standing in words with what the patient is told of it."""


def what_ends(patient: Patient, now: datetime) -> Ending:
    """What would stop at ``now``, and who would be told how."""
    rows = Appointment.objects.with_places().filter(patient=patient).order_by("starts_at")
    visits = list(rows.filter(status=Status.BOOKED, ends_at__gt=now))
    return Ending(
        visits=visits,
        under_way=list(rows.filter(status__in=UNDER_WAY)),
        plan=patient.plans.filter(state=PlanState.ACTIVE).first(),
        orders=list(patient.orders.filter(state__in=OPEN_ORDER).select_related("protocol")),
        check_ins=patient.check_ins.filter(state__in=(CheckInState.PLANNED, CheckInState.ASKED)).count(),
        links=patient.links.filter(revoked_at=None).count(),
        alerts=patient.alerts.open().count(),
        tells=_tells(patient, visits),
    )


def _tells(patient: Patient, visits: Sequence[Appointment]) -> list[tuple[str, str]]:
    labels = dict(Patient._meta.get_field("standing").flatchoices)
    courses = len({visit.series_id for visit in visits})
    cancelled = _("nothing, since no visit is booked")
    if courses:
        words = ngettext("one cancellation %(way)s", "%(count)d cancellations %(way)s", courses)
        cancelled = words % {"count": courses, "way": _way(patient, MessageKind.CANCELLATION)}
    closing = _("one closing message %(way)s") % {"way": _way(patient, MessageKind.CLOSING)}
    told = {
        Standing.PAUSED: cancelled,
        Standing.FINISHED: closing,
        Standing.STOPPED: closing,
        Standing.MOVED: cancelled,
        Standing.DIED: _("nothing is sent, on no channel and to no calendar; nobody is called"),
    }
    return [(str(labels[one]), told[one]) for one in following(Standing(patient.standing))]


def _way(patient: Patient, kind: MessageKind) -> str:
    return {
        MessageWay.EMAIL: _("by e-mail, and visits are taken off the patient's calendar"),
        MessageWay.CALL: _("by phone: a task for the front desk"),
        MessageWay.PRINT: _("on paper: a task for the front desk"),
    }[way_to(patient, kind)]
