"""Letting held places go, from the board."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from scheduling.access import Action, Actor
from scheduling.models import Hold
from scheduling.services.faults import Refused
from scheduling.services.hold_release import release_hold
from scheduling.services.running import run

from .board import board_url
from .days import day_in, place_of
from .entrance import staff_page


@require_POST
@staff_page(Action.SEE_BOARD)
def hold_release(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """Free the places and go back to the day that was on screen; one that is gone by itself is said to be."""
    hold = Hold.objects.select_related("order", "proposed_for").filter(pk=pk).first()
    try:
        if hold is None:
            raise Refused("hold_over", _("These places are not held any more."))
        run(release_hold, by=by, now=timezone.now(), hold=hold)
        messages.success(request, _("The places are free again. Nothing was booked."))
    except Refused as refused:
        messages.error(request, str(refused))
    place, day = place_of(request, by), request.POST.get("day", "")
    return redirect(board_url(day_in(day), place.here.pk) if place and day else "board")
