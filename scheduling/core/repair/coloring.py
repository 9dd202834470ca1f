"""Chairs for visits whose times are settled; the times were chosen by counting chairs."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..timeline import Horizon

LIMIT = 2_000
"""So many tries before a day counts as one that cannot be seated."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """One visit's time in a chair ``[first, last)`` in steps, and the chair it would best keep."""

    visit: int
    first: int
    last: int
    chair: int


def seated(horizon: Horizon, chairs: Mapping[int, int], sittings: list[Sitting]) -> dict[int, int] | None:
    """A chair for each visit, as many as can keep theirs; None where the free masks do not suffice.

    Who can keep their chair does so first; only where the rest then finds none, everybody may change.
    """
    kept = sorted(sittings, key=lambda one: (one.first, one.visit))
    free, found, rest = dict(chairs), dict[int, int](), list[Sitting]()
    for one in kept:
        mask = horizon.mask([(one.first, one.last)])
        if not mask & ~free.get(one.chair, 0):
            found[one.visit] = one.chair
            free[one.chair] &= ~mask
        else:
            rest.append(one)
    if not rest:
        return found
    return _search(horizon, free, rest, found) or _search(horizon, dict(chairs), kept, {})


def _search(
    horizon: Horizon, free: dict[int, int], waiting: list[Sitting], found: dict[int, int]
) -> dict[int, int] | None:
    """Depth first, the visit with the fewest chairs left first; within LIMIT tries."""
    tries = 0

    def place(
        open_chairs: dict[int, int], left: list[Sitting], so_far: dict[int, int]
    ) -> dict[int, int] | None:
        nonlocal tries
        tries += 1
        if not left:
            return so_far
        if tries > LIMIT:
            return None
        able = {
            one.visit: [
                chair
                for chair, mask in open_chairs.items()
                if not horizon.mask([(one.first, one.last)]) & ~mask
            ]
            for one in left
        }
        tightest = min(left, key=lambda one: (len(able[one.visit]), one.first, one.visit))
        mask = horizon.mask([(tightest.first, tightest.last)])
        for chair in sorted(able[tightest.visit], key=lambda one: (one != tightest.chair, one)):
            done = place(
                open_chairs | {chair: open_chairs[chair] & ~mask},
                [one for one in left if one is not tightest],
                so_far | {tightest.visit: chair},
            )
            if done is not None or tries > LIMIT:
                return done
        return None

    return place(free, waiting, found)
