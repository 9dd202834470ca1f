"""Places kept for a draft until it is signed, at most until the end of the next working day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.pattern import Pattern
from scheduling.core.words import OrderState
from scheduling.models import BookingRequest, Chair, Hold, Location, Order, Series, StaffMember

from .audit import author, record
from .booking import BookedPlace, book_series, locked_order, new_visit, require_room
from .claims import keep_places
from .faults import Refused
from .opening import open_days
from .rules import require_rules

LONGEST_CLOSURE = timedelta(days=60)
"""So far ahead the next day with opening hours is looked for."""


@dataclass(frozen=True, slots=True)
class HeldVisit:
    """One place that is kept: its start in the location's zone, with names."""

    start: datetime
    chair: str
    nurse: str


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept for one order until ``until`` (in the location's zone); ``is_over`` once that has passed.

    ``request_key`` is the key of the one booking that may follow.
    """

    until: datetime
    location: Location
    visits: tuple[HeldVisit, ...]
    is_over: bool
    request_key: str


@transaction.atomic
def hold_for_draft(
    *,
    by: Actor,
    now: datetime,
    order: Order,
    location: Location,
    places: Sequence[BookedPlace],
    wishes: Mapping[str, Any] | None = None,
    request_key: str = "",
) -> Hold:
    """Keep these places for a draft until ``location`` closes on its next open day; they replace those held before.

    What was held for the proposals of ``request_key`` passes on to the draft. All rules bind as for booking; what has
    to be on record before booking may still be missing (DESIGN). Raises Refused for an order that is no draft, for
    every broken rule (``rules_broken``) and naming every place taken (``places_taken``); then what was held before
    stays.
    """
    by.require(Action.BOOK)
    if not places:
        raise Refused("no_places", _("Choose at least one visit."))
    order = locked_order(order.pk)
    if order.state != OrderState.DRAFT:
        words = _("Places are held for a draft. This order is %(state)s.")
        raise Refused("order_not_draft", words % {"state": order.get_state_display()})
    require_room(order, len(places), location, now)
    pattern = Pattern.of(order.protocol.pattern_phases())
    course = Series(patient=order.patient, order=order, location=location, stage=order.stage)
    rising = sorted(places, key=attrgetter("starts_at", "chair_id", "nurse_id"))
    visits = [new_visit(course, pattern, place, number, now) for number, place in enumerate(rising, 1)]
    require_rules(by=by, now=now, series=course, visits=visits, override_reason="")
    Hold.objects.filter(order=order).delete()
    hold = Hold.objects.create(
        order=order,
        expires_at=end_of_next_day(location, now),
        made_by_id=author(by),
        made_at=now,
        places={
            "location": location.pk,
            "wishes": dict(wishes or {}),
            "visits": [
                {"starts_at": place.starts_at.isoformat(), "chair": place.chair_id, "nurse": place.nurse_id}
                for place in rising
            ],
        },
    )
    keep_places(hold, visits, pattern, now, ending=Hold.objects.of_proposal(request_key))
    record(
        by=by,
        now=now,
        action="hold_for_draft",
        subject=order,
        patient_id=order.patient_id,
        visits=len(rising),
        until=hold.expires_at.isoformat(),
    )
    return hold


def end_of_next_day(location: Location, now: datetime) -> datetime:
    """When ``location`` closes on the first open day after today there (UTC). Raises Refused where none comes."""
    today = now.astimezone(location.tz).date()
    coming = open_days(location, today + timedelta(days=1), today + LONGEST_CLOSURE)
    for day in coming.days:
        if day.intervals:
            return day.intervals[-1][1]
    raise Refused("location_closed", _("%(place)s has no open day ahead.") % {"place": location})


@transaction.atomic
def book_held(*, by: Actor, now: datetime, order: Order, request_key: str) -> Series:
    """Book exactly the places held for an order, signed by now; the hold is over with it.

    The same ``request_key`` answers with the same series. Raises Refused where nothing is held any more
    (``hold_over``), and for all that booking refuses; then the places stay held.
    """
    by.require(Action.BOOK)
    order = locked_order(order.pk)
    earlier = BookingRequest.objects.select_related("series").filter(key=request_key).first()
    if earlier and earlier.series.order_id == order.pk:
        return earlier.series
    hold = Hold.objects.filter(order=order, expires_at__gt=now).first()
    if hold is None:
        raise Refused("hold_over", _("These places are no longer held. Find times again."))
    return book_series(
        by=by,
        now=now,
        order=order,
        location=Location.objects.get(pk=hold.places["location"]),
        places=[
            BookedPlace(datetime.fromisoformat(visit["starts_at"]), visit["chair"], visit["nurse"])
            for visit in hold.places["visits"]
        ],
        request_key=request_key,
        wishes=hold.places["wishes"],
    )


def held_for(orders: Iterable[Order], now: datetime) -> dict[int, Held]:
    """What is held, or was until it was over, by order id; one query where nothing is, else four."""
    holds = list(Hold.objects.filter(order__in=list(orders)))
    kept = [visit for hold in holds for visit in hold.places["visits"]]
    locations = Location.objects.in_bulk({hold.places["location"] for hold in holds})
    chairs = Chair.objects.in_bulk({visit["chair"] for visit in kept})
    nurses = StaffMember.objects.in_bulk({visit["nurse"] for visit in kept})
    found: dict[int, Held] = {}
    for hold in holds:
        # Only a hold that is over can outlive its location, chair or nurse.
        location = locations.get(hold.places["location"])
        if hold.order_id is None or location is None:
            continue
        visits = tuple(
            HeldVisit(
                datetime.fromisoformat(visit["starts_at"]).astimezone(location.tz),
                str(chairs.get(visit["chair"], "")),
                str(nurses.get(visit["nurse"], "")),
            )
            for visit in hold.places["visits"]
        )
        until, is_over = hold.expires_at.astimezone(location.tz), hold.expires_at <= now
        found[hold.order_id] = Held(until, location, visits, is_over, f"hold:{hold.pk}")
    return found
