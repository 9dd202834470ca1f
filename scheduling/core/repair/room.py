"""The room left while visits take and leave their places."""

from ..pattern import Pattern
from ..planner import Place
from ..timeline import Horizon
from .problem import RepairProblem


class Room:
    """Chairs, monitoring places and hands of a location, as masks that change."""

    def __init__(self, problem: RepairProblem) -> None:
        """As free as the problem says."""
        self.horizon: Horizon = problem.horizon
        self.chairs = dict(problem.chairs)
        self._shift = {nurse.id: nurse.shift for nurse in problem.nurses}
        self._hands = {nurse.id: nurse.hands_on for nurse in problem.nurses}
        self._room = {nurse.id: list(nurse.room) for nurse in problem.nurses}

    @property
    def nurses(self) -> list[int]:
        """The nurses by id, rising."""
        return sorted(self._shift)

    def chair_fits(self, chair: int, pattern: Pattern, start: int) -> bool:
        """Whether a chair is free for a visit."""
        return self._covers(self.chairs.get(chair, 0), (start, start + pattern.chair))

    def nurse_fits(self, nurse: int, pattern: Pattern, start: int) -> bool:
        """Whether a nurse is on shift for a visit, has room for one more and her hands free."""
        if nurse not in self._shift:
            return False
        needs = pattern.needs(start)
        return self._covers(self._shift[nurse] & self._room[nurse][0], needs.monitoring) and all(
            self._covers(self._hands[nurse] & self._shift[nurse], span) for span in needs.hands_on
        )

    def take(self, place: Place, pattern: Pattern) -> None:
        """Take a place, or of it what is there to take."""
        needs = pattern.needs(place.start)
        if place.chair in self.chairs:
            self.chairs[place.chair] &= ~self.horizon.mask([needs.chair])
        if place.nurse in self._room:
            self._hands[place.nurse] &= ~self.horizon.mask(needs.hands_on)
            mask, room = self.horizon.mask([needs.monitoring]), self._room[place.nurse]
            more = [*room[1:], 0]
            self._room[place.nurse] = [
                (level & ~mask) | (above & mask) for level, above in zip(room, more, strict=True)
            ]

    def _covers(self, mask: int, span: tuple[int, int]) -> bool:
        first, last = span[0] - self.horizon.origin, span[1] - self.horizon.origin
        if first < 0 or last > self.horizon.length:
            return False
        return mask >> first & (1 << last - first) - 1 == (1 << last - first) - 1
