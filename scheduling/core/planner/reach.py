"""How far a course gets when every session starts as early as it can."""

from dataclasses import dataclass

from ..timeline import bits
from .choices import Choices
from .cost import existing_days
from .graph import CLASS_BITS, Graph


@dataclass(frozen=True, slots=True)
class Front:
    """The first session out of reach, and the first day and step at which the earlier ones would let it start."""

    session: int
    first_day: int
    first_step: int


def finish_day(choices: Choices) -> int | None:
    """The earliest day on which a course can finish; None when there is no course at all."""
    course = earliest_course(choices)
    if course is not None:
        return (
            choices.problem.horizon.day_index(course[-1]) if len(course) == choices.problem.sessions else None
        )
    ends = _layers(choices)[1]
    return min(ends) if ends else None


def front(choices: Choices) -> Front:
    """The first session out of reach; only for choices without a course."""
    problem = choices.problem
    course = earliest_course(choices)
    if course is not None:
        days = [*_days_before(choices), *map(choices.problem.horizon.day_index, course)]
        day, step = _bounds(choices, days, course)
        return Front(len(course), max(day, choices.earliest_day()), step)
    layers = _layers(choices)[0]
    # With a place for every session left, it is the existing visits afterwards that refuse the last one.
    session = min(len(layers), problem.sessions - 1)
    if session == 0:
        return Front(0, choices.earliest_day(), problem.not_before)
    before = layers[session - 1]
    first_day = min(node >> CLASS_BITS for node in before) + problem.cadence.min_gap_days
    return Front(session, first_day, min(before.values()) + problem.spacing)


def earliest_course(choices: Choices) -> list[int] | None:
    """The earliest start of every session in turn, as many as fit; None where existing visits lie ahead.

    Every rule between sessions only pushes later ones back, so that starting each as early as possible is best
    for all that follow. Visits already booked further on would make that untrue.
    """
    days = _days_before(choices)
    if days and choices.days and days[-1] > choices.days[0]:
        return None
    origin, found = choices.problem.horizon.origin, list[int]()
    for _session in range(choices.problem.sessions):
        bound = max(_bounds(choices, days, found)[1], origin)
        offset = next(bits(choices.allowed >> bound - origin), None)
        if offset is None:
            break
        found.append(bound + offset)
        days.append(choices.problem.horizon.day_index(found[-1]))
    return found


def _days_before(choices: Choices) -> list[int]:
    return existing_days(choices.problem)


def _bounds(choices: Choices, days: list[int], found: list[int]) -> tuple[int, int]:
    """The first day and step that the visits so far, on ``days``, leave to the next session."""
    problem, cadence = choices.problem, choices.problem.cadence
    horizon = problem.horizon
    day = days[-1] + cadence.min_gap_days if days else 0
    if len(days) >= cadence.max_per_7_days:
        day = max(day, days[-cadence.max_per_7_days] + 7)
    day = max(day, 0)
    first = horizon.days[day].first if day < len(horizon.days) else horizon.days[-1].last
    return day, max(first, found[-1] + problem.spacing if found else first)


def _layers(choices: Choices) -> tuple[list[dict[int, int]], list[int]]:
    """Per session the nodes in reach with their earliest starts; and the days on which the last one can end.

    An earlier start at the same node never leaves less to what follows.
    """
    problem = choices.problem
    graph = Graph(choices, None, None)
    layer = {arc.node: choices.starts(arc.node >> CLASS_BITS).steps[0] for arc in graph.first_arcs}
    layers = [layer] if layer else []
    while layer and len(layers) < problem.sessions:
        following: dict[int, int] = {}
        for node, start in layer.items():
            for arc in graph.arcs(node):
                steps = choices.starts(arc.node >> CLASS_BITS).steps
                step = next((one for one in steps if one >= start + problem.spacing or not arc.coupled), None)
                if step is not None:
                    following[arc.node] = min(step, following.get(arc.node, step))
        layer = following
        if layer:
            layers.append(layer)
    complete = len(layers) == problem.sessions
    ends = [node >> CLASS_BITS for node in layers[-1] if graph.closing(node) is not None] if complete else []
    return layers, ends
