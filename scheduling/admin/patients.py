"""Patients and what is on record for them: owned by services, looked at here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from scheduling.models import AccessLink, Consent, MedicationTrial, Patient, PrerequisiteRecord

from .base import RecordAdmin, RecordInline

BY_PATIENT = ("patient__last_name", "patient__first_name", "=patient__mrn")


class MedicationTrialInline(RecordInline):
    """What was tried before."""

    model = MedicationTrial


class ConsentInline(RecordInline):
    """Ways to be reached."""

    model = Consent
    related = ("recorded_by",)


class PrerequisiteRecordInline(RecordInline):
    """What is on record."""

    model = PrerequisiteRecord
    related = ("prerequisite", "recorded_by")


@admin.register(Patient)
class PatientAdmin(RecordAdmin):
    """Found as on the staff's own page."""

    inlines = (MedicationTrialInline, ConsentInline, PrerequisiteRecordInline)
    list_display = ("__str__", "mrn", "birth_date", "home_location", "language", "phone", "standing")
    list_filter = ("standing", "home_location", "language", "needs_interpreter")
    list_select_related = ("home_location",)
    search_fields = ("last_name", "first_name", "preferred_name", "mrn", "birth_date")
    search_help_text = _("Name, record number or birth date (YYYY-MM-DD).")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """One meaning of "search a patient" in the whole program."""
        return queryset.matching(search_term), False  # type: ignore[attr-defined]


@admin.register(MedicationTrial)
class MedicationTrialAdmin(RecordAdmin):
    """Medicines tried before."""

    list_display = ("patient", "medicine", "dose", "outcome", "started", "stopped")
    list_filter = ("outcome",)
    list_select_related = ("patient",)
    search_fields = (*BY_PATIENT, "medicine")
    date_hierarchy = "started"


@admin.register(Consent)
class ConsentAdmin(RecordAdmin):
    """Consents, revoked ones too."""

    list_display = ("patient", "channel", "wording_version", "given_at", "revoked_at", "recorded_by")
    list_filter = ("channel", ("revoked_at", admin.EmptyFieldListFilter), "given_at")
    list_select_related = ("patient", "recorded_by")
    search_fields = BY_PATIENT


@admin.register(PrerequisiteRecord)
class PrerequisiteRecordAdmin(RecordAdmin):
    """Prerequisites that were met."""

    list_display = ("patient", "prerequisite", "reference", "recorded_at", "recorded_by")
    list_filter = ("prerequisite", "recorded_at")
    list_select_related = ("patient", "prerequisite", "recorded_by")
    search_fields = (*BY_PATIENT, "reference")


@admin.register(AccessLink)
class AccessLinkAdmin(RecordAdmin):
    """Which links exist. Their tokens are never shown here."""

    list_display = ("patient", "purpose", "version", "issued_at", "revoked_at")
    list_filter = ("purpose", ("revoked_at", admin.EmptyFieldListFilter), "issued_at")
    list_select_related = ("patient",)
    search_fields = BY_PATIENT
