"""What every message has: words filled into its templates, the sender, the reader's own link."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import get_language

from scheduling.core.itip import Method, Party
from scheduling.core.words import LinkPurpose, MessageWay
from scheduling.models import Location, Message, Patient

from .links import link_in_force, visits_url

KEY = re.compile(r"(/(?:v|feed)/)[^/\s.]+\.[^/\s]+")
Attachment = tuple[str, bytes, str]
"""File name, content and MIME type."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message in the reader's language, sent in the name of ``place``.

    ``told`` is what it says, for comparing with later truths. An invitation has its iTIP bytes and their method.
    """

    place: Location
    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()
    calendar: bytes = b""
    method: Method | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dropped:
    """The message is not sent, since what it tells is no longer true or was told already."""

    why: str | Promise


def fill(message: Message, place: Location, words: Mapping[str, Any], **more: Any) -> Rendered:
    """The templates of the message's kind filled in, in the active language.

    ``by_mail`` tells them whether it is read in a mail program, or on paper and by phone.
    """
    label = place.label_in(get_language())
    context = {"place": place, "label": label, "by_mail": message.way == MessageWay.EMAIL, **words}
    folder = f"messages/{message.kind}"
    # A header is one line, whatever a label holds.
    subject = " ".join(render_to_string(f"{folder}/subject.txt", context).split())
    text = render_to_string(f"{folder}/body.txt", context).strip() + "\n"
    return Rendered(place, subject, text, render_to_string(f"{folder}/body.html", context), **more)


def language_of(message: Message) -> str:
    """The language its reader wants now."""
    return settings.LANGUAGE_CODE if message.staff_id else message.patient.language


def without_keys(text: str) -> str:
    """The text to keep of a message that was sent: the patient's link is a key, and keys are never stored."""
    return KEY.sub(r"\1***", text)


def sender(place: Location) -> Party:
    """The location's neutral label, in the active language, at the installation's address."""
    # Part of a header: one line.
    return Party(" ".join(place.label_in(get_language()).split()), parseaddr(settings.DEFAULT_FROM_EMAIL)[1])


def own_url(patient: Patient) -> str:
    """The patient's way in: their link, or the page that explains how to get one."""
    link = link_in_force(patient, LinkPurpose.VISITS)
    return visits_url(link) if link else f"{settings.BASE_URL}/my/"
