"""The words of a message as the staff may see them."""

from django import template

from scheduling.services.rendering import without_keys

register = template.Library()


@register.filter
def keys_hidden(text: str) -> str:
    """``{{ rendered.text|keys_hidden }}``: without the patient's link, which opens their pages to anybody."""
    return without_keys(text)
