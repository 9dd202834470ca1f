"""A planned block becomes booked visits, or the plan says why not: one booking, one message to the patient."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from scheduling.access import Actor
from scheduling.core.plan_steps import Stuck
from scheduling.core.timeline import from_step
from scheduling.core.words import AlertKind
from scheduling.models import Alert, BookingRequest, FollowUpPlan, Series

from .alerts import raise_alert, settle
from .booking import BookedPlace, book_series
from .faults import Refused
from .plan_blocks import Ask, Block, Standing, standing
from .reason_words import no_plan_words

RENEW_DAYS = timedelta(days=14)
"""So long before the booked visits run out because of the order, a new one is asked for."""
ORDER_ENDS = (Stuck.ORDER_USED_UP, Stuck.ORDER_ENDS)


def book_block(*, by: Actor, now: datetime, plan: FollowUpPlan, ask: Ask, block: Block) -> int:
    """Book a block for a locked plan; how many visits. The plan keeps why nothing was booked, with its alerts.

    Raises Refused only where a person (not the worker) books: whoever looks on is told at once.
    """
    if block.places and not by.staff_id:
        block = _booked_or_refused(by, now, plan, ask, block)
    elif block.places:
        _book(by, now, plan, ask, block)
    found = standing(ask, now)
    plan.tried_at = now
    plan.booked_until = found.last if found.last > ask.starts_after else None
    plan.stuck = "" if block.places or block.stuck is None else block.stuck.value
    plan.save(update_fields=["series", "tried_at", "booked_until", "stuck"])
    _alert(plan, ask, block, found, now)
    return len(block.places)


def _booked_or_refused(by: Actor, now: datetime, plan: FollowUpPlan, ask: Ask, block: Block) -> Block:
    try:
        with transaction.atomic():
            _book(by, now, plan, ask, block)
    except Refused as refused:
        return Block((), Stuck.REFUSED, None, block.wanted, (str(refused.words), *map(str, refused.details)))
    return block


def _book(by: Actor, now: datetime, plan: FollowUpPlan, ask: Ask, block: Block) -> None:
    """One booking under the plan's order; its course is the plan's from then on."""
    if not by.staff_id and plan.series is None:
        # A course is booked by a person: on behalf of whoever set the plan.
        plan.series = Series.objects.create(
            patient=plan.patient,
            order=ask.order,
            location=ask.location,
            stage=ask.order.stage,
            wishes=plan.wishes,
            booked_by_id=plan.set_by_id,
            booked_at=now,
        )
    prefix = f"plan:{plan.pk}:"
    number = BookingRequest.objects.filter(key__startswith=prefix).count() + 1
    plan.series = book_series(
        by=by,
        now=now,
        order=ask.order,
        location=ask.location,
        places=[BookedPlace(from_step(place.start), place.chair, place.nurse) for place in block.places],
        request_key=f"{prefix}{number}",
        wishes=plan.wishes,
    )


def _alert(plan: FollowUpPlan, ask: Ask, block: Block, found: Standing, now: datetime) -> None:
    """Raise what a person has to see, settle what is no longer so."""
    today = now.astimezone(ask.location.tz).date()
    stuck = Stuck(plan.stuck) if plan.stuck else None
    alerts = Alert.objects.filter(plan=plan)
    if stuck not in (Stuck.NO_PLACE, Stuck.REFUSED):
        settle(alerts.filter(kind=AlertKind.PLAN_STUCK), now)
    elif found.is_short(today):
        key = f"stuck:{plan.pk}:{found.last.isoformat()}"
        _raise(AlertKind.PLAN_STUCK, key, plan, ask, now, _stuck_facts(ask, block))
    if stuck not in ORDER_ENDS:
        settle(alerts.filter(kind=AlertKind.RENEW_ORDER), now)
    elif found.last - today <= RENEW_DAYS:
        facts = {
            "code": plan.stuck,
            "last": ask.order.valid_until.isoformat(),
            "left": ask.order.left,
            "booked_until": found.last.isoformat(),
        }
        _raise(AlertKind.RENEW_ORDER, f"renew:{plan.pk}:{ask.order.pk}", plan, ask, now, facts)


def _raise(
    kind: AlertKind, key: str, plan: FollowUpPlan, ask: Ask, now: datetime, facts: dict[str, Any]
) -> None:
    raise_alert(
        kind=kind, key=key, patient=plan.patient, location=ask.location, now=now, plan=plan, facts=facts
    )


def _stuck_facts(ask: Ask, block: Block) -> dict[str, Any]:
    """JSON: the code, the ideal date and the reasons in words."""
    code = block.stuck.value if block.stuck else ""
    return {"code": code, "wanted": _iso(block.wanted), "reasons": list(stuck_reasons(ask, block))}


def stuck_reasons(ask: Ask, block: Block) -> Sequence[str]:
    """Why no place was found, in words: the headline, then every cause once."""
    if block.none is None:
        return block.words
    words = no_plan_words(block.none, ask.location)
    return [words.headline, *(f"{cause.words}: {', '.join(cause.days)}" for cause in words.causes)]


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
