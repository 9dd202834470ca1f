"""The planner's frozen reasons in words, for pages and the command line."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.core.reasons import Hint, HintKind, NoPlan, Reason, Rule
from scheduling.core.timeline import from_step
from scheduling.models import Location

Phrase = Callable[[Reason], str]


def _of(words: str, reason: Reason) -> str:
    return words % {"found": reason.found, "limit": reason.limit}


def _order_end(reason: Reason) -> str:
    if reason.limit_date is None:
        return _("the order has ended by then")
    return _("the order ends on %(day)s") % {"day": _day(reason.limit_date)}


def _horizon(reason: Reason) -> str:
    if reason.limit_date is None:
        return _("it lies outside the days that may be booked")
    if reason.day and reason.day < reason.limit_date:
        return _("bookings are possible from %(day)s") % {"day": _day(reason.limit_date)}
    return _("bookings are possible until %(day)s") % {"day": _day(reason.limit_date)}


def _min_gap(reason: Reason) -> str:
    if reason.found is None:
        return _("it is too near to another visit")
    words = ngettext(
        "only %(found)s day lies between it and another visit; at least %(limit)s are needed",
        "only %(found)s days lie between it and another visit; at least %(limit)s are needed",
        reason.found,
    )
    return _of(words, reason)


def _floor_hours(reason: Reason) -> str:
    if reason.found is None:
        return _("it is fewer hours from another visit than needed")
    words = ngettext(
        "only %(found)s hour lies between it and another visit; at least %(limit)s are needed",
        "only %(found)s hours lie between it and another visit; at least %(limit)s are needed",
        reason.found,
    )
    return _of(words, reason)


def _most(reason: Reason) -> str:
    if reason.found is None:
        return _("there would be too many visits within 7 days")
    return _of(_("it would be %(found)s visits within 7 days; at most %(limit)s are allowed"), reason)


PHRASES: dict[Rule, Phrase] = {
    Rule.HORIZON: _horizon,
    Rule.LEAD_TIME: lambda r: _("it is earlier than the clinic's lead time or the order allows"),
    Rule.ORDER_END: _order_end,
    Rule.CLOCK_CHANGE: lambda r: _("the clocks change and this time happens twice or not at all"),
    Rule.OPENING: lambda r: _("the clinic is not open long enough"),
    Rule.CLOSURE: lambda r: _("the clinic is closed that day"),
    Rule.CHAIR: lambda r: _("the chair is not free") if len(r.seats) == 1 else _("no chair is free"),
    Rule.NURSE_SHIFT: lambda r: _("no nurse is on shift"),
    Rule.NURSE_MONITORING: lambda r: _("no nurse has a free monitoring seat"),
    Rule.NURSE_HANDS_ON: lambda r: _("no nurse has her hands free for preparation and discharge"),
    Rule.PATIENT: lambda r: _("the patient has another visit"),
    Rule.PRESCRIBER: lambda r: _("no prescriber is on site"),
    Rule.WISH_DAYS: lambda r: _("the patient cannot come on this weekday"),
    Rule.WISH_TIMES: lambda r: _("the patient cannot come at this time"),
    Rule.BLACKOUT: lambda r: _("the patient is away"),
    Rule.ONE_A_DAY: lambda r: _("there is another visit on that day"),
    Rule.MIN_GAP: _min_gap,
    Rule.FLOOR_HOURS: _floor_hours,
    Rule.MAX_PER_7_DAYS: _most,
}

SHOWN_DAYS = 8
"""So many days or stretches of days are named for one cause; the rest is counted."""


def in_words(reason: Reason, location: Location) -> str:
    """One sentence: day and local times first, then every cause that holds together."""
    where = _where(reason, location)
    text = _causes(reason)
    return f"{where}: {text}." if where else f"{_capital(text)}."


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause and the days, in words, on which it stands in the way; ``more`` days are not named."""

    words: str
    days: tuple[str, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class NoPlanWords:
    """Why there is no plan: which visit finds no place, every cause once, and what would help."""

    headline: str
    causes: tuple[Cause, ...]
    hints: tuple[str, ...]


def no_plan_words(none: NoPlan, location: Location) -> NoPlanWords:
    """All reasons of a NoPlan; those with the same cause share one line, the most frequent first."""
    number = none.session + 1
    headline = _("No day is left for visit %(number)d.") % {"number": number}
    if none.window:
        headline = _("Visit %(number)d finds no place between %(first)s and %(last)s.") % {
            "number": number,
            "first": _day(none.window[0]),
            "last": _day(none.window[1]),
        }
    by_cause: dict[str, list[Reason]] = {}
    for reason in none.reasons:
        by_cause.setdefault(_causes(reason), []).append(reason)
    ranked = sorted(by_cause.items(), key=lambda item: -len(item[1]))
    causes = tuple(_cause(words, reasons, location) for words, reasons in ranked)
    return NoPlanWords(headline, causes, tuple(_hint(hint) for hint in none.hints))


def _cause(words: str, reasons: Sequence[Reason], location: Location) -> Cause:
    with_times = [_where(reason, location) for reason in reasons if reason.interval]
    whole_days = [reason.day for reason in reasons if reason.day and not reason.interval]
    days = with_times if len(with_times) <= SHOWN_DAYS else []
    spans = _spans(whole_days if days else [reason.day for reason in reasons if reason.day])
    named = [*days, *(_span_words(first, last) for first, last in spans[:SHOWN_DAYS])]
    more = sum((last - first).days + 1 for first, last in spans[SHOWN_DAYS:])
    return Cause(_capital(words), tuple(named), more)


def _spans(days: Iterable[date]) -> list[tuple[date, date]]:
    """Consecutive dates as ranges, both ends included."""
    spans: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if spans and day - spans[-1][1] == timedelta(days=1):
            spans[-1] = spans[-1][0], day
        else:
            spans.append((day, day))
    return spans


def _span_words(first: date, last: date) -> str:
    return _day(first) if first == last else f"{_day(first)} – {_day(last)}"


def _causes(reason: Reason) -> str:
    return _("; and ").join(_phrase(rule, reason) for rule in (reason.rule, *reason.also))


def _phrase(rule: Rule, reason: Reason) -> str:
    if rule is not reason.rule:
        reason = Reason(rule, limit_date=reason.limit_date if rule is Rule.ORDER_END else None)
    return PHRASES[rule](reason)


def _where(reason: Reason, location: Location) -> str:
    day = _day(reason.day) if reason.day else ""
    if reason.interval is None:
        return day
    first, last = (from_step(step).astimezone(location.tz) for step in reason.interval)
    return f"{day or _day(first.date())} {first:%H:%M}–{last:%H:%M}"


def _day(day: date) -> str:
    return formats.date_format(day, "D j M")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _hint(hint: Hint) -> str:
    words = {
        HintKind.OPEN_DAY: _("It would fit if the clinic opened on %(day)s."),
        HintKind.LATER_ORDER_END: _("It would fit if the order were valid until %(day)s."),
        HintKind.LATER_HORIZON: _("It would fit if bookings were allowed until %(day)s."),
    }
    return words[hint.kind] % {"day": _day(hint.day)}
