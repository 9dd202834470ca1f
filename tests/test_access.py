"""Every address x identity x method: a new address that is not listed here fails."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from scheduling.access import MAY, SYSTEM, Action
from scheduling.core.words import (
    AlertKind,
    Channel,
    DisruptionKind,
    LinkPurpose,
    OfferWay,
    RequiredBefore,
    Role,
    Severity,
    Status,
    WaitKind,
)
from scheduling.models import (
    AccessLink,
    Alert,
    Appointment,
    BloodPressure,
    CheckIn,
    Consent,
    CourseChange,
    DisruptedVisit,
    Disruption,
    FollowUpPlan,
    Hold,
    MedicationTrial,
    Offer,
    Patient,
    Prerequisite,
    Presence,
    Series,
    SeriesTransfer,
    WaitlistEntry,
)
from scheduling.services.links import link_for, offer_link, token
from scheduling.services.patients import give_consent
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

STAFF = ("front_desk", "nurse", "prescriber", "manager")
PATIENTS = ("patient_a", "patient_b")
IDENTITIES = ("anonymous", *PATIENTS, *STAFF)

OPEN = "open"
"""Anybody may ask: a page for everybody, or one whose key stands in the address."""
LOGIN, FORBIDDEN, MISSING = "log-in", "forbidden", "missing"
READS = "reads"
"""May look at the page, but its form is refused."""


@dataclass(frozen=True)
class World:
    """Patient A's records; patient B has a link of their own and nothing else here."""

    patient: Patient
    other: Patient
    series: Series
    visit: Appointment
    arrived: Appointment
    link: AccessLink
    feed: AccessLink
    address: AccessLink
    offered: AccessLink
    offer: Offer
    medicine: MedicationTrial
    consent: Consent
    change: CourseChange
    plan: FollowUpPlan
    check_in: CheckIn
    transfer: SeriesTransfer
    wanted: Prerequisite
    disrupted: DisruptedVisit
    pressure: BloodPressure
    presence: Presence
    hold: Hold
    alert: Alert
    staff: dict[str, Any]
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def kept_world(kept_for_the_file: Callable[[], Any]) -> Iterator[World]:
    """The world, made once for all tests of a file."""
    with kept_for_the_file():
        yield make_world()


@pytest.fixture
def world(kept_world: World, db: None) -> Iterator[World]:
    """The kept world at NOW, as objects of the test's own."""
    with time_machine.travel(NOW, tick=False):
        yield deepcopy(kept_world)


