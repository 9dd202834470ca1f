"""How many times longer CP-SAT takes for the same course at the same cost; the last line printed is JSON.

Both begin with the possible starts in hand; medians over clinics between 30 and 95 % full.
"""

import json
import time
from statistics import median

from scheduling.core.planner import Plan, Ranking, plan
from tests.proof.model import Independent
from tests.proof.problems import problem_of

CLINICS = 16


def main() -> None:
    """Solve each course by both, and refuse to compare where they differ."""
    ours, theirs = [], []
    for seed in range(CLINICS):
        problem = problem_of(seed)
        begin = time.perf_counter()
        found = plan(problem, Ranking.BEST_FIT)
        took = time.perf_counter() - begin
        if not isinstance(found, Plan):
            continue
        task = Independent(problem)
        begin = time.perf_counter()
        least = task.least(Ranking.BEST_FIT)
        theirs.append(time.perf_counter() - begin)
        ours.append(took)
        if least != found.cost:
            raise SystemExit(f"clinic {seed}: planner {found.cost}, solver {least}")
    print(json.dumps({"planner_vs_cpsat": round(median(theirs) / median(ours), 1)}))


if __name__ == "__main__":
    main()
