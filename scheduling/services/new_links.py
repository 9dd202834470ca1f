"""A patient whose link expired asks for a new one."""

from datetime import datetime

from django.core.cache import cache
from django.db import transaction

from scheduling.access import Actor
from scheduling.core.words import MessageKind
from scheduling.models import AccessLink

from .ledger import may_write_to, write
from .links import is_open, renew_link

ASKS_PER_HOUR = 3
HOUR = 60 * 60


@transaction.atomic
def send_new_link(*, by: Actor, now: datetime, link: AccessLink) -> bool:
    """Give an expired link a new token and write its owner a message with it; whether that was done.

    Nothing happens while the link is open, without an address or a consent in force, or after
    ``ASKS_PER_HOUR``. The ledger brings the message there, however long the mail server is down.
    """
    if is_open(link, now) or not may_write_to(link.patient) or asked_too_often(link):
        return False
    if not renew_link(by=by, now=now, link=link):
        return False
    write(
        kind=MessageKind.NEW_LINK,
        patient=link.patient,
        subject=link,
        revision=link.version,
        now=now,
        due_at=now,
    )
    return True


def asked_too_often(link: AccessLink) -> bool:
    """Count one more wish for a message with this link; whether it is one too many for this hour."""
    key = f"new-link:{link.pk}"
    cache.add(key, 0, HOUR)
    try:
        return cache.incr(key) > ASKS_PER_HOUR
    except ValueError:
        # The hour ended between the two calls.
        return False
