"""The month in memory books nothing twice, and making good helps without passing what is proven possible."""

from functools import cache
from itertools import pairwise

from .__main__ import held, room, still_free
from .bound import bound
from .month import Month, month
from .site import CAPACITY, Site

SEED, VISITS = 1, 700


@cache
def run(*, making_good: bool) -> Month:
    return month(SEED, VISITS, making_good=making_good)


def test_no_chair_and_no_nurses_hands_are_taken_twice_and_no_nurse_has_more_patients_than_she_may() -> None:
    site = run(making_good=True).site
    for claims in (*site.chairs.values(), *(nurse.hands_on for nurse in site.nurses.values())):
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(claims)))
    for nurse in site.nurses.values():
        for start, _end in nurse.monitoring:
            assert sum(first <= start < last for first, last in nurse.monitoring) <= CAPACITY


def test_every_visit_asked_for_is_held_booked_missing_or_refused() -> None:
    for found in (run(making_good=False), run(making_good=True)):
        for request in found.wanted:
            known = len(request.held) + len(request.booked) + request.missing
            assert known == (0 if request in found.waiting else request.sessions)


def test_making_good_holds_more_visits_and_never_more_than_the_bound() -> None:
    plain, good = run(making_good=False), run(making_good=True)
    assert plain.counts["made up"] == 0 < good.counts["made up"]
    assert held(plain) < held(good) <= bound(good.site, good.wanted)


def test_an_empty_clinic_holds_nearly_as_many_visits_as_its_bound_says() -> None:
    """One patient after another without a wish, always the earliest place: no schedule, yet near the bound."""
    site = Site(SEED)
    most = room(site)
    assert 0.9 * most < still_free(site) <= most
