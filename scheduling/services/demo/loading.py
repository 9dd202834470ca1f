"""Loading the demo into an empty database, and what is known of one that is loaded."""

from datetime import date, datetime, time, timedelta
from random import Random
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from django.db import transaction

from scheduling.access import SYSTEM
from scheduling.core.words import LinkPurpose
from scheduling.models import Appointment, AuditEntry, Location, Patient, StaffMember
from scheduling.services.audit import record
from scheduling.services.delivery import deliver
from scheduling.services.links import link_in_force, visits_url

from .aftercare import FULL_MAILBOX, Aftercare, MadeUpPost
from .clinic import CLOSES, OPENS, SITES, build_clinic
from .lives import Story
from .people import everybody, mrn, plain
from .plot import parts
from .simulation import live
from .surroundings import dose_changed, prescriber_on_site, two_wait
from .visiting import BusyDay

MARK = "load_demo"
"""The action of the audit entry by which a loaded demo is known."""
ELSE_AT = time(11)
AFTERCARE = timedelta(days=32)
"""The demo's past month, with what was booked before it."""
SPRAYS_SINCE = timedelta(days=45)
"""No spray, which needs a prescriber on site, was given earlier."""
LONG_AGO = timedelta(days=130)
"""When the oldest treatment that still goes on was ordered."""


def local_day(clock: datetime) -> date:
    """The local date at the first site."""
    return clock.astimezone(_zones()[0]).date()


def open_sites(clock: datetime) -> list[str]:
    """The names of the sites that are open at ``clock``."""
    return [
        fields["name"]
        for fields, zone in zip(SITES, _zones(), strict=True)
        if OPENS <= clock.astimezone(zone).time() < CLOSES
    ]


def the_time(day: date, clock: datetime) -> datetime:
    """The instant up to which the demo's day has gone: the clock's while a site is open, else 11:00 at the first.

    ``day`` is a local date of the first site.
    """
    if local_day(clock) == day and open_sites(clock):
        return clock.replace(second=0, microsecond=0)
    return datetime.combine(day, ELSE_AT, _zones()[0])


def _zones() -> list[ZoneInfo]:
    return [ZoneInfo(fields["zone"]) for fields in SITES]


def stored_day() -> date | None:
    """The local date for which a demo is loaded; None where there is none."""
    entry = AuditEntry.objects.filter(action=MARK).first()
    return date.fromisoformat(entry.facts["day"]) if entry else None


def is_empty() -> bool:
    """Whether nobody has put anything into this database yet."""
    return not (Location.objects.exists() or StaffMember.objects.exists() or Patient.objects.exists())


def sample_link() -> str:
    """The address of one patient's pages, built from BASE_URL."""
    patient = Patient.objects.get(mrn=mrn(0, 0))
    link = link_in_force(patient, LinkPurpose.VISITS)
    return visits_url(link) if link else ""


@transaction.atomic
def load(*, day: date, as_of: datetime) -> None:
    """Fill an empty database with the demo of the local date ``day``, lived up to ``as_of``.

    What is booked depends on ``day`` alone; what is recorded of the day itself on ``as_of`` too.
    """
    clinic = build_clinic(day, datetime.combine(day, time(9), as_of.tzinfo) - timedelta(days=400))
    today = BusyDay(as_of)
    stories = [
        Story(clinic, person, part, today, day, Random(f"{day} {person.number}"))  # noqa: S311 - made-up data
        for person, part in zip(everybody(), parts(day), strict=True)
    ]
    post = MadeUpPost(refused=_address_of(FULL_MAILBOX))
    aftercare = Aftercare(clinic, post, str(day))
    busy_since = day - AFTERCARE
    beside = (
        *(prescriber_on_site(clinic, site, day - SPRAYS_SINCE, day) for site in range(len(clinic.sites))),
        dose_changed(clinic, day),
    )
    lives = [*beside, *(story.life() for story in stories), aftercare.life(day - LONG_AGO, busy_since)]
    live(lives, as_of)
    aftercare.round(as_of, is_first=True)
    two_wait(clinic, as_of)
    deliver(as_of, connection=post)
    aftercare.leave_a_red_flag(as_of)
    _name_visits(day)
    record(by=SYSTEM, now=as_of, action=MARK, subject=clinic.sites[0], day=day.isoformat())


def _address_of(number: int) -> str:
    """The e-mail address of one of the sixty; empty where a smaller demo lacks them."""
    return next((f"{plain(person)}@example.org" for person in everybody() if person.number == number), "")


def _name_visits(day: date) -> None:
    """Give calendars the same UIDs whenever the demo of a date is loaded."""
    visits = list(Appointment.objects.select_related("patient", "series"))
    for visit in visits:
        name = f"demo {day} {visit.patient.mrn} {visit.series.stage} {visit.number}"
        visit.uid = str(uuid5(NAMESPACE_URL, name))
    Appointment.objects.bulk_update(visits, ["uid"])