def make_world() -> World:
    """One clinic, two patients, one booked course, a person of every role."""
    with time_machine.travel(NOW, tick=False):
        location = factories.make_location()
        patient, other = factories.make_patient(location), factories.make_patient(location)
        order = factories.make_order(patient, factories.make_protocol())
        chair, nurse = factories.make_chair(location), factories.make_nurse(location)
        start = NOW + timedelta(days=1, hours=2)
        series = factories.book(order, location, chair, nurse, [start, start + timedelta(days=3)])
        visits = list(series.appointments.order_by("number"))
        Appointment.objects.filter(pk=visits[1].pk).update(status=Status.ARRIVED, arrived_at=NOW)
        by = factories.actor(factories.make_staff(Role.FRONT_DESK))
        links = {
            name: link_for(by=SYSTEM, now=NOW, patient=who, purpose=LinkPurpose.VISITS)
            for name, who in (("patient_a", patient), ("patient_b", other))
        }
        wanted = Prerequisite.objects.create(
            code="fasting", name="Fasting", required_before=RequiredBefore.EVERY
        )
        wanted.protocols.add(order.protocol)
        Patient.objects.filter(pk=patient.pk).update(email_unproven_since=NOW)
        return World(
            patient=patient,
            other=other,
            series=series,
            visit=visits[0],
            arrived=visits[1],
            link=links["patient_a"],
            feed=link_for(by=SYSTEM, now=NOW, patient=patient, purpose=LinkPurpose.FEED),
            address=link_for(by=SYSTEM, now=NOW, patient=patient, purpose=LinkPurpose.ADDRESS),
            offered=offer_link(by=SYSTEM, now=NOW, patient=patient),
            offer=Offer.objects.create(
                entry=WaitlistEntry.objects.create(
                    patient=patient,
                    order=order,
                    location=location,
                    kind=WaitKind.EARLIER,
                    since=NOW,
                    made_by=nurse,
                ),
                starts_at=start + timedelta(days=9),
                chair=chair,
                nurse=nurse,
                made_at=NOW,
                expires_at=NOW + timedelta(hours=2),
                way=OfferWay.LINK,
            ),
            medicine=MedicationTrial.objects.create(patient=patient, medicine="Tried", outcome="no_effect"),
            consent=give_consent(by=by, now=NOW, patient=patient, channel=Channel.EMAIL),
            change=CourseChange.objects.create(
                series=series,
                revision=99,
                made_by=nurse,
                made_at=NOW,
                leaves_at=NOW + timedelta(minutes=3),
                before=[],
            ),
            wanted=wanted,
            disrupted=DisruptedVisit.objects.create(
                disruption=Disruption.objects.create(
                    kind=DisruptionKind.NURSE,
                    location=location,
                    staff=nurse,
                    starts_at=start,
                    ends_at=start + timedelta(hours=2),
                    made_at=NOW,
                ),
                appointment=visits[0],
                was_at=visits[0].starts_at,
            ),
            pressure=BloodPressure.objects.create(
                appointment=visits[1],
                moment="before",
                systolic=120,
                diastolic=80,
                at=NOW,
                recorded_by=nurse,
                recorded_at=NOW,
            ),
            presence=Presence.objects.create(
                staff=factories.make_staff(Role.PRESCRIBER),
                location=location,
                arrived_at=NOW,
                recorded_by=nurse,
            ),
            hold=Hold.objects.create(
                made_by=nurse,
                made_at=NOW,
                expires_at=NOW + timedelta(minutes=10),
                proposal_key="key",
                proposed_for=series.order,
            ),
            transfer=SeriesTransfer.objects.create(
                series=series,
                order=series.order,
                from_location=factories.make_location(),
                to_location=location,
                made_by=nurse,
                made_at=NOW,
            ),
            check_in=CheckIn.objects.create(
                appointment=visits[0],
                patient=patient,
                offset_hours=4,
                due_at=NOW,
                closes_at=NOW + timedelta(hours=20),
            ),
            alert=Alert.objects.create(
                key="alert",
                kind=AlertKind.OVERDUE,
                severity=Severity.PATIENT_WAITING,
                owner=Role.PRESCRIBER,
                patient=patient,
                location=location,
                facts={"last": "2026-01-02"},
                raised_at=NOW,
            ),
            plan=make_plan(patient),
            staff={role.value: factories.make_staff(role) for role in Role},
            tokens={name: token(link) for name, link in links.items()},
        )


def make_plan(patient: Patient) -> FollowUpPlan:
    """Patient A's weekly plan, behind the booked course, with one review."""
    order = factories.make_follow_up(patient, factories.make_protocol())
    after = NOW.date() + timedelta(days=4)
    return factories.make_plan(order, starts_after=after, reviews=[NOW.date() + timedelta(days=56)])


def may(action: Action) -> dict[str, str]:
    """Staff by the table in access.py; everybody else is asked to log in."""
    allowed = {identity: OPEN if Role(identity) in MAY[action] else FORBIDDEN for identity in STAFF}
    return dict.fromkeys(("anonymous", *PATIENTS), LOGIN) | allowed


def reads(page: Action, form: Action) -> dict[str, str]:
    """Whoever may do ``page`` looks at it; only who may do ``form`` sends its form."""
    return may(page) | {name: READS for name, met in may(form).items() if met == FORBIDDEN}


def own() -> dict[str, str]:
    """A patient's page: A's own; for B it is not there, and without a patient's cookie nobody enters."""
    return dict.fromkeys(IDENTITIES, FORBIDDEN) | {"patient_a": OPEN, "patient_b": MISSING}


def patients_only() -> dict[str, str]:
    """Any patient with a link sees their own."""
    return dict.fromkeys(IDENTITIES, FORBIDDEN) | {"patient_a": OPEN, "patient_b": OPEN}


