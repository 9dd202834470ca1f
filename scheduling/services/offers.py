"""Other places for one session while the others stay: of a proposal, or of a course that is booked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from django.utils.translation import gettext as _

from scheduling.core.cadence import Cadence
from scheduling.core.planner import Place, alternatives, check
from scheduling.core.problem import CourseProblem
from scheduling.core.reasons import OVERRIDABLE, Reason
from scheduling.core.timeline import STEP_MINUTES, from_step, to_step
from scheduling.core.walltime import WallTimeError, resolve
from scheduling.core.wishes import Wishes
from scheduling.models import Appointment, Location, Order

from .booking import BookedPlace
from .plan_blocks import eased
from .planning import load_problem
from .proposals import Proposal
from .reason_words import in_words
from .wishes import wishes_from_json

LIMIT = 9
LOOK_AHEAD = timedelta(days=21)
"""How far behind the last visit other places are looked for."""
ANY_SPACING = Cadence(
    per_week=1, min_gap_days=1, floor_hours=0, max_gap_days=999, ideal_low=1, ideal_high=999, max_per_7_days=7
)
"""Binds nothing but one visit a day."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a typed date and time.

    ``place`` is complete where the time fits, or would with a prescriber's reason: then ``needs_override``,
    and ``reasons`` say in words what is broken. Without a place the reasons cannot be overridden.
    """

    place: Place | None
    reasons: tuple[str, ...] = ()
    needs_override: bool = False

    @property
    def fits(self) -> bool:
        """Whether no rule is broken."""
        return self.place is not None and not self.needs_override


@dataclass(frozen=True, slots=True)
class Offers:
    """Other places for one visit, best first; ``beside_wishes`` where only the wishes kept them out."""

    places: tuple[Place, ...]
    beside_wishes: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """A proposal held against what is true now: per session what it breaks; empty where it still fits."""

    problem: CourseProblem
    faults: tuple[tuple[Reason, ...], ...]

    @property
    def fits(self) -> bool:
        """Whether every session still fits."""
        return not any(self.faults)

    @property
    def needs_override(self) -> bool:
        """Whether it fits but for rules that a prescriber may override."""
        rules = {reason.rule for reasons in self.faults for reason in reasons}
        return bool(rules) and rules <= OVERRIDABLE


def review(
    *, proposal: Proposal, order: Order, location: Location, now: datetime, reach: date | None = None
) -> Review:
    """Judge every place of a proposal by what is true at ``now``; ``reach`` is a further local date in it."""
    last = from_step(proposal.places[-1].start).astimezone(location.tz).date()
    problem = load_problem(
        order=order,
        location=location,
        now=now,
        sessions=len(proposal.places),
        since=now.astimezone(location.tz).date(),
        until=max(last + LOOK_AHEAD, reach or last),
        wishes=proposal.question.wishes,
        holding=proposal.question.request_key,
    )
    places = proposal.places
    # A time chosen by hand may lie outside the wishes; it was chosen with the patient.
    verdict = check(
        replace(problem, wishes=Wishes()),
        [place.start for place in places],
        [place.chair for place in places],
        [place.nurse for place in places],
    )
    faults: list[list[Reason]] = [[] for _place in places]
    for reason in verdict.reasons:
        faults[reason.session or 0].append(reason)
    return Review(problem, tuple(tuple(reasons) for reasons in faults))


def same_times(*, proposal: Proposal, found: Review, now: datetime) -> Proposal | None:
    """The same starts with other chairs or nurses; None where that is not possible."""
    verdict = check(replace(found.problem, wishes=Wishes()), [place.start for place in proposal.places])
    if not verdict.fits or verdict.places == proposal.places:
        return None
    return replace(proposal, places=verdict.places, made_at=now, changed=True)


def firm_places(proposal: Proposal, found: Review) -> list[BookedPlace]:
    """The places of the sessions that can still be booked, be it with a prescriber's reason."""
    pairs = zip(proposal.booked_places(), found.faults, strict=True)
    return [place for place, faults in pairs if not _is_gone(faults)]


def offer_sessions(*, proposal: Proposal, found: Review, index: int) -> Offers:
    """Other places for session ``index`` of a proposal; sessions that fit no more bind only by date."""
    firm = [at for at in range(len(proposal.places)) if at == index or not _is_gone(found.faults[at])]
    loose = [place.start for at, place in enumerate(proposal.places) if at not in firm]
    problem = replace(
        found.problem,
        existing=(*found.problem.existing, *loose),
        sessions=len(firm),
    )
    return _offers(problem, [proposal.places[at] for at in firm], firm.index(index))


def _is_gone(reasons: Sequence[Reason]) -> bool:
    return any(reason.rule not in OVERRIDABLE for reason in reasons)


