"""A patient proves that a new e-mail address is theirs."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from scheduling.access import NotAllowed
from scheduling.core.words import LinkPurpose
from scheduling.services.addresses import prove_address
from scheduling.services.faults import Refused
from scheduling.services.links import is_open, read_token
from scheduling.services.running import run

from .patient_entry import closed_page, let_in, link_actor, private


@login_not_required
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@private
def address_enter(request: HttpRequest, token: str) -> HttpResponse:
    """One button that proves the address and lets the patient in; opening the page alone changes nothing.

    Exempt from CSRF checks: the token in the address is the whole authority, and the page sends no origin.
    """
    now = timezone.now()
    link = read_token(token, LinkPurpose.ADDRESS)
    if link is None or not is_open(link, now):
        response = closed_page(request, status=404)
    elif request.method == "POST":
        try:
            own = run(prove_address, by=link_actor(request, link), now=now)
        except (NotAllowed, Refused):
            response = closed_page(request, status=404)
        else:
            response = redirect("my_visits")
            let_in(response, own)
    else:
        with translation.override(link.patient.language):
            context = {"place": link.patient.home_location}
            response = render(request, "patient/address.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response
