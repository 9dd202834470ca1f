"""The admin site: who enters it, through which door, and how its first page is divided."""

from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _


class ClinicAdminSite(AdminSite):
    """Open to whoever has a permission of this project (scheduling/backends.py), whatever `is_staff` says."""

    site_header = site_title = _("Clinic administration")
    index_title = _("Configuration and records")

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this user may see any page of the admin."""
        return request.user.is_active and request.user.has_module_perms("scheduling")

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Answer 403 to people who are logged in but have no business here; the rest as Django does it."""
        inner = super().admin_view(view, cacheable)

        def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied
            return inner(request, *args, **kwargs)

        return update_wrapper(gate, inner)

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send everyone to the one log-in page: the admin's own counts no attempts."""
        index = reverse("admin:index", current_app=self.name)
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME, index))
        if not self.has_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(index)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Show what may be changed apart from what may only be looked at."""
        apps = super().get_app_list(request, app_label)
        ours = [app for app in apps if app["app_label"] in {"scheduling", "auth"}]
        models = sorted((model for app in ours for model in app["models"]), key=lambda model: model["name"])
        changeable = [model for model in models if not model["view_only"]]
        records = [model for model in models if model["view_only"]]
        divided = ((_("Configuration"), changeable), (_("Records"), records))
        return [
            *({**ours[0], "name": name, "models": part} for name, part in divided if part),
            *(app for app in apps if app not in ours),
        ]
