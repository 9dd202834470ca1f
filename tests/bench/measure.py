"""Measures one size of clinic in the database named by DATABASE_URL; the last line printed is JSON."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from statistics import median

import django
import time_machine
from django.core.management import call_command

django.setup()

from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from scheduling.access import SYSTEM  # noqa: E402
from scheduling.core.planner import Place, proposals  # noqa: E402
from scheduling.core.reasons import NoPlan  # noqa: E402
from scheduling.core.timeline import from_step, to_step  # noqa: E402
from scheduling.core.wishes import Wishes  # noqa: E402
from scheduling.core.words import CourseAct, LinkPurpose  # noqa: E402
from scheduling.models import Order, Series  # noqa: E402
from scheduling.services.booking import BookedPlace, book_series  # noqa: E402
from scheduling.services.calendar_files import series_file  # noqa: E402
from scheduling.services.links import link_for, token  # noqa: E402
from scheduling.services.planning import propose_course  # noqa: E402
from scheduling.services.rest_plans import Asked, rest_plans  # noqa: E402
from tests.bench.clinic import BenchClinic, build  # noqa: E402
from tests.factories import NOW, actor  # noqa: E402

WISHES = (Wishes(), Wishes(prefer_weekdays=frozenset({1, 3})), Wishes(prefer_windows=((540, 720),)))


class Stopwatch:
    """Collects times in milliseconds by name."""

    def __init__(self) -> None:
        """Start empty."""
        self.times: dict[str, list[float]] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Time the block."""
        begin = time.perf_counter()
        yield
        self.times.setdefault(name, []).append((time.perf_counter() - begin) * 1000)

    def medians(self) -> dict[str, float]:
        """The median of each name."""
        return {name: round(median(times), 2) for name, times in self.times.items()}


def main(size: int) -> None:
    """Build the clinic, plan and book course after course in its visible window, then read calendars."""
    call_command("migrate", verbosity=0)
    clinic = build(size)
    watch = Stopwatch()
    for number, order in enumerate(clinic.orders):
        series = plan_and_book(clinic, order, number, watch)
        measure_rest(series, watch)
    measure_calendar(series, watch)
    print(json.dumps(watch.medians()))


def plan_and_book(clinic: BenchClinic, order: Order, number: int, watch: Stopwatch) -> Series:
    """Three proposals, loading included and core alone; then one of them booked."""
    with watch.time("plan_course_ms"):
        problem, found = propose_course(
            order=order,
            location=clinic.location,
            now=NOW,
            sessions=6,
            earliest=NOW.date() + timedelta(days=1),
            wishes=WISHES[number % len(WISHES)],
        )
    with watch.time("plan_course_core_ms"):
        proposals(problem)
    if isinstance(found, NoPlan):
        raise SystemExit(f"the bench clinic is full: {found}")
    chosen = found[number % len(found)]
    places = [BookedPlace(from_step(place.start), place.chair, place.nurse) for place in chosen.places]
    with watch.time("book_course_ms"):
        return book_series(
            by=actor(clinic.prescriber),
            now=NOW,
            order=order,
            location=clinic.location,
            places=places,
            request_key=f"bench-{number}",
        )


def measure_rest(series: Series, watch: Stopwatch) -> None:
    """The third of six visits moves to the day before the fourth: all ways to go on, loading included."""
    visits = list(series.appointments.select_related("series__order", "series__location", "location"))
    third, fourth = sorted(visits, key=lambda visit: visit.starts_at)[2:4]
    eve = to_step(fourth.starts_at - timedelta(days=1))
    asked = Asked(third.pk, CourseAct.MOVE, Place(eve, third.chair_id, third.nurse_id))
    with watch.time("replan_rest_ms"):
        ways = rest_plans(asked=asked, visit=third, now=NOW)
    if len(ways) < 3 or any(way.none for way in ways):
        raise SystemExit(f"the bench clinic leaves no way: {ways}")


def measure_calendar(series: Series, watch: Stopwatch) -> None:
    """The course as a file, and the feed's answer to a client that already has it."""
    link = link_for(by=SYSTEM, now=NOW, patient=series.patient, purpose=LinkPurpose.FEED)
    url, client = reverse("patient_feed", args=(token(link),)), Client()
    with time_machine.travel(NOW):
        etag = client.get(url).headers["ETag"]
        for _ in range(50):
            with watch.time("ics_series_ms"):
                series_file(series)
            with watch.time("feed_304_ms"):
                answer = client.get(url, headers={"If-None-Match": etag})
            if answer.status_code != 304:
                raise SystemExit(f"the feed answered {answer.status_code}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
