"""Protocols: reusable regimens, never changed once saved. An edit makes a new version."""

from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.pattern import Phase as PatternPhase
from scheduling.core.pattern import PhaseKind
from scheduling.core.timeline import STEP_MINUTES
from scheduling.core.words import DoseUnit, RequiredBefore, Route

from .places import Location

OBSERVATION_BY_ROUTE = {Route.IV: 0, Route.INTRANASAL: 120}
"""Minutes from the start of treatment (facts: intranasal at least 2 h, sources 22 and 23; IV has no published rule)."""
PHASE_LABELS = [
    (PhaseKind.CHECK_IN.value, _("check-in")),
    (PhaseKind.PREPARATION.value, _("preparation")),
    (PhaseKind.TREATMENT.value, _("treatment")),
    (PhaseKind.RECOVERY.value, _("recovery")),
    (PhaseKind.DISCHARGE.value, _("discharge")),
    (PhaseKind.TURNOVER.value, _("turnover")),
]


class ProtocolQuerySet(models.QuerySet["Protocol"]):
    """Which protocols?"""

    def orderable(self) -> "ProtocolQuerySet":
        """The current versions of those in use."""
        return self.filter(is_active=True, is_current=True)


class Protocol(models.Model):
    """One version of a regimen. ``code`` names the regimen; exactly one version of it is current.

    All numbers are defaults a clinic may change (facts: clinical defaults), never constants of the code.
    """

    code = models.SlugField(_("code"), max_length=40, help_text=_("The same in every version."))
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    is_current = models.BooleanField(_("current version"), default=True)
    is_active = models.BooleanField(_("may be ordered"), default=True)
    name = models.CharField(_("name"), max_length=80)
    route = models.CharField(
        _("route"),
        max_length=10,
        choices=[(Route.IV.value, _("IV infusion")), (Route.INTRANASAL.value, _("intranasal"))],
    )
    dose_unit = models.CharField(
        _("dose unit"),
        max_length=10,
        choices=[(DoseUnit.MG_PER_KG.value, "mg/kg"), (DoseUnit.MG.value, "mg")],
    )
    dose_low = models.DecimalField(
        _("usual dose from"),
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Outside this range the prescriber confirms a second time."),
    )
    dose_high = models.DecimalField(_("usual dose to"), max_digits=6, decimal_places=2, null=True, blank=True)
    dose_choices = models.CharField(
        _("doses in mg"),
        max_length=60,
        blank=True,
        validators=[RegexValidator(r"^\d+(\.\d+)?(, ?\d+(\.\d+)?)*$", _("Numbers parted by commas."))],
        help_text=_("For mg only: the list to choose from, such as 56, 84."),
    )
    induction_count = models.PositiveSmallIntegerField(_("infusions in the first stage"), default=6)
    per_week = models.PositiveSmallIntegerField(_("infusions a week"), default=2)
    max_per_7_days = models.PositiveSmallIntegerField(_("at most in any 7 days"), default=2)
    min_gap_days = models.PositiveSmallIntegerField(
        _("shortest gap (days)"), default=2, help_text=_("Local days from one visit to the next.")
    )
    floor_hours = models.PositiveSmallIntegerField(_("shortest gap (hours)"), default=40)
    max_gap_days = models.PositiveSmallIntegerField(
        _("longest gap (days)"), default=7, help_text=_("Beyond it a plan is flagged, never blocked.")
    )
    ideal_low = models.PositiveSmallIntegerField(_("ideal gap from (days)"), default=2)
    ideal_high = models.PositiveSmallIntegerField(_("ideal gap to (days)"), default=5)
    prescriber_on_site = models.BooleanField(
        _("prescriber on site"),
        default=False,
        help_text=_("A prescriber's shift has to cover treatment and recovery."),
    )
    observation_minutes = models.PositiveSmallIntegerField(
        _("observation (minutes)"),
        null=True,
        blank=True,
        help_text=_(
            "From the start of treatment to leaving. Empty: as the route has it, 120 for intranasal."
        ),
    )
    may_override_prerequisites = models.BooleanField(
        _("may start without prerequisites"),
        default=False,
        help_text=_("With a reason, where something required is not on record."),
    )
    systolic_low = models.PositiveSmallIntegerField(_("systolic from (mmHg)"), default=90)
    systolic_high = models.PositiveSmallIntegerField(
        _("systolic to (mmHg)"), default=160, help_text=_("Beyond it the entry warns.")
    )
    diastolic_low = models.PositiveSmallIntegerField(_("diastolic from (mmHg)"), default=50)
    diastolic_high = models.PositiveSmallIntegerField(_("diastolic to (mmHg)"), default=100)
    locations = models.ManyToManyField(
        Location,
        related_name="protocols",
        blank=True,
        verbose_name=_("locations"),
        help_text=_("Where it is given. None chosen: everywhere."),
    )
    needs_escort = models.BooleanField(_("leaves with an escort"), default=True)
    check_in_hours = models.CharField(
        _("check-ins after (hours)"),
        max_length=40,
        default="4, 24, 72, 168",
        validators=[RegexValidator(r"^\d+(, ?\d+)*$", _("Whole numbers parted by commas."))],
    )
    made_at = models.DateTimeField(_("made at"))

    objects = ProtocolQuerySet.as_manager()

    class Meta:
        verbose_name = _("protocol")
        verbose_name_plural = _("protocols")
        ordering = ("name", "-version")
        constraints = (
            models.UniqueConstraint(fields=("code", "version"), name="protocol_version"),
            models.UniqueConstraint(
                fields=("code",), condition=Q(is_current=True), name="protocol_one_current"
            ),
            models.CheckConstraint(
                condition=Q(induction_count__gte=1, induction_count__lte=30), name="protocol_count"
            ),
            models.CheckConstraint(
                condition=Q(per_week__gte=1, per_week__lte=F("max_per_7_days"), max_per_7_days__lte=7),
                name="protocol_per_week",
                violation_error_message=_(
                    "Infusions a week are 1 to the most in any 7 days, which is at most 7."
                ),
            ),
            models.CheckConstraint(
                condition=Q(
                    min_gap_days__gte=1,
                    min_gap_days__lte=F("ideal_low"),
                    ideal_low__lte=F("ideal_high"),
                    ideal_high__lte=F("max_gap_days"),
                ),
                name="protocol_gaps",
                violation_error_message=_(
                    "Gaps rise: shortest, ideal from, ideal to, longest; at least one day."
                ),
            ),
            models.CheckConstraint(
                condition=Q(floor_hours__lte=F("min_gap_days") * 24),
                name="protocol_floor",
                violation_error_message=_("The shortest gap in hours is longer than the one in days."),
            ),
            models.CheckConstraint(
                condition=Q(systolic_low__lt=F("systolic_high"), diastolic_low__lt=F("diastolic_high")),
                name="protocol_blood_pressure",
                violation_error_message=_("The lower limit of a blood pressure is below the upper one."),
            ),
            models.CheckConstraint(
                condition=Q(observation_minutes__isnull=True) | Q(observation_minutes__lte=720),
                name="protocol_observation",
                violation_error_message=_("An observation lasts at most 720 minutes."),
            ),
            models.CheckConstraint(
                condition=Q(dose_low__isnull=True, dose_high__isnull=True)
                | Q(
                    dose_low__isnull=False,
                    dose_high__isnull=False,
                    dose_low__gt=0,
                    dose_low__lte=F("dose_high"),
                ),
                name="protocol_dose_range",
                violation_error_message=_("Give both ends of the usual dose, the lower first."),
            ),
            models.CheckConstraint(
                condition=Q(dose_unit=DoseUnit.MG_PER_KG, dose_choices="")
                | (Q(dose_unit=DoseUnit.MG) & ~Q(dose_choices="")),
                name="protocol_dose_list",
                violation_error_message=_("A dose in mg needs its list of doses; one in mg/kg has none."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} (v{self.version})"

    def listed_doses(self) -> tuple[Decimal, ...]:
        """The doses in mg to choose from; empty for a protocol in mg/kg."""
        return tuple(Decimal(dose) for dose in self.dose_choices.replace(" ", "").split(",") if dose)

    @property
    def usual_dose(self) -> str:
        """The usual range, such as ``0.1 to 1 mg/kg``; empty where the protocol has none."""
        if self.dose_low is None or self.dose_high is None:
            return ""
        low, high = self.dose_low.normalize(), self.dose_high.normalize()
        return _("%(low)s to %(high)s %(unit)s") % {
            "low": f"{low:f}",
            "high": f"{high:f}",
            "unit": self.get_dose_unit_display(),
        }

    @property
    def observed_minutes(self) -> int:
        """How long a patient stays at least from the start of treatment; 0 where nothing is prescribed."""
        if self.observation_minutes is None:
            return OBSERVATION_BY_ROUTE[Route(self.route)]
        return self.observation_minutes

    def pattern_phases(self) -> tuple[PatternPhase, ...]:
        """The phases in order, for the planner."""
        return tuple(PatternPhase(PhaseKind(phase.kind), phase.minutes) for phase in self.phases.all())


class Phase(models.Model):
    """A stretch of a visit under one protocol, in whole multiples of 5 minutes."""

    protocol = models.ForeignKey(Protocol, models.CASCADE, related_name="phases")
    position = models.PositiveSmallIntegerField(_("position"))
    kind = models.CharField(_("phase"), max_length=12, choices=PHASE_LABELS)
    minutes = models.PositiveSmallIntegerField(_("minutes"))

    class Meta:
        verbose_name = _("phase")
        verbose_name_plural = _("phases")
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=("protocol", "position"), name="phase_position"),
            models.UniqueConstraint(fields=("protocol", "kind"), name="phase_kind_once"),
            models.CheckConstraint(
                condition=Q(minutes__gte=5, minutes__lte=720),
                name="phase_minutes",
                violation_error_message=_("A phase is 5 to 720 minutes long."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.minutes} min"

    def clean(self) -> None:
        """Refuse minutes that are no whole steps."""
        if self.minutes and self.minutes % STEP_MINUTES:
            raise ValidationError({"minutes": _("Minutes come in steps of 5.")})


class ProtocolInstruction(models.Model):
    """What the patient is told before a visit, in one language; the clinic's own words, never generated."""

    protocol = models.ForeignKey(Protocol, models.CASCADE, related_name="instructions")
    language = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES)
    text = models.TextField(_("text"), max_length=4000)

    class Meta:
        verbose_name = _("instructions")
        verbose_name_plural = _("instructions")
        constraints = (
            models.UniqueConstraint(fields=("protocol", "language"), name="protocolinstruction_language"),
        )

    def __str__(self) -> str:
        return self.get_language_display()


class Prerequisite(models.Model):
    """What has to be on record before booking, before the first visit or before every visit."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    required_before = models.CharField(
        _("required before"),
        max_length=8,
        choices=[
            (RequiredBefore.BOOKING.value, _("booking")),
            (RequiredBefore.FIRST.value, _("the first visit")),
            (RequiredBefore.EVERY.value, _("every visit")),
        ],
    )
    protocols = models.ManyToManyField(Protocol, related_name="prerequisites", blank=True)

    class Meta:
        verbose_name = _("prerequisite")
        verbose_name_plural = _("prerequisites")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
