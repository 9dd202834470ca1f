"""The attention list: what somebody must see, in order, and what was seen lately. Nothing here writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduling.access import Actor
from scheduling.core.words import AlertKind
from scheduling.models import Alert, AlertQuerySet, Location

from .alert_words import alert_words

LATELY = timedelta(days=7)
MOST_SEEN = 50


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert with its facts in words."""

    alert: Alert
    words: tuple[str, ...]

    @property
    def is_red(self) -> bool:
        """Whether it is a red flag."""
        return self.alert.kind == AlertKind.RED_FLAG


def open_alerts(by: Actor, *, only_mine: bool) -> AlertQuerySet:
    """What is open, in order; ``only_mine``: for one of the roles of ``by``."""
    rows = (
        Alert.objects.open()
        .in_order()
        .select_related("patient", "location", "appointment", "check_in", "plan")
    )
    return rows.filter(owner__in=by.roles) if only_mine else rows


def count_open(by: Actor) -> int:
    """How many wait for one of the roles of ``by``."""
    return Alert.objects.open().filter(owner__in=by.roles).count()


def seen_lately(now: datetime) -> list[AlertRow]:
    """What was acknowledged in the last 7 days, the latest first."""
    rows = Alert.objects.filter(acknowledged_at__gte=now - LATELY).order_by("-acknowledged_at", "-pk")
    return alert_rows(
        rows.select_related("patient", "location", "appointment", "acknowledged_by")[:MOST_SEEN]
    )


def alert_rows(alerts: Iterable[Alert]) -> list[AlertRow]:
    """The same alerts, in words."""
    return [AlertRow(alert, tuple(alert_words(alert))) for alert in alerts]


def red_flags_at(location: Location) -> list[AlertRow]:
    """The red flags nobody has acknowledged at a location, the oldest first."""
    rows = Alert.objects.open().filter(kind=AlertKind.RED_FLAG, location=location).in_order()
    return alert_rows(rows.select_related("patient", "location", "appointment"))
