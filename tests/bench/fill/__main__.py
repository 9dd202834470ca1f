"""``make fill``: months planned request by request, against the most visits that any schedule could hold.

The last line is JSON: visits held over the proven bound, with lost visits made up and freed places given to whoever
waits, as the mean of the seeds; ``fill_vs_bound`` for a usual month, ``fill_full_vs_bound`` for one asked for too much.
"""

import json
from collections.abc import Iterator
from random import Random
from statistics import mean

from scheduling.core.planner import Ranking, plan
from scheduling.core.reasons import NoPlan
from scheduling.core.wishes import Wishes
from tests.core.clinics import IV

from .bound import bound, day_bound
from .month import Month, month
from .requests import ONE, Request
from .site import CHAIRS, MONTH, Site

SEEDS = (1, 2, 3)
DEMANDS = {"fill_vs_bound": 1.0, "fill_full_vs_bound": 1.7}
"""Visits wanted over visits that the month could hold; some are wanted for later."""


def main() -> None:
    """Run every seed without and with making good and say where the rest went."""
    figures = {name: round(mean(_shares(demand)), 3) for name, demand in DEMANDS.items()}
    print(json.dumps(figures))


def _shares(demand: float) -> Iterator[float]:
    """The share of the bound that each seed holds with making good; prints all three ways to run the month."""
    for seed in SEEDS:
        visits = round(demand * room(Site(seed)))
        plain = month(seed, visits, making_good=False)
        good = month(seed, visits, making_good=True)
        most = bound(good.site, good.wanted)
        wanted = sum(request.sessions for request in good.wanted)
        print(
            f"seed {seed}: {len(good.wanted)} requests want {wanted} visits, chairs and nurses allow "
            f"{room(good.site)} in the month, no schedule of these requests holds more than {most}"
        )
        show("without repair and backfill", plain, most)
        show("with repair and backfill", good, most)
        explain(good, most)
        if seed == SEEDS[0]:
            gentle = month(seed, visits, making_good=True, ranking=Ranking.BEST_FIT)
            show("the same, but each course planned for best fit instead of soonest", gentle, most)
        yield held(good) / most


def room(site: Site) -> int:
    """The most visits that chairs and nurses allow in the month, without those who are away."""
    return sum(day_bound(site, day) for day in MONTH)


def held(run: Month) -> int:
    """Visits that took place in the month."""
    return sum(len(request.held) for request in run.wanted)


def show(name: str, run: Month, most: int) -> None:
    """One run in words."""
    counts, done = run.counts, held(run)
    opened = sum(
        (last - first) * CHAIRS
        for first, last in run.site.spells
        if run.site.horizon.day_index(first) in MONTH
    )
    lost = counts["cancelled"] + counts["missed"] + counts["absent"]
    print(
        f"  {name}: {done} held, {done / most:.3f} of the bound; chairs taken {done * IV.chair / opened:.0%} "
        f"of the open time, {most * IV.chair / opened:.0%} at most"
    )
    print(
        f"    {len(run.waiting)} requests refused, {counts['from the waiting list']} served later, "
        f"{counts['moved up']} courses moved up; {lost} visits lost ({counts['cancelled']} cancelled, "
        f"{counts['missed']} missed, {counts['absent']} for want of a nurse; {counts['covered']} given another "
        f"nurse, {counts['moved by a repair']} moved by a repair), "
        f"{counts['made up']} made up"
    )


def explain(run: Month, most: int) -> None:
    """Where the visits between a run and the bound are; counts on one more patient after another for what is free."""
    done, missed = held(run), run.counts["missed"]
    whole, later = room(run.site), sum(len(request.booked) for request in run.wanted)
    free = still_free(run.site)
    print(
        f"    the bound holds {most - done} more, because it knows of no missed visit ({missed} here), no time "
        f"of day, no single seat and no order of arrival; {later} visits are booked for after the month"
    )
    print(
        f"    of {whole} places {done} were used, {missed} missed, {free} stayed free for anybody, "
        f"{whole - done - missed - free} lie in pieces too short for a visit or a nurse, or in the bound alone"
    )


def still_free(site: Site) -> int:
    """How many more visits of patients without any wish the month could hold; books them."""
    anybody = Request(-1, 0, 0, ONE, 1, Wishes(), luck=Random(0))
    found = 0
    while True:
        problem = site.problem(anybody, sessions=1, not_before=site.horizon.origin, existing=())
        one = plan(problem, Ranking.SOONEST)
        if isinstance(one, NoPlan) or one.cost.finish not in MONTH:
            return found
        site.book(one.places[0])
        found += 1


if __name__ == "__main__":
    main()
