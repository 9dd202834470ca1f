"""Wall times name their zone to staff wherever the clinic has locations in more than one."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.template import Context
from django.utils.html import format_html

from scheduling.models import Location

register = template.Library()


@register.simple_tag(takes_context=True)
def zone_note(context: Context, zone: str, places: Iterable[Location] | None = None) -> str:
    """``{% zone_note visit.zone %}``: ``(New York)`` in quiet type, or nothing where all clinics share one zone.

    ``places``: the locations in use, where the page has them already.
    """
    several = _several_zones(context) if places is None else len({place.zone for place in places}) > 1
    if not zone or not several:
        return ""
    city = zone.rpartition("/")[2].replace("_", " ")
    return format_html('<span class="quiet zone-note">({})</span>', city)


def _several_zones(context: Context) -> bool:
    """Whether the locations in use have more than one zone; asked once for a page."""
    request: Any = getattr(context, "request", None) or context.get("request")
    known: bool | None = getattr(request, "has_several_zones", None)
    if known is None:
        known = Location.objects.filter(is_active=True).order_by().values("zone").distinct().count() > 1
        if request is not None:
            request.has_several_zones = known
    return known
