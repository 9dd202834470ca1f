"""When and how a visit is, in words for patients."""

from datetime import date

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from phonenumber_field.phonenumber import PhoneNumber

from scheduling.core.zones import zone_words
from scheduling.models import Appointment, Location
from scheduling.services import visit_words

register = template.Library()


@register.filter
def day_words(day: date) -> str:
    """``{{ visit.local_date|day_words }}``: ``Tuesday, January 6, 2026``."""
    return visit_words.day_words(day)


@register.filter
def hours_words(visit: Appointment) -> str:
    """``{{ visit|hours_words }}``: ``9 a.m. to 11 a.m.``, wall time at the clinic."""
    return visit_words.hours_words(visit.local_start, visit.local_end)


@register.filter
def zone(visit: Appointment) -> str:
    """``{{ visit|zone }}``: ``New York, UTC-5``, the offset on the day of the visit."""
    return zone_words(visit.local_start, visit.zone)


@register.filter
def label(place: Location) -> str:
    """``{{ visit.location|label }}``: the neutral label in the active language."""
    return place.label_in(get_language())


@register.filter
def outcome(visit: Appointment) -> str:
    """``{{ visit|outcome }}``: ``took place``; empty while that is open."""
    return visit_words.outcome_words(visit)


@register.filter
def telephone(number: PhoneNumber) -> SafeString:
    """``{{ place.phone|telephone }}``: a link that dials; a PhoneNumber has its RFC 3966 form."""
    return format_html('<a class="text-nowrap" href="{}">{}</a>', number.as_rfc3966, number.as_international)
