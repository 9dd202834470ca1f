"""The phases of a visit, and whom it needs when (facts/clinical.md "A visit", design.md "Phase" and "Seat")."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .timeline import DAY_STEPS, STEP_MINUTES


class PhaseKind(StrEnum):
    """The phases in the only order in which a visit can go through them."""

    CHECK_IN = "check_in"
    PREPARATION = "preparation"
    TREATMENT = "treatment"
    RECOVERY = "recovery"
    DISCHARGE = "discharge"
    TURNOVER = "turnover"


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a protocol and its planned length in minutes."""

    kind: PhaseKind
    minutes: int


@dataclass(frozen=True, slots=True)
class Needs:
    """Who is needed by one visit and when: half-open intervals of absolute steps."""

    chair: tuple[int, int]
    patient: tuple[int, int]
    monitoring: tuple[int, int]
    hands_on: tuple[tuple[int, int], ...]
    prescriber: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A visit in steps from its start: ``chair`` and ``patient`` are lengths, the others half-open intervals.

    The chair is taken for everything including turnover, the patient from check-in to discharge, the nurse's
    monitoring seat from the start of preparation to the end of discharge, her hands-on seat during preparation
    and discharge. A prescriber, where one must be on site, is needed from treatment to the end of recovery.
    """

    chair: int
    patient: int
    nurse: tuple[int, int]
    hands_on: tuple[tuple[int, int], ...]
    prescriber: tuple[int, int]

    @classmethod
    def of(cls, phases: Iterable[Phase]) -> "Pattern":
        """The pattern of a protocol's phases in their order.

        Raises ValueError when a phase is not a positive multiple of 5 minutes, comes twice or in the wrong
        order, when there is no treatment, or when the visit is longer than 24 h.
        """
        spans = _spans(tuple(phases))
        treatment = spans.get(PhaseKind.TREATMENT)
        if treatment is None:
            raise ValueError("a visit has a treatment phase")
        whole = max(end for _begin, end in spans.values())
        stay = max(end for kind, (_begin, end) in spans.items() if kind is not PhaseKind.TURNOVER)
        return cls(
            chair=whole,
            patient=stay,
            nurse=(spans.get(PhaseKind.PREPARATION, treatment)[0], stay),
            hands_on=tuple(
                spans[kind] for kind in (PhaseKind.PREPARATION, PhaseKind.DISCHARGE) if kind in spans
            ),
            prescriber=(treatment[0], spans.get(PhaseKind.RECOVERY, treatment)[1]),
        )

    @property
    def stay(self) -> timedelta:
        """How long the patient is at the clinic: check-in to discharge."""
        return timedelta(minutes=self.patient * STEP_MINUTES)

    def needs(self, start: int) -> Needs:
        """Who is needed when, for a visit that starts at a step. Planner and claims share this."""

        def at(span: tuple[int, int]) -> tuple[int, int]:
            return start + span[0], start + span[1]

        return Needs(
            chair=at((0, self.chair)),
            patient=at((0, self.patient)),
            monitoring=at(self.nurse),
            hands_on=tuple(at(span) for span in self.hands_on),
            prescriber=at(self.prescriber),
        )


def _spans(phases: tuple[Phase, ...]) -> dict[PhaseKind, tuple[int, int]]:
    order = list(PhaseKind)
    spans: dict[PhaseKind, tuple[int, int]] = {}
    position, at = -1, 0
    for phase in phases:
        if phase.minutes <= 0 or phase.minutes % STEP_MINUTES:
            raise ValueError(f"a phase lasts a positive multiple of {STEP_MINUTES} minutes")
        if order.index(phase.kind) <= position:
            raise ValueError("phases come once each, from check-in to turnover")
        position = order.index(phase.kind)
        spans[phase.kind] = at, at + phase.minutes // STEP_MINUTES
        at = spans[phase.kind][1]
    if at > DAY_STEPS:
        raise ValueError("a visit lasts at most 24 hours")
    return spans
