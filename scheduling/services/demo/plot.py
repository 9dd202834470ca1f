"""The parts the sixty play: who is where in treatment on the demo's day."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from scheduling.core.wishes import Wishes

from .regimens import FOUR, SPRAY, THRICE, TWICE, WEEKLY

BACK = {
    THRICE: (0, 3, 5, 7, 10, 12),
    TWICE: (0, 4, 7, 11, 14, 18),
    FOUR: (0, 4, 7, 11),
    SPRAY: (0, 4, 7, 11, 14, 18, 21, 25),
}
"""How many days before the demo's day a course began, by the visits it has behind it."""
STEPS = {THRICE: (0, 2, 4), TWICE: (0, 3), FOUR: (0, 3), SPRAY: (0, 3), WEEKLY: (0,)}
"""Weekdays of a course, counted from its first."""
INFUSION_STAY, SPRAY_STAY = 120, 155
STAYS = {SPRAY: SPRAY_STAY}


class Ending(StrEnum):
    """How far a story goes."""

    REGISTERED = "registered"
    DRAFTED = "drafted"
    SIGNED = "signed"
    WITHDRAWN = "withdrawn"
    BOOKED = "booked"


class FollowUp(StrEnum):
    """What comes after the first stage."""

    NONE = "none"
    DRAFTED = "drafted"
    SIGNED = "signed"
    BOOKED = "booked"


class Today(StrEnum):
    """What becomes of a visit booked for the demo's day."""

    COMES = "comes"
    MISSES = "misses"
    CANCELS = "cancels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One patient's story. ``starts`` is the first local date asked for, or when an order would begin.

    ``chair`` is the place on the demo's day of one who should be here then; wishes for times give way to it.
    ``today`` says what becomes of a visit on the demo's day and ``misses`` are numbers of visits missed before;
    ``holds``: the places of a draft are held on the demo's day; ``lacks`` is a prerequisite not on record;
    ``stops_after`` the visit after which a course is given up.
    """

    site: int
    protocol: str
    starts: date
    ending: Ending = Ending.BOOKED
    wishes: Wishes = field(default_factory=Wishes)
    chair: int | None = None
    today: Today = Today.COMES
    misses: tuple[int, ...] = ()
    makes_up: bool = False
    holds: bool = False
    lacks: str = ""
    stops_after: int = 0
    follow_up: FollowUp = FollowUp.NONE
    follow_up_starts: date = date.max
    follow_up_wishes: Wishes = field(default_factory=Wishes)


TODAY: tuple[tuple[int, int, int, str, int], ...] = (
    *((0, 0, 555, THRICE, 3), (0, 0, 690, TWICE, 2), (0, 0, 825, THRICE, 1), (0, 0, 960, FOUR, 2)),
    *((0, 1, 480, THRICE, 4), (0, 1, 615, FOUR, 1), (0, 1, 750, THRICE, 0), (0, 1, 885, TWICE, 4)),
    *((0, 2, 495, TWICE, 5), (0, 2, 630, THRICE, 2), (0, 2, 765, WEEKLY, 1)),
    *((0, 3, 480, SPRAY, 3), (0, 3, 645, SPRAY, 6), (0, 3, 810, SPRAY, 1)),
    *((1, 0, 420, THRICE, 5), (1, 0, 690, THRICE, 2), (1, 0, 825, FOUR, 3), (1, 0, 960, THRICE, 1)),
    *((1, 1, 480, TWICE, 3), (1, 1, 885, TWICE, 0), (1, 1, 1020, TWICE, 1)),
    *((1, 2, 495, THRICE, 3), (1, 2, 765, FOUR, 0), (1, 2, 900, WEEKLY, 1)),
    (1, 3, 810, SPRAY, 2),
)
"""Those treated today: site, chair, wall minute of the start, protocol, visits behind them.

In a chair the starts lie a visit with its turnover apart; one nurse alone could serve the first three chairs,
and every stage of a visit is under way at most times of the day.
"""
EXCEPTIONS = {7: Today.CANCELS, 8: Today.MISSES}
"""Places in TODAY of one who does not come and one who cancelled the evening before."""


def parts(day: date) -> list[Part]:
    """The sixty parts on the local date ``day``."""
    return [
        *_treated_today(day),
        *_finished(day),
        *_under_way(day),
        *_to_begin(day),
        *_not_booked(day),
    ]


def _at(day: date, protocol: str, minute: int) -> Wishes:
    """Weekdays of a course that includes ``day``, always at one time."""
    weekdays = frozenset((day.weekday() + step) % 7 for step in STEPS[protocol])
    return Wishes(
        only_weekdays=weekdays, only_windows=((minute, minute + STAYS.get(protocol, INFUSION_STAY)),)
    )


def _elsewhen(day: date, first: int, minute: int, until: int) -> Wishes:
    """Three weekdays, the ``first`` after the demo's own and never that, preferably between two wall minutes."""
    weekdays = frozenset((day.weekday() + step) % 7 for step in (first, first + 2, first + 4))
    return Wishes(only_weekdays=weekdays, prefer_windows=((minute, until),))


