"""Where the visits of a course would go at another location: the same days and hours, or the planner's best."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from django.utils.translation import gettext as _

from scheduling.core.planner import Place, check
from scheduling.core.reasons import NoPlan
from scheduling.core.timeline import from_step, to_step
from scheduling.core.words import UNDER_WAY, Status
from scheduling.models import Appointment, Location, Series

from .booking import require_given_at
from .faults import Refused
from .planning import load_problem, propose_course
from .reason_words import no_plan_words
from .treated import require_treated
from .wishes import wishes_from_json


@dataclass(frozen=True, slots=True)
class Move:
    """One visit and its new place."""

    visit: Appointment
    place: Place

    @property
    def starts_at(self) -> datetime:
        """The new start (UTC)."""
        return from_step(self.place.start)


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """Where each visit of a course goes at ``location``, by start."""

    location: Location
    moves: tuple[Move, ...]

    @property
    def fingerprint(self) -> str:
        """A digest of all places: what was looked at is what gets booked."""
        places = [(move.visit.pk, move.place) for move in self.moves]
        return sha256(repr((self.location.pk, places)).encode()).hexdigest()[:16]


def propose_transfer(
    *, series: Series, location: Location, now: datetime, earliest: date | None = None
) -> TransferPlan:
    """Places at ``location`` for the booked visits on or after the local date ``earliest``, or for all ahead.

    The same days and hours where all of them are free there, else the planner's best. Visits before that date stay
    where they are and bind the gaps. Raises Refused where the location cannot take the course, where nothing is
    left to move, while a visit is under way, and with the planner's reasons where there is no plan.
    """
    _require_possible(series, location)
    visits = _to_move(series, now, earliest)
    places = _same_times(series, location, now, visits) or _planned(series, location, now, visits, earliest)
    return TransferPlan(location, tuple(map(Move, visits, places)))


def _same_times(
    series: Series, location: Location, now: datetime, visits: Sequence[Appointment]
) -> tuple[Place, ...]:
    """The visits at their own days and wall times there; none where one of them breaks a rule."""
    walls = [datetime.combine(visit.local_date, visit.local_time, location.tz) for visit in visits]
    problem = load_problem(
        order=series.order,
        location=location,
        now=now,
        sessions=len(visits),
        since=visits[0].local_date,
        # Turnover may run past midnight.
        until=visits[-1].local_date + timedelta(days=1),
        wishes=wishes_from_json(series.wishes),
        ignoring=visits,
    )
    return check(problem, [to_step(wall.astimezone(UTC)) for wall in walls]).places


def _planned(
    series: Series, location: Location, now: datetime, visits: Sequence[Appointment], earliest: date | None
) -> tuple[Place, ...]:
    today = now.astimezone(location.tz).date()
    _problem, found = propose_course(
        order=series.order,
        location=location,
        now=now,
        sessions=len(visits),
        earliest=max(today, earliest or today),
        wishes=wishes_from_json(series.wishes),
        ignoring=visits,
    )
    if isinstance(found, NoPlan):
        raise _no_plan(found, location)
    return found[0].places


def _no_plan(found: NoPlan, location: Location) -> Refused:
    words = no_plan_words(found, location)
    causes = [f"{cause.words}: {', '.join(cause.days)}" for cause in words.causes]
    return Refused("no_plan", words.headline, details=[*causes, *words.hints])


def _require_possible(series: Series, location: Location) -> None:
    require_treated(series.patient)
    if location.pk == series.location_id:
        words = _("This course is treated at %(place)s already.")
        raise Refused("same_location", words % {"place": location}, field="location")
    if not location.is_active:
        words = _("%(place)s takes no patients any more.")
        raise Refused("location_closed", words % {"place": location}, field="location")
    require_given_at(series.order.protocol, location)
    here = series.appointments.filter(status__in=UNDER_WAY).first()
    if here:
        words = _("Visit %(number)d is under way. Close it first.")
        raise Refused("visit_under_way", words % {"number": here.number})


def _to_move(series: Series, now: datetime, earliest: date | None) -> list[Appointment]:
    """The booked visits that go, locked where a transaction is open, by local date."""
    rows = series.appointments.filter(status=Status.BOOKED, starts_at__gt=now)
    if earliest:
        rows = rows.filter(local_date__gte=earliest)
    found = rows.select_related("location", "patient__home_location", "protocol", "chair", "nurse", "order")
    visits = sorted(found, key=lambda visit: (visit.local_date, visit.pk))
    if not visits:
        words = _("No booked visit of this course is left to move from that day on.")
        raise Refused("nothing_to_move", words, field="earliest" if earliest else None)
    for visit in visits:
        visit.series = series
    return visits
