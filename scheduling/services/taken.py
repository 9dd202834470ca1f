"""What stands in the way of a booking, in words for staff."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import formats
from django.utils.translation import gettext as _

from scheduling.core.words import SeatKind
from scheduling.models import Appointment, Claim, Hold, Seat


@dataclass(frozen=True, slots=True)
class Taken:
    """One place that a visit needs and another visit or hold has: ``[starts_at, ends_at)`` in UTC."""

    visit: Appointment
    seat: Seat
    starts_at: datetime
    ends_at: datetime
    holder: Claim

    def __str__(self) -> str:
        local = self.visit.tz
        start, end = self.starts_at.astimezone(local), self.ends_at.astimezone(local)
        what = {
            "day": formats.date_format(start, "D j M"),
            "start": start.strftime("%H:%M"),
            "end": end.strftime("%H:%M"),
            "seat": seat_words(self.seat),
        }
        # Its owner may have let it go since: then it is not there any more.
        whose = ("order__patient", "offered_to__appointment__patient", "waitlist_offer__entry__patient")
        holds = Hold.objects.select_related("made_by", *whose)
        hold = holds.filter(pk=self.holder.hold_id or 0).first()
        if hold and hold.proposal_key:
            words = _(
                "%(day)s %(start)s–%(end)s: %(seat)s is held by %(name)s until %(until)s for a proposal."
            )
            until = f"{hold.expires_at.astimezone(local):%H:%M}"
            return words % (what | {"name": hold.made_by, "until": until})
        words = _("%(day)s %(start)s–%(end)s: %(seat)s is taken by %(holder)s.")
        return words % (what | {"holder": _holder_words(self.holder, hold)})


def _holder_words(claim: Claim, hold: Hold | None) -> str:
    if claim.appointment:
        return str(claim.appointment.patient)
    if hold and hold.order:
        return _("%(patient)s (held for a draft)") % {"patient": hold.order.patient}
    if hold and hasattr(hold, "offered_to"):
        return _("%(patient)s (held for a call)") % {"patient": hold.offered_to.appointment.patient}
    if hold and hasattr(hold, "waitlist_offer"):
        return _("%(patient)s (held as an offer)") % {"patient": hold.waitlist_offer.entry.patient}
    return _("a hold")


def seat_words(seat: Seat) -> str:
    """The seat in words for staff."""
    if seat.chair:
        return str(seat.chair)
    if seat.patient:
        return _("the patient")
    if seat.kind == SeatKind.HANDS_ON:
        return _("%(nurse)s (hands-on)") % {"nurse": seat.nurse}
    return _("%(nurse)s (monitoring)") % {"nurse": seat.nurse}
