"""Orders and the series booked under them: owned by services, looked at here."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from scheduling.models import Appointment, BookingRequest, Order, Series

from .base import RecordAdmin, RecordInline
from .patients import BY_PATIENT


class ProtocolFilter(admin.AllValuesFieldListFilter):
    """By the name of the protocol, whatever its version."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Call it what it is."""
        super().__init__(*args, **kwargs)
        self.title = _("protocol")


@admin.register(Order)
class OrderAdmin(RecordAdmin):
    """What prescribers decided."""

    list_display = (
        "patient", "stage", "protocol", "dose", "sessions", "taken", "state", "valid_from", "valid_until",
        "signed_by",
    )  # fmt: skip
    list_filter = ("state", "stage", "protocol__route", ("protocol__name", ProtocolFilter))
    list_select_related = ("patient", "protocol", "signed_by")
    search_fields = (*BY_PATIENT, "regimen")
    date_hierarchy = "valid_from"


class AppointmentInline(RecordInline):
    """The visits of a series."""

    model = Appointment
    fields = ("number", "local_date", "local_time", "chair", "nurse", "status")
    related = ("patient", "chair", "nurse")


@admin.register(Series)
class SeriesAdmin(RecordAdmin):
    """Courses."""

    inlines = (AppointmentInline,)
    list_display = ("patient", "stage", "location", "order", "revision", "booked_by", "booked_at")
    list_filter = ("stage", "location", "booked_at")
    list_select_related = ("patient", "location", "order__protocol", "booked_by")
    search_fields = BY_PATIENT


@admin.register(BookingRequest)
class BookingRequestAdmin(RecordAdmin):
    """When "Book" was pressed for which series."""

    fields = ("series", "made_at")
    list_display = ("made_at", "series")
    list_filter = ("made_at",)
    list_select_related = ("series__patient",)
    search_fields = ("series__patient__last_name", "series__patient__first_name", "=series__patient__mrn")
