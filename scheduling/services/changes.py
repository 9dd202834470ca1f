"""Taking back a change of a course: possible until its messages leave; until then nobody else gets the places."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor, NotAllowed
from scheduling.core.pattern import Pattern
from scheduling.core.words import CANCELLED, MessageState, Status
from scheduling.models import Appointment, Claim, CourseChange, Hold, Message, Series

from .audit import record
from .claims import hold_places, release, take_places
from .course_messages import announce
from .faults import Refused
from .free_order import DayChange, in_free_order
from .links import is_own_link
from .locks import locked_series
from .orders import recount
from .patient_wishes import follow_undo
from .rules import require_spacing
from .treated import require_treated

FIELDS = (
    "starts_at",
    "ends_at",
    "local_date",
    "local_time",
    "chair_id",
    "nurse_id",
    "status",
    "reason",
    "override_reason",
)
"""What of a visit a change may change; SEQUENCE is not among them, since it only rises."""
GRACE = timedelta(hours=1)
"""How long places stay kept where a worker is late: the messages that free them have not left."""


def as_it_was(visits: Sequence[Appointment]) -> list[dict[str, Any]]:
    """The visits in JSON before they change; times are ISO 8601."""
    return [
        {"id": visit.pk, "is_confirmed": visit.is_confirmed}
        | {name: _plain(getattr(visit, name)) for name in FIELDS}
        for visit in visits
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def keep_for_undo(
    *,
    by: Actor,
    now: datetime,
    series: Series,
    before: list[dict[str, Any]],
    claims: Sequence[Claim],
    leaves_at: datetime,
) -> CourseChange | None:
    """Remember a change until ``leaves_at`` and hold the places it freed; None where its messages leave at once.

    ``claims`` are those the visits had before; call it once the visits have their new ones.
    """
    if leaves_at <= now:
        return None
    hold = Hold.objects.create(expires_at=leaves_at + GRACE, made_by_id=by.staff_id, made_at=now)
    hold_places(hold, claims)
    return CourseChange.objects.create(
        series=series,
        revision=series.revision,
        made_by_id=by.staff_id,
        made_at=now,
        leaves_at=leaves_at,
        hold=hold,
        before=before,
    )


def free_if_silent(change: CourseChange | None) -> None:
    """Where a change has nothing to tell by mail, its places are kept until ``leaves_at`` and no longer."""
    if change and change.hold_id and not change.messages.filter(state=MessageState.WAITING).exists():
        Hold.objects.filter(pk=change.hold_id).update(expires_at=change.leaves_at)


def undoable(series: Series, now: datetime) -> CourseChange | None:
    """The last change of a course if it can be taken back at ``now``."""
    change = (
        CourseChange.objects.filter(series=series, revision=F("series__revision"), undone_at=None)
        .select_related("series", "hold")
        .first()
    )
    return change if change and _has_not_left(change, now) else None


def _has_not_left(change: CourseChange, now: datetime) -> bool:
    messages = list(Message.objects.filter(change=change))
    if any(message.lease_token or message.sent_at for message in messages):
        return False
    waiting = any(message.state == MessageState.WAITING for message in messages)
    return waiting or now < change.leaves_at


@transaction.atomic
def undo_change(*, by: Actor, now: datetime, change: CourseChange) -> Series:
    """Put every visit of a move or cancellation back where it was; the patient never hears of either.

    Staff may by their roles, a patient's link only what the patient did. Raises Refused once a message about it
    has left, the course was changed again, a visit has begun, a place is no longer free, or another visit was booked
    too near meanwhile; and while the patient is not treated here.
    """
    series = locked_series(change.series_id)
    require_treated(series.patient)
    _require_undoable(by, change, series, now)
    visits = _locked_visits(change.before)
    _require_not_begun(visits)
    if change.hold_id:
        Hold.objects.filter(pk=change.hold_id).delete()
    release(visits)
    stood = [_day_of(visit) for visit in visits]
    for visit, was in zip(visits, change.before, strict=True):
        _put_back(visit, was, now)
    for visit in in_free_order(
        DayChange(visit, day, _day_of(visit)) for visit, day in zip(visits, stood, strict=True)
    ):
        visit.save()
    # What a change had added is cancelled again.
    booked = [visit for visit in visits if visit.status == Status.BOOKED]
    require_spacing(booked, now)
    take_all(booked, now)
    recount(series.order)
    series.revision += 1
    series.save(update_fields=["revision"])
    CourseChange.objects.filter(pk=change.pk).update(undone_at=now, hold=None)
    follow_undo(visits, change.made_at, now)
    announce(series=series, visits=visits, now=now, due_at=now)
    record(
        by=by,
        now=now,
        action="undo_change",
        subject=series,
        patient_id=series.patient_id,
        numbers=[visit.number for visit in visits],
    )
    return series


def take_all(
    visits: Sequence[Appointment],
    now: datetime,
    former: Sequence[Claim] = (),
    ending: "QuerySet[Hold] | None" = None,
) -> None:
    """Claim the places; booked visits keep their version of the protocol, so those of one course may differ."""
    for protocol in {visit.protocol_id: visit.protocol for visit in visits}.values():
        of_it = [visit for visit in visits if visit.protocol_id == protocol.pk]
        take_places(of_it, Pattern.of(protocol.pattern_phases()), now, former, ending)


def _require_undoable(by: Actor, change: CourseChange, series: Series, now: datetime) -> None:
    was_cancelled = change.before and Appointment.objects.filter(
        pk=change.before[0]["id"], status__in=CANCELLED
    )
    _require_may(by, change, series, Action.CANCEL if was_cancelled else Action.MOVE)
    # The worker claims messages under their row locks: with these held, none leaves meanwhile.
    list(Message.objects.filter(change=change).select_for_update(no_key=True).order_by("pk"))
    latest = undoable(series, now)
    if latest is None or latest.pk != change.pk:
        raise Refused(
            "messages_left",
            _("This can no longer be taken back: the patient was told, or the course was changed again."),
        )


def _require_may(by: Actor, change: CourseChange, series: Series, action: Action) -> None:
    """Staff by their roles; a patient's link takes back what the patient did, and nothing else."""
    if by.link_id is None:
        by.require(action)
    elif change.made_by_id is not None or not is_own_link(by, series.patient_id):
        raise NotAllowed(action)