def _treated_today(day: date) -> Iterator[Part]:
    for index, (site, chair, minute, protocol, behind) in enumerate(TODAY):
        if protocol == WEEKLY:
            yield _weekly(day, site, chair, minute)
            continue
        yield Part(
            site=site,
            protocol=protocol,
            starts=day - timedelta(days=BACK[protocol][behind]),
            wishes=_at(day, protocol, minute),
            chair=chair,
            today=EXCEPTIONS.get(index, Today.COMES),
        )


def _weekly(day: date, site: int, chair: int, minute: int) -> Part:
    """Four infusions in two weeks, then one a week: the second of these is today."""
    return Part(
        site=site,
        protocol=FOUR,
        starts=day - timedelta(days=25),
        wishes=_at(day, FOUR, minute),
        chair=chair,
        follow_up=FollowUp.BOOKED,
        follow_up_starts=day - timedelta(days=7),
        follow_up_wishes=_at(day, WEEKLY, minute),
    )


def _finished(day: date) -> Iterator[Part]:
    """First stage behind them: some wait for the follow-up, some have it booked, some have none."""
    rows = (
        (0, THRICE, 58, FollowUp.BOOKED),
        (1, THRICE, 115, FollowUp.BOOKED),
        (0, TWICE, 33, FollowUp.NONE),
        (1, SPRAY, 33, FollowUp.NONE),
        (0, FOUR, 24, FollowUp.DRAFTED),
        (1, THRICE, 22, FollowUp.SIGNED),
        (0, THRICE, 24, FollowUp.BOOKED),
        (1, TWICE, 29, FollowUp.BOOKED),
        (0, THRICE, 20, FollowUp.BOOKED),
    )
    for number, (site, protocol, ago, follow_up) in enumerate(rows):
        begins, ends = ((480, 720), (780, 1080))[number % 2]
        wishes = _elsewhen(day, 1 + number % 2, begins, ends)
        starts = day - timedelta(days=ago)
        yield Part(
            site=site,
            protocol=protocol,
            starts=starts,
            wishes=wishes,
            follow_up=follow_up,
            follow_up_starts=min(starts + timedelta(days=17), day + timedelta(days=1 + number % 3)),
            follow_up_wishes=wishes,
        )


def _under_way(day: date) -> Iterator[Part]:
    """In the middle of a course, but not here today; some missed a visit, some stopped."""
    one, other = _elsewhen(day, 1, 480, 780), _elsewhen(day, 2, 600, 1020)

    def part(site: int, protocol: str, ago: int, wishes: Wishes, **more: Any) -> Part:
        return Part(site=site, protocol=protocol, starts=day - timedelta(days=ago), wishes=wishes, **more)

    yield part(0, THRICE, 8, one)
    yield part(1, TWICE, 12, other)
    yield part(0, SPRAY, 15, one)
    yield part(1, THRICE, 5, other)
    yield part(0, TWICE, 13, one, misses=(2,), makes_up=True)
    yield part(1, TWICE, 14, other, misses=(2, 3))
    yield part(0, THRICE, 12, one, stops_after=3)
    yield part(1, FOUR, 10, other, stops_after=1)


def _to_begin(day: date) -> Iterator[Part]:
    """Booked, the first visit still ahead."""
    tuesdays = Wishes(prefer_weekdays=frozenset((1, 3)), blackouts=((day, day),))
    mornings = Wishes(prefer_windows=((480, 660),), blackouts=((day, day),))
    no_fridays = Wishes(
        never_weekdays=frozenset((4,)), prefer_windows=((780, 1080),), blackouts=((day, day),)
    )
    rows = (
        *((0, TWICE, 2, tuesdays), (0, THRICE, 3, mornings), (1, FOUR, 4, no_fridays)),
        *((1, TWICE, 6, mornings), (0, SPRAY, 5, Wishes()), (1, THRICE, 9, tuesdays)),
    )
    for site, protocol, ahead, wishes in rows:
        yield Part(site=site, protocol=protocol, starts=day + timedelta(days=ahead), wishes=wishes)


def _not_booked(day: date) -> Iterator[Part]:
    """New, drafted, signed and withdrawn."""
    starts = day + timedelta(days=2)
    for site, protocol, lacks in (
        *((0, THRICE, ""), (0, TWICE, ""), (1, FOUR, ""), (1, SPRAY, "rems-enrolment")),
        (0, THRICE, "treatment-consent"),
    ):
        yield Part(site=site, protocol=protocol, starts=starts, ending=Ending.SIGNED, lacks=lacks)
    for site, protocol, holds in ((0, THRICE, True), (1, TWICE, False), (0, SPRAY, False)):
        yield Part(site=site, protocol=protocol, starts=starts, ending=Ending.DRAFTED, holds=holds)
    for site in (0, 1, 0):
        yield Part(site=site, protocol=THRICE, starts=starts, ending=Ending.REGISTERED)
    yield Part(site=1, protocol=FOUR, starts=starts - timedelta(days=9), ending=Ending.WITHDRAWN)