EVERYBODY = dict.fromkeys(IDENTITIES, OPEN)
LOGGED_IN = dict.fromkeys(IDENTITIES, OPEN) | dict.fromkeys(("anonymous", *PATIENTS), LOGIN)
ADMIN = dict.fromkeys(IDENTITIES, FORBIDDEN) | {"manager": OPEN}

Arguments = Callable[[World], tuple[Any, ...]]


def nothing(_world: World) -> tuple[Any, ...]:
    return ()


def patient(world: World) -> tuple[Any, ...]:
    return (world.patient.pk,)


def visit(world: World) -> tuple[Any, ...]:
    return (world.visit.pk,)


def series(world: World) -> tuple[Any, ...]:
    return (world.series.pk,)


def order(world: World) -> tuple[Any, ...]:
    return (world.series.order_id,)


def message(world: World) -> tuple[Any, ...]:
    return (world.series.messages.order_by("pk")[0].pk,)


def plan(world: World) -> tuple[Any, ...]:
    return (world.plan.pk,)


def day(_world: World) -> tuple[Any, ...]:
    return ("2026-01-06",)


TABLE: dict[str, tuple[Arguments, dict[str, str]]] = {
    "board": (nothing, may(Action.SEE_BOARD)),
    "board_day": (day, may(Action.SEE_BOARD)),
    "week": (nothing, may(Action.SEE_BOARD)),
    "week_day": (day, may(Action.SEE_BOARD)),
    "patient_list": (nothing, may(Action.SEE_PATIENTS)),
    "patient_add": (nothing, may(Action.EDIT_PATIENTS)),
    "patient_detail": (patient, may(Action.SEE_PATIENTS)),
    "patient_edit": (patient, may(Action.EDIT_PATIENTS)),
    "consent_give": (patient, may(Action.RECORD_CONSENT)),
    "consent_revoke": (lambda world: (world.consent.pk,), may(Action.RECORD_CONSENT)),
    "medication_add": (patient, may(Action.EDIT_PATIENTS)),
    "medication_remove": (lambda world: (world.medicine.pk,), may(Action.EDIT_PATIENTS)),
    "prerequisite_record": (patient, may(Action.RECORD_PREREQUISITE)),
    "patient_link": (patient, may(Action.ISSUE_LINK)),
    "address_test": (patient, may(Action.ISSUE_LINK)),
    "address_confirm": (patient, may(Action.RECORD_CONSENT)),
    "order_draft": (patient, may(Action.DRAFT_ORDER)),
    "order_edit": (order, may(Action.DRAFT_ORDER)),
    "order_sign": (order, may(Action.SIGN_ORDER)),
    "order_book_held": (order, may(Action.BOOK)),
    "order_withdraw": (order, may(Action.WITHDRAW_ORDER)),
    "book": (patient, may(Action.BOOK)),
    "series_detail": (series, may(Action.SEE_PATIENTS)),
    "plan_set": (patient, reads(Action.SEE_PATIENTS, Action.SET_PLAN)),
    "plan_detail": (plan, may(Action.SEE_PATIENTS)),
    "plan_end": (plan, may(Action.SET_PLAN)),
    "plan_continue": (plan, may(Action.SET_PLAN)),
    "plan_renew": (plan, may(Action.SIGN_ORDER)),
    "plan_review": (lambda world: (world.plan.reviews.get().pk,), may(Action.SET_PLAN)),
    "patient_standing": (patient, may(Action.CHANGE_STANDING)),
    "patient_reopen": (patient, may(Action.CHANGE_STANDING)),
    "visit_stop": (visit, may(Action.RECORD_VISIT)),
    "visit_late": (visit, may(Action.MOVE)),
    "visit_prerequisite": (lambda world: (world.visit.pk, world.wanted.pk), may(Action.RECORD_PREREQUISITE)),
    "visit_pressure": (visit, may(Action.RECORD_VISIT)),
    "pressure_remove": (lambda world: (world.pressure.pk,), may(Action.RECORD_VISIT)),
    "visit_dose": (visit, may(Action.RECORD_VISIT)),
    "presence_mark": (lambda world: (world.series.location_id,), may(Action.MARK_PRESENT)),
    "presence_left": (lambda world: (world.presence.pk,), may(Action.MARK_PRESENT)),
    "order_amend": (order, may(Action.SIGN_ORDER)),
    "order_seen": (order, may(Action.RECORD_VISIT)),
    "alert_decide": (lambda world: (world.alert.pk,), may(Action.DECIDE)),
    "disruption_list": (nothing, may(Action.SEE_BOARD)),
    "disruption_add": (nothing, may(Action.DISRUPT)),
    "disruption_detail": (lambda world: (world.disrupted.disruption_id,), may(Action.SEE_BOARD)),
    "disruption_cover": (lambda world: (world.disrupted.disruption_id,), may(Action.COVER)),
    "disruption_repair": (lambda world: (world.disrupted.disruption_id,), may(Action.COVER)),
    "disruption_lift": (lambda world: (world.disrupted.disruption_id,), may(Action.DISRUPT)),
    "disrupted_visit": (lambda world: (world.disrupted.pk,), may(Action.COVER)),
    "disruption_call": (lambda world: (world.disrupted.pk,), may(Action.COVER)),
    "hold_release": (lambda world: (world.hold.pk,), may(Action.SEE_BOARD)),
    "closing": (nothing, may(Action.DISRUPT)),
    "series_transfer": (series, may(Action.TRANSFER)),
    "transfer_countersign": (lambda world: (world.transfer.pk,), may(Action.SIGN_ORDER)),
    "series_print": (series, may(Action.SEE_PATIENTS) | {"manager": READS}),
    "series_cancel_rest": (series, may(Action.CANCEL)),
    "change_undo": (lambda world: (world.change.pk,), may(Action.MOVE)),
    "appointment_detail": (visit, may(Action.SEE_PATIENTS)),
    "appointment_move": (visit, may(Action.MOVE)),
    "appointment_cancel": (visit, may(Action.CANCEL)),
    "appointment_rest": (visit, may(Action.MOVE)),
    "visit_step": (lambda world: (world.visit.pk, "arrived_at"), may(Action.RECORD_ARRIVAL)),
    "visit_discharge": (visit, may(Action.RECORD_VISIT)),
    "visit_missed": (visit, may(Action.RECORD_ARRIVAL)),
    "visit_undo": (visit, may(Action.RECORD_ARRIVAL)),
    "visit_correct": (lambda world: (world.arrived.pk, "arrived_at"), may(Action.CORRECT_TIMES)),
    "message_list": (nothing, may(Action.SEE_MESSAGES)),
    "message_detail": (message, may(Action.SEE_MESSAGES)),
    "message_print": (message, may(Action.HANDLE_MESSAGES)),
    "message_resend": (message, may(Action.HANDLE_MESSAGES)),
    "message_done": (message, may(Action.HANDLE_MESSAGES)),
    "message_drop": (message, may(Action.HANDLE_MESSAGES)),
    "waitlist": (nothing, may(Action.SEE_PATIENTS)),
    "wait_join": (lambda world: (world.visit.pk,), may(Action.MOVE)),
    "wait_join_session": (order, may(Action.MOVE)),
    "wait_change": (lambda world: (world.offer.entry_id,), may(Action.MOVE)),
    "wait_leave": (lambda world: (world.offer.entry_id,), may(Action.MOVE)),
    "offer_withdraw": (lambda world: (world.offer.pk,), may(Action.MOVE)),
    "offer_call": (lambda world: (world.offer.pk,), may(Action.MOVE)),
    "set_up": (nothing, may(Action.CONFIGURE)),
    "attention": (nothing, may(Action.SEE_ATTENTION)),
    "alert_acknowledge": (lambda world: (world.alert.pk,), may(Action.ACKNOWLEDGE)),
    "check_in_detail": (
        lambda world: (world.check_in.pk,),
        may(Action.ANSWER_CHECK_IN) | {"front_desk": READS, "manager": READS},
    ),
    "check_in_enter": (lambda world: (world.tokens["patient_a"], world.check_in.pk), EVERYBODY),
    "address_enter": (lambda world: (token(world.address),), EVERYBODY),
    "patient_enter": (lambda world: (world.tokens["patient_a"],), EVERYBODY),
    "new_link": (nothing, EVERYBODY),
    "offer_enter": (lambda world: (token(world.offered), world.offer.pk), EVERYBODY),
    "my_offer": (lambda world: (world.offer.pk,), own()),
    "my_wait": (visit, own()),
    "my_wait_leave": (visit, own()),
    "my_visits": (nothing, patients_only()),
    "my_calendar": (nothing, patients_only()),
    "my_check_in": (lambda world: (world.check_in.pk,), own()),
    "my_feed": (nothing, patients_only()),
    "my_appointment": (visit, own()),
    "my_confirm": (visit, own()),
    "my_other_time": (visit, own()),
    "my_keep": (visit, own()),
    "my_cancel": (visit, own()),
    "my_take_back": (visit, own()),
    "my_appointment_ics": (visit, own()),
    "my_series_ics": (series, own()),
    "patient_feed": (lambda world: (token(world.feed),), EVERYBODY),
    "healthz": (nothing, EVERYBODY),
    "favicon": (nothing, EVERYBODY),
}
"""Name of the address -> its arguments for patient A's records, and what each identity meets."""

