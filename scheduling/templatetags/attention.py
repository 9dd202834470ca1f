"""How much waits, for the top bar of every staff page."""

from typing import Any

from django import template
from django.db import DatabaseError
from django.template import Context

from scheduling.access import Action
from scheduling.services.attention import count_open
from scheduling.services.set_up import missing_texts

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


@register.simple_tag(takes_context=True)
def missing_count(context: Context) -> int | None:
    """``{% missing_count as missing %}``: how many texts the set-up lacks; None for who does not configure."""
    by: Any = getattr(context.get("request"), "by", None)
    if by is None or not by.may(Action.CONFIGURE):
        return None
    try:
        return missing_texts().count
    except DatabaseError:
        return None
