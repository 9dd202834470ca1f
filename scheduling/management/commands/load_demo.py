"""``manage.py load_demo [--date YYYY-MM-DD]``: a made-up clinic to try everything on."""

from argparse import ArgumentTypeError
from datetime import date, datetime, time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from scheduling.access import SYSTEM
from scheduling.core.words import LinkPurpose
from scheduling.models import Patient
from scheduling.services.demo.load import is_in_use, load_demo, loaded_for, shown_patient
from scheduling.services.demo.people import PASSWORD
from scheduling.services.demo.places import MAIN_ZONE
from scheduling.services.links import link_for, visits_url

ELEVEN = time(11, tzinfo=MAIN_ZONE)
"""What ``--date`` takes for the time of day."""


def a_date(text: str) -> date:
    """An ISO date, or a clear complaint."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is not a date like 2026-01-31") from error


class Command(BaseCommand):
    help = "Fills an empty database with a made-up clinic. In the demo, one of another day is made anew."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=a_date, help="load the demo of that day, as at 11:00 in New York")

    def handle(self, *, date: date | None = None, **options: Any) -> None:
        now = datetime.combine(date, ELEVEN) if date else timezone.now()
        if is_in_use():
            raise CommandError("This database has patients of its own; the demo is loaded into an empty one.")
        if loaded_for() not in (None, now.astimezone(MAIN_ZONE).date()):
            if not settings.DEMO:
                raise CommandError("This database has the demo of another day. Start with an empty one.")
            call_command("flush", interactive=False, verbosity=0)
        if loaded_for() is None:
            load_demo(now)
            self.stdout.write(f"Loaded a made-up clinic with {Patient.objects.count()} patients.")
        link = link_for(by=SYSTEM, now=now, patient=shown_patient(), purpose=LinkPurpose.VISITS)
        self.stdout.write(f"Log-ins: frontdesk, nurse, prescriber, manager; password: {PASSWORD}")
        self.stdout.write(f"One patient's page: {visits_url(link)}")
