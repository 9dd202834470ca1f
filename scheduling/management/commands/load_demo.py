"""Fills an empty database with a made-up clinic, and says how to get in."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from scheduling.services import demo


class Command(BaseCommand):
    help = (
        "Loads the demo: two made-up sites with 60 patients, a past month, a busy today and the weeks to come. "
        "Needs DEMO=1. A demo of another date is replaced; a database with other data is refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", type=_day, help="the demo's today, YYYY-MM-DD (default: today)")
        parser.add_argument("--fresh", action="store_true", help="throw a loaded demo away and load it again")

    def handle(self, *args: Any, fresh: bool, **options: Any) -> None:
        clock = timezone.now()
        day: date = options["date"] or demo.local_day(clock)
        stored = demo.stored_day()
        self._require_a_demo(stored)
        if stored == day and not fresh:
            self.stdout.write(f"The demo of {day} is already loaded (--fresh loads it anew).")
        else:
            if stored:
                self.stdout.write(f"Replacing the demo of {stored} ...")
                call_command("flush", interactive=False, verbosity=0)
            self.stdout.write(f"Loading the demo of {day} ...")
            demo.load(day=day, as_of=demo.the_time(day, clock))
        self._say_how_to_get_in(clock)

    @staticmethod
    def _require_a_demo(stored: date | None) -> None:
        if not settings.DEMO:
            raise CommandError(
                "This is not a demo: DEMO=1 is not set. Everybody knows the demo's password, so it never goes "
                "into a real installation. Nothing was changed."
            )
        if stored is None and not demo.is_empty():
            raise CommandError(
                "This database already has locations, staff or patients that are not the demo's. "
                "Nothing was changed. Point DATABASE_URL at another, empty database."
            )

    def _say_how_to_get_in(self, clock: datetime) -> None:
        self.stdout.write(f"\n  Log-ins    {', '.join(demo.LOGINS)}\n  Password   {demo.PASSWORD}")
        self.stdout.write(f"  A patient  {demo.sample_link()}")
        busy = demo.open_sites(clock)
        self.stdout.write(f"  Open now   {', '.join(busy) or 'neither location; the boards stand at 11:00'}")


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError("a date looks like 2026-11-23") from error
    if not 2000 <= day.year <= 2100:
        raise ArgumentTypeError("choose a date between 2000 and 2100")
    return day
