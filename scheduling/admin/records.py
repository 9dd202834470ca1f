"""The audit trail: append-only, looked at here."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from scheduling.models import AuditEntry

from .base import RecordAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    """Who did what, when and from where."""

    list_display = ("at", "who", "action", "what", "patient")
    list_filter = ("at", "actor_kind")
    list_select_related = ("staff", "patient")
    search_fields = ("=action", "=subject", "staff__name", "=patient__mrn")

    @admin.display(description=_("who"), ordering="staff__name")
    def who(self, entry: AuditEntry) -> str:
        """The person, or what acted in place of one."""
        return str(entry.staff or entry.get_actor_kind_display())

    @admin.display(description=_("what"), ordering="subject")
    def what(self, entry: AuditEntry) -> str:
        """Kind and id of what it was done to."""
        return f"{entry.subject} {entry.subject_id or ''}".strip()
