"""Clock times and main nurse of the best plan, on the days that are left after narrowing."""

from collections.abc import Sequence
from dataclasses import replace

from .choices import Choices
from .cost import Packing
from .graph import CLASS_BITS
from .prices import FullPrices, TimePrices
from .sweep import Course, Move, Sweep


def best_starts(choices: Choices, packing: Packing, course: Course) -> list[int]:
    """The start steps of the best plan; of equally good ones those that are earliest, session by session.

    First every reference time at once, for the levels down to time; then those that are best, each with every
    main nurse, for all levels.
    """
    references, distance = _references(choices, packing, course)
    prices = FullPrices(choices, packing, references, _nurses(choices), distance)
    return _traced(Sweep(_with_finish(course, packing), prices.lanes, prices.price))


def _references(choices: Choices, packing: Packing, course: Course) -> tuple[list[int], int]:
    """The reference minutes whose sum of distances is least, and that sum."""
    given = choices.problem.reference
    days = {node >> CLASS_BITS for layer in course.layers for node in layer}
    # Some median of the starts is a best reference, so that only minutes at which one can start matter.
    minutes = (
        [given] if given is not None else sorted({m for day in days for m in choices.starts(day).minutes})
    )
    prices = TimePrices(choices, packing, minutes)
    total = Sweep(course, prices.lanes, prices.price).total
    assert total is not None, "a narrowed course has a plan"
    sums = prices.lanes.numbers(total)
    least = min(sums)
    best = [minute for minute, spent in zip(minutes, sums, strict=True) if spent == least]
    return best, packing.level(least, "time")


def _nurses(choices: Choices) -> list[int]:
    """The nurses who can be best as main nurse: without those who can do nothing that another cannot."""
    if choices.problem.main_nurse is not None:
        return [choices.problem.main_nurse]
    possible = {nurse: mask & choices.allowed for nurse, mask in choices.seats.nurses.items()}
    kept: list[int] = []
    for nurse in sorted(possible, key=lambda one: (-possible[one].bit_count(), one)):
        if all(possible[nurse] & ~possible[other] for other in kept):
            kept.append(nurse)
    return kept


def _with_finish(course: Course, packing: Packing) -> Course:
    if "finish" in packing.above_time:
        return course
    unit = packing.units["finish"]
    return replace(
        course, closing={node: cost + (node >> CLASS_BITS) * unit for node, cost in course.closing.items()}
    )


def _traced(sweep: Sweep) -> list[int]:
    """Follow the best lanes from the first session on, always by the earliest start that keeps one alive."""
    lanes, course = sweep.lanes, sweep.course
    assert sweep.total is not None, "a narrowed course has a plan"
    spent = sweep.total
    alive = lanes.equal(spent, min(lanes.numbers(spent)) * lanes.ones)
    moves, found = course.first, list[int]()
    for session, layer in enumerate(course.layers):
        earliest = found[-1] + course.floor if found else 0
        node, index, alive = _earliest(sweep, session, moves, spent, alive, earliest)
        found.append(sweep.day(node).steps[index])
        spent = sweep.after(session, node, index)
        moves = layer[node]
    return found


def _earliest(
    sweep: Sweep, session: int, moves: Sequence[Move], spent: int, alive: int, earliest: int
) -> tuple[int, int, int]:
    """The node and the index of the earliest start that costs what is left in a living lane; the lanes it keeps."""
    lanes = sweep.lanes
    for node, cost, _coupled in sorted(moves):
        if node not in sweep.entry[session]:
            continue
        priced = sweep.day(node)
        for index, step in enumerate(priced.steps):
            if step >= earliest:
                whole = cost * lanes.ones + priced.cost(index) + sweep.after(session, node, index)
                kept = lanes.equal(whole, spent) & alive
                if kept:
                    return node, index, kept
    raise AssertionError("a best plan leads through its own sweep")
