"""The protocols of the made-up clinic (facts/clinical.md, "Induction" and "Intranasal esketamine")."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from scheduling.access import Actor
from scheduling.core.pattern import Phase, PhaseKind
from scheduling.core.words import DoseUnit, RequiredBefore, Route
from scheduling.models import Prerequisite, Protocol
from scheduling.services.protocols import ProtocolContent, add_protocol

from .texts import INFUSION, NASAL

INFUSION_PHASES = (
    Phase(PhaseKind.CHECK_IN, 15),
    Phase(PhaseKind.PREPARATION, 15),
    Phase(PhaseKind.TREATMENT, 40),
    Phase(PhaseKind.RECOVERY, 45),
    Phase(PhaseKind.DISCHARGE, 5),
    Phase(PhaseKind.TURNOVER, 15),
)
NASAL_PHASES = (
    Phase(PhaseKind.CHECK_IN, 10),
    Phase(PhaseKind.PREPARATION, 10),
    Phase(PhaseKind.TREATMENT, 10),
    Phase(PhaseKind.RECOVERY, 120),
    Phase(PhaseKind.DISCHARGE, 5),
    Phase(PhaseKind.TURNOVER, 10),
)
THRICE, TWICE, FOUR, WEEKLY, SPRAY = (
    "iv-6-in-2-weeks",
    "iv-6-in-3-weeks",
    "iv-4-in-2-weeks",
    "iv-weekly",
    "nasal",
)
TWICE_SPACING = {"per_week": 2, "max_per_7_days": 2, "ideal_low": 2, "ideal_high": 5}
INFUSIONS: dict[str, dict[str, Any]] = {
    THRICE: {
        **{"name": "IV infusion, 6 in 2 weeks", "induction_count": 6},
        **{"per_week": 3, "max_per_7_days": 3, "ideal_low": 2, "ideal_high": 3},
    },
    TWICE: {"name": "IV infusion, 6 in 3 weeks", "induction_count": 6} | TWICE_SPACING,
    FOUR: {"name": "IV infusion, 4 in 2 weeks", "induction_count": 4} | TWICE_SPACING,
    WEEKLY: {
        **{"name": "IV infusion, weekly", "induction_count": 4, "per_week": 1, "max_per_7_days": 1},
        **{"ideal_low": 7, "ideal_high": 7, "max_gap_days": 14},
    },
}


def add_protocols(by: Actor, now: datetime) -> dict[str, Protocol]:
    """Four infusions and one nasal spray, by code, with what has to be on record before booking."""
    consent = Prerequisite.objects.create(
        code="treatment-consent", name="Treatment consent", required_before=RequiredBefore.BOOKING
    )
    enrolment = Prerequisite.objects.create(
        code="rems-enrolment", name="REMS enrolment", required_before=RequiredBefore.BOOKING
    )
    fasting = Prerequisite.objects.create(
        code="fasting", name="Fasting confirmed", required_before=RequiredBefore.EVERY
    )
    infusion = ProtocolContent(INFUSION_PHASES, INFUSION, (consent,))
    dose = {"dose_unit": DoseUnit.MG_PER_KG, "dose_low": Decimal("0.1"), "dose_high": Decimal("1.0")}
    protocols = {
        code: Protocol(code=code, route=Route.IV, **dose, **fields) for code, fields in INFUSIONS.items()
    }
    for protocol in protocols.values():
        add_protocol(by=by, now=now, protocol=protocol, content=infusion)
    protocols[SPRAY] = add_protocol(
        by=by,
        now=now,
        protocol=Protocol(
            code=SPRAY,
            name="Intranasal, 8 in 4 weeks",
            route=Route.INTRANASAL,
            dose_unit=DoseUnit.MG,
            dose_choices="56, 84",
            induction_count=8,
            prescriber_on_site=True,
            **TWICE_SPACING,
        ),
        content=ProtocolContent(NASAL_PHASES, NASAL, (consent, enrolment, fasting)),
    )
    return protocols
