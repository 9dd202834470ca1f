"""Before a treatment starts: what has to be on record, and a prescriber on site where the protocol wants one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from scheduling.core.words import RequiredBefore
from scheduling.models import Appointment, Location, Prerequisite, PrerequisiteRecord, StaffMember

from .faults import Refused
from .presence import present_for_sure

REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Readiness:
    """One prerequisite of a visit, and its record where it is met."""

    prerequisite: Prerequisite
    record: PrerequisiteRecord | None

    @property
    def is_open(self) -> bool:
        """Whether it still has to be recorded."""
        return self.record is None


def readiness(visit: Appointment) -> list[Readiness]:
    """Every prerequisite of the visit's protocol, open ones first; two queries.

    One that is required before every visit counts only where it was recorded for this one.
    """
    wanted = list(Prerequisite.objects.filter(protocols=visit.protocol_id).order_by("name"))
    rows = PrerequisiteRecord.objects.filter(patient=visit.patient_id, prerequisite__in=wanted)
    records = list(rows.select_related("recorded_by").order_by("-recorded_at", "-pk"))
    found = [Readiness(one, _record_of(one, visit, records)) for one in wanted]
    return sorted(found, key=lambda one: not one.is_open)


def _record_of(
    wanted: Prerequisite, visit: Appointment, records: Sequence[PrerequisiteRecord]
) -> PrerequisiteRecord | None:
    fitting = [row for row in records if row.prerequisite_id == wanted.pk]
    if wanted.required_before == RequiredBefore.EVERY:
        fitting = [row for row in fitting if row.appointment_id == visit.pk]
    return fitting[0] if fitting else None


def begin(visit: Appointment, now: datetime, *, override_reason: str, prescriber: StaffMember | None) -> None:
    """Keep on the visit what its start needs; nothing is saved.

    Raises Refused (``prerequisites_open``) naming what is not on record, unless the protocol allows a reason and one
    is given; and (``no_prescriber_here``) where one must be on site and none is named who is marked present.
    """
    reason = override_reason.strip()
    if len(reason) > REASON_LENGTH:
        raise Refused("reason_too_long", _("Please use at most 200 characters."), field="override_reason")
    missing = [str(one.prerequisite) for one in readiness(visit) if one.is_open]
    if missing and not (reason and visit.protocol.may_override_prerequisites):
        raise Refused(
            "prerequisites_open",
            _("This has to be on record before the treatment starts: %(names)s.")
            % {"names": ", ".join(missing)},
            field="override_reason",
        )
    visit.start_override_reason = reason if missing else ""
    if visit.protocol.prescriber_on_site:
        visit.prescriber = _present(visit.location, now, prescriber)


def _present(location: Location, now: datetime, prescriber: StaffMember | None) -> StaffMember:
    """The named prescriber, or the only one who is there."""
    here = [row.staff for row in present_for_sure(location, now)]
    if prescriber is None and len(here) == 1:
        return here[0]
    if prescriber is None or prescriber not in here:
        words = (
            _("Name the prescriber who is on site.")
            if here
            else _("This protocol needs a prescriber on site. Mark who is there first.")
        )
        raise Refused("no_prescriber_here", words, field="prescriber")
    return prescriber


def start_facts(visit: Appointment) -> dict[str, object]:
    """What the audit trail keeps of a start: who was on site, and why it began with something not on record."""
    facts = {"prescriber": visit.prescriber_id, "override_reason": visit.start_override_reason}
    return {name: value for name, value in facts.items() if value}


def take_back_start(visit: Appointment) -> dict[str, object]:
    """Forget what belongs to a start that was taken back, and return it for the audit trail; nothing is saved."""
    facts = start_facts(visit)
    if visit.dose_given is not None:
        facts |= {"dose_given": str(visit.dose_given), "dose_given_unit": visit.dose_given_unit}
    visit.start_override_reason, visit.prescriber = "", None
    visit.dose_given, visit.dose_given_unit = None, ""
    return facts
