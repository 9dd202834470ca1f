"""Workers killed at random points, run as a program on a fresh database named by DATABASE_URL; prints JSON.

    python -m tests.race.kills --rounds 20 --seed 1 [--careless]

Two workers at a time deliver the messages of courses that keep changing, to a mail server in this process; in
every round one of them is killed with SIGKILL after some random milliseconds, and another one starts.
``--careless`` marks messages as sent before they are: the negative control.
"""

import argparse
import json
import os
import random
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

import django
from django.core.management import call_command

LEASE_SECONDS = 1
PATIENTS = 12
#: From a fork to the first message sent takes a worker some 30 ms.
KILL_AFTER = (0.0, 0.25)
PATIENCE = 60


def main() -> None:
    """Prepare the clinic, kill workers, let one finish, compare what arrived with the book."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--careless", action="store_true")
    args = parser.parse_args()
    django.setup()
    from tests.mail_server import MailServer

    call_command("migrate", verbosity=0)
    if args.careless:
        mark_first()
    server = MailServer.start()
    point_at(server.port)
    chance = random.Random(args.seed)
    clinic, courses = build()
    kills = rounds(args.rounds, chance, clinic, courses)
    waited = finish()
    server.stop()
    print(json.dumps({"kills": kills, "waited": waited, **verdict(server.script.received)}))
    # The mail server's thread and the forked workers' copies of it need no farewell.
    os._exit(0)


def point_at(port: int) -> None:
    """Send to the server of this process, with a short lease, and let no change wait."""
    from django.conf import settings

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.LEASE_SECONDS, settings.UNDO_MINUTES = LEASE_SECONDS, 0


def mark_first() -> None:
    """Claim, mark sent, then send: a worker killed in between loses the message."""
    from scheduling.services import delivery

    module = vars(delivery)
    prepare, mark_sent = module["_prepared"], module["mark_sent"]

    def mark_and_prepare(message: Any, is_writable: bool, now: datetime) -> Any:
        prepared = prepare(message, is_writable, now)
        if prepared:
            mark_sent(message, prepared[0], now)
            sleep(0.02)
        return prepared

    module["_prepared"] = mark_and_prepare


def build() -> tuple[Any, list[Any]]:
    """A clinic and one booked course of four visits a patient, all of whom agreed to e-mail."""
    from scheduling.core.words import Channel, Role
    from scheduling.services.patients import give_consent
    from tests import factories
    from tests.services.clinics import Clinic

    clinic = Clinic(capacity=12)
    by = factories.actor(factories.make_staff(Role.FRONT_DESK))
    now = datetime.now(UTC)
    clinic.location.horizon_days = 365
    clinic.location.save()
    first = (now + timedelta(days=10)).replace(hour=15, minute=0, second=0, microsecond=0)
    courses = []
    for _number in range(PATIENTS):
        patient = factories.make_patient(clinic.location)
        give_consent(by=by, now=now, patient=patient, channel=Channel.EMAIL)
        order = clinic.order(patient, valid_from=now.date(), valid_until=now.date() + timedelta(days=300))
        chair, nurse = factories.make_chair(clinic.location), factories.make_nurse(clinic.location)
        starts = [first + timedelta(days=4 * step) for step in range(4)]
        courses.append(clinic.book(order, starts, now=now, chair=chair, nurse=nurse))
    return clinic, courses


def rounds(count: int, chance: random.Random, clinic: Any, courses: list[Any]) -> int:
    """Change a course, start a worker, kill the older one of two; how many were killed."""
    workers = [start_worker()]
    for _round in range(count):
        change(chance, clinic, courses)
        workers.append(start_worker())
        sleep(chance.uniform(*KILL_AFTER))
        kill(workers.pop(0))
    kill(workers.pop())
    return count + 1


def change(chance: random.Random, clinic: Any, courses: list[Any]) -> None:
    """Move every visit of three courses by an hour or two."""
    from scheduling.models import Appointment
    from scheduling.services.appointments import move_appointment
    from scheduling.services.booking import BookedPlace
    from scheduling.services.running import run

    for series in chance.sample(courses, 3):
        for visit in Appointment.objects.filter(series=series).order_by("number"):
            hour = chance.choice([14, 15, 16, 17])
            place = BookedPlace(visit.starts_at.replace(hour=hour), visit.chair_id, visit.nurse_id)
            run(move_appointment, by=clinic.clerk, now=datetime.now(UTC), appointment=visit, place=place)


def start_worker() -> int:
    """Fork a process that delivers until it is killed; its process id."""
    from django.db import connections

    connections.close_all()
    pid = os.fork()
    if pid:
        return pid
    try:
        deliver_for_ever()
    finally:
        os._exit(1)


def deliver_for_ever() -> None:
    """What the worker does, without its pauses."""
    from scheduling.services.delivery import deliver

    while True:
        if not deliver(datetime.now(UTC)):
            sleep(0.01)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def finish() -> float:
    """Deliver what is left with one worker; the seconds until nothing was."""
    from scheduling.core.words import MessageState
    from scheduling.models import Message

    started = monotonic()
    worker = start_worker()
    now = datetime.now(UTC)
    while Message.objects.filter(state=MessageState.WAITING, made_at__lte=now, due_at__lte=now).exists():
        if monotonic() - started > PATIENCE:
            break
        sleep(0.05)
    kill(worker)
    return round(monotonic() - started, 2)


def verdict(received: list[Any]) -> dict[str, Any]:
    """What was lost, doubled or wrong, and whether every patient's calendar says what the book says."""
    from scheduling.core.words import MessageState
    from scheduling.models import Appointment, Attempt, Message, Patient
    from tests.calendar_client import CalendarClient

    ids = Counter(str(mail["Message-ID"]) for mail in received)
    sent = Message.objects.filter(state=MessageState.SENT)
    doubted = Message.objects.filter(in_doubt=True)
    in_doubt = {f"<{uid}.{number}@127.0.0.1>" for uid, number in doubted.values_list("uid", "round")}
    expected = {f"<{uid}.{number}@127.0.0.1>" for uid, number in sent.values_list("uid", "round")}
    now = datetime.now(UTC)
    wrong = 0
    for patient in Patient.objects.all():
        client = CalendarClient(patient.email)
        for mail in received:
            if str(mail["To"]) == patient.email:
                client.receive(mail.as_bytes())
        visits = Appointment.objects.filter(patient=patient)
        wrong += client.events() != {visit.uid: (visit.starts_at, visit.ends_at) for visit in visits}
    return {
        "messages": len(expected),
        "lost": len(expected - set(ids)),
        "duplicates": sum(ids.values()) - len(ids),
        "unmarked": len(set(ids) - expected - in_doubt),
        "waiting": Message.objects.filter(state=MessageState.WAITING, due_at__lte=now).count(),
        "attempts": Attempt.objects.count(),
        "wrong_calendars": wrong,
    }


if __name__ == "__main__":
    main()
