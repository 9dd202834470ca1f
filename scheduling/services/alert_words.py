"""What an alert is about, in words for staff: the facts are codes, times and numbers."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from django.utils import formats
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scheduling.core.check_ins import FlagRule
from scheduling.core.words import AlertKind, SafetyQuestion
from scheduling.models import EFFECT_LABELS, GRADE_LABELS, KIND_LABELS, STOP_LABELS, Alert

EFFECTS, GRADES, KINDS = dict(EFFECT_LABELS), dict(GRADE_LABELS), dict(KIND_LABELS)
STOPS = dict(STOP_LABELS)
SAFETY_WORDS = {
    SafetyQuestion.SELF_HARM: gettext_lazy("thoughts of harming themselves"),
    SafetyQuestion.CHEST_PAIN: gettext_lazy("chest pain"),
    SafetyQuestion.BREATHING: gettext_lazy("trouble breathing"),
    SafetyQuestion.WORST_HEADACHE: gettext_lazy("a severe or the worst headache"),
}
SHARED_WORDS = {
    "chair": gettext_lazy("There until %(time)s; %(next)s should have the chair at %(at)s."),
    "nurse": gettext_lazy("There until %(time)s; the nurse should look after %(next)s at %(at)s."),
}
FLAG_WORDS = {
    FlagRule.SEVERE: gettext_lazy("%(effect)s: “%(grade)s”"),
    FlagRule.STILL_THERE: gettext_lazy("%(effect)s: still there a day after, “%(grade)s”"),
    FlagRule.DETACHED: gettext_lazy("%(effect)s: still there a day after"),
    FlagRule.URINARY: gettext_lazy("%(effect)s: “%(grade)s”"),
}


def alert_words(alert: Alert) -> list[str]:
    """One sentence or more about the cause, the most important first; empty where the kind says it all."""
    words = WORDS[AlertKind(alert.kind)](alert.facts, alert)
    return [one for one in words if one]


def flag_words(reason: Mapping[str, Any]) -> str:
    """One reason of a red flag."""
    if reason["rule"] == FlagRule.SAFETY:
        return str(capfirst(SAFETY_WORDS[SafetyQuestion(reason["about"])]))
    return str(FLAG_WORDS[FlagRule(reason["rule"])]) % {
        "effect": EFFECTS[reason["about"]],
        "grade": GRADES[reason["grade"]],
    }


def _check_in(facts: Mapping[str, Any], alert: Alert) -> str:
    """Which questions it was, by the visit's day."""
    if alert.appointment is None:
        return ""
    return _("Check-in %(hours)s h after the visit of %(day)s.") % {
        "hours": facts["offset"],
        "day": _day(alert.appointment.local_date),
    }


def _red_flag(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    return [*dict.fromkeys(flag_words(reason) for reason in facts["reasons"]), _check_in(facts, alert)]


def _no_answer(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    return [_check_in(facts, alert)]


def _visit_open(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    end = datetime.fromisoformat(facts["planned_end"]).astimezone(alert.location.tz)
    words = _("Planned until %(time)s on %(day)s, and no discharge is recorded.")
    return [words % {"time": end.strftime("%H:%M"), "day": _day(end.date())}]


def _message_failed(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    return [_("Not delivered: %(kind)s.") % {"kind": KINDS[facts["kind"]]}]


def _overdue(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    words = _("Last infusion on %(day)s; nothing is booked.")
    return [words % {"day": _day(date.fromisoformat(facts["last"]))}]


def _review_due(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    return [_("Review of the plan on %(day)s.") % {"day": _day(date.fromisoformat(facts["due_on"]))}]


def _renew_order(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    words = _("The order lasts until %(day)s and has %(left)s infusions left.")
    return [words % {"day": _day(date.fromisoformat(facts["last"])), "left": facts["left"]}]


def _plan_stuck(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    return list(facts.get("reasons", ()))


def _overrun(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    until, starts = (
        datetime.fromisoformat(facts[name]).astimezone(alert.location.tz) for name in ("until", "next_at")
    )
    words = SHARED_WORDS[facts["shared"]] % {
        "time": until.strftime("%H:%M"),
        "next": facts["next_patient"],
        "at": starts.strftime("%H:%M"),
    }
    return [words]


def _call_missed(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    return [_("Ask first whether the patient is well, then offer another day for the visit.")]


def _misses(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    words = _(
        "%(count)d visits of this course were missed. Later ones stay; "
        "nothing more is booked until a prescriber decides."
    )
    return [words % {"count": facts["count"]}]


def _make_up(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    words = _("Stopped early on %(day)s: %(reason)s. The infusion counts as used.")
    return [words % {"day": _day(date.fromisoformat(facts["day"])), "reason": STOPS[facts["reason"]]}]


def _book_make_up(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    words = _("The session of %(day)s is to be made up at the end of the course.")
    return [words % {"day": _day(date.fromisoformat(facts["day"]))}]


def _no_prescriber(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    left = datetime.fromisoformat(facts["left_at"]).astimezone(alert.location.tz)
    words = _("%(name)s left at %(time)s; this patient is still observed and needs a prescriber on site.")
    return [words % {"name": facts["name"], "time": left.strftime("%H:%M")}]


def _dose_differs(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    return [
        _("Given: %(given)s. Ordered: %(ordered)s.") % {"given": facts["given"], "ordered": facts["ordered"]}
    ]


def _countersign(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    words = _(
        "The course goes on at %(place)s. No treatment starts there before a prescriber of that location signs."
    )
    return [words % {"place": facts["to"]}]


def _pause_over(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    words = _("Paused until %(day)s. Reopen the record, or end the treatment.")
    return [words % {"day": _day(date.fromisoformat(facts["until"]))}]


def _other_time(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    return [_("“%(wish)s”") % {"wish": facts["wish"]}, _("The visit stays booked until you move it.")]


def _replan(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    in_time, late = _("Cancelled in time by the patient."), _("Cancelled late by the patient.")
    return [late if facts["is_late"] else in_time, _("Look whether the rest of the course still fits.")]


def _uncovered(facts: Mapping[str, Any], alert: Alert) -> list[str]:
    return list(facts.get("reasons", ()))


def _day(day: date) -> str:
    return formats.date_format(day, "D j M Y")


WORDS: dict[AlertKind, Callable[[Mapping[str, Any], Alert], list[str]]] = {
    AlertKind.RED_FLAG: _red_flag,
    AlertKind.NO_ANSWER_CALL: _no_answer,
    AlertKind.NO_ANSWER_ASK: _no_answer,
    AlertKind.VISIT_OPEN: _visit_open,
    AlertKind.MESSAGE_FAILED: _message_failed,
    AlertKind.OVERDUE: _overdue,
    AlertKind.REVIEW_DUE: _review_due,
    AlertKind.RENEW_ORDER: _renew_order,
    AlertKind.PLAN_STUCK: _plan_stuck,
    AlertKind.OVERRUN: _overrun,
    AlertKind.CALL_MISSED: _call_missed,
    AlertKind.MISSES: _misses,
    AlertKind.MAKE_UP: _make_up,
    AlertKind.BOOK_MAKE_UP: _book_make_up,
    AlertKind.NO_PRESCRIBER: _no_prescriber,
    AlertKind.DOSE_DIFFERS: _dose_differs,
    AlertKind.COUNTERSIGN: _countersign,
    AlertKind.PAUSE_OVER: _pause_over,
    AlertKind.OTHER_TIME: _other_time,
    AlertKind.REPLAN: _replan,
    AlertKind.UNCOVERED: _uncovered,
}
