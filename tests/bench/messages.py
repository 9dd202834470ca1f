"""Measures the worker against the plainest loop that sends the same mails; the last line printed is JSON.

Both talk over one connection to the same mail server, a process of its own. The plain loop renders, builds, sends
and commits one row a message; it could lose or double any of them.
"""

import json
import multiprocessing
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

import django
from django.core.management import call_command

django.setup()

from django.conf import settings  # noqa: E402
from django.core.mail import get_connection  # noqa: E402
from django.db import transaction  # noqa: E402

from scheduling.core.words import AttemptOutcome, Channel, MessageState, Role  # noqa: E402
from scheduling.models import Attempt, Message, Order  # noqa: E402
from scheduling.services.delivery import JOINS, deliver  # noqa: E402
from scheduling.services.mail import build as build_mail  # noqa: E402
from scheduling.services.patients import give_consent  # noqa: E402
from scheduling.services.rendering import Dropped  # noqa: E402
from scheduling.services.texts import render  # noqa: E402
from tests import factories  # noqa: E402
from tests.factories import NOW, actor  # noqa: E402

ROUNDS, COURSES = 5, 8
"""A round sends the seven mails of eight courses, once by the worker and once by the loop."""


def main() -> None:
    """Book courses, send their messages in turn by the worker and by the loop, print the ratio of speeds."""
    call_command("migrate", verbosity=0)
    ready: Any = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(ready,), daemon=True)
    server.start()
    point_at(ready.get())
    clinic = Clinic()
    # The first mails fill caches of templates and translations.
    rate(clinic, worker)
    rate(clinic, plain_loop)
    pairs = [(rate(clinic, worker), rate(clinic, plain_loop)) for _ in range(ROUNDS)]
    figures = {
        "messages_per_s": round(median(ours for ours, _plain in pairs), 1),
        "messages_per_s_plain": round(median(plain for _ours, plain in pairs), 1),
        "messages_per_s_ratio": round(median(ours / plain for ours, plain in pairs), 2),
    }
    print(json.dumps(figures))
    server.terminate()


def serve(ready: Any) -> None:
    """A mail server that takes everything."""
    from tests.mail_server import MailServer

    ready.put(MailServer.start().port)
    time.sleep(3600)


def point_at(port: int) -> None:
    """Send to the mail server on this port."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False


class Clinic:
    """A clinic in which every course has a chair and a nurse of its own."""

    def __init__(self) -> None:
        """Make the location and its protocol."""
        self.location = factories.make_location()
        self.protocol = factories.make_protocol()
        self.by = actor(factories.make_staff(*Role))

    def book(self) -> None:
        """One patient who agreed to e-mail and six visits: seven messages due now."""
        patient = factories.make_patient(self.location)
        give_consent(by=self.by, now=NOW, patient=patient, channel=Channel.EMAIL)
        order: Order = factories.make_order(patient, self.protocol)
        starts = [NOW + timedelta(days=days, hours=1) for days in factories.COURSE_DAYS]
        factories.book(
            order,
            self.location,
            factories.make_chair(self.location),
            factories.make_nurse(self.location),
            starts,
        )


def rate(clinic: Clinic, send: Callable[[], None]) -> float:
    """Messages a second over the messages of some new courses."""
    for _ in range(COURSES):
        clinic.book()
    count = Message.objects.due(NOW).count()
    begin = time.perf_counter()
    send()
    seconds = time.perf_counter() - begin
    left = Message.objects.due(NOW).count()
    if left:
        raise SystemExit(f"{left} of {count} messages are left")
    return count / seconds


def worker() -> None:
    """The worker's delivery, until nothing is due."""
    while deliver(NOW):
        pass


def plain_loop() -> None:
    """Render, build, send, commit one row: no lease, no second look, nothing to recover from."""
    messages = list(Message.objects.due(NOW).select_related(*JOINS).order_by("due_at", "pk"))
    with get_connection() as connection:
        for message in messages:
            rendered = render(message, NOW)
            if isinstance(rendered, Dropped):
                raise SystemExit(f"{message.key}: {rendered.why}")
            connection.send_messages([build_mail(message, rendered)])
            with transaction.atomic():
                Attempt.objects.create(message=message, at=NOW, outcome=AttemptOutcome.SENT)
    # Not part of what is measured against: it only keeps the next round from finding them again.
    Message.objects.due(NOW).update(state=MessageState.SENT, sent_at=NOW)


if __name__ == "__main__":
    main()
