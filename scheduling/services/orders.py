"""Orders: drafted by any staff, signed by a prescriber only."""

from datetime import date, datetime
from hashlib import sha256

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import COUNTED, OPEN, DoseUnit, OrderState
from scheduling.models import Appointment, Hold, Order, Protocol

from .audit import author, record
from .faults import Refused
from .treated import require_treated

SIGNED_FIELDS = (
    "patient_id",
    "protocol_id",
    "stage",
    "dose_amount",
    "dose_unit",
    "weight_kg",
    "sessions",
    "valid_from",
    "valid_until",
    "note",
)
"""What a signature stands for."""


def fingerprint(order: Order) -> str:
    """A digest of everything a signature stands for: what was read is what gets signed. Saved orders only."""
    return sha256(repr([str(getattr(order, name)) for name in SIGNED_FIELDS]).encode()).hexdigest()


def outside_usual_dose(order: Order) -> bool:
    """Whether the dose lies outside the protocol's range or list, so that it is confirmed a second time."""
    protocol = order.protocol
    if protocol.dose_unit == DoseUnit.MG:
        return order.dose_amount not in protocol.listed_doses()
    low, high = protocol.dose_low, protocol.dose_high
    return low is not None and high is not None and not low <= order.dose_amount <= high


def _require_orderable(protocol: Protocol) -> None:
    if not (protocol.is_active and protocol.is_current):
        raise Refused(
            "protocol_not_in_use",
            _("This version of the protocol is no longer ordered. Choose the protocol again."),
            field="protocol",
        )


def check_order(order: Order, today: date) -> None:
    """Raise Refused for a wrong unit, a missing weight, an unlisted dose and an end in the past (local date)."""
    if order.dose_unit != order.protocol.dose_unit:
        raise Refused(
            "dose_unit",
            _("This protocol's dose is written in %(unit)s.")
            % {"unit": order.protocol.get_dose_unit_display()},
            field="dose_unit",
        )
    if order.dose_unit == DoseUnit.MG_PER_KG and not order.weight_kg:
        raise Refused("order_weight", _("A dose in mg/kg needs the patient's weight."), field="weight_kg")
    if order.dose_unit == DoseUnit.MG and outside_usual_dose(order):
        raise Refused(
            "dose_not_listed",
            _("Choose one of the protocol's doses: %(doses)s mg.") % {"doses": order.protocol.dose_choices},
            field="dose_amount",
        )
    if order.valid_until < today:
        raise Refused("order_expired", _("The order would end in the past."), field="valid_until")


@transaction.atomic
def draft_order(*, by: Actor, now: datetime, order: Order) -> Order:
    """Save a new draft.

    Raises Refused for a protocol that is not in use, a wrong unit, an unlisted dose or a second open order.
    """
    by.require(Action.DRAFT_ORDER)
    require_treated(order.patient)
    today = now.astimezone(order.patient.home_location.tz).date()
    _require_orderable(order.protocol)
    check_order(order, today)
    expire_orders(patient_id=order.patient_id, today=today)
    order.regimen, order.state = order.protocol.code, OrderState.DRAFT
    order.drafted_by_id, order.drafted_at = author(by), now
    order.save()
    record(by=by, now=now, action="draft_order", subject=order, patient_id=order.patient_id)
    return order


@transaction.atomic
def edit_draft(*, by: Actor, now: datetime, order: Order) -> Order:
    """Keep the changes made to a draft; another protocol frees the places held for it. Raises Refused once signed."""
    by.require(Action.DRAFT_ORDER)
    before = _locked(order)
    if before.state != OrderState.DRAFT:
        raise Refused("order_not_draft", _("This order is signed or closed; a draft can no longer be kept."))
    if before.protocol_id != order.protocol_id:
        _require_orderable(order.protocol)
        Hold.objects.filter(order=order).delete()
    require_treated(order.patient)
    check_order(order, now.astimezone(order.patient.home_location.tz).date())
    order.regimen, order.unusual_dose_confirmed = order.protocol.code, False
    order.save()
    record(by=by, now=now, action="edit_draft", subject=order, patient_id=order.patient_id)
    return order


