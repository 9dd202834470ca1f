"""Whether the places of a repair can all be had at once, counted step by step and sharing nothing with the search."""

from collections import Counter
from collections.abc import Iterator, Mapping

from scheduling.core.pattern import Pattern
from scheduling.core.planner import Place
from scheduling.core.repair import RepairProblem


def faults(
    problem: RepairProblem, places: Mapping[int, Place | None], *, first_only: bool = False
) -> list[str]:
    """What is taken twice or not there; ``places`` of all visits of the repair, None for those without one.

    A visit without a place stays where it was, and so does a near one until its patient agreed.
    """
    tally = _Tally(problem)
    for lost in problem.lost:
        place = places[lost.id]
        if place is None or (lost.near and place.start != lost.former.start):
            tally.keep(lost.former, lost.pattern)
        if place:
            tally.sit(lost.id, place, lost.pattern)
        if tally.found and first_only:
            return tally.found
    for other in problem.others:
        tally.sit(other.id, places[other.id] or other.former, other.pattern)
    return [*tally.found, *tally.crowds()]


class _Tally:
    """Who takes what at which step."""

    def __init__(self, problem: RepairProblem) -> None:
        self.found: list[str] = []
        self._problem = problem
        self._nurses = {nurse.id: nurse for nurse in problem.nurses}
        self._chairs: Counter[tuple[int, int]] = Counter()
        self._watched: Counter[tuple[int, int]] = Counter()
        self._hands: Counter[tuple[int, int]] = Counter()

    def _free(self, mask: int, step: int) -> bool:
        return bool(mask >> step - self._problem.horizon.origin & 1)

    def keep(self, place: Place, pattern: Pattern) -> None:
        """What an old place still takes, of what is there."""
        needs, nurse = pattern.needs(place.start), self._nurses.get(place.nurse)
        self._chairs.update((place.chair, step) for step in range(*needs.chair))
        if nurse and all(self._free(nurse.shift, step) for step in range(*needs.monitoring)):
            self._watched.update((nurse.id, step) for step in range(*needs.monitoring))
            self._hands.update((nurse.id, step) for span in needs.hands_on for step in range(*span))

    def sit(self, visit: int, place: Place, pattern: Pattern) -> None:
        """What a place takes, and what of it is not there."""
        needs, nurse = pattern.needs(place.start), self._nurses[place.nurse]
        hands = [step for span in needs.hands_on for step in range(*span)]
        chair = self._problem.chairs[place.chair]
        if not all(self._free(chair, step) for step in range(*needs.chair)):
            self.found.append(f"chair {place.chair} is not free for {visit}")
        if not all(self._free(nurse.shift, step) for step in range(*needs.monitoring)):
            self.found.append(f"nurse {place.nurse} is not on shift for {visit}")
        if not all(self._free(nurse.hands_on, step) for step in hands):
            self.found.append(f"nurse {place.nurse} has no hands for {visit}")
        self._chairs.update((place.chair, step) for step in range(*needs.chair))
        self._watched.update((place.nurse, step) for step in range(*needs.monitoring))
        self._hands.update((place.nurse, step) for step in hands)

    def crowds(self) -> Iterator[str]:
        """What more take than there is."""
        for (chair, _step), count in self._chairs.items():
            if count > 1:
                yield f"chair {chair} is taken twice"
        for (nurse, _step), count in self._hands.items():
            if count > 1:
                yield f"nurse {nurse} has one pair of hands"
        for (nurse, step), count in self._watched.items():
            if count > sum(self._free(level, step) for level in self._nurses[nurse].room):
                yield f"nurse {nurse} looks after too many"
