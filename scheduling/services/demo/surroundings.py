"""What staff do beside the visits: prescribers come and go, and one changes a dose on the eve of the demo's day."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from scheduling.core.words import Route, Stage, Status, WaitKind
from scheduling.models import Appointment, Order, StaffMember
from scheduling.services.amending import amend_order, open_infusions
from scheduling.services.audit import author
from scheduling.services.backfill import offer_freed_places
from scheduling.services.faults import Refused
from scheduling.services.frame import public_holidays
from scheduling.services.ledger import may_write_to
from scheduling.services.presence import mark_left, mark_present
from scheduling.services.waitlist import wait_for_better

from .clinic import DemoClinic
from .simulation import Life

COMES, GOES = time(6, 50), time(17, 50)
"""Local times between which a prescriber is on site: from before the first visit until the last observation."""
SIGNS = time(17, 40)
STEP_UP = Decimal("0.1")
"""mg/kg; a made-up change within the usual range."""
WAITS_FOR = timedelta(days=8)
"""Who has a visit further ahead than this would come earlier."""


def prescriber_on_site(clinic: DemoClinic, site: int, since: date, until: date) -> Life:
    """The site's main prescriber, marked on every weekday that is no holiday from ``since`` to ``until``."""
    location = clinic.sites[site]
    staff = StaffMember.objects.get(pk=author(clinic.prescribers[2 * site]))
    closed = public_holidays(location, since, until)
    for ordinal in range(since.toordinal(), until.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if day.weekday() >= 5 or day in closed:
            continue
        now = datetime.combine(day, COMES, location.tz)
        yield now
        presence = mark_present(by=clinic.front_desk, now=now, staff=staff, location=location)
        now = datetime.combine(day, GOES, location.tz)
        yield now
        mark_left(by=clinic.front_desk, now=now, presence=presence)


def dose_changed(clinic: DemoClinic, day: date) -> Life:
    """On the eve of ``day`` the dose of the first site's last infusion of that day goes up; no nurse has seen it."""
    location = clinic.sites[0]
    now = datetime.combine(day - timedelta(days=1), SIGNS, location.tz)
    yield now
    visits = Appointment.objects.filter(
        location=location, local_date=day, status=Status.BOOKED, series__stage=Stage.INDUCTION
    ).filter(protocol__route=Route.IV)
    visit = visits.select_related("order__protocol").order_by("starts_at", "pk").last()
    if visit is None:
        return
    old = visit.order
    order = Order(
        protocol=old.protocol,
        dose_amount=old.dose_amount + STEP_UP,
        dose_unit=old.dose_unit,
        weight_kg=old.weight_kg,
        sessions=open_infusions(old),
        valid_from=now.date(),
        valid_until=old.valid_until,
    )
    amend_order(by=clinic.prescribers[0], now=now, old=old, order=order)


def two_wait(clinic: DemoClinic, now: datetime) -> None:
    """Two patients of the first site would come earlier; one of them is offered a place."""
    rows = Appointment.objects.filter(
        location=clinic.sites[0],
        status=Status.BOOKED,
        starts_at__gt=now + WAITS_FOR,
        starts_at__lt=now + 2 * WAITS_FOR,
    )
    ahead = {visit.patient_id: visit for visit in rows.select_related("patient").order_by("-starts_at", "pk")}
    waiting = 0
    for visit in sorted(ahead.values(), key=lambda visit: (visit.starts_at, visit.pk)):
        if waiting == 2 or not may_write_to(visit.patient):
            continue
        try:
            wait_for_better(by=clinic.front_desk, now=now, appointment=visit, kind=WaitKind.EARLIER)
        except Refused:
            # Nothing earlier keeps to the days between this patient's visits.
            continue
        waiting += 1
        if waiting == 1:
            offer_freed_places(now)
