"""The next block of a follow-up plan: which visits come next and the places the planner finds for them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from statistics import median_low

from scheduling.core.cadence import Cadence
from scheduling.core.plan_steps import Step, Stretch, Stuck, cadence_for, in_force, stretches
from scheduling.core.planner import Place, Plan, Ranking, plan
from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import NoPlan
from scheduling.core.timeline import ceil_step, from_step, to_step
from scheduling.core.wishes import Wishes
from scheduling.core.words import OrderState, PlanState
from scheduling.models import Appointment, FollowUpPlan, Location, Order

from .frame import last_day
from .planning import cadence_of, load_problem
from .wishes import wishes_from_json

HORIZON = timedelta(weeks=4)
"""A plan is booked so far ahead, or two visits, whichever is longer."""
AHEAD = 2
SHORT = timedelta(weeks=2)
"""With less than this, or with one visit left, a plan is extended."""
REVIEW_GRACE = timedelta(days=14)
"""So long after a review date that nobody dealt with, visits are still booked."""
SEARCH_DAYS = 7
"""A visit is looked for up to so many days behind its ideal date."""
HABIT_VISITS = 6


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be booked: a plan as it stands or as it is about to be set.

    ``review_on``: the earliest review date that nobody has dealt with. Dates are the location's local dates.
    """

    order: Order
    location: Location
    steps: tuple[Step, ...]
    starts_after: date
    wishes: Wishes
    review_on: date | None = None

    @property
    def cadence(self) -> Cadence:
        """The protocol's spacing."""
        return cadence_of(self.order.protocol)


@dataclass(frozen=True, slots=True)
class Standing:
    """The patient's visits since the plan counts, given and booked, and how far they reach at ``now``."""

    visits: tuple[Appointment, ...]
    ahead: int
    last: date

    def is_short(self, today: date) -> bool:
        """Whether under two weeks or at most one visit is booked from the local date ``today`` on."""
        return self.ahead < AHEAD or self.last < today + SHORT


@dataclass(frozen=True, slots=True)
class Block:
    """The next visits, rising by start; or why there is none.

    ``none`` is the planner's proof where no place was found; ``stuck`` is given wherever fewer visits were found
    than the horizon wants. ``wanted`` is the ideal local date of the first visit that is not in the block;
    ``words`` are what booking said where it refused.
    """

    places: tuple[Place, ...]
    stuck: Stuck | None = None
    none: NoPlan | None = None
    wanted: date | None = None
    words: tuple[str, ...] = ()


def ask_of(plan: FollowUpPlan) -> Ask:
    """The question a saved plan asks; wants its order with protocol and phases, its steps and reviews."""
    undone = [review.due_on for review in plan.reviews.all() if review.done_at is None]
    return Ask(
        order=plan.order,
        location=plan.location,
        steps=steps_of(plan),
        starts_after=plan.starts_after,
        wishes=wishes_from_json(plan.wishes),
        review_on=min(undone, default=None),
    )


def steps_of(plan: FollowUpPlan) -> tuple[Step, ...]:
    """The steps of a saved plan."""
    return tuple(Step(step.per_week, step.every_weeks, step.weeks) for step in plan.steps.all())


def standing(ask: Ask, now: datetime) -> Standing:
    """What is booked and given since ``starts_after``, that day included, whatever course it belongs to."""
    rows = Appointment.objects.counted().filter(
        patient=ask.order.patient_id, local_date__gte=ask.starts_after
    )
    visits = tuple(rows.order_by("starts_at"))
    later = [visit for visit in visits if visit.local_date > ask.starts_after]
    last = max([ask.starts_after, *(visit.local_date for visit in visits)])
    return Standing(visits, sum(visit.is_open and visit.starts_at > now for visit in later), last)


def propose_block(ask: Ask, now: datetime) -> Block:
    """Places for the visits that come next: up to four weeks ahead or two visits, whichever is longer.

    Never beyond the order's number or validity, nor more than REVIEW_GRACE behind an undone review. Each step is
    planned with its own spacing; the visits before it are its neighbours. Nothing is written.
    """
    today = now.astimezone(ask.location.tz).date()
    found = standing(ask, now)
    wanted = _wanted(ask, found, today)
    if not wanted:
        return Block((), None if following(ask, found, today) else Stuck.OVER)
    end, why = _end(ask, now)
    allowed = _cut(wanted, end, ask.order.left)
    places: list[Place] = []
    for stretch in allowed:
        plan_ = _plan_stretch(ask, stretch, found, places, end, now)
        if isinstance(plan_, NoPlan):
            return Block(tuple(places), Stuck.NO_PLACE, plan_, stretch.targets[0])
        places += plan_.places
        if len(plan_.places) < len(stretch.targets):
            return Block(tuple(places), Stuck.NO_PLACE, None, stretch.targets[len(plan_.places)])
    targets = [target for stretch in wanted for target in stretch.targets]
    if len(places) == len(targets):
        return Block(tuple(places))
    first_left = targets[len(places)]
    return Block(tuple(places), Stuck.ORDER_USED_UP if first_left <= end else why, None, first_left)


def following(ask: Ask, found: Standing, today: date) -> date | None:
    """The ideal local date of the visit behind the last one booked; None where the steps are over."""
    days = [visit.local_date for visit in found.visits]
    more = stretches(ask.steps, ask.starts_after, days, today, until=today, at_least=1, at_most=1)
    return more[0].targets[0] if more else None


