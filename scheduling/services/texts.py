"""What a message says, rendered from what is true when it is sent, or why it is not sent after all."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import LinkPurpose, MessageKind, OfferState
from scheduling.models import CheckIn, Message

from .check_ins import is_still_wanted
from .closing import closing_mail
from .course_texts import course_mail, invitation_mail, reminder_mail
from .links import address_url, check_in_url, link_in_force, offer_url
from .offer_words import offered_words, state_of
from .rendering import Dropped, Rendered, fill, language_of, own_url
from .visit_words import day_words, moment_words, when_words

__all__ = ["Dropped", "Rendered", "render"]


def render(message: Message, now: datetime) -> Rendered | Dropped:
    """The message as it would leave at ``now``, in its reader's language.

    The row only says what to tell: all words come from what the database holds now.
    """
    with translation.override(language_of(message)):
        return RENDERERS[MessageKind(message.kind)](message, now)


def _new_link(message: Message, now: datetime) -> Rendered | Dropped:
    place = message.patient.home_location
    return fill(message, place, {"patient": message.patient, "url": own_url(message.patient)})


def _address(message: Message, now: datetime) -> Rendered | Dropped:
    """Only a link: whoever reads it is perhaps not the patient, so it says nothing of visits."""
    link = link_in_force(message.patient, LinkPurpose.ADDRESS)
    if link is None or message.patient.email_unproven_since is None:
        return Dropped(_("The address is proven, or was changed again."))
    return fill(message, message.patient.home_location, {"url": address_url(link)})


def _red_flag(message: Message, now: datetime) -> Rendered | Dropped:
    """To staff, without a word about the patient: mail is read on locked screens."""
    alert = message.alert
    if alert is None or not alert.is_open:
        return Dropped(_("Somebody acknowledged it."))
    return fill(message, alert.location, {"url": f"{settings.BASE_URL}/attention/"})


def _check_in(message: Message, now: datetime) -> Rendered | Dropped:
    check_in = _asked(message)
    if not is_still_wanted(check_in, now):
        return Dropped(_("It was answered, or the next visit came first."))
    visit = check_in.appointment
    link = link_in_force(message.patient, LinkPurpose.VISITS)
    words = {
        "patient": message.patient,
        "day": day_words(visit.local_date),
        "url": check_in_url(link, check_in) if link else own_url(message.patient),
    }
    return fill(message, visit.location, words)


def _offer(message: Message, now: datetime) -> Rendered | Dropped:
    """A place that is kept for the patient until a moment of theirs; nobody hears of one that is over."""
    offer, patient = message.offer, message.patient
    if offer is None or state_of(offer, now) is not OfferState.OPEN:
        return Dropped(_("The offered place is no longer kept."))
    place, link = offer.chair.location, link_in_force(patient, LinkPurpose.OFFER)
    until = offer.expires_at.astimezone(place.tz)
    words = {
        "patient": patient,
        "when": offered_words(offer),
        "now_at": when_words(offer.entry.appointment) if offer.entry.appointment else "",
        "until": moment_words(until),
        "url": offer_url(link, offer) if link else own_url(patient),
    }
    return fill(message, place, words)


def _asked(message: Message) -> CheckIn:
    if message.check_in is None:
        raise ValueError("a message about a check-in has one")
    return message.check_in


RENDERERS: dict[MessageKind, Callable[[Message, datetime], Rendered | Dropped]] = {
    MessageKind.CONFIRMATION: course_mail,
    MessageKind.CHANGE: course_mail,
    MessageKind.CANCELLATION: course_mail,
    MessageKind.INVITATION: invitation_mail,
    MessageKind.REMINDER: reminder_mail,
    MessageKind.CHECK_IN: _check_in,
    MessageKind.CHECK_IN_AGAIN: _check_in,
    MessageKind.NEW_LINK: _new_link,
    MessageKind.ADDRESS: _address,
    MessageKind.CLOSING: closing_mail,
    MessageKind.RED_FLAG: _red_flag,
    MessageKind.OFFER: _offer,
}
