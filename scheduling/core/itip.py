"""One visit as an iTIP message (RFC 5546): an invitation, its update or its cancellation.

One UID a message (3.2.2, 3.2.5): some clients ignore all but the first. The one ATTENDEE is whoever gets the mail;
the ORGANIZER is the sender and never the recipient.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from icalendar import Calendar, vCalAddress, vText

from .invites import PRODUCT, VisitEntry, build_event, one_line


class Method(StrEnum):
    """What the message asks a calendar to do."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class Party:
    """A name and an e-mail address."""

    name: str
    address: str


def method_of(entry: VisitEntry) -> Method:
    """REQUEST while the visit stands, CANCEL once it is cancelled."""
    return Method.CANCEL if entry.is_cancelled else Method.REQUEST


def itip_bytes(entry: VisitEntry, *, organizer: Party, attendee: Party, stamp: datetime) -> bytes:
    """The message for one visit, stamped at ``stamp`` (UTC), which is fresh at each sending (RFC 5546 2.1.4).

    A cancellation carries no alarm; a REQUEST none either: calendars have their own, and the mail reminds.
    Raises ValueError where the organizer would invite itself.
    """
    if organizer.address.casefold() == attendee.address.casefold():
        raise ValueError("the organizer is not a guest")
    event = build_event(entry, stamp=stamp)
    event.add("organizer", _address(organizer))
    guest = _address(attendee)
    guest.params["ROLE"] = vText("REQ-PARTICIPANT")
    guest.params["PARTSTAT"] = vText("NEEDS-ACTION")
    # Nobody reads the sender's mailbox: calendars are not to send an answer there.
    guest.params["RSVP"] = vText("FALSE")
    event.add("attendee", guest)
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("method", method_of(entry).value)
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _address(party: Party) -> vCalAddress:
    address = vCalAddress(f"mailto:{one_line(party.address)}")
    # A quote cannot stand in a parameter (RFC 5545 3.2), whatever it is quoted with.
    address.params["CN"] = vText(one_line(party.name).replace('"', "'"))
    return address
