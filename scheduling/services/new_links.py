"""A patient whose link expired asks for a new one."""

import logging
from datetime import datetime
from smtplib import SMTPException

from django.core.cache import cache
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

from scheduling.access import Actor
from scheduling.core.words import Channel
from scheduling.models import AccessLink, Consent, Patient

from .links import is_open, renew_link, visits_url
from .running import run

logger = logging.getLogger(__name__)

ASKS_PER_HOUR = 3
HOUR = 60 * 60


def send_new_link(*, by: Actor, now: datetime, link: AccessLink) -> bool:
    """E-mail an expired link's owner a new token; True when a mail went out.

    Nothing happens while the link is open, without an address or a consent in force, or after
    ``ASKS_PER_HOUR``. The mail leaves first, outside any transaction, and its token counts only from then on:
    when mail fails, the patient can ask again.
    """
    if is_open(link, now) or not _may_write_to(link.patient) or _asked_too_often(link):
        return False
    coming = AccessLink(
        pk=link.pk, patient=link.patient, purpose=link.purpose, version=link.version + 1, issued_at=now
    )
    try:
        _send(link.patient, visits_url(coming))
    except (SMTPException, OSError):
        logger.exception("The new link of link %s could not be sent.", link.pk)
        return False
    return run(renew_link, by=by, now=now, link=link)


def _may_write_to(patient: Patient) -> bool:
    agreed = Consent.objects.filter(patient=patient, channel=Channel.EMAIL, revoked_at=None)
    return bool(patient.email) and agreed.exists()


def _asked_too_often(link: AccessLink) -> bool:
    key = f"new-link:{link.pk}"
    cache.add(key, 0, HOUR)
    try:
        return cache.incr(key) > ASKS_PER_HOUR
    except ValueError:
        # The hour ended between the two calls.
        return False


def _send(patient: Patient, url: str) -> None:
    with translation.override(patient.language):
        words = {"url": url, "patient": patient, "place": patient.home_location}
        subject = render_to_string("messages/new_link/subject.txt", words).strip()
        body = render_to_string("messages/new_link/body.txt", words)
    send_mail(subject, body, None, [patient.email])
