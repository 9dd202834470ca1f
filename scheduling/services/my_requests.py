"""What patients do about their own visits by their link: come, ask for another time, cancel, take it back."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor, NotAllowed
from scheduling.core.words import AlertKind, Status
from scheduling.models import Alert, AlertQuerySet, Appointment, CourseChange

from .alerts import raise_alert, settle
from .appointments import Canceller, cancel_booked, is_in_time
from .audit import record
from .changes import undoable
from .faults import Refused
from .links import is_own_link
from .locks import locked_visit

WISH_LENGTH = 300
"""Characters a wish for another time may have."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a patient can do about one visit at some time.

    ``asked`` is the open wish for another time; ``change`` is the patient's own cancellation that can still be
    taken back.
    """

    is_ahead: bool
    is_in_time: bool
    asked: Alert | None
    change: CourseChange | None


def choices_of(visit: Appointment, now: datetime) -> Choices:
    """What the patient can do about ``visit`` at ``now``."""
    is_ahead = visit.status == Status.BOOKED and visit.starts_at > now
    return Choices(
        is_ahead=is_ahead,
        is_in_time=is_ahead and is_in_time(visit, now),
        asked=_asks(visit).open().first() if is_ahead else None,
        change=_own_change(visit, now) if visit.status == Status.CANCELLED_IN_TIME else None,
    )


def _asks(visit: Appointment) -> AlertQuerySet:
    return Alert.objects.filter(kind=AlertKind.OTHER_TIME, appointment=visit.pk)


def _own_change(visit: Appointment, now: datetime) -> CourseChange | None:
    change = undoable(visit.series, now)
    is_own = change is not None and change.made_by_id is None
    return change if change and is_own and visit.pk in {was["id"] for was in change.before} else None


@transaction.atomic
def ask_other_time(*, by: Actor, now: datetime, appointment: Appointment, wish: str) -> Alert:
    """Tell the front desk what would suit better; the visit stays booked. A second wish replaces the first.

    Raises NotAllowed for anybody but the patient's link, Refused for an empty or overlong wish and for a visit
    that is not booked or has begun.
    """
    visit = _own_visit(by, appointment, now)
    wish = " ".join(wish.split())
    if not wish or len(wish) > WISH_LENGTH:
        words = _("Tell us in at most %(most)d characters what would suit you.")
        raise Refused("no_wish", words % {"most": WISH_LENGTH}, field="wish")
    asks = _asks(visit)
    alert = asks.open().select_for_update(no_key=True).first()
    if alert:
        alert.facts = {"wish": wish}
        alert.save(update_fields=["facts"])
    else:
        alert = raise_alert(
            kind=AlertKind.OTHER_TIME,
            key=f"other_time:{visit.pk}:{asks.count() + 1}",
            patient=visit.patient,
            location=visit.location,
            appointment=visit,
            now=now,
            due_at=visit.starts_at,
            facts={"wish": wish},
        )
    if alert is None:
        raise Refused("asked", _("Your wish reached us a moment ago."))
    _record(by, now, "ask_other_time", visit)
    return alert


@transaction.atomic
def withdraw_wish(*, by: Actor, now: datetime, appointment: Appointment) -> None:
    """The patient no longer wants another time. Raises as ``ask_other_time``; doing it twice changes nothing."""
    visit = _own_visit(by, appointment, now)
    if settle(_asks(visit), now):
        _record(by, now, "withdraw_wish", visit)


@transaction.atomic
def confirm_my_visit(*, by: Actor, now: datetime, appointment: Appointment) -> Appointment:
    """The patient says that they will come; saying it twice changes nothing. Raises as ``ask_other_time``."""
    visit = _own_visit(by, appointment, now)
    if not visit.is_confirmed:
        visit.is_confirmed = True
        visit.save(update_fields=["is_confirmed"])
        _record(by, now, "confirm_visit", visit)
    return visit


@transaction.atomic
def cancel_my_visit(*, by: Actor, now: datetime, appointment: Appointment) -> Appointment:
    """Cancel a visit by the patient's own link: in time always, since inside the notice this is refused.

    Raises as ``ask_other_time``, and Refused where the location's notice is no longer kept: such a patient calls.
    """
    visit = _own_visit(by, appointment, now)
    if not is_in_time(visit, now):
        raise Refused(
            "too_late",
            _("It begins in less than %(hours)d hours: please call us instead.")
            % {"hours": visit.location.notice_hours},
        )
    cancel_booked(by, [visit], Canceller.PATIENT, "", now)
    _record(by, now, "cancel_my_visit", visit)
    return visit


def _own_visit(by: Actor, appointment: Appointment, now: datetime) -> Appointment:
    """The patient's visit, locked, while it can still be talked about."""
    if not is_own_link(by, appointment.patient_id):
        raise NotAllowed(Action.CANCEL)
    visit = locked_visit(appointment.pk)
    if visit.status != Status.BOOKED or visit.starts_at <= now:
        raise Refused("not_booked", _("This visit has begun, is over or was cancelled. Please call us."))
    return visit


def _record(by: Actor, now: datetime, action: str, visit: Appointment) -> None:
    record(by=by, now=now, action=action, subject=visit, patient_id=visit.patient_id)
