"""How much waits, for the top bar of every staff page."""

from typing import Any

from django import template
from django.db import DatabaseError
from django.template import Context

from scheduling.services.attention import count_open

register = template.Library()


@register.simple_tag(takes_context=True)
def attention_count(context: Context) -> int:
    """``{% attention_count as waiting %}``: what waits for the roles of whoever is looking.

    0 on pages of nobody in particular, and on the error page of a database that answers nothing more.
    """
    by: Any = getattr(context.get("request"), "by", None)
    if by is None:
        return 0
    try:
        return count_open(by)
    except DatabaseError:
        return 0
