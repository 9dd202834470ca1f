"""Letting held places go before their time is over: by whoever holds them, or by a manager."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.models import DisruptedVisit, Hold

from .audit import record
from .board_holds import RELEASABLE, kind_of
from .booking import locked_order
from .faults import Refused
from .other_places import locked_row


@transaction.atomic
def release_hold(*, by: Actor, now: datetime, hold: Hold) -> None:
    """Free what is kept for proposals, a draft or a call. Nobody is told: nothing was booked.

    Raises Refused where the hold is somebody else's and ``by`` is no manager (``hold_of_another``), where it is over
    or was booked meanwhile (``hold_over``), and where it keeps the way back of a change (``hold_for_undo``).
    """
    row = DisruptedVisit.objects.filter(hold=hold).first()
    order = hold.order or hold.proposed_for
    if row:
        locked_row(row)
    elif order:
        locked_order(order.pk)
    found = Hold.objects.in_force(now).select_for_update(no_key=True, of=("self",)).filter(pk=hold.pk).first()
    if found is None:
        raise Refused("hold_over", _("These places are not held any more."))
    if kind_of(found) not in RELEASABLE:
        raise Refused("hold_for_undo", _("These places are kept so that a change can be taken back."))
    if found.made_by_id != by.staff_id and not by.may(Action.RELEASE_HOLD):
        words = _("Only %(name)s or a manager can let these places go.")
        raise Refused("hold_of_another", words % {"name": found.made_by})
    patient_id = row.appointment.patient_id if row else order.patient_id if order else None
    record(
        by=by, now=now, action="release_hold", subject=found, patient_id=patient_id, made_by=found.made_by_id
    )
    found.delete()
