"""Loading the demo: the same for a date, and never over real data."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import override_settings

from scheduling.core.words import Status
from scheduling.models import Appointment, Location, Patient, StaffMember
from scheduling.services import demo
from scheduling.services.demo import loading
from scheduling.services.demo.people import everybody
from scheduling.services.demo.plot import parts
from tests.factories import make_location, make_patient

DAY, THANKSGIVING, LEAP_DAY = date(2026, 11, 24), date(2026, 11, 26), date(2028, 2, 29)
NOON = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
"""11:00 at the first site, 08:00 at the second: both are open."""

VISIT = ("patient__mrn", "series__stage", "number", "starts_at", "chair__name", "nurse__name", "uid")


def visits(*fields: str) -> list[tuple[Any, ...]]:
    return list(Appointment.objects.order_by("starts_at", "patient__mrn").values_list(*VISIT, *fields))


# --- the same for a date ---


@pytest.fixture
def treated_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller demo: those treated today are the first of the sixty."""
    monkeypatch.setattr(loading, "everybody", lambda: everybody()[:25])
    monkeypatch.setattr(loading, "parts", lambda day: parts(day)[:25])


# PostgreSQL empties no table whose rows the same transaction has just written.
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("treated_today")
def test_what_is_booked_depends_on_the_date_and_not_on_the_hour_and_a_holiday_is_busy_too() -> None:
    # Only those treated today could be booked by the hour.
    noon = demo.the_time(THANKSGIVING, NOON)
    demo.load(day=THANKSGIVING, as_of=noon)
    at_noon = visits()
    assert_busy(THANKSGIVING)
    call_command("flush", interactive=False, verbosity=0)
    demo.load(day=THANKSGIVING, as_of=noon + timedelta(hours=4))
    assert visits() == at_noon


@pytest.mark.django_db
@pytest.mark.usefixtures("treated_today")
def test_a_leap_day_is_busy_too() -> None:
    demo.load(day=LEAP_DAY, as_of=demo.the_time(LEAP_DAY, NOON))
    assert_busy(LEAP_DAY)


def assert_busy(day: date) -> None:
    """Every state of a visit can be seen."""
    busy = Appointment.objects.filter(local_date=day)
    assert busy.count() >= 16
    assert {Status.ARRIVED, Status.IN_TREATMENT, Status.RECOVERING, Status.DONE, Status.BOOKED} <= set(
        busy.values_list("status", flat=True)
    )


@pytest.mark.parametrize("offset", range(7))
def test_there_is_a_part_for_everybody(offset: int) -> None:
    assert len(parts(DAY + timedelta(days=offset))) == len(everybody()) == 60


def test_the_day_has_gone_as_far_as_the_clock_while_a_site_is_open_and_else_to_eleven() -> None:
    eleven = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    late = datetime(2026, 11, 25, 1, 30, 59, tzinfo=UTC)
    assert demo.the_time(DAY, late) == datetime(2026, 11, 25, 1, 30, tzinfo=UTC), "17:30 in Los Angeles"
    assert demo.the_time(DAY, datetime(2026, 11, 24, 9, 0, tzinfo=UTC)) == eleven, "before all doors open"
    assert demo.the_time(DAY, datetime(2026, 12, 24, 15, 0, tzinfo=UTC)) == eleven, "another day"


# --- the command ---


@pytest.fixture
def in_demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A demo at NOON with the first eight of the sixty: enough to see what the command does."""
    monkeypatch.setattr(loading, "everybody", lambda: everybody()[:8])
    monkeypatch.setattr(loading, "parts", lambda day: parts(day)[:8])
    with override_settings(DEMO=True), time_machine.travel(NOON, tick=False):
        yield


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("in_demo")
def test_the_command_loads_once_and_replaces_a_demo_of_another_date(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("load_demo")
    out = capsys.readouterr().out
    assert "Loading the demo of 2026-11-24" in out
    assert "frontdesk, nurse, prescriber, manager" in out
    assert demo.sample_link() in out
    before = visits("status", "arrived_at", "discharged_at")

    Patient.objects.filter(mrn="H-1001").update(note="kept")
    call_command("load_demo")
    assert "already loaded" in capsys.readouterr().out
    assert Patient.objects.get(mrn="H-1001").note == "kept"

    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        call_command("load_demo")
    assert "Replacing the demo of 2026-11-24" in capsys.readouterr().out
    assert demo.stored_day() == date(2026, 11, 25)

    call_command("load_demo", "--date", "2026-11-24", "--fresh")
    assert visits("status", "arrived_at", "discharged_at") == before


@pytest.mark.django_db
@pytest.mark.usefixtures("in_demo")
@pytest.mark.parametrize("options", [(), ("--fresh",)])
def test_a_database_with_other_patients_is_refused_and_left_alone(options: tuple[str, ...]) -> None:
    make_patient(make_location())
    with pytest.raises(CommandError, match="not the demo's"):
        call_command("load_demo", *options)
    assert (Patient.objects.count(), StaffMember.objects.count()) == (1, 0)


@pytest.mark.django_db
def test_outside_a_demo_nothing_is_loaded_or_thrown_away() -> None:
    with pytest.raises(CommandError, match="DEMO=1 is not set"):
        call_command("load_demo")
    assert not Location.objects.exists()


@pytest.mark.parametrize(
    ("text", "words"), [("tomorrow", "looks like 2026-11-23"), ("0001-01-01", "between 2000 and 2100")]
)
def test_a_date_that_makes_no_sense_is_refused(text: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("load_demo", "--date", text)
