"""Many lives lived side by side in the order of time."""

from collections.abc import Generator, Iterable
from datetime import datetime
from heapq import heapify, heappop, heappush

Life = Generator[datetime, None, None]
"""Yields the instant of its next act and is resumed to perform it; it ends when nothing more happens."""


def live(lives: Iterable[Life], until: datetime) -> None:
    """Perform every act due by ``until``, the earliest first; whose turn it is first, acts first."""
    queue = [(at, number, life) for number, life in enumerate(lives) if (at := next(life, None))]
    heapify(queue)
    while queue and queue[0][0] <= until:
        _at, number, life = heappop(queue)
        following = next(life, None)
        if following:
            heappush(queue, (following, number, life))
