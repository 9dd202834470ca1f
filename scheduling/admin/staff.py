"""Staff with their accounts, roles, capacity, shifts and exceptions."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from scheduling.models import Shift, ShiftException, StaffMember
from scheduling.models.staff import ROLE_LABELS
from scheduling.services.configuration import (
    extra_clashes,
    require_one_place_at_a_time,
    shift_clashes,
)
from scheduling.services.seats import set_capacity

from .base import ConfigurationAdmin, ConfigurationForm, ConfigurationInline, RecordAdmin, admin_actor
from .places import kept_forms

MOST_PATIENTS = 12
"""As the constraint ``staffmember_capacity`` says."""


class StaffForm(ConfigurationForm):
    """Roles and capacity."""

    own_id: int | None = None
    """The member of staff who fills in the form."""

    monitoring_capacity = forms.IntegerField(
        label=_("Monitoring capacity"),
        min_value=1,
        max_value=MOST_PATIENTS,
        initial=1,
        help_text=_("How many patients this nurse may look after at one time."),
    )

    def clean(self) -> dict[str, Any] | None:
        """Nobody locks themselves out."""
        cleaned = super().clean()
        for field in ("is_active", "is_manager"):
            if self.switched_off(field) and self.instance.pk == self.own_id:
                self.add_error(field, _("You cannot take this from yourself; another manager can."))
        return cleaned


class NewStaffForm(StaffForm):
    """Makes the account in the same step, or takes one that nobody uses."""

    user = forms.ModelChoiceField(
        label=_("Existing account"),
        queryset=User.objects.filter(staff_member=None).order_by("username"),
        required=False,
        help_text=_("Leave empty to make a new account below."),
    )
    username = forms.CharField(
        label=_("User name"),
        required=False,
        max_length=150,
        validators=[User.username_validator],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    email = forms.EmailField(
        label=_("E-mail"), required=False, help_text=_("For a forgotten password. May be left empty.")
    )
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters. The person can change it after logging in."),
    )

    def clean(self) -> dict[str, Any] | None:
        """Either an account or what makes one."""
        cleaned = super().clean()
        if self.cleaned_data.get("user"):
            if self.cleaned_data.get("username") or self.cleaned_data.get("password"):
                self.add_error("user", _("Choose an account or make a new one, not both."))
        elif "user" in self.cleaned_data:
            self._clean_new_account()
        return cleaned

    def _clean_new_account(self) -> None:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if "username" in self.cleaned_data and not name:
            self.add_error("username", _("A person needs a user name to log in."))
        elif name and User.objects.filter(username__iexact=name).exists():
            self.add_error("username", _("This user name is taken."))
        if not password:
            self.add_error("password", _("A new account needs a password."))
            return
        try:
            validate_password(password, User(username=name or "", email=self.cleaned_data.get("email") or ""))
        except ValidationError as weak:
            self.add_error("password", weak)


class ShiftFormSet(forms.BaseInlineFormSet):
    """All weekly shifts of one person: nobody is at two places at once, also when both rows are new."""

    def clean(self) -> None:
        """Say it at the second row."""
        super().clean()
        forms_of = {id(form.instance): form for form in kept_forms(self)}
        for one, other in shift_clashes([form.instance for form in forms_of.values()]):
            forms_of[id(other)].add_error("starts", _("Overlaps the shift %(shift)s.") % {"shift": one})


class ShiftExceptionFormSet(forms.BaseInlineFormSet):
    """All dated changes of one person: two extra shifts never overlap."""

    def clean(self) -> None:
        """Say it at the second row."""
        super().clean()
        forms_of = {id(form.instance): form for form in kept_forms(self)}
        for one, other in extra_clashes([form.instance for form in forms_of.values()]):
            forms_of[id(other)].add_error("starts", _("Overlaps %(extra)s.") % {"extra": one})


class ShiftInline(ConfigurationInline):
    """The usual week."""

    model = Shift
    formset = ShiftFormSet
    related = ("location",)

    def get_extra(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> int:
        """A working week for a new person, else one row."""
        return 1 if obj else 5


class ShiftExceptionInline(ConfigurationInline):
    """Absences and extra shifts."""

    model = ShiftException
    formset = ShiftExceptionFormSet
    related = ("location",)
    extra = 0


@admin.register(StaffMember)
class StaffMemberAdmin(ConfigurationAdmin):
    """A person in one step: account, roles, capacity and week."""

    form = StaffForm
    inlines = (ShiftInline, ShiftExceptionInline)
    list_display = ("name", "roles_shown", "monitoring_capacity", "user", "is_active")
    list_filter = ("is_active", *(f"is_{role}" for role, _label in ROLE_LABELS))
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "user__email")

    def get_form(self, request: HttpRequest, obj: Model | None = None, *args: Any, **kwargs: Any) -> Any:
        """A new person gets an account as well."""
        form = super().get_form(request, obj, *args, **{"form": StaffForm if obj else NewStaffForm} | kwargs)
        form.own_id = admin_actor(request).staff_id
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """The account of a person stays the same."""
        return ("account",) if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The account's fields only for a new person."""
        account = ("account",) if obj else ("user", "username", "email", "password")
        roles = tuple(f"is_{role}" for role, _label in ROLE_LABELS)
        return (
            (None, {"fields": ("name", *(["is_active"] if obj else []))}),
            (_("Account"), {"fields": account}),
            (_("Roles"), {"fields": (*roles, "monitoring_capacity")}),
        )

    @admin.display(description=_("account"))
    def account(self, staff: StaffMember) -> str:
        """A link to where the password is set."""
        return format_html('<a href="../../../../auth/user/{}/change/">{}</a>', staff.user_id, staff.user)

    @admin.display(description=_("roles"))
    def roles_shown(self, staff: StaffMember) -> str:
        """All roles in words."""
        return ", ".join(str(label) for role, label in ROLE_LABELS if getattr(staff, f"is_{role}"))

    def save_model(self, request: HttpRequest, obj: StaffMember, form: Any, change: bool) -> None:
        """The account first; a nurse's seats follow her capacity."""
        if not change:
            data = form.cleaned_data
            obj.user = data["user"] or User.objects.create_user(
                data["username"], data["email"], data["password"]
            )
        super().save_model(request, obj, form, change)
        if obj.is_nurse and (not change or {"is_nurse", "monitoring_capacity"} & set(form.changed_data)):
            by, now = admin_actor(request), timezone.now()
            set_capacity(by=by, now=now, nurse=obj, capacity=obj.monitoring_capacity)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Weekly shifts and extra ones together must not put a person at two places."""
        super().save_related(request, form, formsets, change)
        require_one_place_at_a_time(form.instance)


class RosterAdmin(RecordAdmin):
    """Who works where; changed on the page of the person."""

    list_select_related = ("staff", "location")
    search_fields = ("staff__name",)


@admin.register(Shift)
class ShiftAdmin(RosterAdmin):
    """The weekly roster of all."""

    list_display = ("staff", "location", "role", "weekday", "starts", "ends", "valid_from", "valid_until")
    list_filter = ("location", "role", "weekday")


@admin.register(ShiftException)
class ShiftExceptionAdmin(RosterAdmin):
    """Absences and extra shifts of all."""

    list_display = ("staff", "day", "kind", "starts", "ends", "location", "role", "reason")
    list_filter = ("kind", "location", "role")
    date_hierarchy = "day"
