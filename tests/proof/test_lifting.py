"""A fixed sample of the reasons that `make proof` checks by lifting; and that a wrong reason would be noticed."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from scheduling.core.planner import Ranking, plan
from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import NoPlan, Rule

from ..core.clinics import TWICE_A_WEEK, made_up_clinic
from .clinics import realistic, squeezed
from .lifting import Lifting, lifting

JUNE_1 = date(2026, 6, 1)
EIGHT, FOUR = 8 * 12, 16 * 12
"""The first and the last start of a day as steps from midnight: open 08:00-18:00, a stay of two hours."""


def refused(problem: CourseProblem) -> NoPlan:
    none = plan(problem, Ranking.BEST_FIT)
    assert isinstance(none, NoPlan)
    return none


def counted(problem: CourseProblem) -> Lifting:
    return lifting(problem, refused(problem))


SAMPLE = {
    "shut days": (realistic, 30, Lifting(days=3, reached=3, many=1, ends=1)),
    "an order that ends too soon": (realistic, 57, Lifting(ends=1, hints=1)),
    "visits further on that leave no room": (squeezed, 11, Lifting(days=3, reached=2, crowded=1, ends=1)),
    "hardly a place within the order": (squeezed, 32, Lifting(days=4, reached=4, many=1, ends=1, hints=1)),
}


@pytest.mark.parametrize("name", SAMPLE)
def test_each_reason_is_true_and_no_smaller_one_would_be(name: str) -> None:
    clinic, seed, expected = SAMPLE[name]
    assert counted(clinic(seed)) == expected


def late_then_early() -> CourseProblem:
    """Two visits: Monday has room only in the afternoon, Wednesday only in the morning, within 40 hours."""
    problem = made_up_clinic(1, chairs=1, nurses=1, capacity=1, load=0, since=JUNE_1, days=3).problem(
        sessions=2, cadence=replace(TWICE_A_WEEK, floor_hours=44)
    )
    monday, _tuesday, wednesday = (day.first for day in problem.horizon.days)
    taken = problem.horizon.mask([(monday + EIGHT, monday + FOUR), (wednesday + EIGHT + 27, wednesday + 240)])
    return replace(problem, chairs={1: problem.horizon.full & ~taken})


def test_a_day_within_the_floor_in_hours_is_reached_without_the_floor() -> None:
    assert refused(late_then_early()).reasons[0].rule is Rule.FLOOR_HOURS
    assert counted(late_then_early()) == Lifting(crowded=1, ends=1)


def changed(none: NoPlan, **values: object) -> NoPlan:
    first = replace(none.reasons[0], **values)  # type: ignore[arg-type]
    return replace(none, reasons=(first, *none.reasons[1:]))


@pytest.mark.parametrize(
    "values",
    [
        {"rule": Rule.PATIENT},
        {"also": (Rule.PATIENT,)},
        {"interval": (0, 24)},
        {"interval": None},
    ],
    ids=["another rule", "a rule too many", "another stretch", "more than three rules"],
)
def test_a_wrong_reason_is_noticed(values: dict[str, object]) -> None:
    problem = replace(late_then_early(), sessions=1, chairs={1: 0})
    assert refused(problem).reasons[0].rule is Rule.CHAIR
    assert counted(problem).wrong == []
    assert lifting(problem, changed(refused(problem), **values)).wrong


def test_a_wrong_spacing_rule_a_silent_day_a_wrong_session_and_a_wrong_hint_are_noticed() -> None:
    problem, none = late_then_early(), refused(late_then_early())
    assert len(lifting(problem, changed(none, rule=Rule.MAX_PER_7_DAYS)).wrong) == 1
    assert lifting(problem, replace(none, reasons=())).wrong == ["2026-06-03 has no reason"]
    assert "session 0 is within reach" in lifting(problem, replace(none, session=0)).wrong
    ended = realistic(57)
    (hint,) = refused(ended).hints
    for days, words in ((1, "a day sooner is enough"), (-1, "it is not enough")):
        other = replace(hint, day=hint.day + timedelta(days=days))
        assert lifting(ended, replace(refused(ended), hints=(other,))).wrong == [f"{other}: {words}"]
