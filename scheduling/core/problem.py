"""What the planner is asked: one patient's course at one location, as masks over one horizon."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from .cadence import Cadence
from .pattern import Pattern
from .timeline import DAY_STEPS, STEP_MINUTES, Horizon
from .wishes import Wishes


@dataclass(frozen=True, slots=True)
class Nurse:
    """One nurse as masks over the horizon.

    ``shift``: she works at this location. ``monitoring``: one more patient can be monitored (see ``room``).
    ``hands_on``: her hands are free. The last two need not be cut to the shift; the planner does that.
    """

    id: int
    shift: int
    monitoring: int
    hands_on: int


@dataclass(frozen=True, slots=True)
class Former:
    """Where the sessions of a booked course are, for a plan that changes as little of it as it can.

    ``starts``: their starts as steps, rising; sessions beyond them are new and come last. ``kept``: those of them at
    which a session may stay; grid, wishes and lead time do not bind there, since that place was agreed on before.
    """

    starts: tuple[int, ...]
    kept: frozenset[int]


@dataclass(frozen=True, slots=True)
class CourseProblem:
    """One course to place. Masks are over ``horizon``; instants are steps; dates are the clinic's local dates.

    ``sessions``: how many visits to place, at least 1.
    ``chairs``: the free mask of every usable chair by its id.
    ``patient``: the steps at which the patient has no visit anywhere.
    ``open``: the opening hours with closures **not** taken out. The stay, check-in to discharge, lies within them;
    turnover may run past closing. ``closures``: ranges of local dates, both included.
    ``prescriber``: where one must be on site, the union of the prescribers' shifts; None where none is needed.
    ``not_before``: the first step at which a visit may start (lead time, earliest date asked for).
    ``not_after``: the last local date on which one may start (the order's validity); None without an end.
    ``existing``: starts of the patient's other visits, in any order, before, between or after the new ones: they
    bind gaps and 7-day counts and are the neighbours that cadence is judged against. Leave out visits of an
    earlier course unless they are near enough to bind.
    ``reference``: the usual wall minute of the existing course; None lets the plan find its own.
    ``main_nurse``: the existing course's main nurse; None lets the plan find the best.
    ``grid_minutes``: proposed starts are at wall minutes divisible by it.
    ``former``: where the sessions are now; a plan then compares first how many of them move, and by how many days.
    Raises ValueError for a count or a grid that makes no sense.
    """

    horizon: Horizon
    pattern: Pattern
    cadence: Cadence
    sessions: int
    chairs: Mapping[int, int]
    nurses: tuple[Nurse, ...]
    patient: int
    open: int
    not_before: int
    wishes: Wishes = field(default_factory=Wishes)
    closures: tuple[tuple[date, date], ...] = ()
    prescriber: int | None = None
    not_after: date | None = None
    existing: tuple[int, ...] = ()
    reference: int | None = None
    main_nurse: int | None = None
    grid_minutes: int = 15
    former: Former | None = None

    def __post_init__(self) -> None:
        if self.sessions < 1:
            raise ValueError("a course has at least one session")
        if self.grid_minutes <= 0 or self.grid_minutes % STEP_MINUTES:
            raise ValueError(f"the grid is a positive multiple of {STEP_MINUTES} minutes")
        if self.reference is not None and not 0 <= self.reference < DAY_STEPS * STEP_MINUTES:
            raise ValueError("the usual time is a minute of the day")
        if len({nurse.id for nurse in self.nurses}) < len(self.nurses):
            raise ValueError("a nurse stands twice in the problem")
        if self.former is not None and len(self.former.starts) > self.sessions:
            raise ValueError("more sessions are booked than are to be placed")

    @property
    def spacing(self) -> int:
        """Steps from start to start of two sessions at least: the floor, and never two visits at once."""
        return max(self.cadence.floor_steps, self.pattern.chair)

    @property
    def usable(self) -> int:
        """The opening hours without the days of closure."""
        if not self.closures:
            return self.open
        return self.open & self.horizon.days_mask(lambda day: not self.is_closed(day))

    def is_closed(self, day: date) -> bool:
        """Whether a closure covers a local date."""
        return any(since <= day <= until for since, until in self.closures)


def room(busy: Iterable[int], capacity: int, full: int) -> int:
    """The mask of steps at which fewer than ``capacity`` of the busy masks are set.

    ``busy`` are the claims of a nurse's monitoring seats: one mask a seat or one a claim, as is handy. Her seats
    are interchangeable (traps.md), so only the count matters. ``full`` is the mask of the whole horizon.
    """
    if capacity <= 0:
        return 0
    # at_least[k] marks the steps with more than k of the masks seen so far.
    at_least = [0] * capacity
    for mask in busy:
        for k in range(capacity - 1, 0, -1):
            at_least[k] |= at_least[k - 1] & mask
        at_least[0] |= mask
    return full & ~at_least[-1]
