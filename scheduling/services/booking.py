"""Booking a course: all sessions or none, in one transaction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.words import AlertKind, LinkPurpose, OrderState, RequiredBefore
from scheduling.models import (
    Alert,
    Appointment,
    BookingRequest,
    Location,
    Order,
    Patient,
    Prerequisite,
    Protocol,
    Series,
)

from .alerts import settle
from .audit import author, record
from .claims import kept_for, let_go, take_places
from .course_messages import announce, leaves_at
from .faults import Refused
from .links import link_for
from .orders import recount
from .patient_wishes import follow_booking, settle_waits
from .rules import require_rules
from .treated import require_treated


@dataclass(frozen=True, slots=True)
class BookedPlace:
    """One session to book: start in UTC (whole minutes), chair and nurse by primary key."""

    starts_at: datetime
    chair_id: int
    nurse_id: int


@transaction.atomic
def book_series(
    *,
    by: Actor,
    now: datetime,
    order: Order,
    location: Location,
    places: Sequence[BookedPlace],
    request_key: str,
    wishes: Mapping[str, Any] | None = None,
    override_reason: str = "",
) -> Series:
    """Book every session at the given places, or nothing.

    The same ``request_key`` with the same body answers with the same series; another body is refused. Further
    sessions under an order join its series with the next numbers. What was held for the order as a draft, or for the
    proposals of this ``request_key``, ends with the booking. ``override_reason`` lets a prescriber break
    a gap, the weekly most or the lead time; a seat or opening hours never.

    Raises Refused naming every broken rule (``rules_broken``) or every place taken (``places_taken``).
    """
    by.require(Action.BOOK)
    if not places:
        raise Refused("no_places", _("Choose at least one visit."))
    digest = _digest(order, location, places, override_reason)
    order = locked_order(order.pk)
    earlier = BookingRequest.objects.select_related("series").filter(key=request_key).first()
    if earlier:
        return _same_request(earlier, digest)
    require_bookable(order, places, location, now)
    series, first_number = _series_for(order, location, by, now, wishes)
    if by.staff_id:
        follow_booking(series, now)
    let_go(series)
    pattern = Pattern.of(order.protocol.pattern_phases())
    visits = [
        new_visit(series, pattern, place, number, now)
        for number, place in enumerate(sorted(places, key=astuple), start=first_number)
    ]
    broken = require_rules(by=by, now=now, series=series, visits=visits, override_reason=override_reason)
    Appointment.objects.bulk_create(visits)
    ended = kept_for(order, request_key)
    take_places(visits, pattern, now, ending=ended)
    recount(order)
    settle_waits(order, now)
    BookingRequest.objects.create(key=request_key, digest=digest, series=series, made_at=now)
    announce(series=series, visits=visits, now=now, due_at=_tell_at(series, visits, now))
    link_for(by=by, now=now, patient=series.patient, purpose=LinkPurpose.VISITS)
    settle(Alert.objects.filter(patient=series.patient, kind=AlertKind.BOOK_MAKE_UP), now)
    record(
        by=by,
        now=now,
        action="book_series",
        subject=series,
        patient_id=series.patient_id,
        numbers=[visit.number for visit in visits],
        overridden=broken,
    )
    return series


def _tell_at(series: Series, visits: Sequence[Appointment], now: datetime) -> datetime:
    """A first booking is confirmed at once; further visits are a change, and others may follow it."""
    return now if series.revision == 1 else leaves_at([visit.starts_at for visit in visits], now)


def new_visit(
    series: Series,
    pattern: Pattern,
    place: BookedPlace,
    number: int,
    now: datetime,
) -> Appointment:
    """An unsaved visit at ``place``: its wall time is the truth, taken in the location's zone."""
    visit = Appointment(
        series=series,
        patient=series.patient,
        order=series.order,
        protocol=series.order.protocol,
        number=number,
    )
    put(visit, series.location, pattern, place, now)
    return visit


