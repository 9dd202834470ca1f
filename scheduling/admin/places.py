"""Locations with their hours, closures and chairs."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from scheduling.models import (
    Chair,
    Closure,
    Location,
    LocationLabel,
    OnCallShift,
    OpeningHours,
    StaffMember,
)
from scheduling.services.configuration import hours_clashes, require_no_visits
from scheduling.services.faults import Refused
from scheduling.services.seats import seat_chair
from scheduling.views.refusals import show_refusal

from .base import ConfigurationAdmin, ConfigurationForm, ConfigurationInline

WORKING_DAYS = [{"weekday": day, "opens": "08:00", "closes": "17:00"} for day in range(5)]
"""Offered for a new location; the manager changes or empties them."""


def zones() -> list[tuple[str, str]]:
    """Every zone that the zone data knows, legacy short names left out."""
    names = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
    return [("", "---------"), *((name, name) for name in names)]


class LocationForm(ConfigurationForm):
    """Refuses to re-zone a location under its booked visits."""

    zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=zones,
        help_text=_("All wall times of this location are in this zone."),
        error_messages={"invalid_choice": _("“%(value)s” is not a known time zone.")},
    )
    grid_minutes = forms.TypedChoiceField(
        label=_("Start grid (minutes)"),
        choices=[(minutes, minutes) for minutes in (5, 10, 15, 20, 30, 60)],
        coerce=int,
        initial=15,
        help_text=_("Proposed visits start on this grid."),
    )
    horizon_days = forms.IntegerField(
        label=_("Horizon (days)"),
        min_value=7,
        max_value=730,
        initial=120,
        help_text=_("How far ahead visits may be booked."),
    )
    hold_minutes = forms.IntegerField(
        label=_("Proposals are held for (minutes)"),
        min_value=1,
        max_value=60,
        initial=10,
        help_text=_("Nobody else can take the places of a proposal while somebody looks at it."),
    )
    escalation_minutes = forms.IntegerField(
        label=_("Next contact after (minutes)"),
        min_value=1,
        max_value=240,
        initial=15,
        help_text=_("A red flag that nobody acknowledged then goes to the next contact."),
    )
    offer_minutes = forms.IntegerField(
        label=_("Offered places are kept (minutes)"),
        min_value=30,
        max_value=1440,
        initial=120,
        help_text=_("How long a patient on the waiting list has to answer, nights left out."),
    )

    def clean(self) -> dict[str, Any] | None:
        """Name the visits that stand in the way."""
        cleaned = super().clean()
        if self.instance.pk and "zone" in self.changed_data:
            try:
                require_no_visits(now=timezone.now(), field="zone", location=self.instance)
            except Refused as refused:
                show_refusal(self, refused)
        return cleaned


class OnCallForm(ConfigurationForm):
    """Refuses a contact who cannot be told."""

    def clean_staff(self) -> StaffMember:
        """Red flags go out by e-mail."""
        staff: StaffMember = self.cleaned_data["staff"]
        if not staff.user.email:
            raise forms.ValidationError(
                _("%(name)s has no e-mail address and could not be told."), params={"name": staff.name}
            )
        return staff


class OpeningHoursFormSet(forms.BaseInlineFormSet):
    """All hours of one location: two rows of a day never overlap, also when both are new."""

    def clean(self) -> None:
        """Say it at the second row."""
        super().clean()
        forms_of = {id(form.instance): form for form in kept_forms(self)}
        for one, other in hours_clashes([form.instance for form in forms_of.values()]):
            forms_of[id(other)].add_error("opens", _("Overlaps %(hours)s.") % {"hours": one})


def kept_forms(formset: forms.BaseInlineFormSet) -> list[forms.ModelForm]:
    """The rows that are valid so far, filled in and not to be deleted."""
    return [
        form
        for form in formset.forms
        if form.is_valid()
        and (form.instance.pk or form.has_changed())
        and not formset._should_delete_form(form)  # type: ignore[attr-defined]
    ]


class OpeningHoursInline(ConfigurationInline):
    """The week."""

    model = OpeningHours
    formset = OpeningHoursFormSet

    def get_extra(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> int:
        """A working week for a new location, else one row."""
        return 1 if obj else len(WORKING_DAYS)


class ClosureInline(ConfigurationInline):
    """Days off."""

    model = Closure
    extra = 0


class ChairInline(ConfigurationInline):
    """Chairs; one is deleted on its own page, where its history is checked."""

    model = Chair
    can_delete = False
    show_change_link = True

    def get_extra(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> int:
        """Room for the first chairs of a new location."""
        return 0 if obj else 3


class LocationLabelInline(ConfigurationInline):
    """The neutral label in other languages."""

    model = LocationLabel
    extra = 0


class OnCallInline(ConfigurationInline):
    """Who is told of a red flag outside shifts."""

    model = OnCallShift
    form = OnCallForm
    extra = 0
    fields = ("weekday", "starts", "ends", "position", "staff")


@admin.register(Location)
class LocationAdmin(ConfigurationAdmin):
    """A site with everything that stands there."""

    form = LocationForm
    inlines = (OpeningHoursInline, ChairInline, ClosureInline, OnCallInline, LocationLabelInline)
    list_display = ("name", "zone", "phone", "chairs_in_use", "is_active")
    list_filter = ("is_active", "zone")
    search_fields = ("name", "address")
    fieldsets = (
        (None, {"fields": ("name", "address", "zone", "calendar_label", "calendar_way", "is_active")}),
        (_("Phone numbers"), {"fields": ("phone", "after_hours_phone", "emergency_phone", "crisis_phone")}),
        (_("Red flags"), {"fields": ("escalation_minutes",)}),
        (_("Waiting list"), {"fields": ("offer_minutes",)}),
        (_("Public holidays"), {"fields": ("holiday_country", "holiday_subdivision")}),
        (
            _("Booking"),
            {
                "fields": (
                    "lead_minutes",
                    "horizon_days",
                    "grid_minutes",
                    "hold_minutes",
                    "late_minutes",
                    "notice_hours",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the number of chairs."""
        chairs = Count("chairs", filter=Q(chairs__is_active=True))
        locations: QuerySet[Any] = super().get_queryset(request).annotate(chairs_in_use=chairs)
        return locations

    @admin.display(description=_("chairs in use"), ordering="chairs_in_use")
    def chairs_in_use(self, location: Any) -> int:
        """Active chairs."""
        return int(location.chairs_in_use)

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Location, inline: Any, prefix: str
    ) -> dict[str, Any]:
        """Offer the working week on the empty form; on POST every filled row is new."""
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        if request.method != "POST" and not obj.pk and inline.model is OpeningHours:
            kwargs["initial"] = WORKING_DAYS
        return kwargs

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """A new chair gets its seat."""
        super().save_formset(request, form, formset, change)
        if formset.model is Chair:
            for chair in formset.new_objects:
                seat_chair(chair)


@admin.register(Chair)
class ChairAdmin(ConfigurationAdmin):
    """One treatment place."""

    list_display = ("name", "location", "is_active")
    list_filter = ("is_active", "location")
    list_select_related = ("location",)
    search_fields = ("name", "location__name")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """A chair that moves house is another chair: its visits stay where they were."""
        return ("location",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Chair, form: Any, change: bool) -> None:
        """A chair has its seat."""
        super().save_model(request, obj, form, change)
        seat_chair(obj)
