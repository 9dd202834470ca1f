from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scheduling.core.check_ins import (
    Answer,
    EffectAnswer,
    Fault,
    FlagRule,
    Problem,
    RedFlag,
    Silence,
    offsets,
    problems,
    red_flags,
    schedule,
    silence_means,
)
from scheduling.core.on_call import covers
from scheduling.core.words import Effect, SafetyQuestion

UTC_ZONE = ZoneInfo("UTC")
ENDED = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
NOW = ENDED + timedelta(hours=24)
NO = dict.fromkeys(SafetyQuestion, False)


def hours(number: float) -> datetime:
    return ENDED + timedelta(hours=number)


def answer(*present: EffectAnswer, yes: SafetyQuestion | None = None, note: str = "") -> Answer:
    """Nothing but what is named."""
    named = {one.effect for one in present}
    absent = tuple(EffectAnswer(effect, 0) for effect in Effect if effect not in named)
    return Answer(NO | ({yes: True} if yes else {}), (*present, *absent), note)


def test_offsets_are_read_rising_and_once() -> None:
    assert offsets("24,4, 72, 4") == (4, 24, 72)


def test_an_offset_beyond_ninety_days_belongs_to_no_visit() -> None:
    assert offsets("4, 2160, 2161, 99999") == (4, 2160)


def test_a_check_in_closes_when_the_next_is_due_and_the_last_after_three_days() -> None:
    slots = schedule((4, 24, 72, 168), ENDED, UTC_ZONE)
    assert [slot.due_at for slot in slots] == [hours(4), hours(24), hours(72), hours(168)]
    assert [slot.closes_at for slot in slots] == [hours(24), hours(72), hours(168), hours(240)]


def test_no_two_check_ins_are_due_at_once() -> None:
    slots = schedule((9, 10, 11), ENDED, UTC_ZONE)
    assert [slot.due_at for slot in slots] == [
        datetime(2026, 1, 5, 20, 45, tzinfo=UTC),
        datetime(2026, 1, 6, 8, 0, tzinfo=UTC),
        datetime(2026, 1, 6, 9, 0, tzinfo=UTC),
    ]
    assert all(one.closes_at == two.due_at for one, two in pairwise(slots))


def test_what_was_asked_keeps_its_time() -> None:
    slots = schedule((4, 24), ENDED, UTC_ZONE, asked={4: hours(3)})
    assert [slot.due_at for slot in slots] == [hours(3), hours(24)]


def test_every_check_in_closes_after_it_is_due_also_where_one_was_asked_out_of_turn() -> None:
    slots = schedule((4, 5), ENDED, UTC_ZONE, asked={5: hours(3)})
    assert [(slot.due_at, slot.closes_at) for slot in slots] == [
        (hours(4), hours(76)),
        (hours(3), hours(4)),
    ]


def test_an_answer_without_effects_is_no_red_flag() -> None:
    assert red_flags(answer(), 24) == ()


@pytest.mark.parametrize("question", list(SafetyQuestion))
def test_every_safety_yes_is_a_red_flag(question: SafetyQuestion) -> None:
    assert red_flags(answer(yes=question), 4) == (RedFlag(FlagRule.SAFETY, question),)


STOPPED = {"began_at": hours(1), "stopped_at": hours(2)}


@pytest.mark.parametrize(
    ("effect", "grade", "offset", "times", "rules"),
    [
        (Effect.NAUSEA, 1, 24, {}, []),
        (Effect.NAUSEA, 2, 4, {}, []),
        (Effect.NAUSEA, 2, 23, {}, []),
        (Effect.NAUSEA, 2, 24, {}, [FlagRule.STILL_THERE]),
        (Effect.NAUSEA, 2, 24, STOPPED, []),
        (Effect.NAUSEA, 3, 4, {}, [FlagRule.SEVERE]),
        (Effect.NAUSEA, 3, 24, STOPPED, [FlagRule.SEVERE]),
        (Effect.NAUSEA, 4, 72, {}, [FlagRule.SEVERE, FlagRule.STILL_THERE]),
        (Effect.DETACHED, 1, 4, {}, []),
        (Effect.DETACHED, 1, 24, {}, [FlagRule.DETACHED]),
        (Effect.DETACHED, 1, 24, STOPPED, []),
        (Effect.DETACHED, 2, 168, {}, [FlagRule.STILL_THERE, FlagRule.DETACHED]),
        (Effect.URINARY_TROUBLE, 1, 4, STOPPED, [FlagRule.URINARY]),
        (Effect.URINARY_TROUBLE, 0, 24, {}, []),
    ],
)
def test_which_effects_are_red_flags(
    effect: Effect, grade: int, offset: int, times: dict[str, Any], rules: list[FlagRule]
) -> None:
    found = red_flags(answer(EffectAnswer(effect, grade, **times)), offset)
    assert found == tuple(RedFlag(rule, effect, grade) for rule in rules)


