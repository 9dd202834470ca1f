"""The worker: sends due messages and does the other duties until it is told to stop."""

import logging
import os
import signal
import socket
import threading
from argparse import ArgumentParser
from datetime import datetime, timedelta
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.utils import timezone

from scheduling.services.delivery import deliver
from scheduling.services.duties import DUTIES, Duty, beat

logger = logging.getLogger(__name__)

BEAT_EVERY = timedelta(seconds=15)


class Command(BaseCommand):
    help = "Sends messages and does the other duties until SIGTERM or Ctrl-C; several may run at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do all that is due now, then end")
        parser.add_argument(
            "--pause", type=float, default=1.0, help="seconds between two rounds (default: %(default)s)"
        )

    def handle(self, *args: Any, once: bool, pause: float, **options: Any) -> None:
        self.stop = threading.Event()
        self.done_at: dict[str, datetime] = {}
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.started_at = timezone.now()
        if once:
            self._once()
            return
        signal.signal(signal.SIGTERM, self._asked_to_stop)
        signal.signal(signal.SIGINT, self._asked_to_stop)
        while not self.stop.is_set():
            close_old_connections()
            self._round(timezone.now())
            self.stop.wait(pause)

    def _asked_to_stop(self, signum: int, frame: FrameType | None) -> None:
        """Finish the message in hand, give the others back, end."""
        self.stop.set()

    def _once(self) -> None:
        done = sum(duty.run(timezone.now()) for duty in DUTIES)
        sent = 0
        while more := deliver(timezone.now()):
            sent += more
        self.stdout.write(f"{done} things done, {sent} messages handled.")

    def _round(self, now: datetime) -> None:
        if self._is_time("beat", BEAT_EVERY, now):
            self._do(Duty("beat", self._beat, BEAT_EVERY), now)
        for duty in DUTIES:
            if self.stop.is_set():
                return
            if self._is_time(duty.name, duty.every, now):
                self._do(duty, now)
        while not self.stop.is_set() and self._do(
            Duty("deliver", self._deliver, timedelta()), timezone.now()
        ):
            pass

    def _beat(self, now: datetime) -> int:
        beat(self.name, self.started_at, now)
        return 1

    def _deliver(self, now: datetime) -> int:
        return deliver(now, self.stop.is_set)

    def _is_time(self, name: str, every: timedelta, now: datetime) -> bool:
        """Whether a duty's rhythm is due; also after a clock that was set back."""
        last = self.done_at.get(name)
        if last is not None and last <= now < last + every:
            return False
        self.done_at[name] = now
        return True

    def _do(self, duty: Duty, now: datetime) -> int:
        """One duty that fails must not keep the others from being done; the next round tries again."""
        try:
            return duty.run(now)
        except Exception:
            logger.exception("The duty “%s” failed.", duty.name)
            return 0
