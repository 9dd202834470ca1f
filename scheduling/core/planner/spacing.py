"""Spacing rules between given sessions and the patient's existing visits."""

from collections.abc import Sequence

from ..cadence import Breach, Visit, breaks
from ..problem import CourseProblem


def spacing_breaches(problem: CourseProblem, starts: Sequence[int]) -> list[tuple[Breach, tuple[int, ...]]]:
    """Every spacing rule that sessions break, each with the indices of the sessions in it, rising by start.

    Existing visits count, but what they break among themselves is left out. The starts may be in any order.
    """
    owned = [(start, session) for session, start in enumerate(starts)]
    merged = sorted([*owned, *((start, -1) for start in problem.existing)])
    visits = [Visit(problem.horizon.local_date(start), start) for start, _session in merged]
    found = []
    for breach in breaks(problem.cadence, visits):
        sessions = tuple(
            session for _start, session in merged[breach.other : breach.index + 1] if session >= 0
        )
        if sessions:
            found.append((breach, sessions))
    return found
