"""Check-ins, alerts and follow-up plans: owned by services, looked at here."""

from django.contrib import admin

from scheduling.models import Alert, CheckIn, FollowUpPlan, PlanReview, PlanStep, SideEffectReport

from .base import RecordAdmin, RecordInline
from .patients import BY_PATIENT


class SideEffectReportInline(RecordInline):
    """What the patient felt."""

    model = SideEffectReport


@admin.register(CheckIn)
class CheckInAdmin(RecordAdmin):
    """What was asked after each visit and answered."""

    inlines = (SideEffectReportInline,)
    list_display = (
        "due_at", "patient", "appointment", "offset_hours", "state", "answered_at", "is_late", "way",
    )  # fmt: skip
    list_filter = ("state", "is_late", "way", "from_plan", "due_at")
    list_select_related = ("patient", "appointment__patient")
    search_fields = BY_PATIENT
    date_hierarchy = "due_at"


@admin.register(Alert)
class AlertAdmin(RecordAdmin):
    """What somebody had to see, and who saw it."""

    list_display = (
        "raised_at", "kind", "severity", "owner", "patient", "location", "acknowledged_by", "acknowledged_at",
        "settled_at",
    )  # fmt: skip
    list_filter = ("kind", "severity", "owner", "location", ("acknowledged_at", admin.EmptyFieldListFilter))
    list_select_related = ("patient", "location", "acknowledged_by")
    search_fields = (*BY_PATIENT, "=key")
    date_hierarchy = "raised_at"
    ordering = ("-raised_at", "-pk")


class PlanStepInline(RecordInline):
    """How often, for how long."""

    model = PlanStep


class PlanReviewInline(RecordInline):
    """When the prescriber looks at the reaction."""

    model = PlanReview
    related = ("done_by",)


@admin.register(FollowUpPlan)
class FollowUpPlanAdmin(RecordAdmin):
    """The weekly plans after the first stage."""

    inlines = (PlanStepInline, PlanReviewInline)
    list_display = (
        "patient",
        "order",
        "location",
        "state",
        "starts_after",
        "booked_until",
        "set_by",
        "set_at",
    )
    list_filter = ("state", "location", "set_at")
    list_select_related = ("patient", "order__patient", "order__protocol", "location", "set_by")
    search_fields = BY_PATIENT
