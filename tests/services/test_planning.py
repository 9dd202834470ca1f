"""From the database to the planner: what the defaults of a protocol promise."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduling.core.reasons import NoPlan
from scheduling.core.timeline import from_step
from scheduling.core.wishes import Wishes
from scheduling.models import Protocol
from scheduling.services.planning import propose_course
from tests.factories import (
    NOW,
    make_chair,
    make_location,
    make_nurse,
    make_order,
    make_patient,
    make_protocol,
)

pytestmark = pytest.mark.django_db

DEFAULTS = (
    "per_week",
    "max_per_7_days",
    "min_gap_days",
    "floor_hours",
    "ideal_low",
    "ideal_high",
    "max_gap_days",
)
TUESDAY, THURSDAY = 1, 3


@pytest.mark.parametrize("wishes", [Wishes(), Wishes(prefer_weekdays=frozenset({TUESDAY, THURSDAY}))])
def test_the_default_protocol_gives_two_a_week_on_the_days_preferred(wishes: Wishes) -> None:
    fresh = Protocol()
    protocol = make_protocol(**{name: getattr(fresh, name) for name in DEFAULTS})
    location = make_location()
    make_chair(location)
    make_nurse(location)
    order = make_order(make_patient(location), protocol)
    _problem, found = propose_course(
        order=order,
        location=location,
        now=NOW,
        sessions=6,
        earliest=NOW.date() + timedelta(days=1),
        wishes=wishes,
    )
    assert not isinstance(found, NoPlan)
    best = found[0]
    assert best.cost.cadence == best.cost.wishes == 0
    days = [from_step(start).astimezone(ZoneInfo(location.zone)).date() for start in best.starts]
    assert (days[-1] - days[0]).days == 16
    if wishes.prefer_weekdays:
        assert [day.weekday() for day in days] == [TUESDAY, THURSDAY] * 3
