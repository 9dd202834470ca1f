"""Phases become lengths and intervals; what cannot be a visit is refused."""

from datetime import timedelta

import pytest

from scheduling.core.pattern import Needs, Pattern, Phase, PhaseKind

from .clinics import IV

TREATMENT = Phase(PhaseKind.TREATMENT, 40)


def test_a_visit_says_who_is_needed_when() -> None:
    assert IV.needs(1000) == Needs(
        chair=(1000, 1027),
        patient=(1000, 1024),
        monitoring=(1003, 1024),
        hands_on=((1003, 1006), (1023, 1024)),
        prescriber=(1006, 1023),
    )
    assert IV.stay == timedelta(minutes=120)


def test_a_visit_may_be_nothing_but_treatment() -> None:
    assert Pattern.of([TREATMENT]) == Pattern(
        chair=8, patient=8, nurse=(0, 8), hands_on=(), prescriber=(0, 8)
    )


@pytest.mark.parametrize(
    ("phases", "words"),
    [
        ([Phase(PhaseKind.TREATMENT, 42)], "multiple of 5"),
        ([Phase(PhaseKind.TREATMENT, 0)], "multiple of 5"),
        ([TREATMENT, TREATMENT], "once each"),
        ([Phase(PhaseKind.DISCHARGE, 5), TREATMENT], "once each"),
        ([Phase(PhaseKind.CHECK_IN, 15)], "has a treatment"),
        ([], "has a treatment"),
        ([Phase(PhaseKind.TREATMENT, 1440), Phase(PhaseKind.TURNOVER, 5)], "24 hours"),
    ],
)
def test_phases_that_make_no_visit_are_refused(phases: list[Phase], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Pattern.of(phases)
