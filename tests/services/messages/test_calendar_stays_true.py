"""A patient's calendar that applies iTIP by the RFC ends with what the clinic's book says, whatever the post does."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from scheduling.core.words import OPEN, Status
from scheduling.models import Appointment, Patient, Series
from scheduling.services import delivery
from scheduling.services.appointments import Canceller, cancel_appointment, move_appointment
from scheduling.services.changes import undo_change, undoable
from scheduling.services.course_messages import may_have_left
from scheduling.services.delivery import deliver
from tests.calendar_client import CalendarClient
from tests.factories import NOW
from tests.mail_server import MailServer
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
ADDRESS = "ada@example.org"


def a_restless_course(clinic: Clinic, ada: Patient, chance: Random) -> Series:
    """Booked, moved, moved back, taken back, cancelled and booked again, with deliveries in between."""
    series = clinic.book(clinic.order(ada, sessions=24))
    now = NOW
    for _turn in range(12):
        now += timedelta(minutes=chance.choice([1, 2, 5, 10]))
        act(clinic, series, chance, now)
        if chance.random() < 0.6:
            deliver(now)
    finish(now + HOUR)
    return series


def act(clinic: Clinic, series: Series, chance: Random, now: datetime) -> None:
    visit = chance.choice(list(series.appointments.filter(status__in=OPEN).order_by("number")))
    what = chance.choice(["move", "move", "cancel", "undo", "rebook"])
    change = undoable(series, now)
    if what == "undo" and change:
        undo_change(by=clinic.clerk, now=now, change=change)
    elif what == "cancel":
        cancel_appointment(by=clinic.clerk, now=now, appointment=visit, canceller=Canceller.PATIENT)
    elif what == "rebook":
        free = next(start for start in later(series))
        clinic.book(series.order, [free], now=now)
    else:
        start = visit.starts_at.replace(hour=14) + chance.randrange(4) * HOUR
        place = clinic.places([start])[0]
        move_appointment(by=clinic.clerk, now=now, appointment=visit, place=place)


def later(series: Series) -> list[datetime]:
    last = series.appointments.order_by("-starts_at")[0]
    return [last.starts_at.replace(hour=14) + timedelta(days=4)]


def finish(now: datetime) -> None:
    while deliver(now):
        pass


def the_book(series: Series) -> dict[str, tuple[datetime, datetime]]:
    visits = Appointment.objects.filter(series=series, status=Status.BOOKED)
    return {visit.uid: (visit.starts_at, visit.ends_at) for visit in visits}


def inbox(server: MailServer) -> list[bytes]:
    return [mail.as_bytes() for mail in server.script.received]


def read(mails: list[bytes]) -> dict[str, tuple[datetime, datetime]]:
    client = CalendarClient(ADDRESS)
    for raw in mails:
        client.receive(raw)
    return client.events()


@pytest.mark.parametrize("seed", range(12))
def test_the_calendar_ends_as_the_book(server: MailServer, clinic: Clinic, ada: Patient, seed: int) -> None:
    chance = Random(seed)
    series = a_restless_course(clinic, ada, chance)
    mails, book = inbox(server), the_book(series)
    assert read(mails) == book
    for _ in range(8):
        shuffled = [*mails, *chance.sample(mails, len(mails) // 2)]
        chance.shuffle(shuffled)
        assert read(shuffled) == book


def test_the_simulation_would_notice_a_sequence_that_does_not_rise(
    server: MailServer, clinic: Clinic, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: with SEQUENCE stuck at 0 and one stamp, the calendar shows old times."""
    from scheduling.services import course_texts

    itip_bytes = vars(course_texts)["itip_bytes"]

    def stuck(entry: Any, **more: Any) -> Any:
        from dataclasses import replace

        return itip_bytes(replace(entry, sequence=0), **(more | {"stamp": NOW}))

    monkeypatch.setattr(course_texts, "itip_bytes", stuck)
    series = clinic.book(clinic.order(ada), COURSE[:1])
    finish(NOW)
    visit = series.appointments.get()
    place = clinic.places([visit.starts_at + HOUR])[0]
    move_appointment(by=clinic.clerk, now=NOW, appointment=visit, place=place)
    finish(NOW + HOUR)
    assert read(inbox(server)) != the_book(series)


def test_a_cancelled_visit_booked_again_is_another_event(
    server: MailServer, clinic: Clinic, ada: Patient
) -> None:
    series = clinic.book(clinic.order(ada), COURSE[:1])
    finish(NOW)
    old = series.appointments.get()
    cancel_appointment(by=clinic.clerk, now=NOW, appointment=old, canceller=Canceller.CLINIC)
    finish(NOW + HOUR)
    clinic.book(series.order, COURSE[:1], now=NOW + HOUR)
    finish(NOW + 2 * HOUR)
    new = series.appointments.get(number=2)
    assert new.uid != old.uid
    assert list(read(inbox(server))) == [new.uid]
    assert list(read(list(reversed(inbox(server))))) == [new.uid]


def test_a_visit_that_a_dead_worker_may_have_brought_there_is_taken_off_for_sure(
    server: MailServer, clinic: Clinic, ada: Patient
) -> None:
    series = clinic.book(clinic.order(ada), COURSE[:1])
    # It died after the server's last word and before ours: the mail arrived, and no row says so.
    assert len(delivery._claim(NOW, "dead")) == 2
    visit = series.appointments.get()
    cancel_appointment(by=clinic.clerk, now=NOW + HOUR, appointment=visit, canceller=Canceller.CLINIC)
    finish(NOW + 2 * HOUR)
    assert [mail["Subject"].strip().partition(",")[0] for mail in server.script.received] == [
        "Cancelled: appointment"
    ]


@pytest.mark.parametrize("is_leased", [True, False], ids=["still leased", "lease over"])
def test_a_visit_moved_back_after_a_worker_died_on_the_way_is_sent_again(
    server: MailServer, clinic: Clinic, ada: Patient, monkeypatch: pytest.MonkeyPatch, is_leased: bool
) -> None:
    """The calendar was told of ten o'clock, and no row says so: nine again is news to it."""
    series = clinic.book(clinic.order(ada), COURSE[:1])
    finish(NOW)
    visit = series.appointments.get()
    moved_at = NOW + HOUR
    move_appointment(
        by=clinic.clerk, now=moved_at, appointment=visit, place=clinic.places([visit.starts_at + HOUR])[0]
    )
    sent_at = moved_at + timedelta(minutes=5)
    with monkeypatch.context() as dying:
        # It died after the server's last word and before ours.
        dying.setattr(delivery, "mark_sent", lambda *_args: None)
        dying.setattr(delivery, "_give_back", lambda *_args: None)
        assert deliver(sent_at) == 2
    assert list(read(inbox(server)).values()) == [(visit.starts_at + HOUR, visit.ends_at + HOUR)]

    back_at = sent_at + (timedelta(seconds=1) if is_leased else HOUR)
    move_appointment(
        by=clinic.clerk, now=back_at, appointment=visit, place=clinic.places([visit.starts_at])[0]
    )
    finish(back_at + HOUR)
    assert read(inbox(server)) == the_book(series) == {visit.uid: (visit.starts_at, visit.ends_at)}
    # So does the mail about the course, which told of ten o'clock as well; and then it is known.
    subjects = [str(mail["Subject"]).partition(" \N{EN DASH}")[0] for mail in server.script.received]
    assert [one for one in subjects if one.startswith("Your appointments")] == [
        "Your appointments",
        "Your appointments have changed",
        "Your appointments have changed",
    ]
    assert not may_have_left(series).exists()
