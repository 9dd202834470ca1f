"""A rendered message as an e-mail: text and HTML, and for calendars the part that they look for."""

from email.utils import formataddr
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import translation

from scheduling.core.itip import Method
from scheduling.core.words import MessageKind
from scheduling.models import Message

from .rendering import Rendered, language_of, sender


def message_id(message: Message) -> str:
    """The same for every try, so that a second delivery is known as one; another for a wanted resend."""
    return f"<{message.uid}.{message.round}@{urlsplit(settings.BASE_URL).hostname}>"


def recipient(message: Message) -> str:
    """The address as it is now; empty where there is none."""
    return message.staff.user.email if message.staff else message.patient.email


def build(message: Message, rendered: Rendered) -> EmailMultiAlternatives:
    """The e-mail, ready to send."""
    with translation.override(language_of(message)):
        name = sender(rendered.place)
    mail = EmailMultiAlternatives(
        subject=rendered.subject,
        body=rendered.text,
        from_email=formataddr((name.name, name.address)),
        to=[recipient(message)],
        headers={"Message-ID": message_id(message), **_automatic(message)},
    )
    mail.attach_alternative(rendered.html, "text/html")
    for attachment in rendered.attachments:
        mail.attach(*attachment)
    if rendered.method:
        _add_invitation(mail, rendered.calendar, rendered.method)
    return mail


def _automatic(message: Message) -> dict[str, str]:
    """Keeps out-of-office answers away (RFC 3834); not where a member of staff has to react."""
    return {} if message.kind == MessageKind.RED_FLAG else {"Auto-Submitted": "auto-generated"}


def _add_invitation(mail: EmailMultiAlternatives, calendar: bytes, method: Method) -> None:
    """Last among the alternatives with METHOD in its type, and the same bytes attached: clients read either."""
    mail.attach_alternative(calendar.decode(), f"text/calendar; method={method}")
    mail.attach("invite.ics", calendar, f"application/ics; method={method}")
