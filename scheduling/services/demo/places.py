"""Where and how the made-up clinic treats: two locations, their chairs, hours and protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from scheduling.access import SYSTEM
from scheduling.core.pattern import Phase, PhaseKind
from scheduling.core.words import DoseUnit, RequiredBefore, Route
from scheduling.models import Chair, Location, OpeningHours, Prerequisite, Protocol
from scheduling.services.protocols import ProtocolContent, add_protocol
from scheduling.services.seats import seat_chair

MAIN_ZONE = ZoneInfo("America/New_York")
"""Where the main location is; the demo's date is a date there."""
IV_MINUTES = (15, 15, 40, 45, 5, 15)
NASAL_MINUTES = (10, 10, 5, 120, 5, 10)
"""Two hours of observation follow the spray (facts: intranasal esketamine)."""

FASTING = {
    "en": (
        "Eat nothing heavy for 6 hours before you come; water is fine until 2 hours before.\n"
        "Somebody has to take you home. Do not drive until the next morning, after a night's sleep.\n"
        "Wear something comfortable with loose sleeves, and bring a list of your medicines."
    ),
    "es": (
        "No coma nada pesado 6 horas antes de venir; puede beber agua hasta 2 horas antes.\n"
        "Alguien tiene que llevarle a casa. No conduzca hasta la mañana siguiente, después de dormir.\n"
        "Lleve ropa cómoda de mangas anchas y una lista de sus medicamentos."
    ),
}
NASAL = {
    "en": (
        "Eat nothing for 2 hours and drink nothing for 30 minutes before you come.\n"
        "You stay with us for at least 2 hours. Somebody has to take you home.\n"
        "Do not drive until the next day, after a night's sleep."
    ),
    "es": (
        "No coma nada 2 horas antes ni beba nada 30 minutos antes de venir.\n"
        "Se quedará con nosotros al menos 2 horas. Alguien tiene que llevarle a casa.\n"
        "No conduzca hasta el día siguiente, después de dormir."
    ),
}


@dataclass(frozen=True, slots=True)
class Places:
    """What the rest of the demo builds on."""

    main: Location
    branch: Location
    induction: Sequence[Protocol]
    follow_up: Protocol
    nasal: Protocol
    consent: Prerequisite
    enrolment: Prerequisite


def make_places(now: datetime) -> Places:
    """Two locations in two time zones with eight chairs, and five protocols."""
    main = _location(
        "Riverside", "14 Made-up Street\nNew York, NY", MAIN_ZONE.key, "Riverside Clinic", "+12125550100"
    )
    branch = _location(
        "Foothills",
        "2 Sample Avenue\nDenver, CO",
        "America/Denver",
        "Foothills Clinic",
        "+13035550100",
        holiday_country="US",
    )
    _open(main, range(7), time(8), time(18))
    _open(branch, range(5), time(9), time(17))
    for location, count in ((main, 5), (branch, 3)):
        for number in range(1, count + 1):
            seat_chair(Chair.objects.create(location=location, name=f"Chair {number}"))
    consent = Prerequisite.objects.create(
        code="treatment-consent", name="Consent to treatment", required_before=RequiredBefore.BOOKING
    )
    enrolment = Prerequisite.objects.create(
        code="rems-enrolment", name="REMS enrolment", required_before=RequiredBefore.BOOKING
    )
    return Places(
        main=main,
        branch=branch,
        induction=_induction(now, consent),
        follow_up=_iv(now, consent, "iv-follow-up", "IV ketamine, weekly", WEEKLY),
        nasal=_nasal(now, consent, enrolment),
        consent=consent,
        enrolment=enrolment,
    )


def _location(name: str, address: str, zone: str, label: str, phone: str, **fields: Any) -> Location:
    return Location.objects.create(
        name=name,
        address=address,
        zone=zone,
        calendar_label=label,
        phone=phone,
        after_hours_phone=f"{phone[:-2]}99",
        **fields,
    )


def _open(location: Location, weekdays: range, opens: time, closes: time) -> None:
    OpeningHours.objects.bulk_create(
        OpeningHours(location=location, weekday=day, opens=opens, closes=closes) for day in weekdays
    )


TWICE = {"per_week": 2, "ideal_low": 3, "ideal_high": 4, "max_gap_days": 7}
THRICE = {"per_week": 3, "ideal_low": 2, "ideal_high": 3, "max_gap_days": 7}
WEEKLY = {
    "induction_count": 4,
    "per_week": 1,
    "max_per_7_days": 1,
    "min_gap_days": 5,
    "floor_hours": 96,
    "ideal_low": 7,
    "ideal_high": 7,
    "max_gap_days": 14,
}


def _induction(now: datetime, consent: Prerequisite) -> list[Protocol]:
    """The three first-stage presets of the clinical facts."""
    return [
        _iv(now, consent, "iv-6-in-3-weeks", "IV ketamine, 6 in 3 weeks", TWICE | {"induction_count": 6}),
        _iv(now, consent, "iv-6-in-2-weeks", "IV ketamine, 6 in 2 weeks", THRICE | {"induction_count": 6}),
        _iv(now, consent, "iv-4-in-2-weeks", "IV ketamine, 4 in 2 weeks", TWICE | {"induction_count": 4}),
    ]


def _iv(now: datetime, consent: Prerequisite, code: str, name: str, spacing: Mapping[str, int]) -> Protocol:
    protocol = Protocol(
        code=code,
        name=name,
        route=Route.IV,
        dose_unit=DoseUnit.MG_PER_KG,
        dose_low=Decimal("0.1"),
        dose_high=Decimal("1.0"),
        **spacing,
    )
    content = ProtocolContent(_phases(IV_MINUTES), FASTING, [consent])
    return add_protocol(by=SYSTEM, now=now, protocol=protocol, content=content)


def _nasal(now: datetime, consent: Prerequisite, enrolment: Prerequisite) -> Protocol:
    protocol = Protocol(
        code="nasal-twice-weekly",
        name="Intranasal esketamine, twice weekly",
        route=Route.INTRANASAL,
        dose_unit=DoseUnit.MG,
        dose_choices="56, 84",
        induction_count=8,
        max_per_7_days=2,
        prescriber_on_site=True,
        **TWICE,
    )
    content = ProtocolContent(_phases(NASAL_MINUTES), NASAL, [consent, enrolment])
    return add_protocol(by=SYSTEM, now=now, protocol=protocol, content=content)


def _phases(minutes: Sequence[int]) -> list[Phase]:
    return [Phase(kind, length) for kind, length in zip(PhaseKind, minutes, strict=True)]
