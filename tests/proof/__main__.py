"""``make proof``: the planner against a constraint solver's proven optimum on hundreds of clinics of realistic size.

Prints what was compared and how long it took; a single difference ends it with an error and the seed to look at.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from statistics import median

from scheduling.core.planner import Ranking

from .results import Result, reasons, whole

CLINICS = 400
REFUSALS = 100
"""Clinics with so little room left that most have no plan; looked at for their reasons alone."""


def main() -> int:
    """Look at all clinics on all cores and print what was found."""
    begin = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        planned = list(_shown(pool.map(whole, range(CLINICS)), CLINICS, "clinics"))
        refused = list(_shown(pool.map(reasons, range(REFUSALS)), REFUSALS, "refusals"))
    wrong = [f"seed {result.seed}: {words}" for result in (*planned, *refused) for words in result.wrong()]
    for line in (*_compared(planned), *_lifted((*planned, *refused)), *wrong):
        print(line)
    print(f"{len(wrong)} differences; {time.perf_counter() - begin:.0f} s on {os.cpu_count()} cores")
    return bool(wrong)


def _shown(results: Iterator[Result], count: int, what: str) -> Iterator[Result]:
    for done, result in enumerate(results, 1):
        if done % 50 == 0:
            print(f"{done} of {count} {what}", file=sys.stderr)
        yield result


def _compared(results: list[Result]) -> Iterator[str]:
    found = [agreement for result in results for agreement in result.agreements]
    yield f"{len(results)} clinics, {len(found)} courses asked for:"
    for ranking in Ranking:
        of_ranking = [one for one in found if one.ranking is ranking]
        counts = Counter((one.planned, not one.wrong) for one in of_ranking)
        yield (
            f"  {ranking:10} {counts[True, True]} equal to the optimum, {counts[False, True]} without a plan in both, "
            f"{sum(bool(one.wrong) for one in of_ranking)} different"
        )
    planned = [one for one in found if one.planned]
    yield (
        f"  median: planner {1000 * median(one.planner_s for one in planned):.1f} ms, "
        f"solver {1000 * median(one.solver_s for one in planned):.0f} ms, "
        f"{median(one.solver_s / one.planner_s for one in planned):.0f} times as long"
    )


def _lifted(results: tuple[Result, ...]) -> Iterator[str]:
    found = [result.lifting for result in results if result.lifting]

    def total(name: str) -> int:
        return sum(getattr(one, name) for one in found)

    yield f"{len(found)} refusals, their reasons checked by lifting:"
    yield f"  {total('days')} shut days: the rules named free the stretch named, fewer free nothing"
    yield f"    on {total('reached')} of them the course reaches the freed places as well"
    yield f"  {total('crowded')} days with places out of reach: without the rule named they are in reach"
    yield f"  {total('many')} days that more than three rules shut: no three of them free a place"
    yield f"  {total('ends')} ends of the search; {total('hints')} days to open and longer orders that would do"


if __name__ == "__main__":
    sys.exit(main())
