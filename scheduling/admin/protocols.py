"""Protocols and prerequisites. Saving a changed protocol makes its next version."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from scheduling.core.check_ins import LONGEST_OFFSET
from scheduling.core.pattern import Phase as PatternPhase
from scheduling.core.pattern import PhaseKind
from scheduling.core.plan_steps import Step
from scheduling.forms.plan_steps import STEP_NAMES, initial_steps, step_fields, typed_steps
from scheduling.models import Location, Prerequisite, Protocol
from scheduling.models.protocols import PHASE_LABELS
from scheduling.services.faults import Refused
from scheduling.services.protocols import (
    NEEDED,
    ProtocolContent,
    add_protocol,
    delete_protocol,
    require_sound_phases,
    require_sound_taper,
    revise_protocol,
)
from scheduling.views.refusals import show_refusal

from .base import ConfigurationAdmin, ConfigurationForm, admin_actor

USUAL_MINUTES = {
    PhaseKind.CHECK_IN: 15,
    PhaseKind.PREPARATION: 15,
    PhaseKind.TREATMENT: 40,
    PhaseKind.RECOVERY: 45,
    PhaseKind.DISCHARGE: 5,
    PhaseKind.TURNOVER: 15,
}
"""Offered for a new protocol: the IV block of the clinical defaults."""

LIMIT_FIELDS = (("systolic_low", "systolic_high"), ("diastolic_low", "diastolic_high"))
PHASE_FIELDS = tuple(f"minutes_{kind.value}" for kind in PhaseKind)
TEXT_FIELDS = tuple(f"text_{code}" for code, _name in settings.LANGUAGES)
WHEN_ASKED = _(
    "Booking and the first visit: recorded once for the patient. Every visit: recorded anew for each visit by a "
    "nurse or prescriber before its start; a record of an earlier visit does not count."
)


class TextField(forms.CharField):
    """Several lines; a browser's line ends are not a change."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        """With plain line ends."""
        return str(super().to_python(value)).replace("\r\n", "\n")


