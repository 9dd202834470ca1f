"""Amending an order: a prescriber signs a replacement under which the course goes on; nobody is moved or told."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.access import Action, Actor
from scheduling.core.words import OrderState, Status
from scheduling.models import Appointment, FollowUpPlan, Hold, Order, Series, WaitlistEntry

from .audit import author, record
from .faults import Refused
from .orders import check_order, recount, require_dose_confirmed
from .treated import require_treated

AMENDABLE = (OrderState.SIGNED, OrderState.USED_UP)


@transaction.atomic
def amend_order(
    *,
    by: Actor,
    now: datetime,
    old: Order,
    order: Order,
    unusual_dose_confirmed: bool = False,
) -> Order:
    """Sign the unsaved ``order`` in place of ``old``; its number counts what is still to be given.

    Visits to come keep place, time and UID and point to the replacement; past ones and those under way keep theirs.
    No message, no SEQUENCE. A weekly plan goes on under it. Where the dose changed the board says so until a nurse
    has seen it. Raises Refused for an order that is not signed, another regimen, a number below what is booked, and
    for all that drafting and signing refuse.
    """
    by.require(Action.SIGN_ORDER)
    old = _locked(old.pk)
    if old.state not in AMENDABLE or hasattr(old, "replaced_by"):
        words = _("Only a signed order is amended. This one is %(state)s.")
        raise Refused("order_not_amendable", words % {"state": old.get_state_display()})
    if order.protocol.code != old.regimen:
        raise Refused("other_regimen", _("Another protocol needs an order of its own."), field="protocol")
    ahead = _visits_ahead(old)
    if order.sessions < len(ahead):
        words = ngettext(
            "%(count)d visit is still booked under this order; the number cannot be lower.",
            "%(count)d visits are still booked under this order; the number cannot be lower.",
            len(ahead),
        )
        raise Refused("order_not_overbooked", words % {"count": len(ahead)}, field="sessions")
    require_treated(old.patient)
    check_order(order, now.astimezone(old.patient.home_location.tz).date())
    require_dose_confirmed(order, unusual_dose_confirmed)
    was_news = is_news(old)
    old.state = OrderState.REPLACED
    old.save(update_fields=["state"])
    _sign(by, now, old, order, unusual_dose_confirmed)
    if not (was_news or dose_changed(order)):
        _nothing_to_see(order)
    _hand_over(old, order, ahead)
    record(
        by=by,
        now=now,
        action="amend_order",
        subject=order,
        patient_id=order.patient_id,
        replaces=old.pk,
        visits=[visit.pk for visit in ahead],
        dose_changed=dose_changed(order),
    )
    return order


def _sign(by: Actor, now: datetime, old: Order, order: Order, unusual_dose_confirmed: bool) -> None:
    """Save the replacement as drafted and signed in one act by the prescriber."""
    order.patient, order.stage, order.regimen, order.replaces = old.patient, old.stage, old.regimen, old
    order.state, order.taken, order.unusual_dose_confirmed = OrderState.SIGNED, 0, unusual_dose_confirmed
    order.drafted_by_id = order.signed_by_id = author(by)
    order.drafted_at = order.signed_at = now
    order.seen_by = order.seen_at = None
    order.save(force_insert=True)


def _nothing_to_see(order: Order) -> None:
    """The nurses know this dose: it counts as seen by who signed."""
    order.seen_by_id, order.seen_at = order.signed_by_id, order.signed_at
    order.save(update_fields=["seen_by", "seen_at"])


def _locked(pk: int) -> Order:
    rows = Order.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("patient__home_location", "protocol").get(pk=pk)


def _visits_ahead(old: Order) -> list[Appointment]:
    """The visits that have not begun, locked behind their course."""
    list(Series.objects.select_for_update(no_key=True).filter(order=old))
    rows = Appointment.objects.select_for_update(no_key=True).filter(order=old, status=Status.BOOKED)
    return list(rows.order_by("pk"))


def _hand_over(old: Order, order: Order, ahead: list[Appointment]) -> None:
    """Course, visits to come and weekly plan go on under the replacement; both orders are counted anew."""
    Series.objects.filter(order=old).update(order=order)
    Appointment.objects.filter(pk__in=[visit.pk for visit in ahead]).update(order=order)
    FollowUpPlan.objects.filter(order=old, ended_at=None).update(order=order)
    WaitlistEntry.objects.open().filter(order=old).update(order=order)
    Hold.objects.filter(Q(order=old) | Q(proposed_for=old)).delete()
    recount(old)
    recount(order)


def open_infusions(order: Order) -> int:
    """Infusions of an order that are neither used nor under way: left, or booked and still to come."""
    return order.left + order.appointments.open().filter(arrived_at=None).count()


def dose_changed(order: Order) -> bool:
    """Whether the dose is another one than that of the order it replaces, as written; nothing is converted."""
    old = order.replaces
    return old is not None and (old.dose_amount, old.dose_unit) != (order.dose_amount, order.dose_unit)


def is_news(order: Order) -> bool:
    """Whether nurses still have to see a changed dose: of this order, or of one it replaced before they did."""
    return order.replaces_id is not None and order.seen_at is None


@transaction.atomic
def see_dose(*, by: Actor, now: datetime, order: Order) -> Order:
    """A nurse has seen the changed dose; once is enough. Raises Refused where no dose changed."""
    by.require(Action.RECORD_VISIT)
    order = _locked(order.pk)
    if order.replaces_id is None:
        raise Refused("dose_same", _("The dose of this order was not changed."))
    if order.seen_at is None:
        order.seen_by_id, order.seen_at = by.staff_id, now
        order.save(update_fields=["seen_by", "seen_at"])
        record(by=by, now=now, action="see_dose", subject=order, patient_id=order.patient_id)
    return order
