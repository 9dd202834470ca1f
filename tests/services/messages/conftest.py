"""A booked course with a patient who agreed to e-mail, and a mail server to talk to."""

from collections.abc import Iterator
from typing import Any

import pytest

from scheduling.core.words import Channel, Role
from scheduling.models import Patient
from scheduling.services.patients import give_consent
from tests.factories import NOW, actor, make_patient, make_staff
from tests.mail_server import MailServer
from tests.services.clinics import Clinic


def agree(patient: Patient) -> Patient:
    """The patient with a consent to e-mail."""
    by = actor(make_staff(Role.FRONT_DESK))
    give_consent(by=by, now=NOW, patient=patient, channel=Channel.EMAIL)
    return patient


@pytest.fixture
def clinic(db: None) -> Clinic:
    return Clinic(capacity=2)


@pytest.fixture
def ada(clinic: Clinic) -> Patient:
    return agree(make_patient(clinic.location, email="ada@example.org", first_name="Ada"))


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    """A mail server that the installation sends to."""
    running = MailServer.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_TIMEOUT = 1
    yield running
    running.stop()
