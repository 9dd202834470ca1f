"""What the pages of days share: the day in the address, and the location a person looks at."""

import re
from dataclasses import dataclass
from datetime import date, datetime

from django.http import Http404, HttpRequest

from scheduling.access import Actor
from scheduling.models import Location, Shift

ISO_DAY = re.compile(r"20\d\d-\d\d-\d\d")
CHOSEN = "location"
"""Name of the query parameter and of the session's entry."""


def day_in(text: str) -> date:
    """The day that ``YYYY-MM-DD`` names, within this century. Raises Http404 for anything else."""
    if not ISO_DAY.fullmatch(text):
        raise Http404
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Http404 from error


@dataclass(frozen=True, slots=True)
class Place:
    """The location looked at, and those one may change to."""

    here: Location
    all: tuple[Location, ...]

    def today(self, now: datetime) -> date:
        """The local date at ``now``."""
        return now.astimezone(self.here.tz).date()


def place_of(request: HttpRequest, by: Actor) -> Place | None:
    """The location named by ``?location=``, else the one chosen before, else one's own; None without any.

    A choice is remembered in the session, except by a page that refreshes itself: that must not keep the
    session alive. Raises Http404 for a location that is not there.
    """
    locations = tuple(Location.objects.filter(is_active=True))
    named = request.GET.get(CHOSEN)
    if named is not None:
        here = next((one for one in locations if str(one.pk) == named), None)
        if here is None:
            raise Http404
        if "HX-Request" not in request.headers and request.session.get(CHOSEN) != here.pk:
            request.session[CHOSEN] = here.pk
        return Place(here, locations)
    if not locations:
        return None
    wanted = request.session.get(CHOSEN) or _own(by)
    return Place(next((one for one in locations if one.pk == wanted), locations[0]), locations)


def _own(by: Actor) -> int | None:
    """Where the person works: the location of the latest shift."""
    shifts = Shift.objects.filter(staff=by.staff_id).order_by("-valid_from", "pk")
    return shifts.values_list("location_id", flat=True).first()
