"""Which weekly shifts of one person can never both be worked."""

from datetime import date, time
from typing import Any

import pytest

from scheduling.models import Location, Shift, ShiftException
from scheduling.services.configuration import extra_clashes, shift_clashes

NEW_YORK = Location(name="Riverside", zone="America/New_York")
CHICAGO = Location(name="Lakeside", zone="America/Chicago")
TOKYO = Location(name="Harbour", zone="Asia/Tokyo")


def shift(location: Location, weekday: int, starts: int, ends: int, **fields: Any) -> Shift:
    defaults = {"valid_from": date(2026, 1, 1)}
    return Shift(
        location=location, weekday=weekday, starts=time(starts), ends=time(ends), **(defaults | fields)
    )


def clash(one: Shift, other: Shift) -> bool:
    return bool(shift_clashes([one, other]))


def test_shifts_clash_on_the_same_weekday_when_their_times_overlap() -> None:
    assert clash(shift(NEW_YORK, 0, 8, 12), shift(NEW_YORK, 0, 11, 15))
    assert not clash(shift(NEW_YORK, 0, 8, 12), shift(NEW_YORK, 0, 12, 15))
    assert not clash(shift(NEW_YORK, 0, 8, 12), shift(NEW_YORK, 1, 8, 12))


def test_shifts_of_different_seasons_do_not_clash() -> None:
    winter = shift(NEW_YORK, 0, 8, 12, valid_until=date(2026, 3, 1))

    assert not clash(winter, shift(NEW_YORK, 0, 8, 12, valid_from=date(2026, 3, 2)))
    assert clash(winter, shift(NEW_YORK, 0, 8, 12, valid_from=date(2026, 2, 23)))


def test_seasons_that_share_no_such_weekday_do_not_clash() -> None:
    until_tuesday = shift(NEW_YORK, 0, 8, 12, valid_until=date(2026, 2, 24))

    assert not clash(until_tuesday, shift(NEW_YORK, 0, 8, 12, valid_from=date(2026, 2, 24)))


def test_other_zones_are_compared_in_real_time() -> None:
    morning = shift(NEW_YORK, 0, 8, 12)

    assert clash(morning, shift(CHICAGO, 0, 10, 14))  # 11:00-15:00 in New York
    assert not clash(morning, shift(CHICAGO, 0, 11, 14))


def test_an_overlap_that_only_one_season_has_is_found() -> None:
    # Tokyo keeps no summer time: Tuesday 08:00 there is Monday 18:00 in winter and 19:00 in summer New York.
    evening = shift(NEW_YORK, 0, 18, 19)

    assert clash(evening, shift(TOKYO, 1, 8, 9))
    assert not clash(
        evening, shift(TOKYO, 1, 8, 9, valid_from=date(2026, 4, 1), valid_until=date(2026, 9, 30))
    )


@pytest.mark.parametrize(("kind", "found"), [("extra", 1), ("absence", 0)])
def test_only_extra_shifts_clash_with_each_other(kind: str, found: int) -> None:
    rows = [
        ShiftException(
            location=NEW_YORK, kind=kind, day=date(2026, 1, 12), starts=time(hour), ends=time(hour + 2)
        )
        for hour in (8, 9)
    ]

    assert len(extra_clashes(rows)) == found
