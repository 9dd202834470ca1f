"""The greedy sequence: each lost visit in turn gets the nearest place that is left, the most constrained first."""

from collections.abc import Mapping

from ..planner import Place
from .options import Options, spaced
from .problem import Lost, RepairProblem
from .room import Room

Places = dict[int, Place | None]
"""Where each lost visit goes, by id; None where no place was left."""


def greedy(problem: RepairProblem, choices: Mapping[int, Options]) -> Places:
    """A place for each lost visit, none of the others moved: exact for one visit, not for all together."""
    found: Places = {}
    lost = sorted(problem.lost, key=lambda one: (len(choices[one.id].starts), one.former.start, one.id))
    # Who can stay at its time with another nurse or chair, stays.
    for staying in (True, False):
        for one in lost:
            if found.get(one.id) is None:
                found[one.id] = _place(problem, choices, found, one, staying)
    return found


def _place(
    problem: RepairProblem, choices: Mapping[int, Options], found: Places, lost: Lost, staying: bool
) -> Place | None:
    room = _room_beside(problem, found, lost, staying)
    others = [
        (found.get(one.id) or one.former).start
        for one in problem.lost
        if one.patient == lost.patient and one.id != lost.id
    ]
    for option in choices[lost.id].starts:
        if (option.start == lost.former.start) is not staying:
            continue
        if staying or spaced(lost, option.start, others):
            place = seats(room, lost, option.start)
            if place:
                return place
    return None


def seats(room: Room, lost: Lost, start: int) -> Place | None:
    """A chair and a nurse for a start, its own ones first; None where there is none."""
    nurses = sorted(room.nurses, key=lambda one: (one != lost.former.nurse, one))
    chairs = sorted(room.chairs, key=lambda one: (one != lost.former.chair, one))
    nurse = next((one for one in nurses if room.nurse_fits(one, lost.pattern, start)), None)
    chair = next((one for one in chairs if room.chair_fits(one, lost.pattern, start)), None)
    return None if nurse is None or chair is None else Place(start, chair, nurse)


def _room_beside(problem: RepairProblem, found: Places, lost: Lost, staying: bool) -> Room:
    """What is left beside all others: where they are, and where they were as long as that stays taken."""
    room = Room(problem)
    for other in problem.others:
        room.take(other.former, other.pattern)
    for one in problem.lost:
        place = found.get(one.id)
        if place:
            room.take(place, one.pattern)
        if one.id == lost.id:
            keeps_old = one.near and not staying
        else:
            keeps_old = place is None or (one.near and place.start != one.former.start)
        if keeps_old:
            room.take(one.former, one.pattern)
    return room
