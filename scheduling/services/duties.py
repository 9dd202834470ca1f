"""What the worker does, each duty in its own rhythm. Only delivery leases; the others are safe to do twice."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduling.models import Heartbeat

from .backfill import offer_freed_places
from .check_ins import drop_unwanted
from .claims import free_expired
from .conflicts import watch_conflicts
from .escalation import escalate
from .message_handling import drop_untrue_tasks
from .offer_ends import end_offers
from .open_visits import close_open_visits
from .overdue import find_overdue
from .pauses import notice_ended_pauses
from .plan_extension import extend_plans
from .running import run
from .silence import ask_again_and_escalate
from .uncovered_watch import notice_uncovered
from .uncovering import settle_covered


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing to do every ``every``: ``run`` gets the time (UTC) and returns how many things it did."""

    name: str
    run: Callable[[datetime], int]
    every: timedelta


def beat(worker: str, started_at: datetime, now: datetime) -> None:
    """Note that ``worker`` (host and process) went its round, and forget those silent for a day."""
    Heartbeat.objects.update_or_create(
        worker=worker, defaults={"beat_at": now}, create_defaults={"started_at": started_at, "beat_at": now}
    )
    Heartbeat.objects.filter(beat_at__lt=now - timedelta(days=1)).delete()


def expire_holds(now: datetime) -> int:
    """Free the places of holds that are over; how many."""
    return run(free_expired, now)


SECONDS, MINUTES = timedelta(seconds=1), timedelta(minutes=1)
DUTIES: tuple[Duty, ...] = (
    Duty("expire holds", expire_holds, 30 * SECONDS),
    Duty("escalate red flags", escalate, 15 * SECONDS),
    Duty("watch conflicts", watch_conflicts, MINUTES),
    Duty("settle covered visits", settle_covered, MINUTES),
    # All that is booked, 0.3 s for 1,300 visits: seldom, and yet within the shortest notice of a booking.
    Duty("notice uncovered visits", notice_uncovered, 10 * MINUTES),
    Duty("close open visits", close_open_visits, MINUTES),
    Duty("drop check-ins nobody wants", drop_unwanted, MINUTES),
    Duty("ask again", ask_again_and_escalate, MINUTES),
    Duty("drop tasks that are no longer true", drop_untrue_tasks, MINUTES),
    Duty("end offers of places", end_offers, MINUTES),
    Duty("offer freed places", offer_freed_places, MINUTES),
    Duty("extend plans", extend_plans, MINUTES),
    Duty("find overdue patients", find_overdue, 60 * MINUTES),
    Duty("notice pauses that are over", notice_ended_pauses, 60 * MINUTES),
)
