"""The people who work here and when."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import Role

from .places import WEEKDAYS, Location, require_near

ROLE_LABELS = [
    (Role.FRONT_DESK.value, _("front desk")),
    (Role.NURSE.value, _("nurse")),
    (Role.PRESCRIBER.value, _("prescriber")),
    (Role.MANAGER.value, _("manager")),
]
WORKED_ROLES = [choice for choice in ROLE_LABELS if choice[0] in (Role.NURSE, Role.PRESCRIBER)]


class StaffMember(models.Model):
    """A person with one or more roles and one user account."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="staff_member", verbose_name=_("user account")
    )
    name = models.CharField(_("name"), max_length=80)
    is_front_desk = models.BooleanField(_("front desk"), default=False)
    is_nurse = models.BooleanField(_("nurse"), default=False)
    is_prescriber = models.BooleanField(_("prescriber"), default=False)
    is_manager = models.BooleanField(_("manager"), default=False)
    monitoring_capacity = models.PositiveSmallIntegerField(
        _("monitoring capacity"),
        default=1,
        help_text=_("How many patients this nurse may look after at one time."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("staff member")
        verbose_name_plural = _("staff")
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(is_front_desk=True)
                | Q(is_nurse=True)
                | Q(is_prescriber=True)
                | Q(is_manager=True),
                name="staffmember_has_role",
                violation_error_message=_("Choose at least one role."),
            ),
            models.CheckConstraint(
                condition=Q(monitoring_capacity__gte=1, monitoring_capacity__lte=12),
                name="staffmember_capacity",
                violation_error_message=_("Monitoring capacity is 1 to 12 patients."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def roles(self) -> frozenset[Role]:
        """All roles of this person."""
        return frozenset(role for role in Role if getattr(self, f"is_{role.value}"))


class Shift(models.Model):
    """A weekly pattern of work at one location, in the location's wall time, both dates included."""

    staff = models.ForeignKey(StaffMember, models.CASCADE, related_name="shifts")
    location = models.ForeignKey(Location, models.PROTECT, related_name="shifts")
    role = models.CharField(_("works as"), max_length=12, choices=WORKED_ROLES, default=Role.NURSE)
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=WEEKDAYS)
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("to"))
    break_starts = models.TimeField(_("break from"), null=True, blank=True)
    break_ends = models.TimeField(_("break to"), null=True, blank=True)
    valid_from = models.DateField(_("first day"))
    valid_until = models.DateField(_("last day"), null=True, blank=True)

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        ordering = ("weekday", "starts")
        constraints = (
            models.CheckConstraint(
                condition=Q(starts__lt=F("ends")),
                name="shift_order",
                violation_error_message=_("A shift ends after it starts; split one that passes midnight."),
            ),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="shift_weekday"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_from__lte=F("valid_until")),
                name="shift_validity",
                violation_error_message=_("The last day is before the first."),
            ),
            models.CheckConstraint(
                condition=Q(break_starts__isnull=True, break_ends__isnull=True)
                | Q(
                    # Without these half a break is NULL to SQL, and a CHECK lets NULL pass.
                    break_starts__isnull=False,
                    break_ends__isnull=False,
                    break_starts__gte=F("starts"),
                    break_ends__lte=F("ends"),
                    break_starts__lt=F("break_ends"),
                ),
                name="shift_break",
                violation_error_message=_("The break lies inside the shift and has a start and an end."),
            ),
            models.CheckConstraint(condition=Q(role__in=(Role.NURSE, Role.PRESCRIBER)), name="shift_role"),
        )

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M}-{self.ends:%H:%M}, {self.location}"

    def clean(self) -> None:
        """Refuse a slip in a date."""
        require_near(valid_from=self.valid_from, valid_until=self.valid_until)


class ShiftException(models.Model):
    """A dated change: an extra shift, or an absence from all shifts between two wall times."""

    class Kind(models.TextChoices):
        """Whether work is added or taken away."""

        EXTRA = "extra", _("extra shift")
        ABSENCE = "absence", _("absence")

    staff = models.ForeignKey(StaffMember, models.CASCADE, related_name="shift_exceptions")
    location = models.ForeignKey(
        Location, models.PROTECT, related_name="shift_exceptions", help_text=_("Its wall time is meant.")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    role = models.CharField(_("works as"), max_length=12, choices=WORKED_ROLES, default=Role.NURSE)
    day = models.DateField(_("day"))
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("to"))
    reason = models.CharField(_("reason"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("shift exception")
        verbose_name_plural = _("shift exceptions")
        ordering = ("day", "starts")
        constraints = (
            models.CheckConstraint(condition=Q(starts__lt=F("ends")), name="shiftexception_order"),
            models.CheckConstraint(condition=Q(kind__in=("extra", "absence")), name="shiftexception_kind"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.day} {self.starts:%H:%M}-{self.ends:%H:%M}"

    def clean(self) -> None:
        """Refuse a slip in the date, and say what the constraint says next to the field."""
        require_near(day=self.day)
        if None not in (self.starts, self.ends) and self.starts >= self.ends:
            raise ValidationError({"ends": _("It ends after it starts.")})