def put(
    visit: Appointment, location: Location, pattern: Pattern, place: BookedPlace, now: datetime
) -> Appointment:
    """Give an unsaved or loaded visit its place, wall time and planned end; nothing is saved."""
    local = place.starts_at.astimezone(location.tz)
    visit.location, visit.zone = location, location.zone
    visit.local_date, visit.local_time = local.date(), local.time()
    visit.starts_at, visit.ends_at = place.starts_at, place.starts_at + pattern.stay
    visit.chair_id, visit.nurse_id, visit.changed_at = place.chair_id, place.nurse_id, now
    return visit


def locked_order(pk: int) -> Order:
    """An order locked, with what booking reads of it."""
    return (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("patient__home_location", "protocol")
        .prefetch_related("protocol__phases")
        .get(pk=pk)
    )


def _digest(order: Order, location: Location, places: Sequence[BookedPlace], override_reason: str) -> str:
    body = [order.pk, location.pk, sorted(map(astuple, places)), override_reason]
    return sha256(json.dumps(body, default=str).encode()).hexdigest()


def _same_request(earlier: BookingRequest, digest: str) -> Series:
    if earlier.digest != digest:
        raise Refused(
            "request_reused",
            _("This form was already used for another booking. Start again from the patient."),
        )
    return earlier.series


def require_bookable(order: Order, places: Sequence[BookedPlace], location: Location, now: datetime) -> None:
    """Raise Refused unless a locked order is signed, has room, and all it wants before booking is on record."""
    if order.state == OrderState.DRAFT:
        raise Refused("order_unsigned", _("A prescriber has to sign this order first."))
    if order.state != OrderState.SIGNED:
        raise Refused(
            "order_closed", _("This order is closed: %(state)s.") % {"state": order.get_state_display()}
        )
    require_room(order, len(places), location, now)
    missing = missing_prerequisites(order.patient, order)
    if missing:
        raise Refused(
            "prerequisites_missing",
            _("These have to be on record before booking."),
            details=[str(prerequisite) for prerequisite in missing],
        )


def require_room(order: Order, wanted: int, location: Location, now: datetime) -> None:
    """Raise Refused unless ``wanted`` visits at ``location`` fit a locked order, signed or not, of its patient."""
    require_treated(order.patient)
    require_given_at(order.protocol, location)
    if order.valid_until < now.astimezone(location.tz).date():
        raise Refused(
            "order_expired", _("This order ended on %(day)s.") % {"day": order.valid_until.isoformat()}
        )
    if wanted > order.left:
        raise Refused(
            "order_not_overbooked",
            _("The order has %(left)d infusions left; %(wanted)d were chosen.")
            % {"left": order.left, "wanted": wanted},
        )


def require_given_at(protocol: Protocol, location: Location) -> None:
    """Raise Refused where the protocol names the locations it is given at and this is none of them."""
    named = protocol.locations.values_list("pk", flat=True)
    if named and location.pk not in named:
        words = _("%(protocol)s is not given at %(place)s.")
        raise Refused("not_given_there", words % {"protocol": protocol, "place": location}, field="location")


def missing_prerequisites(patient: Patient, order: Order) -> list[Prerequisite]:
    """What the order's protocol wants on record before booking and is not."""
    return list(
        Prerequisite.objects.filter(
            protocols=order.protocol_id, required_before=RequiredBefore.BOOKING
        ).exclude(records__patient=patient)
    )


def _series_for(
    order: Order, location: Location, by: Actor, now: datetime, wishes: Mapping[str, Any] | None
) -> tuple[Series, int]:
    """The order's series, locked, and the next number of a visit in it."""
    series = Series.objects.select_for_update(no_key=True).filter(order=order).first()
    if series is None:
        series = Series.objects.create(
            patient=order.patient,
            order=order,
            location=location,
            stage=order.stage,
            wishes=dict(wishes or {}),
            booked_by_id=author(by),
            booked_at=now,
        )
        return series, 1
    series.order, series.patient = order, order.patient
    if series.location_id != location.pk:
        raise Refused(
            "other_location", _("This course is treated at %(place)s.") % {"place": series.location}
        )
    series.revision += 1
    if wishes is not None:
        series.wishes = dict(wishes)
    series.save(update_fields=["revision", "wishes"])
    last = series.appointments.aggregate(last=Max("number"))["last"] or 0
    return series, last + 1
