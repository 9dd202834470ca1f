"""Protocols are never changed once saved: an edit makes a new version, and booked visits keep theirs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern, PhaseKind
from scheduling.core.pattern import Phase as PatternPhase
from scheduling.core.plan_steps import Step, StepError, check_steps
from scheduling.models import Location, Phase, Prerequisite, Protocol, ProtocolInstruction, TaperStep
from scheduling.models.plans import STEP_WORDS

from .audit import record
from .configuration import require_no_history
from .faults import Refused
from .planning import cadence_of

NEEDED = frozenset({PhaseKind.PREPARATION, PhaseKind.TREATMENT, PhaseKind.DISCHARGE})
"""Phases of every visit; the others may be left out."""


@dataclass(frozen=True, slots=True)
class ProtocolContent:
    """What hangs on one version: phases in order, the patient's instructions by language, prerequisites.

    ``taper``: the steps it proposes for the weekly follow-up. ``locations``: where it is given; none: everywhere.
    """

    phases: Sequence[PatternPhase]
    instructions: Mapping[str, str]
    prerequisites: Collection[Prerequisite]
    taper: Sequence[Step] = ()
    locations: Collection[Location] = ()


@transaction.atomic
def add_protocol(*, by: Actor, now: datetime, protocol: Protocol, content: ProtocolContent) -> Protocol:
    """Save an unsaved protocol as version 1 of its code. Raises Refused for phases that make no visit."""
    by.require(Action.CONFIGURE)
    require_sound_phases(content.phases)
    require_sound_taper(content.taper, protocol)
    protocol.version, protocol.is_current, protocol.made_at = 1, True, now
    _insert(protocol, content)
    record(by=by, now=now, action="add_protocol", subject=protocol, code=protocol.code)
    return protocol


@transaction.atomic
def revise_protocol(*, by: Actor, now: datetime, protocol: Protocol, content: ProtocolContent) -> Protocol:
    """Save the changed fields of a loaded protocol as the next version of its code; the row itself stays.

    ``protocol`` becomes the new version. Raises Refused for unsound phases and where the loaded version is no
    longer the current one.
    """
    by.require(Action.CONFIGURE)
    require_sound_phases(content.phases)
    require_sound_taper(content.taper, protocol)
    old = Protocol.objects.select_for_update(no_key=True).get(pk=protocol.pk)
    if not old.is_current:
        raise Refused(
            "protocol_one_current", _("Somebody else saved a new version of this protocol a moment ago.")
        )
    Protocol.objects.filter(pk=old.pk).update(is_current=False)
    protocol.pk, protocol._state.adding = None, True
    protocol.version, protocol.is_current, protocol.made_at = old.version + 1, True, now
    _insert(protocol, content)
    record(
        by=by,
        now=now,
        action="revise_protocol",
        subject=protocol,
        code=protocol.code,
        version=protocol.version,
        replaces=old.pk,
    )
    return protocol


@transaction.atomic
def delete_protocol(*, by: Actor, now: datetime, protocol: Protocol) -> None:
    """Delete a version that nothing used; the one before it becomes current again."""
    by.require(Action.CONFIGURE)
    require_no_history(protocol)
    was_current, code = protocol.is_current, protocol.code
    record(by=by, now=now, action="delete_protocol", subject=protocol, code=code, version=protocol.version)
    protocol.delete()
    earlier = Protocol.objects.filter(code=code).order_by("-version").first() if was_current else None
    if earlier:
        Protocol.objects.filter(pk=earlier.pk).update(is_current=True)


def require_sound_phases(phases: Sequence[PatternPhase]) -> None:
    """Raise Refused unless the phases make a visit: complete, in order, in steps of 5 minutes."""
    try:
        Pattern.of(phases)
        if not NEEDED.issubset(phase.kind for phase in phases):
            raise ValueError("a nurse prepares and discharges every patient")
    except ValueError as unsound:
        raise Refused(
            "phases",
            _(
                "A visit is check-in, preparation, treatment, recovery, discharge and turnover in this "
                "order, each at most once and a multiple of 5 minutes, together at most 24 hours; "
                "preparation, treatment and discharge are always part of it."
            ),
        ) from unsound


def require_sound_taper(steps: Sequence[Step], protocol: Protocol) -> None:
    """Raise Refused (``taper``) unless proposed steps make a plan within the protocol's spacing; none is fine."""
    try:
        if steps:
            check_steps(steps, cadence_of(protocol))
    except StepError as error:
        where = "" if error.index is None else _("Step %(number)d: ") % {"number": error.index + 1}
        raise Refused(error.code, where + str(STEP_WORDS[error.code]), field="taper") from error


def _insert(protocol: Protocol, content: ProtocolContent) -> None:
    protocol.save(force_insert=True)
    Phase.objects.bulk_create(
        Phase(protocol=protocol, position=position, kind=phase.kind, minutes=phase.minutes)
        for position, phase in enumerate(content.phases)
    )
    ProtocolInstruction.objects.bulk_create(
        ProtocolInstruction(protocol=protocol, language=language, text=text)
        for language, text in content.instructions.items()
        if text
    )
    protocol.prerequisites.set(content.prerequisites)
    protocol.locations.set(content.locations)
    TaperStep.objects.bulk_create(
        TaperStep(
            protocol=protocol,
            position=position,
            per_week=step.per_week,
            every_weeks=step.every_weeks,
            weeks=step.weeks,
        )
        for position, step in enumerate(content.taper, 1)
    )
