"""Places of a day that are kept for somebody: what for, by whom and until when. Nothing here writes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scheduling.core.dayscale import Interval
from scheduling.core.words import SeatKind
from scheduling.models import Claim, Hold, Location, Patient, StaffMember


class HoldKind(StrEnum):
    """What places are kept for."""

    PROPOSAL = "proposal"
    DRAFT = "draft"
    CALL = "call"
    UNDO = "undo"
    OTHER = "other"


RELEASABLE = frozenset({HoldKind.PROPOSAL, HoldKind.DRAFT, HoldKind.CALL})
"""What a button lets go; a change that can be taken back keeps its places until its messages leave."""


@dataclass(frozen=True, slots=True)
class HeldSpan:
    """One chair kept for [starts_at, ends_at) (UTC)."""

    chair_id: int
    chair: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class BoardHold:
    """One hold with what it keeps on the day shown, by start; ``until`` is UTC. ``maker`` None: the program."""

    pk: int
    kind: HoldKind
    maker: StaffMember | None
    patient: Patient | None
    until: datetime
    is_until_today: bool
    spans: tuple[HeldSpan, ...]

    @property
    def is_releasable(self) -> bool:
        """Whether there is a button for it."""
        return self.kind in RELEASABLE


def kind_of(hold: Hold) -> HoldKind:
    """What a hold is for."""
    if hold.order_id:
        return HoldKind.DRAFT
    if hold.proposal_key:
        return HoldKind.PROPOSAL
    if hasattr(hold, "offered_to"):
        return HoldKind.CALL
    return HoldKind.UNDO if hasattr(hold, "change") else HoldKind.OTHER


def held_on(location: Location, since: datetime, until: datetime, now: datetime) -> tuple[BoardHold, ...]:
    """What is kept of the chairs of ``location`` in ``[since, until)`` (UTC) at ``now``, by start; one query."""
    claims = (
        Claim.objects.overlapping(since, until)
        .filter(hold__expires_at__gt=now, seat__kind=SeatKind.CHAIR, seat__chair__location=location)
        .select_related(
            "seat__chair",
            "hold__made_by",
            "hold__order__patient",
            "hold__proposed_for__patient",
            "hold__offered_to__appointment__patient",
            "hold__change__series__patient",
        )
        .order_by("starts_at", "seat")
    )
    of_hold: dict[int, list[Claim]] = defaultdict(list)
    holds: dict[int, Hold] = {}
    for claim in claims:
        if claim.hold:
            holds[claim.hold.pk] = claim.hold
            of_hold[claim.hold.pk].append(claim)
    return tuple(_board_hold(hold, of_hold[hold.pk], location, now) for hold in holds.values())


def _board_hold(hold: Hold, claims: Sequence[Claim], location: Location, now: datetime) -> BoardHold:
    kind = kind_of(hold)
    spans = [
        HeldSpan(claim.seat.chair.pk, claim.seat.chair.name, claim.starts_at, claim.ends_at)
        for claim in claims
        if claim.seat.chair
    ]
    return BoardHold(
        pk=hold.pk,
        kind=kind,
        maker=hold.made_by,
        patient=_patient_of(hold, kind),
        until=hold.expires_at,
        is_until_today=hold.expires_at.astimezone(location.tz).date() == now.astimezone(location.tz).date(),
        spans=tuple(spans),
    )


def _patient_of(hold: Hold, kind: HoldKind) -> Patient | None:
    if kind is HoldKind.DRAFT and hold.order:
        return hold.order.patient
    if kind is HoldKind.PROPOSAL and hold.proposed_for:
        return hold.proposed_for.patient
    if kind is HoldKind.CALL:
        return hold.offered_to.appointment.patient
    return hold.change.series.patient if kind is HoldKind.UNDO else None


def free_lane(lanes: Sequence[Sequence[Interval]], start: datetime, end: datetime) -> int:
    """The first lane of intervals in which ``[start, end)`` stands alone; a new one where there is none."""
    for number, lane in enumerate(lanes):
        if all(last <= start or end <= first for first, last in lane):
            return number
    return len(lanes)
