"""A block of the weekly plan as a card: the words, the calendar and the dates of the booking pages."""

from dataclasses import dataclass
from datetime import datetime

from scheduling.core.plan_steps import cadence_for
from scheduling.services.frame import closures
from scheduling.services.plan_blocks import Ask, Block
from scheduling.services.plan_booking import stuck_reasons
from scheduling.services.plan_next import WHY_NONE
from scheduling.services.plan_words import PlanWords, plan_words, zone_line
from scheduling.services.planning import near_visits
from scheduling.services.plans import fingerprint

from .month import Weeks, week_rows
from .plan_cards import Namer, PlannedVisit, planned_marks


@dataclass(frozen=True, slots=True)
class BlockCard:
    """The first visits of a plan that is not yet set; without visits ``why`` and ``reasons`` say why.

    ``seen`` is the fingerprint that goes with the button.
    """

    seen: str
    visits: list[PlannedVisit]
    words: PlanWords | None = None
    weeks: Weeks | None = None
    zone: str = ""
    why: str = ""
    reasons: tuple[str, ...] = ()


def block_card(ask: Ask, block: Block, now: datetime) -> BlockCard:
    """The card of a block; its dates and times are the location's."""
    why = str(WHY_NONE.get(block.stuck or "", ""))
    reasons = tuple(stuck_reasons(ask, block))
    if not block.places:
        return BlockCard(fingerprint(block), [], why=why, reasons=reasons)
    namer = Namer.of(ask.order, ask.location)
    visits = namer.visits(block.places)
    span = visits[0].day, visits[-1].day
    others = near_visits(ask.order, *span)
    words = plan_words(
        places=block.places,
        location=ask.location,
        protocol=ask.order.protocol,
        wishes=ask.wishes,
        nurses=namer.nurses,
        others=[visit.local_date for visit in others],
        longest=max(cadence_for(step, ask.cadence).max_gap_days for step in ask.steps),
    )
    weeks = week_rows(
        marks=planned_marks(visits, others),
        today=now.astimezone(ask.location.tz).date(),
        shut=[*closures(ask.location, *span), *ask.wishes.blackouts],
        span=span,
    )
    zone = zone_line([visit.start for visit in visits], ask.location.zone)
    return BlockCard(fingerprint(block), visits, words, weeks, zone, why, reasons)
