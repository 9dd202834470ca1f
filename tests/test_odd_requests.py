"""Requests that an attack found to end in a server error: each has its words now."""

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from scheduling.core.words import Role
from scheduling.models import Location
from tests import factories
from tests.views.clients import logged_in

pytestmark = pytest.mark.django_db


def test_a_year_that_no_calendar_has_is_a_filter_that_means_nothing() -> None:
    response = logged_in(Role.MANAGER).get(
        reverse("admin:scheduling_appointment_changelist"), {"starts_at__year": "99999"}
    )
    assert (response.status_code, response.headers["Location"]) == (
        302,
        reverse("admin:scheduling_appointment_changelist") + "?e=1",
    )


def test_booking_without_any_location_in_use_says_so() -> None:
    order = factories.make_order(factories.make_patient(factories.make_location()), factories.make_protocol())
    Location.objects.update(is_active=False)
    with time_machine.travel(factories.NOW, tick=False):
        client: Client = logged_in(Role.FRONT_DESK)
        url = reverse("book", args=(order.patient_id,))
        assert client.get(url).status_code == 200
        answer = client.post(url, {"action": "propose", "order": order.pk})
    assert answer.status_code < 500
    assert "No location is in use." in answer.content.decode()
