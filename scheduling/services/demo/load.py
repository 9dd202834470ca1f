"""Loads the whole demo in one transaction, the same for a given date and time of day."""

from datetime import date, datetime, time, timedelta
from random import Random
from uuid import UUID

from django.db import transaction

from scheduling.access import SYSTEM
from scheduling.core.wishes import Wishes
from scheduling.core.words import UNDER_WAY, Stage, Status
from scheduling.models import Appointment, AuditEntry, Patient
from scheduling.services.audit import record

from .courses import WISHES, Story, Teller, midnight, past_visits
from .people import make_patients, make_staff
from .places import MAIN_ZONE, make_places

PATIENTS = 60
PAST_DAYS = 40
HOURS = ((480, 540), (630, 660), (510, 570), (780, 840), (600, 660), (690, 750), (870, 930))
"""Wall minutes between which follow-up patients like to start, so that today is busy from morning to evening."""
LOADED = "load_demo"
LIVE_HOURS = time(10, 45), time(15, 30)
"""Today is shown as it stands within these hours, so that the board is busy whenever the demo is started."""


def loaded_for() -> date | None:
    """The date of the demo in this database; None where there is no demo."""
    entry = AuditEntry.objects.filter(action=LOADED).order_by("pk").last()
    return date.fromisoformat(entry.facts["date"]) if entry else None


def shown_patient() -> Patient:
    """A patient of the loaded demo with visits behind and ahead, whose pages are worth a look."""
    entry = AuditEntry.objects.filter(action=LOADED).latest("pk")
    return Patient.objects.get(pk=entry.facts["shown_patient"])


def is_in_use() -> bool:
    """Whether the database has patients that did not come from the demo."""
    return loaded_for() is None and Patient.objects.exists()


def board_time(now: datetime) -> datetime:
    """``now``, moved into the hours in which the main location is busy, on the same local day."""
    local = now.astimezone(MAIN_ZONE)
    first, last = (datetime.combine(local.date(), wall, MAIN_ZONE) for wall in LIVE_HOURS)
    return min(max(local, first), last).replace(second=0, microsecond=0)


@transaction.atomic
def load_demo(now: datetime) -> None:
    """Fill an empty database as of ``now``."""
    at = board_time(now)
    today = at.date()
    chance = Random(today.toordinal())  # noqa: S311 - made-up data, the same for a date
    began = now - timedelta(days=PAST_DAYS + 10)
    places = make_places(began)
    staff = make_staff(places, began)
    teller = Teller(places, staff, chance)
    patients = make_patients(places, staff, PATIENTS, began, chance)
    waiting, treated = patients[:14], patients[14:]
    _first_stages(teller, treated, today)
    teller.live_through(past_visits(midnight(today, places)), midnight(today, places))
    _follow_ups(teller, today)
    _unbooked(teller, waiting, at)
    _stop_one(teller, at)
    _today(teller, at)
    _settle_uids(chance)
    shown = _patient_to_show(at)
    record(
        by=SYSTEM,
        now=at,
        action=LOADED,
        subject=places.main,
        date=today.isoformat(),
        shown_patient=shown.pk,
    )


def _first_stages(teller: Teller, patients: list[Patient], today: date) -> None:
    """Courses booked one after another from five weeks ago until today, so that each finds the others' places."""
    chance, places = teller.chance, teller.places
    asked = sorted(chance.randint(-PAST_DAYS, -1) for _ in patients)
    for number, (patient, days) in enumerate(zip(patients, asked, strict=True)):
        protocol = places.nasal if number % 9 == 4 else chance.choice(places.induction)
        story = Story(
            patient=patient,
            protocol=protocol,
            stage=Stage.INDUCTION,
            asked_at=midnight(today + timedelta(days=days), places) + timedelta(hours=9),
            sessions=protocol.induction_count,
            wishes=chance.choice(WISHES),
        )
        teller.book(story, ranking=number)


