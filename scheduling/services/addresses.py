"""A patient's e-mail address or phone number changes: what was given out ends, and the new address is proven first."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.access import Action, Actor, NotAllowed
from scheduling.core.words import COURSE_KINDS, CalendarWay, LinkPurpose, MessageKind
from scheduling.models import AccessLink, Appointment, Message, Patient

from .audit import record
from .calendar_ways import locked_visits
from .check_ins import ASKING
from .faults import Refused
from .ledger import draft, drop, may_write_to, tell_otherwise, testable, write, write_all
from .links import link_for, link_in_force
from .new_links import asked_too_often
from .treated import require_treated

AFRESH = 2
"""Round of what is told again: an e-mail of round 1 that tells nothing new is not sent."""
ADDRESS_CHANGED = gettext_lazy("The address changed.")
BY_MAIL_AGAIN = gettext_lazy("The new address is proven: it goes by e-mail again.")
NO_CONSENT = gettext_lazy("The patient no longer agrees to e-mail.")


def follow_contact(*, by: Actor, now: datetime, patient: Patient, before: Patient) -> None:
    """After a change of the e-mail address or phone number: close links and feed, stop what goes to the old address.

    A new address gets a test link where e-mail was agreed to; nothing else goes there until it is proven. A first
    address or number of somebody who had none ends nothing. The caller writes the audit entry.
    """
    if _is_new_address(patient, before):
        _follow_email(by, now, patient)
    elif before.phone and before.phone != patient.phone:
        _revoke_links(patient, now)
        if patient.is_active and may_write_to(patient):
            link = link_for(by=by, now=now, patient=patient, purpose=LinkPurpose.VISITS)
            _write_link(MessageKind.NEW_LINK, link, now)


def _is_new_address(patient: Patient, before: Patient) -> bool:
    """Whether the address is another one than was agreed to; capitals make no other mailbox."""
    if before.email.casefold() == patient.email.casefold():
        return False
    return bool(before.email) or bool(testable([patient.pk]))


def _follow_email(by: Actor, now: datetime, patient: Patient) -> None:
    _revoke_links(patient, now)
    patient.email_unproven_since = now if patient.email else None
    patient.save(update_fields=["email_unproven_since"])
    tell_otherwise(patient.messages.filter(staff=None, way="email"), now, ADDRESS_CHANGED, by_mail=False)
    send_test_link(by=by, now=now, patient=patient)


def _revoke_links(patient: Patient, now: datetime) -> None:
    AccessLink.objects.filter(patient=patient, revoked_at=None).update(revoked_at=now)
    links = patient.messages.filter(kind__in=(MessageKind.NEW_LINK, MessageKind.ADDRESS))
    drop(links, now, ADDRESS_CHANGED)


def send_test_link(*, by: Actor, now: datetime, patient: Patient) -> AccessLink | None:
    """Send the link that proves an unproven address there; None where e-mail was not agreed to or none is needed."""
    if not (patient.is_active and patient.email_unproven_since and testable([patient.pk])):
        return None
    link = link_for(by=by, now=now, patient=patient, purpose=LinkPurpose.ADDRESS)
    _write_link(MessageKind.ADDRESS, link, now)
    return link


def _write_link(kind: MessageKind, link: AccessLink, now: datetime) -> None:
    patient = link.patient
    write(kind=kind, patient=patient, subject=link, revision=link.version, now=now, due_at=now, by_mail=True)


@transaction.atomic
def send_test_link_again(*, by: Actor, now: datetime, patient: Patient) -> None:
    """Send the test link once more under a new token; the old one is worthless then.

    Raises Refused where there is nothing to prove, without consent, for who is not treated here, and after three
    times an hour.
    """
    by.require(Action.ISSUE_LINK)
    require_treated(patient)
    _require_unproven(patient)
    if not testable([patient.pk]):
        raise Refused("no_email_consent", _("The patient has not agreed to e-mail. Ask in person or call."))
    link = link_for(by=by, now=now, patient=patient, purpose=LinkPurpose.ADDRESS)
    if asked_too_often(link):
        raise Refused("too_often", _("It was sent three times within the hour. Wait, or call the patient."))
    link.version, link.issued_at = link.version + 1, now
    link.save(update_fields=["version", "issued_at"])
    drop(patient.messages.filter(kind=MessageKind.ADDRESS), now, gettext_lazy("Sent again."))
    _write_link(MessageKind.ADDRESS, link, now)
    record(by=by, now=now, action="send_test_link", subject=link, patient_id=patient.pk)


@transaction.atomic
def prove_address(*, by: Actor, now: datetime) -> AccessLink:
    """The test link ``by`` was opened and its button pressed: the address is the patient's; their new link.

    Raises NotAllowed for any other link and for one that is revoked.
    """
    test = AccessLink.objects.filter(pk=by.link_id or 0, purpose=LinkPurpose.ADDRESS, revoked_at=None)
    link = test.select_related("patient__home_location").first()
    if link is None:
        raise NotAllowed(Action.RECORD_CONSENT)
    return _prove(by, now, link.patient, "prove_address")


@transaction.atomic
def confirm_address(*, by: Actor, now: datetime, patient: Patient) -> AccessLink:
    """The patient said in person that the new address is theirs: as if the test link had been opened.

    Raises Refused where there is nothing to prove and for who is not treated here.
    """
    by.require(Action.RECORD_CONSENT)
    return _prove(by, now, patient, "confirm_address")


def _prove(by: Actor, now: datetime, patient: Patient, action: str) -> AccessLink:
    """The current course goes to the new address afresh, and its calendar gets the visits again."""
    visits = locked_visits(patient, now)
    patient = Patient.objects.select_related("home_location").get(pk=patient.pk)
    require_treated(patient)
    _require_unproven(patient)
    test = link_in_force(patient, LinkPurpose.ADDRESS)
    AccessLink.objects.filter(patient=patient, purpose=LinkPurpose.ADDRESS).filter(revoked_at=None).update(
        revoked_at=now
    )
    patient.email_unproven_since = None
    patient.save(update_fields=["email_unproven_since"])
    drop(patient.messages.filter(kind=MessageKind.ADDRESS), now, gettext_lazy("The address is proven."))
    link = link_for(by=by, now=now, patient=patient, purpose=LinkPurpose.VISITS)
    if may_write_to(patient):
        _tell_afresh(test or link, visits, now)
        later = patient.messages.filter(kind__in=(MessageKind.REMINDER, *ASKING), due_at__gt=now)
        tell_otherwise(later.exclude(way="email"), now, BY_MAIL_AGAIN, by_mail=True)
    record(by=by, now=now, action=action, subject=patient, patient_id=patient.pk)
    return link


def _require_unproven(patient: Patient) -> None:
    if not patient.email_unproven_since:
        raise Refused("proven", _("There is nothing to prove: the address is known to be the patient's."))


def _tell_afresh(proof: AccessLink, visits: Sequence[Appointment], now: datetime) -> None:
    """One mail a course with all its dates, and an invitation a visit where the calendar takes them.

    ``proof`` makes their keys: the same things went to the old address under their own.
    """
    drop(
        Message.objects.filter(series__in={visit.series_id for visit in visits}, kind__in=COURSE_KINDS),
        now,
        BY_MAIL_AGAIN,
    )
    courses = {visit.series_id: visit for visit in visits}
    drafts = [_afresh(MessageKind.CONFIRMATION, proof, visit, pk, now) for pk, visit in courses.items()]
    if visits and visits[0].patient.way_of_calendar is CalendarWay.INVITATIONS:
        for visit in visits:
            drafts.append(_afresh(MessageKind.INVITATION, proof, visit, visit.pk, now))
            drafts[-1].appointment = visit
    write_all(drafts)


def _afresh(
    kind: MessageKind, proof: AccessLink, visit: Appointment, revision: int, now: datetime
) -> Message:
    message = draft(
        kind=kind,
        patient=visit.patient,
        subject=proof,
        revision=revision,
        now=now,
        due_at=now,
        by_mail=True,
        series=visit.series,
    )
    message.round = AFRESH
    return message


def stop_mail(patient: Patient, now: datetime) -> None:
    """The patient no longer agrees to e-mail: what waits becomes calls and prints; a calendar cannot be told."""
    tell_otherwise(patient.messages.filter(staff=None, way="email"), now, NO_CONSENT, by_mail=False)
