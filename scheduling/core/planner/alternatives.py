"""Other places for one session of a plan."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ..problem import CourseProblem
from ..reasons import Rule
from ..timeline import STEP_MINUTES
from .choices import Choices
from .cost import cost_of, date_cost
from .plans import Place, Ranking
from .spacing import spacing_breaches

STARTS_A_DAY = 3
APART_STEPS = 60 // STEP_MINUTES
"""Variety of the answer: so many starts of one day, at least so far apart."""


def alternatives(
    problem: CourseProblem,
    places: Sequence[Place],
    index: int,
    limit: int = 12,
    ranking: Ranking = Ranking.BEST_FIT,
    among: int | None = None,
) -> tuple[Place, ...]:
    """The best other places for session ``index`` while the others stay, best first by the whole course's cost.

    The session stays between its neighbours, so that numbers keep rising with time. For variety the answer has at
    most three starts a day, at least an hour apart. ``among`` is the mask of starts that are asked for; without it
    all are. Empty where nothing else fits.
    """
    choices = Choices.of(problem)
    if among is not None:
        choices = Choices(problem, choices.seats, choices.allowed & among)
    starts = [place.start for place in places]
    ranked: list[tuple[tuple[int, ...], int]] = []
    for bound, day in sorted(_days(choices, starts, index, ranking)):
        if len(ranked) >= limit and bound > ranked[limit - 1][0]:
            break
        ranked = sorted([*ranked, *_of_day(choices, starts, index, ranking, day)])
    nurse = Counter(place.nurse for place in places).most_common(1)[0][0]
    return tuple(_place(choices, start, nurse) for _cost, start in ranked[:limit])


def _place(choices: Choices, start: int, nurse: int) -> Place:
    offer = choices.seats.offer(start)
    return Place(start, offer.chair, nurse if nurse in offer.nurses else offer.nurses[0])


def _days(
    choices: Choices, starts: Sequence[int], index: int, ranking: Ranking
) -> Iterator[tuple[tuple[int, ...], int]]:
    """The days on which the session could be, each with a lower bound of the course's cost."""
    for day in choices.days:
        if day == choices.problem.horizon.day_index(starts[index]) or not _crowds(
            choices, starts, index, day
        ):
            yield date_cost(choices, _moved(starts, index, choices.starts(day).steps[0])).ranked(ranking), day


def _of_day(
    choices: Choices, starts: Sequence[int], index: int, ranking: Ranking, day: int
) -> list[tuple[tuple[int, ...], int]]:
    """The best starts of one day with their costs, far enough apart to be a choice."""
    spacing = choices.problem.spacing
    low = starts[index - 1] + spacing if index else 0
    high = starts[index + 1] - spacing if index + 1 < len(starts) else choices.starts(day).steps[-1]
    priced = sorted(
        (cost_of(choices, _moved(starts, index, step))[0].ranked(ranking), step)
        for step in choices.starts(day).steps
        if low <= step <= high and step != starts[index]
    )
    kept: list[tuple[tuple[int, ...], int]] = []
    for cost, step in priced:
        if len(kept) < STARTS_A_DAY and all(abs(step - other) >= APART_STEPS for _cost, other in kept):
            kept.append((cost, step))
    return kept


def _crowds(choices: Choices, starts: Sequence[int], index: int, day: int) -> bool:
    """Whether the session would pass a neighbour or break a spacing rule of dates on that day."""
    moved = _moved(starts, index, choices.starts(day).steps[0])
    return moved != sorted(moved) or any(
        index in sessions and breach.rule is not Rule.FLOOR_HOURS
        for breach, sessions in spacing_breaches(choices.problem, moved)
    )


def _moved(starts: Sequence[int], index: int, step: int) -> list[int]:
    return [*starts[:index], step, *starts[index + 1 :]]
