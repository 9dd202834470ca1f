"""How long a repair takes and how sure it is: one nurse away for a day, and for a week; the last line is JSON.

20 chairs, 10 nurses for three patients each, 60 visits a day; every patient has visits before and after. Gaps are
what the proposal is above the solver's bound, in visits without a place and patients moved together.
"""

import json
from datetime import date

from scheduling.core.repair import Repair, repair
from tests.core.repair.days import MadeUp

WEDNESDAY = date(2026, 6, 3)
WEEK = [date(2026, 6, day) for day in range(1, 6)]
SEEDS = (0, 1, 2)


def gap(found: Repair) -> int:
    """Visits and patients above the bound."""
    return (found.cost.unplaced - found.bound[0]) + max(0, found.cost.moved - found.bound[1])


def main() -> None:
    """The slowest of three clinics for each figure."""
    days = [repair(MadeUp(seed).away(101, [WEDNESDAY]), 20) for seed in SEEDS]
    # Six nurses can only just look after sixty patients: here somebody has to move.
    days += [repair(MadeUp(seed, nurses=6).away(101, [WEDNESDAY]), 20) for seed in SEEDS]
    weeks = [repair(MadeUp(seed, nurses=nurses).away(101, WEEK), 30) for seed, nurses in ((0, 10), (0, 6))]
    figures = {
        "repair_day_s": max(found.seconds for found in days),
        "repair_gap": max(map(gap, days)),
        "repair_300_s": max(found.seconds for found in weeks),
        "repair_300_gap": max(map(gap, weeks)),
        "repair_300_proven": sum(found.proven for found in weeks) / len(weeks),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