def _follow_ups(teller: Teller, today: date) -> None:
    """Who finished the first stage goes on weekly; at the main location the next visit is today."""
    places = teller.places
    finished = Patient.objects.filter(orders__state="used_up").distinct().order_by("pk")
    for number, patient in enumerate(finished):
        is_main = patient.home_location_id == places.main.pk
        if number % 8 == 7:
            continue
        last = patient.appointments.filter(status=Status.DONE).latest("starts_at")
        is_soon = (today - last.local_date).days < places.follow_up.min_gap_days
        story = Story(
            patient=patient,
            protocol=places.follow_up,
            stage=Stage.FOLLOW_UP,
            asked_at=midnight(today, places) + timedelta(hours=1),
            sessions=4,
            wishes=Wishes(
                prefer_weekdays=frozenset({today.weekday()}), prefer_windows=(HOURS[number % len(HOURS)],)
            ),
        )
        teller.book(story, earliest=today if is_main and not is_soon else today + timedelta(days=1))


def _unbooked(teller: Teller, patients: list[Patient], at: datetime) -> None:
    """Five without an order, four with a draft, five signed and waiting to be booked."""
    for number, patient in enumerate(patients[5:]):
        protocol = teller.places.induction[number % 3]
        story = Story(
            patient=patient,
            protocol=protocol,
            stage=Stage.INDUCTION,
            asked_at=at - timedelta(days=number % 4, hours=2),
            sessions=protocol.induction_count,
            wishes=Wishes(),
        )
        order = teller.draft(story)
        if number >= 4:
            teller.sign(order)


def _stop_one(teller: Teller, at: datetime) -> None:
    """One patient of the branch stops a course that still has visits ahead."""
    ahead = Appointment.objects.filter(
        location=teller.places.branch, status=Status.BOOKED, starts_at__gt=at + timedelta(days=3)
    )
    visit = ahead.select_related("series").order_by("starts_at", "pk").first()
    if visit:
        teller.stop(visit.series, at - timedelta(hours=20))


def _today(teller: Teller, at: datetime) -> None:
    """Today as it stands at ``at``: some done, some under way, one missed, one late, one in another's chair."""
    visits = past_visits(at)
    here = [visit for visit in visits if visit.location_id == teller.places.main.pk]
    late = [visit for visit in here if timedelta(minutes=16) <= at - visit.starts_at < timedelta(minutes=50)][
        :1
    ]
    over = [visit for visit in here if visit.ends_at <= at]
    staying = [visit for visit in over if _next_in_chair(visit, here)][-1:]
    waiting = [_next_in_chair(visit, here) for visit in staying]
    missed = [visit for visit in over if visit not in staying][:1]
    for visit in visits:
        if visit in missed:
            teller.miss(visit)
        elif visit in staying:
            teller.treat(visit, until=at, late=(at - visit.ends_at) // timedelta(minutes=1) + 20)
        elif visit in waiting:
            teller.treat(visit, until=visit.starts_at + timedelta(minutes=3))
        elif visit not in late:
            teller.treat(visit, until=at)
    if not any(visit.status == Status.IN_TREATMENT for visit in _under_way(teller)):
        ready = [visit for visit in _under_way(teller) if visit.status == Status.ARRIVED]
        for visit in [one for one in ready if one not in waiting][:1]:
            teller.start(visit, at)


def _under_way(teller: Teller) -> list[Appointment]:
    here = Appointment.objects.filter(location=teller.places.main, status__in=UNDER_WAY)
    return list(here.order_by("starts_at", "pk"))


def _next_in_chair(visit: Appointment, others: list[Appointment]) -> Appointment | None:
    """The visit after this one in its chair, where that has begun by plan."""
    later = [one for one in others if one.chair_id == visit.chair_id and one.starts_at >= visit.ends_at]
    return later[0] if later else None


def _settle_uids(chance: Random) -> None:
    """Calendar UIDs are random by nature; here they follow the date, so that a demo can be made again."""
    visits = list(Appointment.objects.order_by("pk"))
    for visit in visits:
        visit.uid = str(UUID(int=chance.getrandbits(128), version=4))
    Appointment.objects.bulk_update(visits, ["uid"], batch_size=200)


def _patient_to_show(at: datetime) -> Patient:
    """Who has visits behind and ahead and reads English."""
    upcoming = Appointment.objects.filter(
        status=Status.BOOKED, starts_at__gt=at + timedelta(hours=12), patient__language="en", number__gte=3
    )
    visit = upcoming.select_related("patient").order_by("starts_at", "pk").first()
    return visit.patient if visit else Patient.objects.order_by("pk")[0]