ACCOUNT_PREFIX, ADMIN_PREFIX = "account_", "admin:"


def addresses(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """The full name of every address there is."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from addresses(entry, f"{prefix}{entry.namespace}:" if entry.namespace else prefix)
        elif isinstance(entry, URLPattern):
            yield f"{prefix}{entry.name or entry.pattern}"


def client_for(identity: str, world: World) -> Client:
    """A browser of that person, logged in or with the link's cookie."""
    client = Client()
    if identity in STAFF:
        client.force_login(world.staff[identity].user)
    elif identity in PATIENTS:
        assert client.get(reverse("patient_enter", args=(world.tokens[identity],))).status_code == 302
    return client


def outcome(response: Any) -> str:
    """Which of the four outcomes an answer is; a fault of the server is none of them."""
    assert response.status_code < 500, response.status_code
    if response.status_code == 302 and response.headers["Location"].startswith("/accounts/login/"):
        return LOGIN
    return {403: FORBIDDEN, 404: MISSING}.get(response.status_code, OPEN)


def test_every_address_is_listed() -> None:
    names = {name for name in addresses() if not name.startswith((ACCOUNT_PREFIX, ADMIN_PREFIX))}
    assert names == set(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_everybody_meets_what_the_table_says(name: str, world: World) -> None:
    arguments, expected = TABLE[name]
    url = reverse(name, args=arguments(world))
    met: dict[str, set[str]] = {}
    for identity in IDENTITIES:
        client = client_for(identity, world)
        for method in (client.get, client.head, client.post, client.put, client.delete):
            with transaction.atomic():
                response = method(url)
                transaction.set_rollback(True)
            if response.status_code != 405:
                met.setdefault(identity, set()).add(outcome(response))
    wanted = {READS: {OPEN, FORBIDDEN}}
    assert met == {identity: wanted.get(expected[identity], {expected[identity]}) for identity in IDENTITIES}


@pytest.mark.parametrize("identity", IDENTITIES)
def test_only_a_manager_enters_the_admin(identity: str, world: World) -> None:
    client = client_for(identity, world)
    names = sorted(name for name in addresses() if name.startswith(ADMIN_PREFIX))
    assert len(names) > 50
    for name in names:
        url = admin_url(name, world)
        if url is None:
            continue
        response = client.get(url)
        met = outcome(response)
        if identity == "manager":
            assert met in (OPEN, MISSING, FORBIDDEN), name
        else:
            assert met in (LOGIN, FORBIDDEN) or "login" in response.headers.get("Location", ""), name


def admin_url(name: str, world: World) -> str | None:
    """The address of an admin page, for patient A's row where it takes one."""
    for arguments in ((), (str(world.patient.pk),), (1, 1)):
        try:
            return reverse(name, args=arguments)
        except NoReverseMatch:
            continue
    return None


def test_who_made_the_installation_is_led_to_the_admin() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("founder"))
    response = client.get(reverse("board"))
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/")
