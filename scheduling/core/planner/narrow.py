"""The days of the best plans: the levels above time settle them before any clock time is looked at."""

from .choices import Choices
from .cost import Packing, former_days
from .graph import CLASS_BITS, Arc, Graph
from .lanes import Lanes
from .plans import Ranking
from .reach import finish_bound
from .sweep import Course, Move, Priced, Sweep

BUDGETS = (0, 2, 8, None)
"""Cadence that one step may cost, tried in turn: nearly every course fits into the first."""


def narrowed(choices: Choices, ranking: Ranking, packing: Packing, *, by_date: bool) -> Course | None:
    """The part of the graph in which every best plan lies; None when there is no plan at all.

    ``by_date``: every best plan of the easier problem without a floor between clock times.
    """
    last_day = finish_bound(choices)
    if last_day is None:
        return None
    if choices.problem.former:
        # What moves least may cost any cadence.
        return _sure(Graph(choices, by_date=by_date), packing)
    if ranking is Ranking.SOONEST:
        return _sure(Graph(choices, last_day=last_day, by_date=by_date), packing)
    for budget in BUDGETS:
        found = _bounded(Graph(choices, budget, by_date=by_date), packing)
        if found is not None:
            course, least = found
            needed = packing.level(least, "cadence")
            if budget is None or needed <= budget:
                return course
            # A plan as good as this one costs at most its cadence in sum, and so in every single step.
            return _sure(Graph(choices, needed, by_date=by_date), packing)
    raise AssertionError("a course that can be finished has a best plan")


def _sure(graph: Graph, packing: Packing) -> Course:
    found = _bounded(graph, packing)
    assert found is not None, "a graph that contains a known plan has a best one"
    return found[0]


def _bounded(graph: Graph, packing: Packing) -> tuple[Course, int] | None:
    """The moves that some plan with the least levels above time may use, and that least cost."""
    course = _course(graph, packing)
    wish = packing.units["wishes"] if "wishes" in packing.above_time else 0
    starts, move = graph.choices.starts, packing.units["moved"]

    def price(day: int) -> Priced:
        of_day = starts(day)
        weights = of_day.weights(wish, move)
        return Priced(of_day.steps, min(weights), weights.__getitem__)

    lanes = Lanes(1, packing.bits)
    sweep = Sweep(course, lanes, price)
    if sweep.total is None or sweep.total >= lanes.unreachable:
        return None
    return _kept(course, sweep, sweep.total), sweep.total


def _course(graph: Graph, packing: Packing) -> Course:
    """The whole graph from the first session onwards, with packed costs."""
    cadence, weekday = packing.units["cadence"], packing.units["weekday"]

    def moves(arcs: list[Arc]) -> list[Move]:
        return [Move(node, days * cadence + off * weekday, coupled) for node, days, off, coupled in arcs]

    was, away = former_days(graph.problem), packing.units["days"]

    def moves_of(session: int, known: list[Move]) -> list[Move]:
        """The same with the days between the session's former date and its new one."""
        if session >= len(was):
            return known
        day = was[session]
        return [Move(to, cost + abs((to >> CLASS_BITS) - day) * away, tied) for to, cost, tied in known]

    first = moves_of(0, moves(graph.first_arcs))
    known: dict[int, list[Move]] = {}
    layers: list[dict[int, list[Move]]] = []
    reached = {move.node for move in first}
    for session in range(1, graph.problem.sessions):
        for node in reached:
            if node not in known:
                known[node] = moves(graph.arcs(node))
        layers.append({node: moves_of(session, known[node]) for node in reached})
        reached = {move.node for node in reached for move in known[node]}
    layers.append({node: [] for node in reached})
    finish = packing.units["finish"] if "finish" in packing.above_time else 0
    ends = {node: graph.closing(node) for node in reached}
    closing = {
        node: days * cadence + (node >> CLASS_BITS) * finish
        for node, days in ends.items()
        if days is not None
    }
    return Course(first, layers, closing, graph.floor)


def _kept(course: Course, sweep: Sweep, bound: int) -> Course:
    """The course without the moves that no plan within the bound can use.

    Where the floor couples clock times the bound is a lower one, so that a few moves too many may stay.
    """
    first = [move for move in course.first if move.cost + sweep.entry[0].get(move.node, bound + 1) <= bound]
    reached: dict[int, int] = {}
    for move in first:
        reached[move.node] = min(move.cost, reached.get(move.node, move.cost))
    layers = []
    for session, layer in enumerate(course.layers):
        following = sweep.entry[session + 1] if session + 1 < len(course.layers) else {}
        kept: dict[int, list[Move]] = {}
        onward: dict[int, int] = {}
        for node, spent in reached.items():
            own = spent + sweep.day(node).least
            kept[node] = [
                move for move in layer[node] if own + move.cost + following.get(move.node, bound + 1) <= bound
            ]
            for move in kept[node]:
                onward[move.node] = min(own + move.cost, onward.get(move.node, own + move.cost))
        layers.append(kept)
        reached = onward
    return Course(first, layers, course.closing, course.floor)
