"""What a patient sees of their own visits."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from scheduling.core.words import CANCELLED, OPEN, UNDER_WAY
from scheduling.models import Appointment, Location, Patient, ProtocolInstruction

FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class MyVisits:
    """A patient's visits by what they are good for; each list in order of time, ``past`` latest first."""

    upcoming: tuple[Appointment, ...]
    called_off: tuple[Appointment, ...]
    past: tuple[Appointment, ...]

    @property
    def next(self) -> Appointment | None:
        """The visit to prepare for, or the one under way."""
        return self.upcoming[0] if self.upcoming else None

    @property
    def series_ids(self) -> tuple[int, ...]:
        """The courses with a visit still to come, in order of time."""
        return tuple(dict.fromkeys(visit.series_id for visit in self.upcoming))


def visits_of(patient: Patient, now: datetime) -> MyVisits:
    """The patient's visits at ``now``, with their places, in one query."""
    visits = list(patient.appointments.select_related("location"))
    upcoming = [visit for visit in visits if _is_to_come(visit, now)]
    called_off = [visit for visit in visits if visit.status in CANCELLED and visit.ends_at > now]
    shown = {visit.pk for visit in (*upcoming, *called_off)}
    past = [visit for visit in reversed(visits) if visit.pk not in shown]
    return MyVisits(tuple(upcoming), tuple(called_off), tuple(past))


def _is_to_come(visit: Appointment, now: datetime) -> bool:
    return visit.status in UNDER_WAY or (visit.status in OPEN and visit.ends_at > now)


def instructions_for(visits: Iterable[Appointment], language: str) -> list[str]:
    """The clinic's instructions for these visits, each once, in ``language`` or else in English."""
    ids = list(dict.fromkeys(visit.protocol_id for visit in visits))
    found = ProtocolInstruction.objects.filter(
        protocol__in=ids, language__in=(language, FALLBACK_LANGUAGE)
    ).values_list("protocol_id", "language", "text")
    by_language = {(protocol_id, code): text for protocol_id, code, text in found}
    texts = [by_language.get((pk, language)) or by_language.get((pk, FALLBACK_LANGUAGE), "") for pk in ids]
    return [text for text in dict.fromkeys(texts) if text]


def phone_book() -> list[Location]:
    """Every clinic a patient might belong to, for pages that cannot or must not know which."""
    return list(Location.objects.filter(is_active=True))
