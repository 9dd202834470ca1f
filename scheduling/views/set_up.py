"""What is missing in the configuration, for managers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from scheduling.access import Action, Actor
from scheduling.services.set_up import missing_texts

from .entrance import staff_page


@require_safe
@staff_page(Action.CONFIGURE)
def set_up(request: HttpRequest, by: Actor) -> HttpResponse:
    """List labels and instructions that a language lacks, each with the page that adds it."""
    return render(request, "staff/set_up.html", {"missing": missing_texts()})
