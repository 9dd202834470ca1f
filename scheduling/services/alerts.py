"""Alerts: raised once per cause, acknowledged by a named person, or settled when the cause goes away."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from scheduling.core.words import AlertKind, Role, Severity, Standing
from scheduling.models import Alert, Appointment, CheckIn, FollowUpPlan, Location, Patient

from .treated import has_died

OWNERS: dict[AlertKind, tuple[Severity, Role]] = {
    AlertKind.RED_FLAG: (Severity.RED_FLAG, Role.NURSE),
    AlertKind.VISIT_OPEN: (Severity.SAME_DAY_VISIT, Role.NURSE),
    AlertKind.NO_ANSWER_CALL: (Severity.PATIENT_WAITING, Role.NURSE),
    AlertKind.NO_ANSWER_ASK: (Severity.PAPERWORK, Role.NURSE),
    AlertKind.MESSAGE_FAILED: (Severity.PATIENT_WAITING, Role.FRONT_DESK),
    AlertKind.OVERDUE: (Severity.PATIENT_WAITING, Role.PRESCRIBER),
    AlertKind.REVIEW_DUE: (Severity.PAPERWORK, Role.PRESCRIBER),
    AlertKind.RENEW_ORDER: (Severity.PAPERWORK, Role.PRESCRIBER),
    AlertKind.PLAN_STUCK: (Severity.PATIENT_WAITING, Role.FRONT_DESK),
    AlertKind.OVERRUN: (Severity.SAME_DAY_VISIT, Role.NURSE),
    AlertKind.CALL_MISSED: (Severity.SAME_DAY_VISIT, Role.FRONT_DESK),
    AlertKind.MISSES: (Severity.PATIENT_WAITING, Role.PRESCRIBER),
    AlertKind.MAKE_UP: (Severity.PATIENT_WAITING, Role.PRESCRIBER),
    AlertKind.BOOK_MAKE_UP: (Severity.PATIENT_WAITING, Role.FRONT_DESK),
    AlertKind.NO_PRESCRIBER: (Severity.SAME_DAY_VISIT, Role.PRESCRIBER),
    AlertKind.DOSE_DIFFERS: (Severity.PATIENT_WAITING, Role.PRESCRIBER),
    AlertKind.COUNTERSIGN: (Severity.PATIENT_WAITING, Role.PRESCRIBER),
    AlertKind.PAUSE_OVER: (Severity.PAPERWORK, Role.PRESCRIBER),
    AlertKind.OTHER_TIME: (Severity.PATIENT_WAITING, Role.FRONT_DESK),
    AlertKind.REPLAN: (Severity.PATIENT_WAITING, Role.FRONT_DESK),
    AlertKind.UNCOVERED: (Severity.PATIENT_WAITING, Role.FRONT_DESK),
}
"""How soon each kind is to be seen, and by whom."""
OF_THE_VISIT = (
    AlertKind.RED_FLAG,
    AlertKind.VISIT_OPEN,
    AlertKind.OVERRUN,
    AlertKind.NO_PRESCRIBER,
    AlertKind.DOSE_DIFFERS,
    AlertKind.UNCOVERED,
)
"""What is about a visit as it goes, and so is seen even where the patient died during it."""


def raise_alert(
    *,
    kind: AlertKind,
    key: str,
    patient: Patient,
    location: Location,
    now: datetime,
    appointment: Appointment | None = None,
    check_in: CheckIn | None = None,
    plan: FollowUpPlan | None = None,
    next_call_at: datetime | None = None,
    due_at: datetime | None = None,
    facts: dict[str, Any] | None = None,
) -> Alert | None:
    """The new alert of a cause named by ``key``; None where that cause already raised one.

    None as well for a patient who died, unless it is about a visit that still has to be closed: nobody is called.
    The caller's service writes the audit entry. ``facts`` are JSON values; ``due_at`` (UTC) is by when
    it has to be dealt with.
    """
    if kind not in OF_THE_VISIT and has_died(patient.pk):
        return None
    severity, owner = OWNERS[kind]
    alert, is_new = Alert.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "severity": severity,
            "owner": owner,
            "patient": patient,
            "location": location,
            "appointment": appointment,
            "check_in": check_in,
            "plan": plan,
            "facts": facts or {},
            "raised_at": now,
            "next_call_at": next_call_at,
            "due_at": due_at,
        },
    )
    return alert if is_new else None


def raise_again(alerts: "QuerySet[Alert]", now: datetime) -> int:
    """Put settled alerts back on the list, since their cause is back; how many. What a person acknowledged stays.

    Of the dead as ``raise_alert`` does.
    """
    settled = alerts.filter(settled_at__isnull=False, acknowledged_at=None)
    settled = settled.filter(~Q(patient__standing=Standing.DIED) | Q(kind__in=OF_THE_VISIT))
    return settled.update(settled_at=None, raised_at=now)


def settle(alerts: "QuerySet[Alert]", now: datetime) -> int:
    """Take open alerts whose cause went away off the attention list; how many. Red flags stay."""
    open_ones = Alert.objects.filter(pk__in=alerts.values("pk")).open()
    return open_ones.exclude(kind=AlertKind.RED_FLAG).update(settled_at=now)
