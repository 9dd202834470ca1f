"""Each reason of a refusal, checked by lifting exactly the rules that it names, on the day that it names."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import combinations

from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import NURSE_RULES, Hint, HintKind, NoPlan, Reason, Rule

from .model import CourseModel
from .places import Places, Start

MOST_LIFTED = 3


@dataclass
class Lifting:
    """What was checked of one refusal, counted, and in words whatever was not true."""

    days: int = 0
    """Reasons for a day without a place: lifting the rules frees exactly the named stretch, lifting fewer nothing."""
    reached: int = 0
    """Those of them whose freed places the course can use as well; the others lie too soon after the visit before."""
    crowded: int = 0
    """Reasons for a day with places that the spacing puts out of reach: lifting the one rule puts them in reach."""
    many: int = 0
    """Days that more than three rules shut: no three lifted together free them."""
    ends: int = 0
    """What ended the search; there is no day to lift it on."""
    hints: int = 0
    """Days to open and longer orders that do make a course possible."""
    wrong: list[str] = field(default_factory=list)


def lifting(problem: CourseProblem, none: NoPlan) -> Lifting:
    """Check every reason and every hint of a refusal."""
    found = Lifting()
    places, first = Places(problem), problem.horizon.days[0].date
    sooner = replace(problem, sessions=none.session + 1)
    for reason in none.reasons:
        if reason.day is None:
            found.ends += 1
        elif any(places.on_day((reason.day - first).days)):
            found.crowded += 1
            found.wrong += _crowded(sooner, reason, (reason.day - first).days)
        elif reason.interval is None:
            found.many += 1
            found.wrong += _many(places, reason.day)
        else:
            found.days += 1
            found.wrong += _shut(problem, reason)
            lifted = Places(sooner, {reason.day: frozenset({reason.rule, *reason.also})})
            found.reached += CourseModel(lifted).reaches((reason.day - first).days)
    if none.session and not CourseModel(Places(replace(problem, sessions=none.session))).reaches():
        found.wrong.append(f"session {none.session - 1} is already out of reach")
    if CourseModel(Places(sooner)).reaches():
        found.wrong.append(f"session {none.session} is within reach")
    found.wrong += _silent_days(none)
    for hint in none.hints:
        if hint.kind is not HintKind.LATER_HORIZON:
            found.hints += 1
            found.wrong += _hinted(problem, hint)
    return found


def _shut(problem: CourseProblem, reason: Reason) -> Iterator[str]:
    """The rules together free the named stretch of the day; without one of them there is nothing."""
    rules = (reason.rule, *reason.also)
    freed = _freed(problem, reason, rules)
    stay = problem.pattern.patient
    if not freed or reason.interval != (freed[0].step, freed[-1].step + stay):
        yield f"{reason}: lifting it frees {[start.step for start in freed]}"
    for size in range(len(rules)):
        for fewer in combinations(rules, size):
            if _freed(problem, reason, fewer):
                yield f"{reason}: {fewer} alone is enough"


def _freed(problem: CourseProblem, reason: Reason, rules: Iterable[Rule]) -> list[Start]:
    assert reason.day is not None
    index = (reason.day - problem.horizon.days[0].date).days
    return list(Places(problem, {reason.day: frozenset(rules)}).on_day(index))


def _crowded(sooner: CourseProblem, reason: Reason, day: int) -> Iterator[str]:
    """The session cannot be on that day, and can without the one rule between it and the others."""
    if CourseModel(Places(sooner)).reaches(day):
        yield f"{reason}: the session can be there"
    if not CourseModel(Places(sooner), lifted=frozenset({reason.rule})).reaches(day):
        yield f"{reason}: without the rule the session cannot be there either"


def _many(places: Places, day: date) -> Iterator[str]:
    """Every start of the day breaks more than three rules, whichever nurse takes it."""
    index = (day - places.problem.horizon.days[0].date).days
    for step, _minute in places.grid(index):
        alone = set(places.broken(step))
        if alone & {Rule.HORIZON, Rule.ORDER_END}:
            continue
        for nurses in (NURSE_RULES, *(places.lacks(nurse, step) for nurse in places.problem.nurses)):
            if len(alone.union(nurses)) <= MOST_LIFTED:
                yield f"{day}: {alone.union(nurses)} is enough"


def _silent_days(none: NoPlan) -> Iterator[str]:
    if none.window is not None:
        since, until = none.window
        named = {reason.day for reason in none.reasons}
        for ahead in range((until - since).days + 1):
            if since + timedelta(days=ahead) not in named:
                yield f"{since + timedelta(days=ahead)} has no reason"


def _hinted(problem: CourseProblem, hint: Hint) -> Iterator[str]:
    """The change makes a course possible; an order that ends a day sooner does not."""
    if hint.kind is HintKind.OPEN_DAY:
        closed = [
            day.date for day in problem.horizon.days if problem.is_closed(day.date) and day.date != hint.day
        ]
        if not _possible(replace(problem, closures=tuple((day, day) for day in closed))):
            yield f"{hint}: opening it is not enough"
    elif not _possible(replace(problem, not_after=hint.day)):
        yield f"{hint}: it is not enough"
    elif _possible(replace(problem, not_after=hint.day - timedelta(days=1))):
        yield f"{hint}: a day sooner is enough"


def _possible(problem: CourseProblem) -> bool:
    return CourseModel(Places(problem)).reaches()
