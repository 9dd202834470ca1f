"""Accounts: name, e-mail, password. Roles stand on the member of staff; groups play no part."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .base import ConfigurationAdmin, ConfigurationForm

admin.site.unregister(User)
admin.site.unregister(Group)


class AccountForm(ConfigurationForm, UserChangeForm):
    """Django's form for an account, with the words of a refusal."""


@admin.register(User)
class AccountAdmin(ConfigurationAdmin, UserAdmin):
    """Managers mend accounts of staff here; superusers are out of their sight."""

    list_display = ("username", "person", "email", "is_active", "last_login")
    list_filter = ("is_active",)
    list_select_related = ("staff_member",)
    search_fields = ("username", "email", "staff_member__name")
    readonly_fields = ("person", "last_login", "date_joined")
    form = AccountForm
    filter_horizontal = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Only a superuser meets superusers."""
        users = super().get_queryset(request)
        return users if request.user.is_superuser else users.filter(is_superuser=False)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What means something in this project."""
        if obj is None:
            return self.add_fieldsets
        power = ("is_superuser",) if request.user.is_superuser else ()
        return (
            (None, {"fields": ("username", "password", "person")}),
            (_("Contact"), {"fields": ("email",)}),
            (_("Access"), {"fields": ("is_active", *power, "last_login", "date_joined")}),
        )

    @admin.display(description=_("person"), ordering="staff_member__name")
    def person(self, user: User) -> str:
        """Whose account it is."""
        return str(getattr(user, "staff_member", None) or "–")
