"""Why a place or a plan is refused: frozen facts, never sentences. One module above the core puts them into words."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Rule(StrEnum):
    """One hard rule of booking; each excludes starts by itself."""

    HORIZON = "horizon"
    """Not within the days that may be booked."""
    LEAD_TIME = "lead_time"
    """Earlier than now plus the lead time, or than the earliest date asked for."""
    ORDER_END = "order_end"
    """After the last date on which the prescriber's order is valid."""
    CLOCK_CHANGE = "clock_change"
    """The wall time happens twice on that date."""
    OPENING = "opening"
    """Outside the opening hours."""
    CLOSURE = "closure"
    """On a day of closure."""
    CHAIR = "chair"
    """No chair is free from check-in to the end of turnover."""
    NURSE_SHIFT = "nurse_shift"
    """No nurse is on shift from preparation to discharge."""
    NURSE_MONITORING = "nurse_monitoring"
    """No nurse has a free monitoring seat from preparation to discharge."""
    NURSE_HANDS_ON = "nurse_hands_on"
    """No nurse has her hands free during preparation and discharge."""
    PATIENT = "patient"
    """The patient is somewhere else."""
    PRESCRIBER = "prescriber"
    """No prescriber is on site from treatment to the end of recovery."""
    WISH_DAYS = "wish_days"
    """A weekday the patient cannot come on."""
    WISH_TIMES = "wish_times"
    """A time the patient cannot come at."""
    BLACKOUT = "blackout"
    """The patient is away."""
    ONE_A_DAY = "one_a_day"
    """A second visit on the same local date."""
    MIN_GAP = "min_gap"
    """Fewer local days than the protocol's shortest gap."""
    FLOOR_HOURS = "floor_hours"
    """Fewer hours, start to start, than the protocol's shortest gap."""
    MAX_PER_7_DAYS = "max_per_7_days"
    """More visits in seven local days than the protocol allows."""


OVERRIDABLE = frozenset({Rule.LEAD_TIME, Rule.MIN_GAP, Rule.FLOOR_HOURS, Rule.MAX_PER_7_DAYS})
"""What a prescriber may override with a reason; never a seat (issue 2, section 3)."""

NURSE_RULES = (Rule.NURSE_SHIFT, Rule.NURSE_MONITORING, Rule.NURSE_HANDS_ON)
"""The rules that one and the same nurse has to satisfy together."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One cause of a refusal.

    ``rule`` is broken; ``also`` names the rules that are broken as well, so that lifting ``rule`` alone would not
    help. ``day`` is the clinic's local date. ``interval`` is half-open in steps: the stay that was asked for, or,
    for a whole day, from the first to the end of the last stay that only these rules prevent. ``seats`` are the
    ids, as in the problem, of the chairs or nurses that were looked at. ``session`` is the index in the course.
    ``found`` and ``limit`` are the measured and the allowed value: days for MIN_GAP, whole hours for FLOOR_HOURS,
    visits for MAX_PER_7_DAYS and ONE_A_DAY. ``limit_date`` is the first or last date that would do for LEAD_TIME,
    ORDER_END and HORIZON.
    """

    rule: Rule
    day: date | None = None
    also: tuple[Rule, ...] = ()
    interval: tuple[int, int] | None = None
    seats: tuple[int, ...] = ()
    session: int | None = None
    found: int | None = None
    limit: int | None = None
    limit_date: date | None = None


class HintKind(StrEnum):
    """One change that would make a plan possible."""

    OPEN_DAY = "open_day"
    """Open the clinic on that one closed day."""
    LATER_ORDER_END = "later_order_end"
    """An order that is valid until that date."""
    LATER_HORIZON = "later_horizon"
    """Look further ahead: that date, if every day after the horizon were free."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A change that would help, with the local date it is about."""

    kind: HintKind
    day: date


@dataclass(frozen=True, slots=True)
class NoPlan:
    """The proof that a course does not fit.

    ``session`` is the index of the first session that no choice of the earlier ones can reach (0 = the first) and
    ``window`` the local dates, both included, on which it was looked for; None when no such date is left.
    ``reasons`` say for every date of the window each smallest set of rules that prevents it.
    """

    session: int
    window: tuple[date, date] | None
    reasons: tuple[Reason, ...]
    hints: tuple[Hint, ...] = ()
