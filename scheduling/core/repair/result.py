"""From places to a repair: what it costs, and which changes only work together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..pattern import Pattern
from ..planner import Place
from .greedy import Places
from .options import away
from .plans import Change, Repair, RepairCost
from .problem import RepairProblem
from .room import Room


def cost_of(problem: RepairProblem, places: Places, others: Mapping[int, Place]) -> RepairCost:
    """The cost by its definition; ``others`` are the visits that keep their time."""
    unplaced = moved_days = moved_minutes = nurses = 0
    moved = set()
    for lost in problem.lost:
        place = places[lost.id]
        if place is None:
            unplaced += 1
            continue
        option = away(lost, place.start)
        moved_days, moved_minutes = moved_days + option.days, moved_minutes + option.minutes
        nurses += place.nurse != lost.former.nurse
        if place.start != lost.former.start:
            moved.add(lost.patient)
    nurses += sum(others[other.id].nurse != other.former.nurse for other in problem.others)
    return RepairCost(unplaced, len(moved), moved_days, moved_minutes, nurses)


def as_repair(problem: RepairProblem, places: Places, others: Mapping[int, Place]) -> Repair:
    """The repair with its changes in groups; nothing is said yet about how good it is."""
    room = Room(problem)
    entries = [
        _Entry(lost.id, lost.patient, lost.former, places[lost.id], lost.pattern) for lost in problem.lost
    ]
    entries += [
        _Entry(other.id, None, other.former, others[other.id], other.pattern)
        for other in problem.others
        if others[other.id] != other.former
    ]
    placed = [entry for entry in entries if entry.place]
    numbers = _groups([(entry.patient, entry.taken(room)) for entry in placed])
    groups = {entry.visit: number for entry, number in zip(placed, numbers, strict=True)}
    changes = tuple(
        Change(entry.visit, entry.former, entry.place, groups.get(entry.visit, 0)) for entry in entries
    )
    return Repair(changes, cost_of(problem, places, others))


Taken = tuple[str, int, int, int]
"""A chair or a nurse by id, from a step until another."""


@dataclass(frozen=True, slots=True)
class _Entry:
    visit: int
    patient: int | None
    former: Place
    place: Place | None
    pattern: Pattern

    def taken(self, room: Room) -> list[Taken]:
        """What the change frees or takes: the old chair and nurse as far as they are there at all, the new ones."""
        found = []
        for place in (self.former, self.place):
            if place is None:
                continue
            needs = self.pattern.needs(place.start)
            if place is self.place or room.chair_fits(place.chair, self.pattern, place.start):
                found.append(("chair", place.chair, *needs.chair))
            if place is self.place or room.nurse_fits(place.nurse, self.pattern, place.start):
                found.append(("nurse", place.nurse, *needs.monitoring))
        return found


def _groups(entries: Sequence[tuple[int | None, list[Taken]]]) -> list[int]:
    """A number for each entry: the same where they share a patient, or a chair or nurse at one time."""
    group = list(range(len(entries)))
    for index, (patient, taken) in enumerate(entries):
        for earlier in range(index):
            other, theirs = entries[earlier]
            if (patient is not None and patient == other) or _touch(taken, theirs):
                old, new = group[index], group[earlier]
                group = [new if one == old else one for one in group]
    numbers = {one: number for number, one in enumerate(dict.fromkeys(group), 1)}
    return [numbers[one] for one in group]


def _touch(left: list[Taken], right: list[Taken]) -> bool:
    return any(
        (kind, owner) == (other, theirs) and first < until and since < last
        for kind, owner, first, last in left
        for other, theirs, since, until in right
    )
