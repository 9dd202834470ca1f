"""What happens on real days: disruptions, raised capacities, presences, transfers; owned by services."""

from django.contrib import admin

from scheduling.models import (
    CapacityRaise,
    DisruptedVisit,
    Disruption,
    Offer,
    Presence,
    RepairRun,
    SeriesTransfer,
    WaitlistEntry,
)

from .base import RecordAdmin, RecordInline
from .patients import BY_PATIENT


class DisruptedVisitInline(RecordInline):
    """The visits left uncovered and what became of them."""

    model = DisruptedVisit
    related = ("appointment__patient", "called_by", "told_by", "resolved_by", "hold")


@admin.register(Disruption)
class DisruptionAdmin(RecordAdmin):
    """What was missing, from when until when."""

    inlines = (DisruptedVisitInline,)
    list_display = (
        "starts_at",
        "ends_at",
        "kind",
        "location",
        "staff",
        "chair",
        "reason",
        "blocks",
        "lifted_at",
    )
    list_filter = ("kind", "location", "blocks", ("lifted_at", admin.EmptyFieldListFilter))
    list_select_related = ("location", "staff", "chair")
    search_fields = ("reason", "staff__name", "chair__name")
    date_hierarchy = "starts_at"


@admin.register(RepairRun)
class RepairRunAdmin(RecordAdmin):
    """Searches for a repair, and what became of their proposals."""

    list_display = ("asked_at", "disruption", "state", "asked_by", "finished_at")
    list_filter = ("state", "asked_at")
    list_select_related = ("disruption__location", "disruption__staff", "disruption__chair", "asked_by")
    search_fields = ("disruption__reason", "asked_by__name")
    date_hierarchy = "asked_at"


@admin.register(CapacityRaise)
class CapacityRaiseAdmin(RecordAdmin):
    """Nurses who looked after more patients than usual for a while."""

    list_display = ("nurse", "starts_at", "ends_at", "capacity", "reason", "made_by")
    list_filter = ("starts_at",)
    list_select_related = ("nurse", "made_by")
    search_fields = ("nurse__name", "reason")


@admin.register(Presence)
class PresenceAdmin(RecordAdmin):
    """Which prescriber was on site when."""

    list_display = ("staff", "location", "arrived_at", "left_at", "recorded_by")
    list_filter = ("location", "arrived_at")
    list_select_related = ("staff", "location", "recorded_by")
    search_fields = ("staff__name",)


@admin.register(SeriesTransfer)
class SeriesTransferAdmin(RecordAdmin):
    """Courses that went on at another location."""

    list_display = (
        "series", "from_location", "to_location", "made_by", "made_at", "countersigned_by", "countersigned_at",
    )  # fmt: skip
    list_filter = ("to_location", ("countersigned_at", admin.EmptyFieldListFilter))
    list_select_related = ("series__patient", "from_location", "to_location", "made_by", "countersigned_by")
    search_fields = ("series__patient__last_name", "=series__patient__mrn")


class OfferInline(RecordInline):
    """The places offered to one waiting patient and what became of them."""

    model = Offer
    related = ("chair", "nurse", "hold", "answered_by", "called_by")


@admin.register(WaitlistEntry)
class WaitlistEntryAdmin(RecordAdmin):
    """Who waits or waited for a better place."""

    inlines = (OfferInline,)
    list_display = ("since", "patient", "kind", "location", "appointment", "made_by", "ended_at", "why")
    list_filter = ("kind", "location", "why", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("patient", "location", "appointment__patient", "made_by")
    search_fields = BY_PATIENT
