"""What is held for an order, in templates."""

from collections.abc import Mapping

from django import template

from scheduling.models import Order
from scheduling.services.draft_holds import Held

register = template.Library()


@register.filter
def for_order(held: Mapping[int, Held], order: Order) -> Held | None:
    """``{{ held|for_order:order }}``: what is held for this order; None where nothing was."""
    return held.get(order.pk)
