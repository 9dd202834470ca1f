"""Check-ins: when they are asked, what an answer is, which answers are red flags and what silence means.

Sources are in facts/clinical.md, "Side-effect check-ins"; DESIGN marks a default without one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from .quiet import ask_at, next_waking
from .words import Effect, SafetyQuestion

LAST_STAYS_OPEN = timedelta(hours=72)
"""The last check-in of a visit closes this long after it is due; the others when the next one is (DESIGN)."""
LONGEST_OFFSET = 90 * 24
"""Hours; what lies further out belongs to no single visit (DESIGN)."""
DAY_AFTER = range(18, 37)
"""Hours after a visit that count as its 24 h check-in, since a protocol may say 20 or 30 (DESIGN)."""
WAKING_HOURS_TO_ANSWER = 4
"""Until the second message, and again until silence counts (DESIGN)."""
CLOSELY_WATCHED = 2
"""So many infusions at one dose are followed up by a call (DESIGN)."""


def offsets(text: str) -> tuple[int, ...]:
    """The hours of a protocol, ``"4, 24, 72, 168"``, rising, each once."""
    hours = {int(word) for word in text.split(",")}
    return tuple(sorted(hour for hour in hours if hour <= LONGEST_OFFSET))


@dataclass(frozen=True, slots=True)
class Slot:
    """One check-in's times (UTC): asked at ``due_at``, amendable until ``closes_at``."""

    offset_hours: int
    due_at: datetime
    closes_at: datetime


def schedule(
    hours: Sequence[int], ended: datetime, zone: ZoneInfo, asked: Mapping[int, datetime] | None = None
) -> tuple[Slot, ...]:
    """The check-ins of a visit that ended at ``ended`` (UTC), for a patient living in ``zone``.

    ``asked``: offsets that have left already, with their times, which stay. No two others are due at once.
    """
    kept = asked or {}
    due: list[datetime] = []
    for hour in hours:
        at = kept.get(hour) or ask_at(ended + timedelta(hours=hour), ended, zone)
        if due and hour not in kept and at <= due[-1]:
            at = next_waking(due[-1] + timedelta(hours=1), zone)
        due.append(at)
    return tuple(
        Slot(hour, at, min((other for other in due if other > at), default=at + LAST_STAYS_OPEN))
        for hour, at in zip(hours, due, strict=True)
    )


@dataclass(frozen=True, slots=True)
class EffectAnswer:
    """One effect as answered. Times are UTC; present without ``stopped_at`` means still there."""

    effect: Effect
    grade: int
    began_at: datetime | None = None
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything one filled-in check-in says; a question or effect left out was not answered."""

    safety: Mapping[SafetyQuestion, bool]
    effects: tuple[EffectAnswer, ...]
    note: str = ""

    @property
    def worst(self) -> int:
        """The highest grade, 0 to 4."""
        return max((one.grade for one in self.effects), default=0)


NOTE_LENGTH = 500
HIGHEST_GRADE = 4


class Fault(StrEnum):
    """What is wrong with one part of an answer."""

    UNANSWERED = "unanswered"
    GRADE = "grade"
    ABSENT_HAS_TIMES = "absent_has_times"
    BEFORE_VISIT = "before_visit"
    IN_FUTURE = "in_future"
    STOPPED_FIRST = "stopped_first"
    BEGAN_MISSING = "began_missing"
    NOTE_TOO_LONG = "note_too_long"


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault and where it is: a safety question, an effect, ``<effect>_began``, ``<effect>_stopped``, ``note``."""

    where: str
    fault: Fault


def problems(answer: Answer, since: datetime, now: datetime) -> tuple[Problem, ...]:
    """Everything that keeps ``answer`` from being taken; ``since`` (UTC) is when the patient came to the visit."""
    found = [Problem(one, Fault.UNANSWERED) for one in SafetyQuestion if one not in answer.safety]
    given = {one.effect for one in answer.effects}
    found += [Problem(one, Fault.UNANSWERED) for one in Effect if one not in given]
    for one in answer.effects:
        found += _effect_problems(one, since, now)
    if len(answer.note) > NOTE_LENGTH:
        found.append(Problem("note", Fault.NOTE_TOO_LONG))
    return tuple(found)