class ProtocolForm(ConfigurationForm):
    """All of one version on one page: phases as minutes, instructions by language, prerequisites, locations."""

    induction_count = forms.IntegerField(
        label=_("Infusions in the first stage"), min_value=1, max_value=30, initial=6
    )
    prerequisites = forms.ModelMultipleChoiceField(
        label=_("Prerequisites"),
        queryset=Prerequisite.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    locations = forms.ModelMultipleChoiceField(
        label=_("Locations"),
        queryset=Location.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Where it is given. None chosen: everywhere."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Fill in what hangs on the loaded version."""
        protocol = kwargs.get("instance")
        if protocol is not None and protocol.pk:
            minutes = {phase.kind: phase.minutes for phase in protocol.phases.all()}
            texts = {row.language: row.text.strip() for row in protocol.instructions.all()}
            kwargs["initial"] = {
                "prerequisites": list(protocol.prerequisites.all()),
                "locations": list(protocol.locations.all()),
                **initial_steps(list(protocol.taper.all())),
                **{f"minutes_{kind.value}": minutes.get(kind) for kind in PhaseKind},
                **{f"text_{code}": texts.get(code, "") for code, _name in settings.LANGUAGES},
                **(kwargs.get("initial") or {}),
            }
        super().__init__(*args, **kwargs)

    def clean_code(self) -> str:
        """A new protocol has a code of its own."""
        code = str(self.cleaned_data["code"])
        if Protocol.objects.filter(code=code).exists():
            raise forms.ValidationError(_("This code is taken. Open that protocol to make its next version."))
        return code

    def clean_check_in_hours(self) -> str:
        """Refuse hours that belong to no visit: they would never be asked about."""
        text: str = self.cleaned_data["check_in_hours"]
        hours = [int(word) for word in text.split(",") if word.strip().isdecimal()]
        if any(hour > LONGEST_OFFSET for hour in hours):
            raise forms.ValidationError(
                _("A check-in is at most %(hours)d hours after the visit."), params={"hours": LONGEST_OFFSET}
            )
        return text

    def clean(self) -> dict[str, Any] | None:
        """Refuse phases that make no visit and steps that make no plan."""
        cleaned = super().clean()
        self.taper: list[Step] = typed_steps(self)
        if not set(PHASE_FIELDS) & set(self.errors):
            try:
                require_sound_phases(self.phases())
            except Refused as refused:
                show_refusal(self, refused)
        return cleaned

    def _post_clean(self) -> None:
        """Hold the steps against the spacing, which the loaded protocol has only now."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            require_sound_taper(self.taper, self.instance)
        except Refused as refused:
            self.add_error(STEP_NAMES[0][0], str(refused))

    def phases(self) -> list[PatternPhase]:
        """Those with minutes, in the order they happen."""
        minutes = {kind: self.cleaned_data.get(f"minutes_{kind.value}") for kind in PhaseKind}
        return [PatternPhase(kind, minutes[kind] or 0) for kind in PhaseKind if minutes[kind]]

    def content(self) -> ProtocolContent:
        """What hangs on the version to be saved."""
        return ProtocolContent(
            phases=self.phases(),
            instructions={code: self.cleaned_data[f"text_{code}"] for code, _name in settings.LANGUAGES},
            prerequisites=self.cleaned_data["prerequisites"],
            locations=self.cleaned_data["locations"],
            taper=self.taper,
        )


def _phase_fields() -> dict[str, forms.Field]:
    return {
        f"minutes_{kind}": forms.IntegerField(
            label=capfirst(label),
            min_value=5,
            max_value=720,
            step_size=5,
            required=kind in NEEDED,
            initial=USUAL_MINUTES[PhaseKind(kind)],
            help_text=_("Minutes, in steps of 5.")
            if kind in NEEDED
            else _("Minutes, in steps of 5. Empty: not part of the visit."),
        )
        for kind, label in PHASE_LABELS
    }


def _text_fields() -> dict[str, forms.Field]:
    return {
        f"text_{code}": TextField(
            label=name,
            required=False,
            max_length=4000,
            help_text=_("What the patient is told before a visit, in the clinic's own words."),
        )
        for code, name in settings.LANGUAGES
    }


ProtocolForm.declared_fields |= _phase_fields() | _text_fields() | step_fields()


@admin.register(Protocol)
class ProtocolAdmin(ConfigurationAdmin):
    """One regimen is one code; the current version is edited, earlier ones are only looked at."""

    form = ProtocolForm
    list_display = ("name", "code", "version", "route", "is_current", "is_active", "made_at")
    list_filter = ("is_current", "is_active", "route")
    search_fields = ("name", "code")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Earlier versions never change."""
        current = not isinstance(obj, Protocol) or obj.is_current
        return current and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """The code stays the same in every version."""
        return ("code", "version", "made_at") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Fields to fill in, or the same as text for an earlier version."""
        editable = self.has_change_permission(request, obj)
        version = ("version", "made_at") if obj else ()
        return (
            (None, {"fields": ("code", *version, "name", "route", "is_active")}),
            (_("Dose"), {"fields": ("dose_unit", "dose_low", "dose_high", "dose_choices")}),
            (_("Phases of a visit"), {"fields": PHASE_FIELDS if editable else ("phases_shown",)}),
            (_("First stage"), {"fields": ("induction_count", "per_week", "max_per_7_days")}),
            (
                _("Gaps between visits"),
                {"fields": ("min_gap_days", "floor_hours", "ideal_low", "ideal_high", "max_gap_days")},
            ),
            (
                _("Steps of the follow-up"),
                {
                    "fields": STEP_NAMES if editable else ("taper_shown",),
                    "description": _(
                        "What the prescriber is offered for the weekly plan. Only the last step may be open."
                    ),
                },
            ),
            (_("Where it is given"), {"fields": ("locations",) if editable else ("locations_shown",)}),
            (
                _("Safety"),
                {"fields": ("prescriber_on_site", "observation_minutes", "needs_escort", "check_in_hours")},
            ),
            (
                _("Blood pressure"),
                {
                    "fields": LIMIT_FIELDS,
                    "description": _("Outside these limits the entry warns; nothing is refused."),
                },
            ),
            (
                _("What has to be on record"),
                {
                    "fields": (
                        "prerequisites" if editable else "prerequisites_shown",
                        "may_override_prerequisites",
                    ),
                    "description": _("When each of them is asked for is said at the prerequisite."),
                },
            ),
            (_("Instructions"), {"fields": TEXT_FIELDS if editable else ("instructions_shown",)}),
        )

    @admin.display(description=_("phases"))
    def phases_shown(self, protocol: Protocol) -> str:
        """In order, with minutes."""
        return ", ".join(str(phase) for phase in protocol.phases.all())

    @admin.display(description=_("steps"))
    def taper_shown(self, protocol: Protocol) -> str:
        """In order: how often and for how long."""
        return "; ".join(str(step) for step in protocol.taper.all())

    @admin.display(description=_("prerequisites"))
    def prerequisites_shown(self, protocol: Protocol) -> str:
        """By name."""
        return ", ".join(str(row) for row in protocol.prerequisites.all())

    @admin.display(description=_("locations"))
    def locations_shown(self, protocol: Protocol) -> str:
        """By name; an empty choice is said in words."""
        return ", ".join(str(row) for row in protocol.locations.all()) or str(_("everywhere"))

    @admin.display(description=_("instructions"))
    def instructions_shown(self, protocol: Protocol) -> str:
        """By language."""
        return format_html_join("", "<p>{}: {}</p>", ((row, row.text) for row in protocol.instructions.all()))

    def save_model(self, request: HttpRequest, obj: Protocol, form: Any, change: bool) -> None:
        """A new protocol, its next version, or the same one where only "may be ordered" was changed."""
        by, now = admin_actor(request), timezone.now()
        if not change:
            add_protocol(by=by, now=now, protocol=obj, content=form.content())
        elif set(form.changed_data) - {"is_active"}:
            revise_protocol(by=by, now=now, protocol=obj, content=form.content())
        elif form.changed_data:
            obj.save(update_fields=["is_active"])

    def delete_model(self, request: HttpRequest, obj: Protocol) -> None:
        """The version before it becomes current again."""
        delete_protocol(by=admin_actor(request), now=timezone.now(), protocol=obj)

    def audit(self, request: HttpRequest, obj: Model, act: str, message: Any) -> None:
        """The services write their own entry; only "may be ordered" is saved without one."""
        if act == "change" and str(obj.pk) == self._opened(request):
            super().audit(request, obj, act, message)

    def response_change(self, request: HttpRequest, obj: Protocol) -> HttpResponse:
        """Say which version there is now, and open that one."""
        if str(obj.pk) == self._opened(request):
            words = _t("Saved. %(protocol)s stays the current version.")
        else:
            words = _t("%(protocol)s was made. Visits that are already booked keep their version.")
        self.message_user(request, words % {"protocol": obj}, messages.SUCCESS)
        stem = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}"
        if "_continue" in request.POST:
            return HttpResponseRedirect(reverse(f"{stem}_change", args=[obj.pk]))
        page = "add" if "_addanother" in request.POST else "changelist"
        return HttpResponseRedirect(reverse(f"{stem}_{page}"))

    def _opened(self, request: HttpRequest) -> str:
        """The primary key in the address: the version that was loaded."""
        return str(request.resolver_match.kwargs["object_id"])  # type: ignore[union-attr]


@admin.register(Prerequisite)
class PrerequisiteAdmin(ConfigurationAdmin):
    """What has to be on record; which protocols want it is said at the protocol."""

    fields = ("code", "name", "required_before")
    list_display = ("name", "code", "required_before")
    list_filter = ("required_before",)
    search_fields = ("name", "code")

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Says beside the choice what each of them asks of the staff."""
        kwargs["help_texts"] = {"required_before": WHEN_ASKED}
        return super().get_form(request, *args, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """The code stays."""
        return ("code",) if obj else ()
