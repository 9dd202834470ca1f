"""Templates ask the same table as the services who may do what."""

from django import template

from scheduling.access import Action, Actor

register = template.Library()


@register.filter
def may(by: Actor | None, action: str) -> bool:
    """``{% if request.by|may:"book" %}``: whether the actor may do the named action."""
    return by is not None and by.may(Action(action))
