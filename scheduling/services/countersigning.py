"""After a transfer: a prescriber of the new location signs the order a second time, before anything is given there."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.words import Role
from scheduling.models import (
    Alert,
    Appointment,
    Location,
    Order,
    Series,
    SeriesTransfer,
    Shift,
    ShiftException,
)

from .alerts import settle
from .audit import author, record
from .faults import Refused


def works_there(staff_id: int | None, location: Location, now: datetime) -> bool:
    """Whether this person has a shift or an extra shift as a prescriber at ``location``, today there or later."""
    today = now.astimezone(location.tz).date()
    hers = {"staff_id": staff_id, "location": location, "role": Role.PRESCRIBER}
    lasting = Q(valid_until=None) | Q(valid_until__gte=today)
    extra = ShiftException.objects.filter(**hers, kind=ShiftException.Kind.EXTRA, day__gte=today)
    return Shift.objects.filter(lasting, **hers).exists() or extra.exists()


def may_countersign(by: Actor, location: Location, now: datetime) -> bool:
    """Whether who acts is a prescriber of ``location``."""
    return by.staff_id is not None and by.may(Action.SIGN_ORDER) and works_there(by.staff_id, location, now)


@transaction.atomic
def countersign(*, by: Actor, now: datetime, transfer: SeriesTransfer) -> SeriesTransfer:
    """Sign the order of a transferred course a second time, as a prescriber of the new location.

    Raises Refused for a prescriber who does not work there, where it is signed already, and where the course went
    on to yet another location.
    """
    by.require(Action.SIGN_ORDER)
    row = _locked(transfer.pk)
    if row.countersigned_by_id is not None:
        raise Refused(
            "countersigned", _("%(name)s has signed this already.") % {"name": row.countersigned_by}
        )
    if row.pk != _latest(row.series_id):
        raise Refused("transferred_on", _("The course went on to another location meanwhile."))
    if not works_there(author(by), row.to_location, now):
        words = _("A prescriber with a shift at %(place)s signs this.")
        raise Refused("not_from_there", words % {"place": row.to_location})
    row.countersigned_by_id, row.countersigned_at = author(by), now
    row.save(update_fields=["countersigned_by", "countersigned_at"])
    settle(Alert.objects.filter(key=f"countersign:{row.pk}"), now)
    record(
        by=by,
        now=now,
        action="countersign",
        subject=row,
        patient_id=row.series.patient_id,
        series=row.series_id,
        order=row.order_id,
    )
    return row


def _locked(pk: int) -> SeriesTransfer:
    """The transfer behind its order and its course, in the lock order."""
    order_id, series_id = SeriesTransfer.objects.values_list("order_id", "series_id").get(pk=pk)
    Order.objects.select_for_update(no_key=True).get(pk=order_id)
    Series.objects.select_for_update(no_key=True).get(pk=series_id)
    rows = SeriesTransfer.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("series", "to_location", "countersigned_by").get(pk=pk)


def _latest(series_id: int) -> int | None:
    rows = SeriesTransfer.objects.filter(series=series_id).order_by("-made_at", "-pk")
    return rows.values_list("pk", flat=True).first()


def require_countersigned(visit: Appointment) -> None:
    """Raise Refused where the course came to the visit's location and no prescriber of it has signed."""
    came = SeriesTransfer.objects.filter(series=visit.series_id, to_location=visit.location_id)
    last = came.order_by("-made_at", "-pk").first()
    if last and last.countersigned_by_id is None:
        words = _(
            "The course was transferred: a prescriber of %(place)s has to countersign before the start."
        )
        raise Refused("not_countersigned", words % {"place": visit.location})