def test_all_reasons_are_named() -> None:
    both = answer(EffectAnswer(Effect.HEADACHE, 3), yes=SafetyQuestion.WORST_HEADACHE)
    assert red_flags(both, 4) == (
        RedFlag(FlagRule.SAFETY, SafetyQuestion.WORST_HEADACHE),
        RedFlag(FlagRule.SEVERE, Effect.HEADACHE, 3),
    )


def test_a_whole_answer_has_no_problem() -> None:
    assert problems(answer(EffectAnswer(Effect.NAUSEA, 1, hours(1), hours(1))), ENDED, NOW) == ()


def test_every_question_left_out_is_named() -> None:
    found = problems(Answer({}, ()), ENDED, NOW)
    assert found == tuple(Problem(one, Fault.UNANSWERED) for one in (*SafetyQuestion, *Effect))


@pytest.mark.parametrize(
    ("grade", "times", "problem"),
    [
        (1, (hours(-1), None), Problem("nausea_began", Fault.BEFORE_VISIT)),
        (1, (hours(25), None), Problem("nausea_began", Fault.IN_FUTURE)),
        (1, (hours(1), hours(25)), Problem("nausea_stopped", Fault.IN_FUTURE)),
        (1, (hours(2), hours(1)), Problem("nausea_stopped", Fault.STOPPED_FIRST)),
        (1, (None, hours(1)), Problem("nausea_began", Fault.BEGAN_MISSING)),
        (0, (hours(1), None), Problem("nausea", Fault.ABSENT_HAS_TIMES)),
        (5, (None, None), Problem("nausea", Fault.GRADE)),
        (-1, (None, None), Problem("nausea", Fault.GRADE)),
    ],
)
def test_what_cannot_be_is_named_where_it_stands(
    grade: int, times: tuple[datetime | None, datetime | None], problem: Problem
) -> None:
    assert problems(answer(EffectAnswer(Effect.NAUSEA, grade, *times)), ENDED, NOW) == (problem,)


def test_a_note_has_at_most_500_characters() -> None:
    assert problems(answer(note="x" * 500), ENDED, NOW) == ()
    assert problems(answer(note="x" * 501), ENDED, NOW) == (Problem("note", Fault.NOTE_TOO_LONG),)


@pytest.mark.parametrize(
    ("offset", "infusion", "grade", "meaning"),
    [
        (24, 1, 0, Silence.CALL),
        (24, 2, 1, Silence.CALL),
        (20, 2, 0, Silence.CALL),
        (24, 3, 1, Silence.ASK),
        (4, 1, 0, Silence.ASK),
        (72, 1, 1, Silence.ASK),
        (72, 6, 2, Silence.CALL),
        (4, 6, 3, Silence.CALL),
    ],
)
def test_silence_is_a_call_or_a_question_at_the_next_visit(
    offset: int, infusion: int, grade: int, meaning: Silence
) -> None:
    assert silence_means(offset, infusion, grade) is meaning


NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("starts", "ends", "at", "held"),
    [
        ("18:00", "22:00", "2026-01-05 17:59", False),
        ("18:00", "22:00", "2026-01-05 18:00", True),
        ("18:00", "22:00", "2026-01-05 22:00", False),
        ("18:00", "08:00", "2026-01-06 07:59", True),
        ("18:00", "08:00", "2026-01-06 08:00", False),
        ("18:00", "08:00", "2026-01-05 07:00", False),
        ("18:00", "08:00", "2026-01-06 19:00", False),
        ("08:00", "08:00", "2026-01-05 08:00", True),
        ("08:00", "08:00", "2026-01-06 07:59", True),
        ("08:00", "08:00", "2026-01-06 08:00", False),
    ],
)
def test_on_call_hours_of_a_monday_may_pass_midnight(starts: str, ends: str, at: str, held: bool) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=NEW_YORK)
    first, last = (datetime.strptime(wall, "%H:%M").time() for wall in (starts, ends))  # noqa: DTZ007
    assert covers(0, first, last, instant, NEW_YORK) is held


def test_on_call_hours_end_by_the_wall_clock_in_the_night_of_a_clock_change() -> None:
    saturday = datetime(2026, 3, 7, 18, 0, tzinfo=NEW_YORK)
    starts, ends = saturday.time(), saturday.replace(hour=8).time()
    morning = datetime(2026, 3, 8, 8, 0, tzinfo=NEW_YORK).astimezone(UTC)
    minute = timedelta(minutes=1)
    assert covers(5, starts, ends, morning - minute, NEW_YORK)
    assert not covers(5, starts, ends, morning, NEW_YORK)
