"""Ada's course of six visits at Riverside, and the post that reaches her: shared by the days that end it."""

from datetime import datetime

from django.core import mail

from scheduling.models import Appointment, Patient, Series
from scheduling.services.delivery import deliver
from tests.factories import agree_to_email, make_patient
from tests.services.clinics import Clinic


def ada_of(clinic: Clinic) -> Patient:
    """Ada, who agreed to e-mail."""
    ada = make_patient(clinic.location, first_name="Ada", last_name="Example", email="ada@example.org")
    agree_to_email(ada)
    return ada


def visits_of(series: Series) -> list[Appointment]:
    """All visits of a course as they are now, by number."""
    return list(Appointment.objects.filter(series=series).order_by("number"))


def post_by(now: datetime) -> list[str]:
    """Send all that is due at ``now`` (UTC); the subjects of what left, sorted."""
    before = len(mail.outbox)
    while deliver(now):
        pass
    return sorted(str(one.subject) for one in mail.outbox[before:])