@transaction.atomic
def sign_order(
    *, by: Actor, now: datetime, order: Order, unusual_dose_confirmed: bool = False, seen: str | None = None
) -> Order:
    """Sign a draft as a prescriber; ``seen`` is the fingerprint of what the prescriber read.

    Raises Refused when it is no draft, was changed since it was read, has expired, or its dose is outside the
    protocol's range and ``unusual_dose_confirmed`` is false.
    """
    by.require(Action.SIGN_ORDER)
    order = _locked(order)
    if order.state != OrderState.DRAFT:
        raise Refused("order_not_draft", _("This order is already signed or closed."))
    if seen is not None and seen != fingerprint(order):
        raise Refused("order_changed", _("Somebody changed this draft while you read it. Read it again."))
    require_treated(order.patient)
    check_order(order, now.astimezone(order.patient.home_location.tz).date())
    require_dose_confirmed(order, unusual_dose_confirmed)
    order.unusual_dose_confirmed = unusual_dose_confirmed
    order.state, order.signed_by_id, order.signed_at = OrderState.SIGNED, by.staff_id, now
    order.save()
    record(by=by, now=now, action="sign_order", subject=order, patient_id=order.patient_id)
    return order


def require_dose_confirmed(order: Order, confirmed: bool) -> None:
    """Raise Refused for a dose outside the protocol's range that was not confirmed a second time."""
    if outside_usual_dose(order) and not confirmed:
        raise Refused(
            "dose_unusual",
            _("The dose is outside the protocol's usual range. Confirm it to sign."),
            field="unusual_dose_confirmed",
        )


def withdrawal(order: Order) -> Action:
    """What somebody must be allowed to do to withdraw this order: a signed one is a prescriber's."""
    return Action.DRAFT_ORDER if order.state == OrderState.DRAFT else Action.WITHDRAW_ORDER


@transaction.atomic
def withdraw_order(*, by: Actor, now: datetime, order: Order) -> Order:
    """Close a draft, or a signed order with no visit booked; places held for it are free again.

    Raises Refused while visits are booked.
    """
    order = _locked(order)
    by.require(withdrawal(order))
    if order.state not in (OrderState.DRAFT, OrderState.SIGNED):
        raise Refused("order_closed", _("This order is already closed."))
    if Appointment.objects.open().filter(order=order).exists():
        raise Refused("order_in_use", _("Cancel the visits booked under this order first."))
    order.state = OrderState.WITHDRAWN
    Hold.objects.filter(Q(order=order) | Q(proposed_for=order)).delete()
    order.save(update_fields=["state"])
    record(by=by, now=now, action="withdraw_order", subject=order, patient_id=order.patient_id)
    return order


def expire_orders(*, patient_id: int, today: date) -> int:
    """Close the patient's open orders whose last local day is before ``today``; how many."""
    return (
        Order.objects.open()
        .filter(patient_id=patient_id, valid_until__lt=today)
        .update(state=OrderState.EXPIRED)
    )


def recount(order: Order) -> None:
    """Bring ``taken`` and the state in line with the visits; the caller holds the order's row lock.

    The database refuses a count above the order's number.
    """
    statuses = list(Appointment.objects.filter(order=order).values_list("status", flat=True))
    order.taken = sum(status in COUNTED for status in statuses)
    used_up = order.taken == order.sessions and not set(OPEN) & set(statuses)
    if order.state in (OrderState.SIGNED, OrderState.USED_UP):
        order.state = OrderState.USED_UP if used_up else OrderState.SIGNED
    order.save(update_fields=["taken", "state"])


def _locked(order: Order) -> Order:
    return (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("patient__home_location", "protocol")
        .get(pk=order.pk)
    )
