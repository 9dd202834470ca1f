"""The rules that need no claims: hours, shifts, spacing, order, lead time. Checked again at every booking."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from scheduling.access import Action, Actor
from scheduling.core.planner import check
from scheduling.core.reasons import OVERRIDABLE, Reason, Rule
from scheduling.core.timeline import to_step
from scheduling.models import Appointment, Chair, Location, Series, StaffMember

from .faults import Refused
from .planning import load_problem
from .reason_words import in_words

SPACING = frozenset({Rule.ONE_A_DAY, Rule.MIN_GAP, Rule.FLOOR_HOURS, Rule.MAX_PER_7_DAYS})
"""What binds visits of one patient to each other."""


def require_rules(
    *, by: Actor, now: datetime, series: Series, visits: Sequence[Appointment], override_reason: str
) -> list[str]:
    """Refuse visits, saved or not, that break a rule; return the codes of rules overridden with a reason.

    A prescriber may override gap, weekly most and lead time; the reason is then noted on the visits that break
    them, and only on those. Raises Refused (``rules_broken``) with every broken rule in words.
    """
    # A course may go on elsewhere while its next visits stay: each visit is judged where it is.
    location = visits[0].location
    require_seats(location, visits)
    if any(visit.starts_at <= now for visit in visits):
        raise Refused("in_the_past", _("A visit cannot start in the past."))
    first_day = series.order.valid_from
    # The planner counts this with the lead time, which may be overridden; the order's validity never.
    if any(visit.local_date < first_day for visit in visits):
        raise Refused("order_not_yet", _("This order begins on %(day)s.") % {"day": first_day.isoformat()})
    reasons = broken_rules(now=now, series=series, visits=visits)
    overriding = {reason.session for reason in reasons}
    for session, visit in enumerate(visits):
        visit.override_reason = override_reason.strip() if session in overriding else ""
    if not reasons:
        return []
    overridable = {reason.rule for reason in reasons} <= OVERRIDABLE
    if overridable and override_reason.strip() and by.may(Action.OVERRIDE_RULES):
        return sorted({reason.rule.value for reason in reasons})
    raise Refused(
        "rules_broken",
        _("These times do not fit. Nothing was changed.")
        if not overridable
        else _("These times need a prescriber's reason to override a rule. Nothing was changed."),
        details=[in_words(reason, location) for reason in reasons],
    )


def broken_rules(*, now: datetime, series: Series, visits: Sequence[Appointment]) -> tuple[Reason, ...]:
    """Every rule that these visits break together with the patient's others, claims left aside."""
    days = [visit.local_date for visit in visits]
    problem = load_problem(
        order=series.order,
        location=visits[0].location,
        now=now,
        sessions=len(visits),
        since=min(days),
        # Turnover may run past midnight.
        until=max(days) + timedelta(days=1),
        ignoring=[visit for visit in visits if visit.pk],
        with_claims=False,
    )
    return check(
        problem,
        [to_step(visit.starts_at) for visit in visits],
        [visit.chair_id for visit in visits],
        [visit.nurse_id for visit in visits],
    ).reasons


def require_spacing(visits: Sequence[Appointment], now: datetime) -> None:
    """Raise Refused where visits of one course that come back stand too near to what was booked meanwhile.

    What a prescriber once overrode with a reason stays overridden.
    """
    asked = [visit for visit in visits if not visit.override_reason]
    if not asked:
        return
    location = asked[0].location
    reasons = broken_rules(now=now, series=asked[0].series, visits=asked)
    broken = [reason for reason in reasons if reason.rule in SPACING]
    if broken:
        raise Refused(
            "rules_broken",
            _("Meanwhile another visit was booked too near. Nothing was changed."),
            details=[in_words(reason, location) for reason in broken],
        )


def require_seats(location: Location, visits: Sequence[Appointment]) -> None:
    """Raise Refused for a location, chair or nurse that is not in use, and for a start off the 5-minute grid."""
    if not location.is_active:
        raise Refused("location_closed", _("%(place)s takes no patients any more.") % {"place": location})
    chairs = {visit.chair_id for visit in visits}
    fit = Chair.objects.filter(pk__in=chairs, location=location, is_active=True).count()
    if fit < len(chairs):
        raise Refused("chair_inactive", _("A chosen chair is not in use at %(place)s.") % {"place": location})
    nurses = {visit.nurse_id for visit in visits}
    if StaffMember.objects.filter(pk__in=nurses, is_nurse=True, is_active=True).count() < len(nurses):
        raise Refused("nurse_inactive", _("A chosen nurse no longer works here."))
    for visit in visits:
        if visit.starts_at.second or visit.starts_at.microsecond or visit.starts_at.minute % 5:
            raise Refused("off_grid", _("A visit starts on a multiple of 5 minutes."))
