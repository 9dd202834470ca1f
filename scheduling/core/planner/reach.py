"""How far a course gets when every session starts as early as it can."""

from dataclasses import dataclass

from ..timeline import bits
from .choices import Choices
from .cost import existing_days
from .graph import CLASS_BITS, Graph
from .spacing import spacing_breaches


@dataclass(frozen=True, slots=True)
class Front:
    """The first session out of reach, and the first day and step at which the earlier ones would let it start."""

    session: int
    first_day: int
    first_step: int


def finish_day(choices: Choices) -> int | None:
    """The earliest day on which a course can finish; None when there is no course at all."""
    if _lie_ahead(choices):
        return min(_layers(choices)[1], default=None)
    return finish_bound(choices)


def finish_bound(choices: Choices) -> int | None:
    """A day by which a course can finish, the earliest unless existing visits lie ahead; None without a course."""
    course = _early_course(choices)
    if len(course) == choices.problem.sessions and not spacing_breaches(choices.problem, course):
        return choices.problem.horizon.day_index(course[-1])
    return finish_day(choices) if _lie_ahead(choices) else None


def front(choices: Choices) -> Front:
    """The first session out of reach; only for choices without a course."""
    problem = choices.problem
    course = earliest_course(choices)
    if course is not None:
        days = [*existing_days(choices.problem), *map(choices.problem.horizon.day_index, course)]
        day, step = _bounds(choices, days, course)
        return Front(len(course), max(day, choices.earliest_day()), step)
    layers = _layers(choices)[0]
    session = len(layers)
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
    return None if _lie_ahead(choices) else _early_course(choices)


def _lie_ahead(choices: Choices) -> bool:
    days = existing_days(choices.problem)
    return bool(days and choices.days and days[-1] > choices.days[0])


def _early_course(choices: Choices) -> list[int]:
    """The earliest start of every session in turn, judged against the visits before it alone."""
    origin, day_index = choices.problem.horizon.origin, choices.problem.horizon.day_index
    existing = existing_days(choices.problem)
    found: list[int] = []
    while len(found) < choices.problem.sessions:
        start, bound = origin - 1, origin
        # An existing visit that is passed on the way may push the start further back.
        while start < bound:
            offset = next(bits(choices.allowed >> bound - origin), None)
            if offset is None:
                return found
            start = bound + offset
            passed = [day for day in existing if day < day_index(start)]
            bound = max(_bounds(choices, sorted([*passed, *map(day_index, found)]), found)[1], origin)
        found.append(start)
    return found


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

    An earlier start at the same node never leaves less to what follows. A node that the existing visits ahead refuse
    is out of reach at once: more sessions only make the seven days fuller.
    """
    problem = choices.problem
    graph = Graph(choices)
    layer = {
        arc.node: choices.starts(arc.node >> CLASS_BITS).steps[0]
        for arc in graph.first_arcs
        if graph.closing(arc.node) is not None
    }
    layers = [layer] if layer else []
    while layer and len(layers) < problem.sessions:
        following: dict[int, int] = {}
        for node, start in layer.items():
            for arc in graph.arcs(node):
                steps = choices.starts(arc.node >> CLASS_BITS).steps
                step = next((one for one in steps if one >= start + problem.spacing or not arc.coupled), None)
                if step is not None and graph.closing(arc.node) is not None:
                    following[arc.node] = min(step, following.get(arc.node, step))
        layer = following
        if layer:
            layers.append(layer)
    return layers, [node >> CLASS_BITS for node in layers[-1]] if len(layers) == problem.sessions else []
