"""Today's board, any day's board, and the week."""

from datetime import date, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from scheduling.access import Action, Actor
from scheduling.services.attention import red_flags_at
from scheduling.services.board import DayBoard, day_board
from scheduling.services.presence import may_be_marked, present_at
from scheduling.services.week import monday_of, week_grid

from .day_chart import day_chart
from .days import CHOSEN, Place, day_in, place_of
from .entrance import staff_page


def board_url(day: date, location_id: int) -> str:
    """The board of a day at a location, whatever the session remembers."""
    return f"{reverse('board_day', args=[day.isoformat()])}?{CHOSEN}={location_id}"


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@staff_page(Action.SEE_BOARD)
def board(request: HttpRequest, by: Actor) -> HttpResponse:
    """Today at the chosen location; ``?day=`` leads to the board of that day."""
    place = place_of(request, by)
    if place is None:
        return render(request, "staff/no_location.html")
    if request.GET.get("day"):
        return redirect(board_url(day_in(request.GET["day"]), place.here.pk))
    return _board_page(request, place, place.today(timezone.now()))


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@staff_page(Action.SEE_BOARD)
def board_day(request: HttpRequest, by: Actor, day: str) -> HttpResponse:
    """The board of one local day."""
    shown, place = day_in(day), place_of(request, by)
    if place is None:
        raise Http404
    return _board_page(request, place, shown)


def _board_page(request: HttpRequest, place: Place, day: date) -> HttpResponse:
    """The whole page, or for htmx only the part that refreshes itself."""
    found = day_board(place.here, day, timezone.now())
    context = {
        "place": place,
        "day": day,
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1),
        "board": found,
        "chart": day_chart(found),
        "red_flags": red_flags_at(place.here),
        "is_fragment": "HX-Request" in request.headers,
        **_presence(place, found),
    }
    template = "staff/_board.html" if context["is_fragment"] else "staff/board.html"
    return render(request, template, context)


def _presence(place: Place, found: DayBoard) -> dict[str, object]:
    """Who is on site today; no other day has anybody there now."""
    if not found.is_today:
        return {}
    now = timezone.now()
    return {"present": present_at(place.here, now), "to_mark": may_be_marked(place.here, now)}


@require_safe
@never_cache
@staff_page(Action.SEE_BOARD)
def week(request: HttpRequest, by: Actor) -> HttpResponse:
    """This week at the chosen location."""
    place = place_of(request, by)
    if place is None:
        return render(request, "staff/no_location.html")
    return _week_page(request, place, place.today(timezone.now()))


@require_safe
@never_cache
@staff_page(Action.SEE_BOARD)
def week_day(request: HttpRequest, by: Actor, day: str) -> HttpResponse:
    """The week in which a day lies."""
    shown, place = day_in(day), place_of(request, by)
    if place is None:
        raise Http404
    return _week_page(request, place, shown)


def _week_page(request: HttpRequest, place: Place, day: date) -> HttpResponse:
    first, week_long = monday_of(day), timedelta(days=7)
    context = {
        "place": place,
        "first": first,
        "last": first + timedelta(days=6),
        "before": first - week_long,
        "after": first + week_long,
        "grid": week_grid(place.here, day, timezone.now()),
    }
    return render(request, "staff/week.html", context)
