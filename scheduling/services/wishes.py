"""A patient's days and times as JSON values, kept with the series."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from scheduling.core.wishes import Wishes


def wishes_to_json(wishes: Wishes) -> dict[str, Any]:
    """Wishes as JSON values, kept with the series."""
    return {
        "only_weekdays": sorted(wishes.only_weekdays),
        "never_weekdays": sorted(wishes.never_weekdays),
        "prefer_weekdays": sorted(wishes.prefer_weekdays),
        "only_windows": [list(window) for window in wishes.only_windows],
        "never_windows": [list(window) for window in wishes.never_windows],
        "prefer_windows": [list(window) for window in wishes.prefer_windows],
        "blackouts": [[first.isoformat(), last.isoformat()] for first, last in wishes.blackouts],
    }


def wishes_from_json(values: Mapping[str, Any]) -> Wishes:
    """Wishes as they were kept; missing keys are no wish."""
    return Wishes(
        only_weekdays=frozenset(values.get("only_weekdays", ())),
        never_weekdays=frozenset(values.get("never_weekdays", ())),
        prefer_weekdays=frozenset(values.get("prefer_weekdays", ())),
        only_windows=tuple((first, last) for first, last in values.get("only_windows", ())),
        never_windows=tuple((first, last) for first, last in values.get("never_windows", ())),
        prefer_windows=tuple((first, last) for first, last in values.get("prefer_windows", ())),
        blackouts=tuple(
            (date.fromisoformat(first), date.fromisoformat(last))
            for first, last in values.get("blackouts", ())
        ),
    )
