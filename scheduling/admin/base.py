"""What the admin's pages share: records are only looked at, configuration is saved, audited and explained."""

from copy import copy
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db import IntegrityError, models
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from scheduling.access import SYSTEM, Action, Actor
from scheduling.core.words import ActorKind, Role
from scheduling.models import StaffMember
from scheduling.services.audit import record
from scheduling.services.configuration import require_no_history
from scheduling.services.faults import Refused
from scheduling.services.running import run
from scheduling.services.uncovering import open_as_disruption, require_all_covered, uncovered_by
from scheduling.views.refusals import show_refusal

CONFIRM = "open_disruption"
"""The box that saves a change although visits lose their places by it."""
IN_UTC = _("Moments (“… at”) are in UTC.")


def admin_actor(request: HttpRequest) -> Actor:
    """The person at the admin. A superuser acts as a manager, or as the program where no member of staff."""
    staff = StaffMember.objects.filter(user__pk=request.user.pk or 0).first()
    address = request.META.get("REMOTE_ADDR")
    if staff is None:
        return Actor(SYSTEM.kind, address=address)
    roles = staff.roles | {Role.MANAGER} if request.user.is_superuser else staff.roles
    return Actor(ActorKind.STAFF, staff_id=staff.pk, roles=roles, address=address)


class RecordMixin:
    """Rows that belong to services: nobody adds, changes or deletes them here, not even a superuser."""

    def has_add_permission(self, *_args: Any) -> bool:
        """Never."""
        return False

    def has_change_permission(self, *_args: Any) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, *_args: Any) -> bool:
        """Never."""
        return False


class RecordAdmin(RecordMixin, admin.ModelAdmin):
    """Lists and single pages to look at."""

    actions = None
    list_per_page = 50
    # A second count of a million claims helps nobody.
    show_full_result_count = False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Say in which zone the times are."""
        return super().changelist_view(request, {"subtitle": IN_UTC} | (extra_context or {}))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Treat a year that no calendar has (``?starts_at__year=99999``) as any other filter that means nothing."""
        try:
            return super().get_changelist_instance(request)
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Say it on the page of one row too."""
        return [(None, {"fields": self.get_fields(request, obj), "description": IN_UTC})]


class RelatedRows:
    """An inline whose rows come in one query with what their words name."""

    related: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> Any:
        """Joined with ``related``."""
        rows = super().get_queryset(request)  # type: ignore[misc]
        return rows.select_related(*self.related) if self.related else rows


class RecordInline(RecordMixin, RelatedRows, admin.TabularInline):
    """Rows of a record, to look at."""

    extra = 0
    can_delete = False
    show_change_link = True


class ConfigurationInline(RelatedRows, admin.TabularInline):
    """Rows of a configuration page, narrow enough to stand side by side."""

    formfield_overrides = {
        models.DateField: {
            "widget": forms.DateInput(attrs={"size": 10, "placeholder": "yyyy-mm-dd"}, format="%Y-%m-%d")
        },
        models.TimeField: {
            "widget": forms.TimeInput(attrs={"size": 5, "placeholder": "hh:mm"}, format="%H:%M")
        },
    }

    def formfield_for_dbfield(self, *args: Any, **kwargs: Any) -> Any:
        """A plain list, read once for all rows, without buttons to change what is listed."""
        field = super().formfield_for_dbfield(*args, **kwargs)
        if isinstance(field, forms.ModelChoiceField) and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
            field.choices = list(field.choices)  # type: ignore[arg-type]
        return field


class ConfigurationForm(forms.ModelForm):
    """A form that shows what a service refused while it was saved, beside everything that was typed."""

    refused: Refused | None = None

    def clean(self) -> dict[str, Any] | None:
        """Show the refusal of the try before."""
        cleaned = super().clean()
        if self.refused:
            show_refusal(self, self.refused)
        return cleaned

    def switched_off(self, name: str) -> bool:
        """Whether the box ``name`` of a saved row was ticked before and is not now."""
        return bool(self.instance.pk and self.initial.get(name) and not self.cleaned_data.get(name))


def _asks_to_confirm(request: HttpRequest) -> bool:
    refused: Refused | None = getattr(request, "refused", None)
    return CONFIRM in request.POST or (refused is not None and refused.code == "uncovered")


class ConfigurationAdmin(admin.ModelAdmin):
    """Plain saving, with one audit entry for each change and words in place of a server error."""

    form = ConfigurationForm
    # Each deletion is checked and explained by itself.
    actions = None
    list_per_page = 50

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The form class of this request, told of what was refused in it."""
        form = super().get_form(request, *args, **kwargs)
        form.refused = getattr(request, "refused", None)  # type: ignore[attr-defined]
        if _asks_to_confirm(request) and kwargs.get("fields") is not None:
            form.base_fields[CONFIRM] = forms.BooleanField(
                label=_("Save and open as disruption"),
                required=False,
                help_text=_("Each of these visits then stands on the attention list until it is resolved."),
            )
        return form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """The box that saves all the same stands at the top, and only where visits would lose their place."""
        if _asks_to_confirm(request):
            page = context["adminform"]
            page.fieldsets = [(None, {"fields": (CONFIRM,)}), *page.fieldsets]
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Remember first which visits were uncovered before."""
        request.uncovered = uncovered_by(obj, timezone.now()) if change else {}  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Everything is saved: what visits lost by it is refused, or opened as a disruption where confirmed."""
        super().save_related(request, form, formsets, change)
        # A protocol has a way of its own to be saved, and takes no place away.
        if not change or not hasattr(request, "uncovered"):
            return
        thing, now = form.instance, timezone.now()
        before, after = request.uncovered, uncovered_by(thing, now)
        if CONFIRM not in request.POST:
            require_all_covered(before, after)
        elif after.keys() - before.keys():
            open_as_disruption(by=admin_actor(request), now=now, thing=thing, before=before, after=after)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Never what booked visits rest on, such as the shifts of their only prescriber."""
        about, now = copy(obj), timezone.now()
        before = uncovered_by(about, now)
        super().delete_model(request, obj)
        require_all_covered(before, uncovered_by(about, now))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Save in one transaction; what a rule refuses is undone and shown on the same form."""
        try:
            return run(super().changeform_view, request, *args, **kwargs)
        except Refused as refused:
            request.refused = refused  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask, then delete; what has history goes back to its page with the reason."""
        try:
            return self._delete(request, object_id, *args, **kwargs)
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        change = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(change, args=[object_id]))

    def _delete(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        thing = self.get_object(request, object_id)
        if thing is not None and self.has_delete_permission(request, thing):
            require_no_history(thing)
        try:
            return super().delete_view(request, object_id, *args, **kwargs)
        except IntegrityError:
            # Somebody began to use it between the question and the deletion.
            if thing is not None:
                require_no_history(thing)
            raise

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes with it, such as a chair's seat, needs no permission of its own."""
        deleted, counts, _lacking, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Also in the audit trail."""
        self.audit(request, obj, "add", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Also in the audit trail, unless nothing was changed."""
        if message:
            self.audit(request, obj, "change", message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Also in the audit trail."""
        for obj in queryset:
            self.audit(request, obj, "delete", [])
        return super().log_deletions(request, queryset)

    def audit(self, request: HttpRequest, obj: Model, act: str, message: Any) -> None:
        """Write the one entry; ``message`` is Django's list of what was changed, by names of fields."""
        by = admin_actor(request)
        by.require(Action.CONFIGURE)
        record(by=by, now=timezone.now(), action="configure", subject=obj, act=act, changes=message)