def _effect_problems(one: EffectAnswer, since: datetime, now: datetime) -> list[Problem]:
    began, stopped = f"{one.effect}_began", f"{one.effect}_stopped"
    if not 0 <= one.grade <= HIGHEST_GRADE:
        return [Problem(one.effect, Fault.GRADE)]
    if not one.grade:
        return [Problem(one.effect, Fault.ABSENT_HAS_TIMES)] if one.began_at or one.stopped_at else []
    found = [Problem(began, fault) for fault in _time_faults(one.began_at, since, now)]
    found += [Problem(stopped, fault) for fault in _time_faults(one.stopped_at, since, now)]
    if one.stopped_at and not one.began_at:
        found.append(Problem(began, Fault.BEGAN_MISSING))
    if one.stopped_at and one.began_at and one.stopped_at < one.began_at:
        found.append(Problem(stopped, Fault.STOPPED_FIRST))
    return found


def _time_faults(at: datetime | None, since: datetime, now: datetime) -> list[Fault]:
    if at is None:
        return []
    return [Fault.BEFORE_VISIT] if at < since else [Fault.IN_FUTURE] if at > now else []


class FlagRule(StrEnum):
    """Why an answer must reach a person at once (facts: red flags, sources 48 and 49)."""

    SAFETY = "safety"
    """A yes to a safety question: self-harm, chest pain, breathing, the worst headache."""
    SEVERE = "severe"
    """Any grade of 3 or more."""
    STILL_THERE = "still_there"
    """Grade 2 or more, still there a day after."""
    DETACHED = "detached"
    """Persistent detachment, whatever its grade."""
    URINARY = "urinary"
    """Urinary pain or blood, whatever its grade."""


@dataclass(frozen=True, slots=True)
class RedFlag:
    """One reason: ``about`` is the safety question or the effect, ``grade`` 0 for a question."""

    rule: FlagRule
    about: str
    grade: int = 0


SEVERE_GRADE, LIMITING_GRADE, PERSISTS_FROM_HOURS = 3, 2, 24


def red_flags(answer: Answer, offset_hours: int) -> tuple[RedFlag, ...]:
    """Every red flag of an answer given ``offset_hours`` after the visit, safety questions first."""
    found = [RedFlag(FlagRule.SAFETY, one) for one in SafetyQuestion if answer.safety.get(one)]
    for one in answer.effects:
        found += [RedFlag(rule, one.effect, one.grade) for rule in _rules_met(one, offset_hours)]
    return tuple(found)


def _rules_met(one: EffectAnswer, offset_hours: int) -> list[FlagRule]:
    if not one.grade:
        return []
    persists = offset_hours >= PERSISTS_FROM_HOURS and one.stopped_at is None
    met = {
        FlagRule.SEVERE: one.grade >= SEVERE_GRADE,
        FlagRule.STILL_THERE: persists and one.grade >= LIMITING_GRADE,
        FlagRule.DETACHED: persists and one.effect is Effect.DETACHED,
        FlagRule.URINARY: one.effect is Effect.URINARY_TROUBLE,
    }
    return [rule for rule, is_met in met.items() if is_met]


class Silence(StrEnum):
    """What to do about a patient who did not answer."""

    CALL = "call"
    ASK = "ask"


def silence_means(offset_hours: int, infusion: int, last_grade: int) -> Silence:
    """Call after a grade of 2 or more, and at the 24 h check-in of the first two infusions at a dose; else ask.

    ``infusion``: which one at this dose the visit was, from 1: so the first two of a course and the first two
    after a dose change are called. ``last_grade``: the worst grade of the latest check-in that was answered.
    """
    watched = offset_hours in DAY_AFTER and infusion <= CLOSELY_WATCHED
    return Silence.CALL if watched or last_grade >= LIMITING_GRADE else Silence.ASK
