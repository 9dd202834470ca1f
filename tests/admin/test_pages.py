"""Every page of the admin answers, and a list costs the same at one row and at many."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from scheduling.core.words import (
    AlertKind,
    Channel,
    DisruptionKind,
    Effect,
    LinkPurpose,
    RequiredBefore,
    Role,
    Severity,
    TrialOutcome,
)
from scheduling.models import (
    AccessLink,
    Alert,
    Appointment,
    Attempt,
    BloodPressure,
    CapacityRaise,
    CheckIn,
    Claim,
    Closure,
    Consent,
    CourseChange,
    DisruptedVisit,
    Disruption,
    FollowUpPlan,
    Heartbeat,
    Hold,
    MedicationTrial,
    Offer,
    PlanReview,
    PlanStep,
    Prerequisite,
    PrerequisiteRecord,
    Presence,
    ProtocolInstruction,
    RepairRun,
    Series,
    SeriesTransfer,
    ShiftException,
    SideEffectReport,
    StaffMember,
    WaitlistEntry,
)
from scheduling.services.links import token
from tests import factories
from tests.factories import NOW

MODELS = [model for model in admin.site._registry if model._meta.app_label in ("scheduling", "auth")]
CONFIGURATION = {"location", "chair", "staffmember", "protocol", "prerequisite"}
START = datetime(2026, 1, 6, 14, tzinfo=UTC)


def address(model: type[Model], page: str = "") -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"


def make_one_of_everything(boss: StaffMember) -> None:
    location = factories.make_location()
    Closure.objects.create(
        location=location, first_day=date(2026, 3, 2), last_day=date(2026, 3, 3), reason="Works"
    )
    nurse = factories.make_nurse(location)
    ShiftException.objects.create(
        staff=nurse, location=location, kind="absence", day=date(2026, 2, 2), starts="08:00", ends="12:00"
    )
    protocol = factories.make_protocol()
    ProtocolInstruction.objects.create(protocol=protocol, language="en", text="Come rested.")
    wanted = Prerequisite.objects.create(
        code=protocol.code, name="Enrolment", required_before=RequiredBefore.FIRST
    )
    wanted.protocols.add(protocol)
    patient = factories.make_patient(location)
    Consent.objects.create(
        patient=patient, channel=Channel.EMAIL, wording_version="1", given_at=NOW, recorded_by=boss
    )
    MedicationTrial.objects.create(patient=patient, medicine="Sertraline", outcome=TrialOutcome.PARTIAL)
    PrerequisiteRecord.objects.create(
        patient=patient, prerequisite=wanted, recorded_by=boss, recorded_at=NOW, reference="A-1"
    )
    chair = factories.make_chair(location)
    series = factories.book(factories.make_order(patient, protocol), location, chair, nurse, [START])
    AccessLink.objects.create(patient=patient, purpose=LinkPurpose.FEED, issued_at=NOW)
    hold = Hold.objects.create(expires_at=NOW + timedelta(minutes=10), made_by=boss, made_at=NOW)
    later = START + timedelta(days=1)
    Claim.objects.create(seat=chair.seat, hold=hold, starts_at=later, ends_at=later + timedelta(hours=1))
    make_what_follows_a_visit(series, boss)


def make_what_follows_a_visit(series: Series, boss: StaffMember) -> None:
    """Messages with a try, a change, a check-in with a report, a red flag told to staff, a plan, a worker."""
    visit, patient = series.appointments.get(), series.patient
    check_in = CheckIn.objects.create(
        appointment=visit, patient=patient, offset_hours=4, due_at=NOW, closes_at=NOW + timedelta(days=1)
    )
    SideEffectReport.objects.create(check_in=check_in, effect=Effect.NAUSEA, grade=1, began_at=NOW)
    alert = Alert.objects.create(
        key=f"red-flag-{check_in.pk}", kind=AlertKind.RED_FLAG, severity=Severity.RED_FLAG, owner=Role.NURSE,
        patient=patient, location=series.location, check_in=check_in, raised_at=NOW,
    )  # fmt: skip
    change = CourseChange.objects.create(
        series=series, revision=9, made_by=boss, made_at=NOW, leaves_at=NOW + timedelta(minutes=3), before=[]
    )
    factories.make_message(patient, series=series, appointment=visit, change=change)
    told = factories.make_message(patient, kind="red_flag", staff=boss, alert=alert, check_in=check_in)
    Attempt.objects.create(message=told, at=NOW, outcome="delayed", code=451, detail="Try again later")
    plan = FollowUpPlan.objects.create(
        patient=patient, order=series.order, location=series.location, starts_after=NOW.date(), set_by=boss,
        set_at=NOW,
    )  # fmt: skip
    PlanStep.objects.create(plan=plan, position=1, per_week=1, weeks=4)
    PlanReview.objects.create(plan=plan, due_on=NOW.date(), done_by=boss, done_at=NOW)
    Heartbeat.objects.create(worker=f"host-{visit.pk}", started_at=NOW, beat_at=NOW)
    make_a_bad_day(visit, boss)


def make_a_bad_day(visit: Appointment, boss: StaffMember) -> None:
    """A disruption with its visit, a raised capacity, a presence, a transfer, a blood pressure."""
    until = START + timedelta(hours=8)
    disruption = Disruption.objects.create(
        kind=DisruptionKind.NURSE, location=visit.location, staff=visit.nurse, starts_at=START, ends_at=until,
        made_by=boss, made_at=NOW,
    )  # fmt: skip
    DisruptedVisit.objects.create(disruption=disruption, appointment=visit, was_at=visit.starts_at)
    RepairRun.objects.create(disruption=disruption, asked_by=boss, asked_at=NOW, until=until, state="done")
    CapacityRaise.objects.create(
        nurse=visit.nurse, starts_at=START, ends_at=until, capacity=2, reason="Flu", made_by=boss, made_at=NOW
    )
    entry = WaitlistEntry.objects.create(
        patient=visit.patient, order=visit.series.order, appointment=visit, location=visit.location,
        kind="earlier", since=NOW, made_by=boss,
    )  # fmt: skip
    Offer.objects.create(
        entry=entry, starts_at=START - timedelta(hours=3), chair=visit.chair, nurse=visit.nurse, made_at=NOW,
        expires_at=NOW + timedelta(hours=2), way="call", calls=1, called_by=boss, called_at=NOW,
    )  # fmt: skip
    doctor = factories.make_staff(Role.PRESCRIBER)
    Presence.objects.create(staff=doctor, location=visit.location, arrived_at=NOW, recorded_by=boss)
    SeriesTransfer.objects.create(
        series=visit.series, order=visit.order, from_location=visit.location,
        to_location=factories.make_location(), made_by=boss, made_at=NOW,
    )  # fmt: skip
    BloodPressure.objects.create(
        appointment=visit,
        moment="before",
        systolic=120,
        diastolic=80,
        at=NOW,
        recorded_by=boss,
        recorded_at=NOW,
    )


@pytest.fixture(scope="module")
def kept_boss(kept_for_the_file: Callable[[], Any]) -> Iterator[StaffMember]:
    """The manager, and one of everything, made once for all tests of the file."""
    with kept_for_the_file():
        with time_machine.travel(NOW, tick=False):
            boss = factories.make_staff(Role.MANAGER, username="boss", name="Mona Manager")
            make_one_of_everything(boss)
        yield boss


@pytest.fixture
def boss(kept_boss: StaffMember, db: None) -> StaffMember:
    return deepcopy(kept_boss)


def queries(client: Client, page: str, **asked: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(page, asked).status_code == 200
    return len(captured)


def test_every_model_of_the_project_is_there() -> None:
    parts = {
        "OpeningHours",
        "Closure",
        "Phase",
        "ProtocolInstruction",
        "OnCallShift",
        "TaperStep",
        "LocationLabel",
    }
    parts |= {
        "Attempt",
        "SideEffectReport",
        "PlanStep",
        "PlanReview",
        "BloodPressure",
        "DisruptedVisit",
        "Offer",
    }
    names = {model.__name__ for model in apps.get_app_config("scheduling").get_models()}

    assert names - parts == {model.__name__ for model in MODELS} - {"User"}


def test_every_list_has_search_and_filters_and_costs_the_same_at_many_rows(
    manager: Client, boss: StaffMember
) -> None:
    for model in MODELS:
        assert admin.site._registry[model].search_fields, model
        assert admin.site._registry[model].list_filter, model
        manager.get(address(model))  # content types are read once
    at_one = {model: queries(manager, address(model)) for model in MODELS}
    for _again in range(4):
        make_one_of_everything(boss)

    assert {model: queries(manager, address(model)) for model in MODELS} == at_one
    for model in MODELS:
        assert queries(manager, address(model), q="Example 1980-02-29") <= at_one[model] + 1, model


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_row_opens_with_its_history(manager: Client, boss: StaffMember, model: type[Model]) -> None:
    row = model._default_manager.order_by("pk").last()
    assert row is not None

    assert manager.get(address(model, f"{row.pk}/change/")).status_code == 200
    assert manager.get(address(model, f"{row.pk}/history/")).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_only_configuration_can_be_added_or_deleted(
    manager: Client, boss: StaffMember, model: type[Model]
) -> None:
    row = model._default_manager.order_by("pk").last()
    assert row is not None
    name = model._meta.model_name

    assert manager.get(address(model, "add/")).status_code == (200 if name in CONFIGURATION else 403)
    deleted = manager.post(address(model, f"{row.pk}/delete/"), {"post": "yes"})
    assert deleted.status_code == (302 if name in CONFIGURATION else 403)
    if name not in CONFIGURATION:
        assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    "model",
    [m for m in MODELS if m._meta.model_name not in CONFIGURATION | {"user"}],
    ids=lambda m: m.__name__,
)
def test_not_even_a_superuser_changes_what_services_own(
    client: Client, boss: StaffMember, model: type[Model]
) -> None:
    client.force_login(User.objects.create_superuser("root"))
    row = model._default_manager.order_by("pk").last()
    assert row is not None

    assert client.post(address(model, f"{row.pk}/change/"), {}).status_code == 403
    assert client.post(address(model, "add/"), {}).status_code == 403
    assert client.post(address(model, f"{row.pk}/delete/"), {"post": "yes"}).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.NURSE, Role.PRESCRIBER])
def test_other_roles_reach_no_list(client: Client, role: Role) -> None:
    client.force_login(factories.make_staff(role).user)

    assert {client.get(address(model)).status_code for model in MODELS} == {403}


def test_no_page_shows_a_token(manager: Client, boss: StaffMember) -> None:
    for link in AccessLink.objects.all():
        secret = token(link)
        for page in ("", f"{link.pk}/change/"):
            assert secret not in manager.get(address(AccessLink, page)).content.decode()


def test_bad_addresses_are_no_server_errors(manager: Client) -> None:
    for model in MODELS:
        for page in ("999999999999999999999/change/", "x/change/", "?e=1", "?nothing=1", "?p=99999"):
            assert manager.get(address(model, page), follow=True).status_code in (200, 404)


@pytest.mark.parametrize(
    "model",
    [m for m in MODELS if m.__name__ in ("Location", "StaffMember", "Series", "Patient")],
    ids=lambda m: m.__name__,
)
def test_a_page_with_many_rows_below_it_costs_what_one_with_few_does(
    manager: Client, boss: StaffMember, model: type[Model]
) -> None:
    nurse = StaffMember.objects.get(is_nurse=True)
    location = nurse.shifts.all()[0].location
    pages = {
        "Location": location.pk,
        "StaffMember": nurse.pk,
        "Series": location.series.get().pk,
        "Patient": location.patients.get().pk,
    }
    page = address(model, f"{pages[model.__name__]}/change/")
    nurse.shifts.exclude(weekday=START.weekday()).delete()
    manager.get(page)
    at_few = queries(manager, page)
    factories.add_shifts(nurse, factories.make_location(), Role.NURSE)
    for _number in range(5):
        factories.make_chair(location)
        MedicationTrial.objects.create(
            patient=location.patients.get(), medicine="Sertraline", outcome=TrialOutcome.PARTIAL
        )
    order = location.series.get().order
    starts = [START + timedelta(days=days) for days in (7, 14, 21)]
    factories.book(order, location, location.chairs.all()[0], nurse, starts)

    assert queries(manager, page) == at_few
