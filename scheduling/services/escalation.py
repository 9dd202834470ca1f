"""A red flag reaches a person: the first contact in the answer's transaction, the next ones by the worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import Count

from scheduling.access import SYSTEM, Actor
from scheduling.core.check_ins import RedFlag
from scheduling.core.words import AlertKind, MessageKind
from scheduling.models import Alert, CheckIn, Message, StaffMember

from .alerts import raise_alert
from .audit import record
from .ledger import write
from .on_call import contacts, nurses_on_shift, seen_from
from .running import run


def raise_red_flag(check_in: CheckIn, flags: Sequence[RedFlag], now: datetime) -> Alert | None:
    """Raise an alert for the red flags of an answer and tell the first contact; None where there is nothing new.

    The caller holds the lock of the check-in. An amendment raises another only for reasons not raised before.
    """
    earlier = Alert.objects.filter(check_in=check_in, kind=AlertKind.RED_FLAG)
    facts = [{"rule": flag.rule, "about": flag.about, "grade": flag.grade} for flag in flags]
    raised = [reason for alert in earlier for reason in alert.facts["reasons"]]
    if all(reason in raised for reason in facts):
        return None
    visit = check_in.appointment
    alert = raise_alert(
        kind=AlertKind.RED_FLAG,
        key=f"red_flag:{check_in.pk}:{earlier.count() + 1}",
        patient=check_in.patient,
        location=visit.location,
        now=now,
        appointment=visit,
        check_in=check_in,
        facts={"reasons": facts, "offset": check_in.offset_hours},
    )
    if alert:
        call_next(alert, now)
    return alert


def call_next(alert: Alert, now: datetime) -> StaffMember | None:
    """Tell the contact who was told least often so far, and set when the next one is told.

    Nobody to tell: the next try is when somebody will see the board; ``not_seen_until`` is kept where nobody
    can have seen it before. The caller holds the lock of the alert or has just made it.
    """
    location = alert.location
    nurse = alert.appointment.nurse if alert.appointment else None
    contact = _least_told(alert, contacts(location, now, nurse))
    soon = now + timedelta(minutes=location.escalation_minutes)
    if contact:
        alert.calls += 1
        alert.next_call_at = soon
        _tell(alert, contact, now)
    elif nurses_on_shift(location, now):  # Without an address, but there: the board shows it.
        alert.next_call_at = soon
    else:
        opens = seen_from(location, now)
        alert.next_call_at = opens or soon
        alert.not_seen_until = alert.not_seen_until if alert.calls else opens
    alert.save(update_fields=["calls", "next_call_at", "not_seen_until"])
    return contact


def _least_told(alert: Alert, people: Sequence[StaffMember]) -> StaffMember | None:
    """The first of those told least often: each once before anybody is told twice."""
    rows = Message.objects.filter(alert=alert).order_by().values_list("staff_id").annotate(Count("pk"))
    told = dict(rows)
    return min(people, key=lambda one: told.get(one.pk, 0), default=None)


def _tell(alert: Alert, contact: StaffMember, now: datetime) -> None:
    write(
        kind=MessageKind.RED_FLAG,
        patient=alert.patient,
        subject=alert,
        revision=alert.calls,
        now=now,
        due_at=now,
        alert=alert,
        staff=contact,
    )


class Told(StrEnum):
    """Who knows of a red flag, as far as its patient needs to know."""

    NURSE = "nurse"
    CONTACT = "contact"
    BOARD = "board"
    NOBODY = "nobody"
    SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Notice:
    """Who was told of a red flag and when (UTC); for NOBODY, from when on somebody will see it, if known."""

    told: Told
    at: datetime | None


def notice_of(alert: Alert) -> Notice:
    """What a patient may be told of the way of an alert."""
    if alert.acknowledged_at:
        return Notice(Told.SEEN, alert.acknowledged_at)
    last = Message.objects.filter(alert=alert).select_related("staff").order_by("-revision").first()
    if last and last.staff:
        return Notice(Told.NURSE if last.staff.is_nurse else Told.CONTACT, last.made_at)
    if alert.not_seen_until or not nurses_on_shift(alert.location, alert.raised_at):
        return Notice(Told.NOBODY, alert.not_seen_until)
    return Notice(Told.BOARD, alert.raised_at)


def escalate(now: datetime) -> int:
    """Duty: tell the next contact of every red flag that nobody acknowledged in time; how many were told."""
    due = list(Alert.objects.to_call(now).values_list("pk", flat=True).order_by("next_call_at", "pk"))
    return sum(run(_escalate_one, by=SYSTEM, now=now, pk=pk) for pk in due)


@transaction.atomic
def _escalate_one(*, by: Actor, now: datetime, pk: int) -> bool:
    """One alert, locked and looked at again: another worker or a nurse may have been quicker."""
    rows = Alert.objects.to_call(now).select_for_update(no_key=True, of=("self",))
    alert = rows.select_related("location", "patient", "appointment__nurse").filter(pk=pk).first()
    if alert is None:
        return False
    contact = call_next(alert, now)
    record(
        by=by,
        now=now,
        action="escalate",
        subject=alert,
        patient_id=alert.patient_id,
        call=alert.calls,
        told=contact.pk if contact else None,
    )
    return contact is not None
