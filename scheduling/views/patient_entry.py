"""How a patient comes in: a link becomes a cookie of its own and a clean address, checked at every request.

Only /v/ and /feed/ addresses hold a key, so only they forbid every Referer. The clean pages keep the
site-wide ``same-origin``: with ``no-referrer`` browsers send ``Origin: null`` and Django refuses their forms.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from scheduling.access import Actor
from scheduling.core.words import ActorKind, LinkPurpose
from scheduling.models import AccessLink, Offer
from scheduling.services.links import is_open, read_token, read_version
from scheduling.services.my_visits import phone_book
from scheduling.services.new_links import send_new_link
from scheduling.services.running import run

P = ParamSpec("P")
COOKIE = "my_visits"
COOKIE_PATH = "/my/"
OFFER_COOKIE = "my_offers"
OFFER_PATH = "/my/offers/"
COOKIE_LIFE = timedelta(days=30)

private = cache_control(private=True, no_store=True)


def link_actor(request: HttpRequest, link: AccessLink) -> Actor:
    """The patient's link as the ``by`` of a service."""
    return Actor(ActorKind.LINK, link_id=link.pk, address=request.META.get("REMOTE_ADDR"))


def patient_page(
    view: Callable[Concatenate[HttpRequest, AccessLink, datetime, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Decorate ``view(request, link, now, ...)``: needs an open link's cookie; in the patient's language."""

    @login_not_required
    @private
    @wraps(view)
    def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        now = timezone.now()
        link = link_of_cookie(request)
        if link is None or not is_open(link, now):
            return closed_page(request, status=403)
        with translation.override(link.patient.language):
            try:
                return view(request, link, now, *args, **kwargs)
            except Http404:
                return render(request, "patient/not_found.html", status=404)

    return page


@login_not_required
@require_safe
@private
def patient_enter(request: HttpRequest, token: str, check_in: int | None = None) -> HttpResponse:
    """Swap the link for a cookie, then go to My visits or to one check-in.

    Changes nothing in the database: mail scanners follow links too.
    """
    response: HttpResponse
    link = read_token(token, LinkPurpose.VISITS)
    if link is None and (offer := _latest_offer(token)):
        # Its own address sets the cookie; this one has a key in it, so it forbids every Referer.
        response = redirect("offer_enter", token, offer)
    elif link is None or not is_open(link, timezone.now()):
        response = closed_page(request, status=404, token=token)
    else:
        response = redirect("my_check_in", check_in) if check_in else redirect("my_visits")
        let_in(response, link)
    response["Referrer-Policy"] = "no-referrer"
    return response


def _latest_offer(token: str) -> int | None:
    """The last place offered to whom this token belongs, where it is one to offered places."""
    link = read_token(token, LinkPurpose.OFFER)
    offers = Offer.objects.filter(entry__patient=link.patient_id) if link else Offer.objects.none()
    return offers.order_by("-made_at", "-pk").values_list("pk", flat=True).first()


def let_in(response: HttpResponse, link: AccessLink) -> None:
    """Set the cookie by which the browser is the patient's from now on."""
    _set_cookie(response, link, COOKIE, COOKIE_PATH)


def let_in_to_offers(response: HttpResponse, link: AccessLink) -> None:
    """Set the cookie that opens the places offered to the patient, and no other page."""
    _set_cookie(response, link, OFFER_COOKIE, OFFER_PATH)


def _set_cookie(response: HttpResponse, link: AccessLink, cookie: str, path: str) -> None:
    response.set_signed_cookie(
        cookie,
        f"{link.pk}.{link.version}",
        max_age=COOKIE_LIFE,
        path=path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


@login_not_required
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@private
def new_link(request: HttpRequest) -> HttpResponse:
    """Take the wish for a new link; the answer is the same for anyone.

    Exempt from CSRF checks: the token in the form is the whole authority, and the page it stands on sends no
    origin. Whoever forges this request could as well send it.
    """
    if request.method == "POST":
        link = read_token(request.POST.get("token", ""), LinkPurpose.VISITS) or link_of_cookie(request)
        if link:
            run(send_new_link, by=link_actor(request, link), now=timezone.now(), link=link)
        return redirect("new_link")
    return _stranger_page(request, "patient/new_link.html", status=200)


def link_of_cookie(
    request: HttpRequest, purpose: LinkPurpose = LinkPurpose.VISITS, cookie: str = COOKIE
) -> AccessLink | None:
    """The link of a genuine cookie, even when the link expired."""
    text = request.get_signed_cookie(cookie, default="", max_age=COOKIE_LIFE)
    pk, _dot, version = (text or "").partition(".")
    return read_version(int(pk), int(version), purpose) if pk else None


def closed_page(request: HttpRequest, *, status: int, token: str = "") -> HttpResponse:
    """Say that the link does not work (any more), the same way whatever is wrong with it."""
    return _stranger_page(request, "patient/closed.html", status=status, token=token)


def _stranger_page(request: HttpRequest, template: str, *, status: int, **words: str) -> HttpResponse:
    """A page for nobody in particular, in the browser's language."""
    with translation.override(translation.get_language_from_request(request)):
        words_of_page = {"places": phone_book(), "action": reverse("new_link"), **words}
        return render(request, template, words_of_page, status=status)
