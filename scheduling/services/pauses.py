"""The duty that notices when a pause is over: a prescriber decides how it goes on."""

from datetime import datetime, timedelta

from django.db import transaction

from scheduling.access import SYSTEM, Actor
from scheduling.core.words import AlertKind, Standing
from scheduling.models import Alert, Patient

from .alerts import raise_alert
from .audit import record
from .running import run

ZONES_AHEAD = timedelta(hours=14)
"""No place on earth is further ahead of UTC: a superset in SQL, which never computes local time."""


def notice_ended_pauses(now: datetime) -> int:
    """Duty: raise one alert for each pause whose last local day has come; how many."""
    rows = Patient.objects.filter(
        standing=Standing.PAUSED, paused_until__lte=(now + ZONES_AHEAD).date()
    ).select_related("home_location")
    over = [row for row in rows.order_by("pk") if _is_over(row, now)]
    known = set(Alert.objects.filter(key__in=[_key(row) for row in over]).values_list("key", flat=True))
    return sum(run(_notice, by=SYSTEM, now=now, pk=row.pk) for row in over if _key(row) not in known)


def _is_over(patient: Patient, now: datetime) -> bool:
    today = now.astimezone(patient.home_location.tz).date()
    return patient.paused_until is not None and patient.paused_until <= today


def _key(patient: Patient) -> str:
    """One alert a pause: the same patient may be paused again until the same day."""
    since = patient.standing_since
    return f"pause_over:{patient.pk}:{since.isoformat() if since else ''}"


@transaction.atomic
def _notice(*, by: Actor, now: datetime, pk: int) -> bool:
    """One patient, locked and looked at again: somebody may have reopened the record."""
    rows = Patient.objects.select_for_update(no_key=True, of=("self",)).select_related("home_location")
    patient = rows.get(pk=pk)
    if patient.paused_until is None or not _is_over(patient, now):
        return False
    alert = raise_alert(
        kind=AlertKind.PAUSE_OVER,
        key=_key(patient),
        patient=patient,
        location=patient.home_location,
        now=now,
        facts={"until": patient.paused_until.isoformat()},
    )
    if alert is None:
        return False
    record(by=by, now=now, action="pause_over", subject=patient, patient_id=patient.pk)
    return True
