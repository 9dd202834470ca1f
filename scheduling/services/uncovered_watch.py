"""The watch over booked visits: nobody is silently uncovered, whatever changed the configuration.

A booking that commits while a manager saves a change is in neither's sight; nor is what changes without a page, such as
the holidays of a new year.
"""

from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from scheduling.access import SYSTEM, Actor
from scheduling.core.words import AlertKind, Status
from scheduling.models import Alert, Appointment, DisruptedVisit, Location

from .alerts import raise_again, raise_alert
from .audit import record
from .coverage import uncovered
from .locks import locked_visit
from .running import run

KEY = "uncovered:duty:"
REACH = timedelta(days=2)
"""A visit lasts at most a day, and no zone is a day behind UTC."""
DAYS = 28
"""So many local days of one location are looked at together."""
AT_ONCE = 100
"""So many are noticed in one round, the soonest first: red flags do not wait behind a closed location."""


def notice_uncovered(now: datetime) -> int:
    """Duty: raise an alert for each booked visit that is not covered and that no list names; how many.

    Looks at every booked visit, since a cause may leave no trace; nothing is booked beyond the horizon. The
    number of queries grows with the locations and the weeks ahead, not with the visits.
    """
    visits = _unlisted(now).only("location_id", "local_date", "starts_at").order_by("location", "local_date")
    found: list[Appointment] = []
    for _part, group in groupby(
        visits, lambda visit: (visit.location_id, visit.local_date.toordinal() // DAYS)
    ):
        together = list(group)
        why = uncovered(together, now)
        found += [visit for visit in together if visit.pk in why]
    found.sort(key=lambda visit: (visit.starts_at, visit.pk))
    return sum(run(_notice, by=SYSTEM, now=now, pk=visit.pk) for visit in found[:AT_ONCE])


def _unlisted(now: datetime) -> "QuerySet[Appointment]":
    """Booked visits not over at ``now`` without an open alert or open place on a list of a disruption.

    Whoever acknowledged the alert of this duty has seen it, until the visit gets another start.
    """
    known = Q(acknowledged_at=None) | Q(key__startswith=KEY, due_at=OuterRef("starts_at"))
    alerts = Alert.objects.filter(
        known, kind=AlertKind.UNCOVERED, appointment=OuterRef("pk"), settled_at=None
    )
    listed = DisruptedVisit.objects.open().filter(appointment=OuterRef("pk"))
    # The index is by location and local date.
    return Appointment.objects.filter(
        ~Exists(alerts),
        ~Exists(listed),
        location__in=Location.objects.all(),
        local_date__gte=(now - REACH).date(),
        status=Status.BOOKED,
        ends_at__gt=now,
    )


@transaction.atomic
def _notice(*, by: Actor, now: datetime, pk: int) -> bool:
    """One visit, locked and looked at again: somebody may have moved, covered or listed it a moment ago."""
    visit = locked_visit(pk)
    why = uncovered(_unlisted(now).filter(pk=pk), now).get(pk)
    if why is None:
        return False
    key = f"{KEY}{pk}:{visit.starts_at.isoformat()}"
    facts = {"reasons": list(why)}
    raise_alert(
        kind=AlertKind.UNCOVERED,
        key=key,
        patient=visit.patient,
        location=visit.location,
        appointment=visit,
        now=now,
        due_at=visit.starts_at,
        facts=facts,
    )
    same = Alert.objects.filter(key=key)
    raise_again(same, now)
    same.update(facts=facts)
    record(by=by, now=now, action="notice_uncovered", subject=visit, patient_id=visit.patient_id)
    return True
