"""Typed places: they fit, or here is every rule that they break."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ..problem import CourseProblem, Nurse
from ..reasons import NURSE_RULES, Reason, Rule
from .cost import main_nurse_of
from .plans import Place, Verdict
from .rules import chair_starts, nurse_starts, rule_starts
from .seats import Seats
from .spacing import spacing_breaches

SPACING = (Rule.ONE_A_DAY, Rule.MIN_GAP, Rule.FLOOR_HOURS)
"""Judged against all other visits at once, with the measured values, rather than by masks."""


def check(
    problem: CourseProblem,
    starts: Sequence[int],
    chairs: Sequence[int | None] = (),
    nurses: Sequence[int | None] = (),
) -> Verdict:
    """Judge starts typed by a person, with or without a chair and a nurse for each (None or missing = any).

    The starts need not lie on the grid and need not be sorted or as many as ``problem.sessions``; they are judged
    together with the patient's existing visits. The verdict names every broken rule of every session at once; when
    it fits, it has a chair and a nurse for each start, in the order given.
    """
    wanted_chairs = [*chairs, *[None] * (len(starts) - len(chairs))]
    wanted_nurses = [*nurses, *[None] * (len(starts) - len(nurses))]
    masks = rule_starts(problem)
    can_start = chair_starts(problem)
    reasons: list[Reason] = []
    for session, start in enumerate(starts):
        if start not in problem.horizon or start + problem.pattern.chair - 1 not in problem.horizon:
            reasons += _outside(problem, session, start)
            continue
        reasons += _single(problem, masks, session, start)
        reasons += _chair(problem, can_start, session, start, wanted_chairs[session])
        reasons += _nurse(problem, session, start, wanted_nurses[session])
    reasons += _between(problem, starts)
    if reasons:
        return Verdict(tuple(reasons), ())
    return Verdict((), _places(problem, starts, wanted_chairs, wanted_nurses))


def _places(
    problem: CourseProblem,
    starts: Sequence[int],
    chairs: Sequence[int | None],
    nurses: Sequence[int | None],
) -> tuple[Place, ...]:
    seats = Seats(problem)
    main = main_nurse_of(problem, seats, starts)[0] if starts else None
    places = []
    for start, chair, nurse in zip(starts, chairs, nurses, strict=True):
        offer = seats.offer(start)
        suggested = main if main in offer.nurses else offer.nurses[0]
        places.append(
            Place(
                start,
                offer.chair if chair is None else chair,
                suggested if nurse is None else nurse,
            )
        )
    return tuple(places)


def _single(problem: CourseProblem, masks: dict[Rule, int], session: int, start: int) -> list[Reason]:
    """The broken rules of one visit by itself, seats apart."""
    offset = start - problem.horizon.origin
    broken = [rule for rule, mask in masks.items() if not mask >> offset & 1]
    return [
        _reason(problem, rule, session, start)
        for rule in broken
        if rule not in SPACING and rule is not Rule.CHAIR
    ]


def _outside(problem: CourseProblem, session: int, start: int) -> list[Reason]:
    """The broken rules of a visit that lies, or ends, where there are no masks: those of its dates."""
    horizon, wishes, last = problem.horizon, problem.wishes, problem.not_after
    day = horizon.local_date(start)
    dates = {day, horizon.local_date(start + problem.pattern.patient - 1)}
    broken = {
        Rule.HORIZON: True,
        Rule.LEAD_TIME: start < problem.not_before,
        Rule.ORDER_END: last is not None and day > last,
        Rule.CLOSURE: any(map(problem.is_closed, dates)),
        Rule.WISH_DAYS: not wishes.allows_weekday(day),
        Rule.BLACKOUT: not all(map(wishes.allows_date, dates)),
    }
    return [_reason(problem, rule, session, start) for rule, breaks in broken.items() if breaks]


def _reason(
    problem: CourseProblem, rule: Rule, session: int, start: int, seats: tuple[int, ...] = ()
) -> Reason:
    horizon, needs = problem.horizon, problem.pattern.needs(start)
    interval = needs.patient
    if rule is Rule.CHAIR:
        interval = needs.chair
    elif rule in NURSE_RULES:
        interval = needs.monitoring
    elif rule is Rule.PRESCRIBER:
        interval = needs.prescriber
    limits = {
        Rule.HORIZON: horizon.days[0 if start < horizon.origin else -1].date,
        Rule.LEAD_TIME: horizon.local_date(problem.not_before),
        Rule.ORDER_END: problem.not_after,
    }
    return Reason(
        rule,
        day=horizon.local_date(start),
        interval=interval,
        seats=seats,
        session=session,
        limit_date=limits.get(rule),
    )


def _chair(
    problem: CourseProblem, can_start: dict[int, int], session: int, start: int, chair: int | None
) -> list[Reason]:
    asked = tuple(can_start) if chair is None else (chair,)
    offset = start - problem.horizon.origin
    if any(can_start.get(one, 0) >> offset & 1 for one in asked):
        return []
    return [_reason(problem, Rule.CHAIR, session, start, asked)]


def _nurse(problem: CourseProblem, session: int, start: int, nurse: int | None) -> list[Reason]:
    """Why no nurse, or not the given one, takes a visit: nobody on shift, else what those on shift lack."""
    offset = start - problem.horizon.origin

    def keeps(one: Nurse, rules: Sequence[Rule]) -> bool:
        lifted = [rule for rule in NURSE_RULES if rule not in rules]
        return bool(nurse_starts(problem, one, lifted) >> offset & 1)

    asked = [one for one in problem.nurses if nurse in (None, one.id)]
    if any(keeps(one, NURSE_RULES) for one in asked):
        return []
    ids = tuple(one.id for one in asked) if nurse is None else (nurse,)
    on_shift = [one for one in asked if keeps(one, [Rule.NURSE_SHIFT])]
    if not on_shift:
        return [_reason(problem, Rule.NURSE_SHIFT, session, start, ids)]
    present = tuple(one.id for one in on_shift)
    rest = (Rule.NURSE_MONITORING, Rule.NURSE_HANDS_ON)
    # Where each nurse lacks only one of the two, both stand in the way.
    lacking = [rule for rule in rest if not any(keeps(one, [rule]) for one in on_shift)] or rest
    return [_reason(problem, rule, session, start, present) for rule in lacking]


def _between(problem: CourseProblem, starts: Sequence[int]) -> list[Reason]:
    """The broken rules between the typed visits, and between them and the existing ones."""
    reasons = []
    for breach, sessions in spacing_breaches(problem, starts):
        start = starts[sessions[-1]]
        reason = _reason(problem, breach.rule, sessions[-1], start)
        reasons.append(replace(reason, found=breach.found, limit=breach.limit))
    rising = sorted((start, session) for session, start in enumerate(starts))
    for (before, _session), (after, session) in pairwise(rising):
        if after - before < problem.pattern.patient:
            reasons.append(_reason(problem, Rule.PATIENT, session, after))
    return reasons