def _offers(problem: CourseProblem, places: Sequence[Place], index: int) -> Offers:
    places_by_wish = alternatives(problem, places, index, LIMIT)
    if places_by_wish or problem.wishes == Wishes():
        return Offers(places_by_wish)
    return Offers(alternatives(replace(problem, wishes=Wishes()), places, index, LIMIT), beside_wishes=True)


def check_session(
    *,
    proposal: Proposal,
    found: Review,
    index: int,
    location: Location,
    now: datetime,
    day: date,
    wall: time,
) -> Answer:
    """Judge a typed local date and time for session ``index`` of a proposal; the review reaches that day."""
    others = [place.start for at, place in enumerate(proposal.places) if at != index]
    problem = replace(found.problem, existing=(*found.problem.existing, *others), sessions=1)
    return _judge(problem, location, now, day, wall)


def offer_places(
    *, appointment: Appointment, now: datetime, wishes: Wishes | None = None, holding: str = ""
) -> Offers:
    """Other places for one booked visit, best first for its whole course; the other visits stay.

    ``wishes`` default to those kept with the course; what is held by the key ``holding`` counts as free.
    """
    if wishes is None:
        wishes = wishes_from_json(appointment.series.wishes)
    problem = problem_of(appointment, now, last_date(appointment) + LOOK_AHEAD, wishes, holding=holding)
    spacing = eased(problem.cadence, appointment.series.order, appointment.local_date)
    problem = replace(problem, cadence=spacing)
    here = Place(to_step(appointment.starts_at), appointment.chair_id, appointment.nurse_id)
    if here.start not in problem.horizon:
        # Its time is over: any day of the horizon stands in for it.
        here = replace(here, start=problem.horizon.origin)
    return _offers(problem, [here], 0)


def check_typed(
    *, appointment: Appointment, now: datetime, day: date, wall: time, holding: str = ""
) -> Answer:
    """Judge a typed local date and time for one booked visit, at its location; ``holding`` as for ``offer_places``."""
    until = max(day, last_date(appointment))
    problem = problem_of(appointment, now, until, Wishes(), holding=holding)
    return _judge(problem, appointment.location, now, day, wall)


def problem_of(
    appointment: Appointment,
    now: datetime,
    until: date,
    wishes: Wishes,
    *,
    holding: str = "",
    with_claims: bool = True,
) -> CourseProblem:
    """One booked visit as a question, up to the local date ``until``: its own places count as free, the others stay."""
    problem = load_problem(
        order=appointment.series.order,
        location=appointment.location,
        now=now,
        sessions=1,
        since=now.astimezone(appointment.tz).date(),
        until=until,
        wishes=wishes,
        ignoring=[appointment],
        holding=holding,
        with_claims=with_claims,
    )
    if problem.reference is not None:
        return problem
    # A course of one visit has no other to tell the usual time.
    own = appointment.local_time
    return replace(problem, reference=own.hour * 60 + own.minute)


def last_date(appointment: Appointment) -> date:
    """The local date of the last open visit of its course, its own at least."""
    visits = Appointment.objects.open().filter(series=appointment.series_id)
    return max([*visits.values_list("local_date", flat=True), appointment.local_date])


def _judge(problem: CourseProblem, location: Location, now: datetime, day: date, wall: time) -> Answer:
    """Whether one visit fits beside all others of ``problem``; a wish of the patient never refuses."""
    try:
        instant = resolve(day, wall, location.tz)
    except (WallTimeError, OverflowError) as error:
        return Answer(None, (_clock_words(error, day, wall),))
    if wall.minute % STEP_MINUTES or wall.second or wall.microsecond:
        return Answer(None, (_("A visit starts on a multiple of 5 minutes."),))
    if instant <= now:
        return Answer(None, (_("A visit cannot start in the past."),))
    problem = replace(problem, wishes=Wishes())
    start = to_step(instant)
    verdict = check(problem, [start])
    if verdict.fits:
        return Answer(verdict.places[0])
    words = tuple(in_words(reason, location) for reason in verdict.reasons)
    if not {reason.rule for reason in verdict.reasons} <= OVERRIDABLE:
        return Answer(None, words)
    lifted = replace(problem, cadence=ANY_SPACING, not_before=problem.horizon.origin)
    return Answer(check(lifted, [start]).places[0], words, needs_override=True)


def _clock_words(error: Exception, day: date, wall: time) -> str:
    moment = {"day": day.isoformat(), "time": f"{wall:%H:%M}"}
    if isinstance(error, WallTimeError) and error.kind == "ambiguous":
        return _("On %(day)s clocks are set back and %(time)s happens twice. Choose another time.") % moment
    if isinstance(error, WallTimeError):
        words = _("On %(day)s clocks are set forward and %(time)s does not exist. Choose another time.")
        return words % moment
    return _("No visit can be booked on %(day)s at %(time)s.") % moment
