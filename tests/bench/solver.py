"""How much longer the constraint solver takes than the planner for the same course of six at the same cost.

Both begin with the same masks; the solver is not charged for finding the possible starts. The last line is JSON.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from statistics import median

from tests.proof.agreement import Agreement, agreements
from tests.proof.clinics import realistic
from tests.proof.places import Places

CLINICS, SESSIONS = 20, 6


def compared() -> Iterator[Agreement]:
    """The rankings of clinic after clinic that has a course of six; ends the measure where the costs differ."""
    for seed in count():
        found = list(agreements(Places(replace(realistic(seed), sessions=SESSIONS))))
        wrong = [words for one in found for words in one.wrong]
        if wrong:
            raise SystemExit(f"seed {seed}: {wrong}")
        if all(one.planned for one in found):
            yield from found


def main() -> None:
    """Compare twenty clinics, three rankings each."""
    found = list(islice(compared(), 3 * CLINICS))
    print(json.dumps({"planner_vs_cpsat": round(median(one.solver_s / one.planner_s for one in found))}))


if __name__ == "__main__":
    main()
