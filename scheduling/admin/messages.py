"""The ledger: messages, every try to deliver them, changes that could be taken back, and the workers."""

from django.contrib import admin

from scheduling.models import Attempt, CourseChange, Heartbeat, Message

from .base import RecordAdmin, RecordInline
from .patients import BY_PATIENT


class AttemptInline(RecordInline):
    """Every try."""

    model = Attempt
    fields = ("at", "outcome", "code", "detail", "subject")


@admin.register(Message)
class MessageAdmin(RecordAdmin):
    """What was told to whom, and why not."""

    inlines = (AttemptInline,)
    list_display = ("due_at", "patient", "kind", "way", "state", "sent_at", "tries", "reason")
    list_filter = ("state", "kind", "way", "due_at")
    list_select_related = ("patient",)
    search_fields = (*BY_PATIENT, "=uid")
    date_hierarchy = "due_at"
    ordering = ("-due_at", "-pk")


@admin.register(CourseChange)
class CourseChangeAdmin(RecordAdmin):
    """Moves and cancellations as long as they could be taken back."""

    list_display = ("series", "revision", "made_by", "made_at", "leaves_at", "undone_at")
    list_filter = ("made_at", ("undone_at", admin.EmptyFieldListFilter))
    list_select_related = ("series__patient", "made_by")
    search_fields = tuple(name.replace("patient__", "series__patient__") for name in BY_PATIENT)


@admin.register(Heartbeat)
class HeartbeatAdmin(RecordAdmin):
    """Which workers ran, and when last."""

    list_display = ("worker", "started_at", "beat_at")
    list_filter = ("beat_at",)
    search_fields = ("worker",)
