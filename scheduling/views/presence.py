"""Which prescribers are on site: marked on the board."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from scheduling.access import Action, Actor
from scheduling.models import Location, Presence, StaffMember
from scheduling.services.faults import Refused
from scheduling.services.presence import mark_left, mark_present
from scheduling.services.running import run

from .board import board_url
from .entrance import staff_page


def _board(location: Location) -> HttpResponse:
    return redirect(board_url(timezone.now().astimezone(location.tz).date(), location.pk))


@require_POST
@staff_page(Action.MARK_PRESENT)
def presence_mark(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """A prescriber has come to this location."""
    location = get_object_or_404(Location, pk=pk)
    chosen = request.POST.get("staff", "")
    is_number = chosen.isascii() and chosen.isdigit() and len(chosen) < 19
    staff = StaffMember.objects.filter(pk=int(chosen)).first() if is_number else None
    if staff is None:
        messages.error(request, _("Choose who is on site."))
        return _board(location)
    try:
        run(mark_present, by=by, now=timezone.now(), staff=staff, location=location)
        messages.success(request, _("%(name)s is on site.") % {"name": staff})
    except Refused as refused:
        messages.error(request, str(refused))
    return _board(location)


@require_POST
@staff_page(Action.MARK_PRESENT)
def presence_left(request: HttpRequest, by: Actor, pk: int) -> HttpResponse:
    """A prescriber has left."""
    presence = get_object_or_404(Presence.objects.select_related("staff", "location"), pk=pk)
    run(mark_left, by=by, now=timezone.now(), presence=presence)
    messages.success(request, _("%(name)s has left.") % {"name": presence.staff})
    return _board(presence.location)
