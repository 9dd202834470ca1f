"""From places to a repair: what it costs, and which changes only work together."""

from collections.abc import Mapping

from ..pattern import Pattern
from ..planner import Place
from .greedy import Places
from .options import away
from .plans import Change, Repair, RepairCost
from .problem import RepairProblem


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
    entries = [(lost.id, lost.patient, lost.former, places[lost.id], lost.pattern) for lost in problem.lost]
    entries += [
        (other.id, -other.id, other.former, others[other.id], other.pattern)
        for other in problem.others
        if others[other.id] != other.former
    ]
    groups = _groups(entries)
    changes = tuple(
        Change(visit, former, place, group)
        for (visit, _patient, former, place, _pattern), group in zip(entries, groups, strict=True)
    )
    return Repair(changes, cost_of(problem, places, others))


Entry = tuple[int, int, Place, Place | None, Pattern]


def _groups(entries: list[Entry]) -> list[int]:
    """A number for each change: the same where they share a patient, or a chair or nurse at one time."""
    group = list(range(len(entries)))
    for index, entry in enumerate(entries):
        for earlier in range(index):
            if _touch(entries[earlier], entry):
                old, new = group[index], group[earlier]
                group = [new if one == old else one for one in group]
    numbers = {one: number for number, one in enumerate(dict.fromkeys(group), 1)}
    return [numbers[one] for one in group]


def _touch(left: Entry, right: Entry) -> bool:
    if left[1] == right[1]:
        return True
    return any(
        (one.chair == other.chair or one.nurse == other.nurse)
        and one.start < other.start + right[4].chair
        and other.start < one.start + left[4].chair
        for one in (left[2], left[3])
        for other in (right[2], right[3])
        if one and other
    )
