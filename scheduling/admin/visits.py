"""Visits and the places they take: times and claims belong to services and are only looked at."""

from django.contrib import admin

from scheduling.models import Appointment, BloodPressure, Claim, Hold, Seat

from .base import RecordAdmin, RecordInline
from .orders import ProtocolFilter
from .patients import BY_PATIENT


class ClaimInline(RecordInline):
    """The places taken."""

    model = Claim
    fields = ("seat", "starts_at", "ends_at")
    related = ("seat__chair", "seat__nurse", "seat__patient")


class BloodPressureInline(RecordInline):
    """Before, during and before leaving."""

    model = BloodPressure
    related = ("recorded_by",)


@admin.register(Appointment)
class AppointmentAdmin(RecordAdmin):
    """All visits, planned and as they went."""

    inlines = (ClaimInline, BloodPressureInline)
    list_display = (
        "local_date", "local_time", "patient", "number", "location", "chair", "nurse", "status",
    )  # fmt: skip
    list_filter = ("location", "status", "is_confirmed", ("protocol__name", ProtocolFilter))
    list_select_related = ("patient", "location", "chair", "nurse")
    search_fields = (*BY_PATIENT, "=uid")
    date_hierarchy = "local_date"
    ordering = ("-starts_at", "-pk")


@admin.register(Seat)
class SeatAdmin(RecordAdmin):
    """What can hold one patient at a time."""

    list_display = ("kind", "chair", "nurse", "patient", "number", "retired_at")
    list_filter = ("kind", ("retired_at", admin.EmptyFieldListFilter))
    list_select_related = ("chair", "nurse", "patient")
    search_fields = ("chair__name", "nurse__name", *BY_PATIENT)


@admin.register(Claim)
class ClaimAdmin(RecordAdmin):
    """Who has which seat when, in UTC."""

    list_display = ("seat", "starts_at", "ends_at", "appointment", "hold")
    list_filter = ("seat__kind", "starts_at")
    list_select_related = ("seat__chair", "seat__nurse", "seat__patient", "appointment__patient", "hold")
    search_fields = ("seat__chair__name", "seat__nurse__name", "=appointment__patient__mrn")


@admin.register(Hold)
class HoldAdmin(RecordAdmin):
    """Places kept for a while."""

    inlines = (ClaimInline,)
    list_display = ("__str__", "expires_at", "made_by", "made_at")
    list_filter = ("expires_at",)
    list_select_related = ("made_by",)
    search_fields = ("made_by__name",)
