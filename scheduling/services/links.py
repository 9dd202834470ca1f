"""Links for patients: made, read, revoked. The token is an HMAC; nothing secret is stored."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from scheduling.access import Action, Actor
from scheduling.core.words import CANCELLED, LinkPurpose
from scheduling.models import AccessLink, Appointment, CheckIn, Offer, Patient

from .audit import record
from .treated import require_treated

LIFE_AFTER_LAST_VISIT = timedelta(days=30)
OFFER_LIFE = timedelta(days=7)
"""So long after its last offer the link to offered places still says what became of them."""


def token(link: AccessLink) -> str:
    """``id.HMAC-SHA256(purpose, id, version)``: 256 bits, shown or resent at any time, never stored."""
    text = f"{link.purpose}:{link.pk}:{link.version}".encode()
    digest = hmac.new(settings.LINK_KEY.encode(), text, sha256).digest()
    return f"{link.pk}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def read_token(text: str, purpose: LinkPurpose) -> AccessLink | None:
    """The link a genuine token names, even when expired; None for any other text or a revoked link."""
    number, _dot, _mac = text.partition(".")
    if not (text.isascii() and number.isdigit() and len(number) < 19):
        return None
    link = (
        AccessLink.objects.select_related("patient")
        .filter(pk=int(number), purpose=purpose, revoked_at=None)
        .first()
    )
    genuine = link is not None and hmac.compare_digest(token(link), text)
    return link if genuine else None


def read_version(pk: int, version: int, purpose: LinkPurpose) -> AccessLink | None:
    """The link a cookie names, even when expired; None once it was revoked or given another token."""
    return (
        AccessLink.objects.select_related("patient__home_location")
        .filter(pk=pk, version=version, purpose=purpose, revoked_at=None)
        .first()
    )


def link_in_force(patient: Patient, purpose: LinkPurpose) -> AccessLink | None:
    """The patient's link that is not revoked, even when expired; None where there is none. Makes none."""
    return AccessLink.objects.filter(patient=patient, purpose=purpose, revoked_at=None).first()


def is_own_link(by: Actor, patient_id: int) -> bool:
    """Whether ``by`` is the patient's own link to their visits, not revoked."""
    if by.link_id is None:
        return False
    mine = AccessLink.objects.filter(pk=by.link_id, patient=patient_id, purpose=LinkPurpose.VISITS)
    return mine.filter(revoked_at=None).exists()


def is_open(link: AccessLink, now: datetime) -> bool:
    """Whether the link still lets its patient in at ``now``; a young one without asking for its visits."""
    if link.purpose == LinkPurpose.OFFER:
        return now < link.issued_at + OFFER_LIFE
    return now < link.issued_at + LIFE_AFTER_LAST_VISIT or now < expires_at(link)


def expires_at(link: AccessLink) -> datetime:
    """30 days after the end of the last visit it concerns, or after it was issued where there is none."""
    last: datetime | None = (
        Appointment.objects.filter(patient_id=link.patient_id)
        .exclude(status__in=CANCELLED)
        .aggregate(last=Max("ends_at"))["last"]
    )
    return max(filter(None, (last, link.issued_at))) + LIFE_AFTER_LAST_VISIT


@transaction.atomic
def link_for(*, by: Actor, now: datetime, patient: Patient, purpose: LinkPurpose) -> AccessLink:
    """The patient's link for ``purpose``: the one in force, or a new one.

    Raises Refused instead of making one for a paused or ended patient.
    """
    link, is_new = AccessLink.objects.get_or_create(
        patient=patient, purpose=purpose, revoked_at=None, defaults={"issued_at": now}
    )
    if is_new:
        require_treated(patient)
        record(by=by, now=now, action="issue_link", subject=link, patient_id=patient.pk, purpose=purpose)
    return link


@transaction.atomic
def offer_link(*, by: Actor, now: datetime, patient: Patient) -> AccessLink:
    """The patient's link to offered places, good for another OFFER_LIFE; one that had expired gets a new token."""
    link = link_for(by=by, now=now, patient=patient, purpose=LinkPurpose.OFFER)
    if link.issued_at != now:
        link.version += not is_open(link, now)
        link.issued_at = now
        link.save(update_fields=["version", "issued_at"])
    return link


@transaction.atomic
def hand_out_link(
    *, by: Actor, now: datetime, patient: Patient, purpose: LinkPurpose, rotate: bool = False
) -> AccessLink:
    """The patient's link for a member of staff to pass on.

    With ``rotate``, or where it had expired, it gets a new token: no address given out before works again.
    Raises Refused for a paused or ended patient.
    """
    by.require(Action.ISSUE_LINK)
    require_treated(patient)
    link, is_new = AccessLink.objects.get_or_create(
        patient=patient, purpose=purpose, revoked_at=None, defaults={"issued_at": now}
    )
    rotated = not is_new and (rotate or not is_open(link, now))
    if rotated:
        link.version, link.issued_at = link.version + 1, now
        link.save(update_fields=["version", "issued_at"])
    record(
        by=by,
        now=now,
        action="hand_out_link",
        subject=link,
        patient_id=patient.pk,
        purpose=purpose,
        rotated=rotated,
    )
    return link


@transaction.atomic
def renew_link(*, by: Actor, now: datetime, link: AccessLink) -> bool:
    """Let an expired link live again from ``now`` under a new token, which only its owner is told.

    The old token stays worthless: whoever found it may ask, but not come in. False when another request
    renewed it first; nothing is changed then.
    """
    renewed = AccessLink.objects.filter(pk=link.pk, version=link.version, revoked_at=None).update(
        version=link.version + 1, issued_at=now
    )
    if renewed:
        link.version, link.issued_at = link.version + 1, now
        record(by=by, now=now, action="renew_link", subject=link, patient_id=link.patient_id)
    return bool(renewed)


@transaction.atomic
def rotate_link(*, by: Actor, now: datetime, link: AccessLink) -> AccessLink:
    """Make every token of this link worthless and give it a new one."""
    by.require(Action.ISSUE_LINK)
    link.version, link.issued_at = link.version + 1, now
    link.save(update_fields=["version", "issued_at"])
    record(by=by, now=now, action="rotate_link", subject=link, patient_id=link.patient_id)
    return link


@transaction.atomic
def revoke_link(*, by: Actor, now: datetime, link: AccessLink) -> None:
    """Close a link for good."""
    by.require(Action.ISSUE_LINK)
    AccessLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=now)
    record(by=by, now=now, action="revoke_link", subject=link, patient_id=link.patient_id)


def visits_url(link: AccessLink) -> str:
    """The address to hand out, built from BASE_URL and never from a request."""
    return f"{settings.BASE_URL}/v/{token(link)}/"


def address_url(link: AccessLink) -> str:
    """The address that proves a new e-mail address, for the message that goes there."""
    return f"{settings.BASE_URL}/v/{token(link)}/address/"


def check_in_url(link: AccessLink, check_in: CheckIn) -> str:
    """The address that opens one check-in, for the message that asks for it."""
    return f"{settings.BASE_URL}/v/{token(link)}/check-ins/{check_in.pk}/"


def offer_url(link: AccessLink, offer: Offer) -> str:
    """The address that opens one offered place, for the message about it."""
    return f"{settings.BASE_URL}/v/{token(link)}/offers/{offer.pk}/"


def feed_url(link: AccessLink) -> str:
    """The https address of the calendar feed; ``webcal`` replaces the scheme in pages."""
    return f"{settings.BASE_URL}/feed/{token(link)}.ics"
