"""``make proof``: the planner against the independent model on 300 clinics for each of the three rankings.

Where there is no plan, every reason is checked by lifting the named rules on the named days.
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor

from scheduling.core.planner import Cost, Plan, Ranking, plan
from scheduling.core.reasons import NoPlan

from .model import Independent
from .problems import problem_of
from .reasons import checked_reasons

CLINICS = 300


def compare(seed: int) -> tuple[int, int, int, list[str]]:
    """One clinic: rankings compared, those without a plan in both, reasons checked by lifting, and what differs."""
    problem = problem_of(seed)
    task = Independent(problem)
    none, lifted, differences = 0, 0, []
    for ranking in Ranking:
        found = plan(problem, ranking)
        cost: Cost | None = found.cost if isinstance(found, Plan) else None
        hint = found.starts if isinstance(found, Plan) else ()
        least = task.least(ranking, hint)
        none += cost is None and least is None
        if cost != least:
            differences.append(f"clinic {seed}, {ranking}: planner {cost}, solver {least}")
    if isinstance(found, NoPlan):
        lifted, wrong = checked_reasons(problem, found)
        differences += [f"clinic {seed}: {words}" for words in wrong]
    return len(Ranking), none, lifted, differences


def main(clinics: int) -> int:
    """Compare so many clinics on all cores; prints counts, answers with how many differ."""
    begin = time.monotonic()
    compared = none = lifted = 0
    differences: list[str] = []
    with ProcessPoolExecutor() as pool:
        for many, empty, reasons, found in pool.map(compare, range(clinics), chunksize=4):
            compared, none, lifted = compared + many, none + empty, lifted + reasons
            differences += found
            for line in found:
                print(line, flush=True)
    seconds = time.monotonic() - begin
    print(
        f"{clinics} clinics, {compared} optima compared ({none} without a plan in both), {lifted} reasons lifted, "
        f"{len(differences)} differences, {seconds:.0f} s"
    )
    return len(differences)


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]) if len(sys.argv) > 1 else CLINICS)))
