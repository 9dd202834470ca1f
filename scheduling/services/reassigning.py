"""Another chair or nurse at the same time: nobody is moved and nobody is told."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.reasons import NURSE_RULES, Rule
from scheduling.core.words import Status
from scheduling.models import Appointment

from .audit import record
from .claims import claims_of, let_offers_go, release, take_places
from .faults import Refused
from .locks import locked_visit
from .reason_words import in_words
from .rules import broken_rules, require_seats
from .uncovering import settle_visits

STILL_TO_START = (Status.BOOKED, Status.ARRIVED)
PLACE_RULES = frozenset({Rule.CHAIR, *NURSE_RULES})
"""What another chair or nurse can break; the time itself is not judged again."""


@transaction.atomic
def reassign(
    *, by: Actor, now: datetime, appointment: Appointment, chair_id: int, nurse_id: int
) -> Appointment:
    """Give a visit that has not started another chair or nurse at its time.

    Neither SEQUENCE nor the course's revision rises, and no message is written. Raises Refused once the treatment
    has started, for a chair or nurse that is not in use or not on shift, and where a place is taken.
    """
    by.require(Action.COVER)
    visit = locked_visit(appointment.pk)
    if visit.status not in STILL_TO_START:
        raise Refused(
            "not_to_start", _("Only a visit whose treatment has not started can change its places.")
        )
    before = {"chair": visit.chair_id, "nurse": visit.nurse_id}
    held = claims_of([visit])
    let_offers_go([visit])
    visit.chair_id, visit.nurse_id = chair_id, nurse_id
    require_seats(visit.location, [visit])
    reasons = broken_rules(now=now, series=visit.series, visits=[visit])
    broken = [reason for reason in reasons if reason.rule in PLACE_RULES]
    if broken:
        raise Refused(
            "rules_broken",
            _("This chair or nurse does not fit. Nothing was changed."),
            details=[in_words(reason, visit.location) for reason in broken],
        )
    release([visit])
    visit.save(update_fields=["chair", "nurse"])
    take_places([visit], Pattern.of(visit.protocol.pattern_phases()), now, held)
    settle_visits(by=by, now=now, visits=[visit])
    after = {"chair": chair_id, "nurse": nurse_id}
    record(
        by=by,
        now=now,
        action="reassign",
        subject=visit,
        patient_id=visit.patient_id,
        before=before,
        after=after,
    )
    return visit
