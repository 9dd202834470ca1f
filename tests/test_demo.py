"""The demo: a busy made-up clinic, the same for a given date, told through the real services."""

from collections import Counter
from datetime import date
from io import StringIO
from itertools import pairwise
from typing import Any, ClassVar

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client, TestCase
from django.urls import reverse

from scheduling.core.words import LinkPurpose, OrderState, Role, Status
from scheduling.models import AccessLink, Appointment, Chair, Claim, Order, Patient, Protocol, StaffMember
from scheduling.services.demo.load import loaded_for
from tests import factories

DAY = date(2026, 11, 23)
pytestmark = pytest.mark.django_db


def everything() -> list[tuple[Any, ...]]:
    return list(
        Appointment.objects.order_by("pk").values_list(
            "patient__last_name", "starts_at", "chair__name", "nurse__name", "status", "uid", "discharged_at"
        )
    )


class DemoOfOneDay(TestCase):
    """The demo of that Monday, loaded once for all these tests; each leaves it as it was."""

    printed: ClassVar[str]

    @classmethod
    def setUpTestData(cls) -> None:
        printed = StringIO()
        call_command("load_demo", date=DAY, stdout=printed)
        cls.printed = printed.getvalue()

    def test_it_has_what_the_tour_needs(self) -> None:
        assert Patient.objects.count() == 60
        assert Chair.objects.count() == 8
        assert Counter(role for person in StaffMember.objects.all() for role in person.roles) == {
            Role.NURSE: 6,
            Role.PRESCRIBER: 3,
            Role.FRONT_DESK: 1,
            Role.MANAGER: 1,
        }
        assert set(Protocol.objects.values_list("route", flat=True)) == {"iv", "intranasal"}
        assert set(Order.objects.values_list("state", flat=True)) == {
            OrderState.DRAFT,
            OrderState.SIGNED,
            OrderState.USED_UP,
        }
        assert Patient.objects.filter(orders=None).count() == 5
        zones = set(Appointment.objects.values_list("zone", flat=True))
        assert zones == {"America/New_York", "America/Denver"}
        today = Appointment.objects.filter(local_date=DAY)
        assert {visit.status for visit in today} >= {
            Status.BOOKED,
            Status.ARRIVED,
            Status.IN_TREATMENT,
            Status.RECOVERING,
            Status.DONE,
            Status.MISSED,
        }
        past, future = (
            Appointment.objects.filter(local_date__lt=DAY),
            Appointment.objects.filter(local_date__gt=DAY),
        )
        assert past.filter(status=Status.DONE).count() > 100
        assert not past.filter(status=Status.BOOKED).exists()
        assert future.filter(status=Status.BOOKED).count() > 50

    def test_nobody_is_booked_twice_and_every_count_is_true(self) -> None:
        claims = list(Claim.objects.order_by("seat", "starts_at").values_list("seat", "starts_at", "ends_at"))
        assert len(claims) > 500
        for (seat, _start, end), (next_seat, next_start, _end) in pairwise(claims):
            assert seat != next_seat or end <= next_start
        for order in Order.objects.all():
            assert order.taken == Appointment.objects.counted().filter(series__order=order).count()

    def test_it_prints_the_log_ins_and_a_patients_link_that_opens(self) -> None:
        assert "frontdesk, nurse, prescriber, manager; password: demo-clinic" in self.printed
        address = self.printed.split("One patient's page: ")[1].strip()
        client = Client()
        with time_machine.travel(factories.NOW.replace(year=2026, month=11, day=23, hour=16), tick=False):
            assert client.get(address.removeprefix("http://127.0.0.1:8000"), follow=True).status_code == 200
            for name in ("frontdesk", "nurse", "prescriber", "manager"):
                staff = Client()
                assert staff.login(username=name, password="demo-clinic")
                for page in ("board", "week", "patient_list"):
                    assert staff.get(reverse(page)).status_code == 200

    def test_a_second_run_changes_nothing(self) -> None:
        before = everything()
        call_command("load_demo", date=DAY)
        assert everything() == before
        assert AccessLink.objects.filter(purpose=LinkPurpose.VISITS).count() > 30

    def test_outside_the_demo_another_day_is_never_replaced(self) -> None:
        with pytest.raises(CommandError, match="another day"):
            call_command("load_demo", date=date(2026, 11, 24))
        assert loaded_for() == DAY


def test_a_database_with_patients_of_its_own_is_refused() -> None:
    factories.make_patient(factories.make_location())
    with pytest.raises(CommandError, match="patients of its own"):
        call_command("load_demo", date=DAY)
    assert Patient.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_date_gives_the_same_clinic_and_the_demo_renews_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "DEMO", True)
    call_command("load_demo", date=DAY)
    first = everything()
    call_command("load_demo", date=date(2026, 1, 5))
    assert loaded_for() == date(2026, 1, 5)
    assert everything() != first
    call_command("load_demo", date=DAY)
    assert everything() == first
