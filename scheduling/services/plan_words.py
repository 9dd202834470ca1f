"""A plan in words that a clerk can read out: when it ends, how regular it is, and what to look at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.core.planner import Place, Ranking
from scheduling.core.timeline import from_step
from scheduling.core.wishes import DAY_MINUTES, Wishes
from scheduling.core.zones import zone_words
from scheduling.models import Location, Protocol

SEVERAL = 3
"""So many different weekdays still are a pattern."""


@dataclass(frozen=True, slots=True)
class PlanWords:
    """Facts by subject (finish, days, times, gaps, nurse, wishes), what to look at, what is missed."""

    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    missed: int


def plan_words(
    *,
    places: Sequence[Place],
    location: Location,
    protocol: Protocol,
    wishes: Wishes,
    nurses: Mapping[int, str],
    others: Sequence[date] = (),
    longest: int | None = None,
) -> PlanWords:
    """What places, rising by start, are like; ``others`` are local dates of the patient's other visits.

    Gaps above ``longest`` days, by default the protocol's, are pointed out.
    """
    limit = protocol.max_gap_days if longest is None else longest
    starts = [from_step(place.start).astimezone(location.tz) for place in places]
    has_wishes = bool(wishes.prefer_weekdays or wishes.prefer_windows)
    missed = sum(_misses(start, wishes) for start in starts)
    facts = [
        ("finish", _("ends %(day)s") % {"day": day_words(starts[-1].date())}),
        ("days", _weekdays(starts)),
        ("times", _times(starts)),
        ("gaps", _gaps(starts)),
        ("nurse", _nurse(places, nurses)),
        ("wishes", _wishes(missed, len(starts)) if has_wishes else ""),
    ]
    dates = sorted({*others, *(start.date() for start in starts)})
    own = {start.date() for start in starts}
    warnings = [
        _("%(days)d days between %(first)s and %(last)s; the protocol's longest gap is %(limit)d.")
        % {
            "days": (after - before).days,
            "first": day_words(before),
            "last": day_words(after),
            "limit": limit,
        }
        for before, after in pairwise(dates)
        if (after - before).days > limit and {before, after} & own
    ]
    return PlanWords(tuple(fact for fact in facts if fact[1]), tuple(warnings), missed)


def day_words(day: date) -> str:
    """``Fri 23 Jan``."""
    return formats.date_format(day, "D j M")


def _weekdays(starts: Sequence[datetime]) -> str:
    days = sorted({start.weekday() for start in starts})
    names = "/".join(weekday_word(day) for day in days)
    if len(starts) == 1:
        return ""
    return (
        _("all on %(days)s") % {"days": names}
        if len(days) < SEVERAL + 1
        else _("on %(days)s") % {"days": names}
    )


def weekday_word(weekday: int) -> str:
    """``Tue`` for 1, in the active language."""
    return formats.date_format(date(2024, 1, 1 + weekday), "D")


def _times(starts: Sequence[datetime]) -> str:
    times = [f"{start:%H:%M}" for start in starts]
    usual, often = Counter(times).most_common(1)[0]
    if len(set(times)) == 1:
        return (
            _("always %(time)s") % {"time": usual} if len(times) > 1 else _("at %(time)s") % {"time": usual}
        )
    if often > len(times) / 2:
        return _("%(often)d of %(all)d at %(time)s, all between %(first)s and %(last)s") % {
            "often": often,
            "all": len(times),
            "time": usual,
            "first": min(times),
            "last": max(times),
        }
    return _("between %(first)s and %(last)s") % {"first": min(times), "last": max(times)}


def _gaps(starts: Sequence[datetime]) -> str:
    gaps = [(after.date() - before.date()).days for before, after in pairwise(starts)]
    if not gaps:
        return ""
    if min(gaps) == max(gaps):
        return ngettext("every day", "every %(days)d days", gaps[0]) % {"days": gaps[0]}
    return _("%(least)d to %(most)d days apart") % {"least": min(gaps), "most": max(gaps)}


def _nurse(places: Sequence[Place], nurses: Mapping[int, str]) -> str:
    nurse, often = Counter(place.nurse for place in places).most_common(1)[0]
    name = nurses.get(nurse, "")
    if len(places) == 1:
        return _("with %(name)s") % {"name": name}
    if often == len(places):
        return _("%(name)s for all") % {"name": name}
    return _("%(name)s for %(often)d of %(all)d") % {"name": name, "often": often, "all": len(places)}


def _misses(start: datetime, wishes: Wishes) -> bool:
    return wishes.misses_weekday(start.date()) or wishes.misses_window(start.hour * 60 + start.minute)


def _wishes(missed: int, count: int) -> str:
    if not missed:
        return _("every preference met")
    words = _("%(missed)d of %(all)d outside the preferred days or times")
    return words % {"missed": missed, "all": count}


def title_words(ranking: Ranking, avoided: int | None) -> tuple[str, str]:
    """A proposal's name and, in one sentence, for what it is the best."""
    if avoided is None:
        titles = {
            Ranking.BEST_FIT: (_("Best fit"), _("Spacing first, then the preferences, then an early end.")),
            Ranking.SOONEST: (_("Soonest"), _("Ends as early as the rules allow.")),
            Ranking.STEADIEST: (_("Steadiest"), _("The same weekdays, time and nurse.")),
        }
        return titles[ranking]
    usual = clock_words(avoided)
    why = {
        Ranking.SOONEST: _("The earliest end away from %(time)s."),
        Ranking.STEADIEST: _("The steadiest away from %(time)s."),
    }
    return _("Another time of day"), why.get(ranking, _("Away from %(time)s.")) % {"time": usual}


def clock_words(minute: int) -> str:
    """``09:00`` for 540; 1440 is ``24:00``."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def wish_words(wishes: Wishes) -> list[str]:
    """The wishes, one short phrase each; empty where there is none."""
    days = [
        (_("prefers %(what)s"), wishes.prefer_weekdays),
        (_("only %(what)s"), wishes.only_weekdays),
        (_("never %(what)s"), wishes.never_weekdays),
    ]
    windows = [
        (_("prefers %(what)s"), wishes.prefer_windows),
        (_("only %(what)s"), wishes.only_windows),
        (_("never %(what)s"), wishes.never_windows),
    ]
    said = [words % {"what": ", ".join(map(weekday_word, sorted(some)))} for words, some in days if some]
    said += [words % {"what": ", ".join(_window(*one) for one in some)} for words, some in windows if some]
    away = [
        day_words(first) if first == last else f"{day_words(first)} – {day_words(last)}"
        for first, last in wishes.blackouts
    ]
    return [*said, _("away %(what)s") % {"what": ", ".join(away)}] if away else said


def _window(first: int, last: int) -> str:
    if last == DAY_MINUTES:
        return _("from %(time)s") % {"time": clock_words(first)}
    if first == 0:
        return _("until %(time)s") % {"time": clock_words(last)}
    return f"{clock_words(first)}–{clock_words(last)}"


def zone_line(starts: Sequence[datetime], zone: str) -> str:
    """``New York, UTC-5``; with the day of change where the offset changes between the first and the last."""
    named = [(zone_words(start, zone), start) for start in sorted(starts)]
    line = named[0][0]
    for (before, _start), (after, start) in pairwise(named):
        if before != after:
            line += _("; from %(day)s %(offset)s") % {
                "day": day_words(start.date()),
                "offset": after.rpartition(", ")[2],
            }
    return line
