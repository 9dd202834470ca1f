"""How a request becomes an actor: the one way into every staff page."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from scheduling.access import Action, Actor, NotAllowed
from scheduling.core.words import ActorKind
from scheduling.models import StaffMember

P = ParamSpec("P")


def actor_of(request: HttpRequest) -> Actor:
    """The logged-in member of staff as an actor. Raises PermissionDenied for any other user."""
    user_id = request.user.pk
    staff = StaffMember.objects.filter(user_id=user_id, is_active=True).first() if user_id else None
    if staff is None:
        raise PermissionDenied
    return Actor(
        ActorKind.STAFF, staff_id=staff.pk, roles=staff.roles, address=request.META.get("REMOTE_ADDR")
    )


def staff_page(
    action: Action,
) -> Callable[
    [Callable[Concatenate[HttpRequest, Actor, P], HttpResponse]],
    Callable[Concatenate[HttpRequest, P], HttpResponse],
]:
    """Decorate ``view(request, by, ...)``: log-in first, then 403 unless ``by`` may do ``action``."""

    def decorate(
        view: Callable[Concatenate[HttpRequest, Actor, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @login_required
        @wraps(view)
        def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            # Who made the installation has an account and no role yet; the first staff are made in the admin.
            if request.user.is_superuser and not hasattr(request.user, "staff_member"):
                return redirect("admin:index")
            by = actor_of(request)
            request.by = by  # type: ignore[attr-defined]
            try:
                by.require(action)
                return view(request, by, *args, **kwargs)
            except NotAllowed as refused:
                raise PermissionDenied from refused

        return page

    return decorate