def _require_not_begun(visits: Sequence[Appointment]) -> None:
    if any(visit.status not in (Status.BOOKED, *CANCELLED) for visit in visits):
        raise Refused("not_booked", _("A visit of this change has begun. Nothing was changed."))


def _locked_visits(before: Sequence[Mapping[str, Any]]) -> list[Appointment]:
    ids = [was["id"] for was in before]
    rows = (
        Appointment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("location", "patient__home_location", "protocol", "series__order")
        .filter(pk__in=ids)
        .order_by("pk")
    )
    by_id = {visit.pk: visit for visit in rows}
    return [by_id[pk] for pk in ids]


def _put_back(visit: Appointment, was: Mapping[str, Any], now: datetime) -> None:
    """Restore what the change changed, under the order the course has now; the caller saves."""
    visit.starts_at, visit.ends_at = (datetime.fromisoformat(was[name]) for name in ("starts_at", "ends_at"))
    visit.local_date, visit.local_time = (
        date.fromisoformat(was["local_date"]),
        time.fromisoformat(was["local_time"]),
    )
    visit.chair_id, visit.nurse_id = was["chair_id"], was["nurse_id"]
    visit.status, visit.reason, visit.order = was["status"], was["reason"], visit.series.order
    visit.override_reason = was.get("override_reason", "")
    visit.is_confirmed, visit.changed_at = was["is_confirmed"], now
    visit.sequence += 1


def _day_of(visit: Appointment) -> date | None:
    """The local day on which a visit stands; None for one that is cancelled."""
    return None if visit.status in CANCELLED else visit.local_date