def _wanted(ask: Ask, found: Standing, today: date) -> tuple[Stretch, ...]:
    """What the horizon wants, as if the order had no end."""
    return stretches(
        ask.steps,
        ask.starts_after,
        [visit.local_date for visit in found.visits],
        today,
        until=max(today, ask.starts_after) + HORIZON,
        at_least=max(0, AHEAD - found.ahead),
        at_most=100,
    )


def _end(ask: Ask, now: datetime) -> tuple[date, Stuck]:
    """The last local date that may be booked, and which limit it is."""
    if ask.order.state == OrderState.USED_UP:
        return date.min, Stuck.ORDER_USED_UP
    if ask.order.state != OrderState.SIGNED:
        return date.min, Stuck.ORDER_ENDS
    limits = [(ask.order.valid_until, Stuck.ORDER_ENDS), (last_day(ask.location, now), Stuck.NO_PLACE)]
    if ask.review_on:
        limits.append((ask.review_on + REVIEW_GRACE, Stuck.REVIEW_OVERDUE))
    return min(limits, key=lambda limit: limit[0])


def _cut(wanted: Sequence[Stretch], end: date, left: int) -> list[Stretch]:
    """The wanted visits up to ``end``, as many as are ``left``."""
    kept = []
    for stretch in wanted:
        targets = tuple(target for target in stretch.targets if target <= end)[: max(0, left)]
        left -= len(targets)
        if targets:
            kept.append(replace(stretch, targets=targets))
    return kept


def _plan_stretch(
    ask: Ask, stretch: Stretch, found: Standing, before: Sequence[Place], end: date, now: datetime
) -> Plan | NoPlan:
    """The best places for one stretch, or for as many of its visits as fit."""
    tz = ask.location.tz
    last = from_step(before[-1].start).astimezone(tz).date() if before else found.last
    # Nobody is called in for the same day.
    last = max(last, now.astimezone(tz).date())
    until = min(end, stretch.targets[-1] + timedelta(days=SEARCH_DAYS))
    problem = load_problem(
        order=ask.order,
        location=ask.location,
        now=now,
        sessions=len(stretch.targets),
        since=min(last + timedelta(days=1), until),
        until=until,
        wishes=ask.wishes,
    )
    problem = _as_step(problem, ask, stretch.step, found, before, last)
    answer = plan(problem, Ranking.BEST_FIT)
    for sessions in range(len(stretch.targets) - 1, 0, -1):
        if not isinstance(answer, NoPlan):
            break
        fewer = plan(replace(problem, sessions=sessions), Ranking.BEST_FIT)
        answer = answer if isinstance(fewer, NoPlan) else fewer
    return answer


def _as_step(
    problem: CourseProblem, ask: Ask, step: Step, found: Standing, before: Sequence[Place], last: date
) -> CourseProblem:
    """The problem with the step's spacing, the visits it is counted from, and the plan's usual time and nurse."""
    tz = ask.location.tz
    anchors = {*problem.existing, *(place.start for place in before)}
    anchors |= {to_step(visit.starts_at) for visit in found.visits[-HABIT_VISITS:]}
    if not any(visit.local_date == ask.starts_after for visit in found.visits):
        # Counted from a date on which nothing was given here: noon of that day stands for it.
        anchors.add(to_step(datetime.combine(ask.starts_after, time(12), tz)))
    reference, nurse = problem.reference, problem.main_nurse
    if reference is None and before:
        walls = [from_step(place.start).astimezone(tz) for place in before]
        reference, nurse = _usual(walls), Counter(place.nurse for place in before).most_common(1)[0][0]
    elif reference is None and found.visits:
        recent = found.visits[-HABIT_VISITS:]
        reference = _usual([visit.starts_at.astimezone(tz) for visit in recent])
        nurse = Counter(visit.nurse_id for visit in recent).most_common(1)[0][0]
    morrow = ceil_step(datetime.combine(last + timedelta(days=1), time(), tz))
    return replace(
        problem,
        cadence=cadence_for(step, ask.cadence),
        existing=tuple(sorted(anchors)),
        reference=reference,
        main_nurse=nurse,
        not_before=max(problem.not_before, morrow),
    )


def _usual(walls: Sequence[datetime]) -> int:
    """The usual wall minute of local starts."""
    return median_low([wall.hour * 60 + wall.minute for wall in walls])


def eased(cadence: Cadence, order: Order, day: date) -> Cadence:
    """The spacing by which other places for a booked visit of ``order`` on a local date are ranked.

    Where the visit is part of a plan, its step's ideal gaps; what is forbidden stays the protocol's, so that a
    visit can be moved nearer to another one than the plan would have put it.
    """
    plan = FollowUpPlan.objects.filter(order=order, state=PlanState.ACTIVE).prefetch_related("steps").first()
    index = in_force(steps_of(plan), plan.starts_after, day) if plan else None
    if plan is None or index is None:
        return cadence
    step = cadence_for(steps_of(plan)[index], cadence)
    return replace(
        cadence,
        per_week=step.per_week,
        max_gap_days=step.max_gap_days,
        ideal_low=step.ideal_low,
        ideal_high=step.ideal_high,
    )
