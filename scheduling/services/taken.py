"""What stands in the way of a booking, in words for staff."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import formats
from django.utils.translation import gettext as _

from scheduling.core.words import SeatKind
from scheduling.models import Appointment, Claim, DisruptedVisit, Seat


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
        hold = self.holder.hold
        if hold and hold.proposal_key:
            words = _(
                "%(day)s %(start)s–%(end)s: %(seat)s is held by %(name)s until %(until)s for a proposal."
            )
            return words % (
                what | {"name": hold.made_by, "until": f"{hold.expires_at.astimezone(local):%H:%M}"}
            )
        words = _("%(day)s %(start)s–%(end)s: %(seat)s is taken by %(holder)s.")
        return words % (what | {"holder": _holder_words(self.holder)})


def _holder_words(claim: Claim) -> str:
    if claim.appointment:
        return str(claim.appointment.patient)
    if claim.hold and claim.hold.order:
        return _("%(patient)s (held for a draft)") % {"patient": claim.hold.order.patient}
    row = DisruptedVisit.objects.filter(hold=claim.hold_id).select_related("appointment__patient").first()
    if row:
        return _("%(patient)s (held for a call)") % {"patient": row.appointment.patient}
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
