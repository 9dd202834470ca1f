"""What a repair changes is said by the clock on the wall."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from scheduling.views.repair_words import what_changes

ZONE = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (datetime(2026, 3, 7, 9, 30, tzinfo=ZONE), "30 min later"),
        (datetime(2026, 3, 7, 7, 15, tzinfo=ZONE), "1 h 45 min earlier"),
        (datetime(2026, 3, 9, 9, 0, tzinfo=ZONE), "2 days later, at the same time"),
        (datetime(2026, 3, 6, 10, 0, tzinfo=ZONE), "1 day earlier, 1 h later in the day"),
    ],
)
def test_the_clocks_go_forward_on_the_eighth_and_nobody_loses_an_hour(after: datetime, words: str) -> None:
    before = datetime(2026, 3, 7, 9, 0, tzinfo=ZONE)
    assert what_changes(before, after) == words
