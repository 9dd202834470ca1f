"""Orders: what a prescriber decided. Nothing is booked without a signed one."""

from datetime import date

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import OPEN_ORDER, DoseUnit, OrderState, Stage

from .patients import Patient
from .protocols import Protocol
from .staff import StaffMember

STAGE_LABELS = [(Stage.INDUCTION.value, _("first stage")), (Stage.FOLLOW_UP.value, _("follow-up"))]


class OrderQuerySet(models.QuerySet["Order"]):
    """Which orders?"""

    def open(self) -> "OrderQuerySet":
        """Drafts and signed ones."""
        return self.filter(state__in=OPEN_ORDER)

    def bookable(self, today: date) -> "OrderQuerySet":
        """Signed, in force on the local date ``today`` or later, and with infusions left."""
        return self.filter(state=OrderState.SIGNED, valid_until__gte=today, taken__lt=F("sessions"))

    def holdable(self, today: date) -> "OrderQuerySet":
        """Drafts in force on the local date ``today`` or later: places may be held for them."""
        return self.filter(state=OrderState.DRAFT, valid_until__gte=today)


class Order(models.Model):
    """A number of infusions of one protocol at one dose for one patient. The dose is kept as written."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="orders")
    protocol = models.ForeignKey(Protocol, models.PROTECT, related_name="orders")
    regimen = models.SlugField(
        _("regimen"), max_length=40, help_text=_("The protocol's code, whatever its version.")
    )
    stage = models.CharField(_("stage"), max_length=10, choices=STAGE_LABELS)
    state = models.CharField(
        _("state"),
        max_length=10,
        default=OrderState.DRAFT,
        choices=[
            (OrderState.DRAFT.value, _("draft")),
            (OrderState.SIGNED.value, _("signed")),
            (OrderState.REPLACED.value, _("replaced")),
            (OrderState.WITHDRAWN.value, _("withdrawn")),
            (OrderState.EXPIRED.value, _("expired")),
            (OrderState.USED_UP.value, _("used up")),
        ],
    )
    dose_amount = models.DecimalField(_("dose"), max_digits=6, decimal_places=2)
    dose_unit = models.CharField(
        _("unit"), max_length=10, choices=[(DoseUnit.MG_PER_KG.value, "mg/kg"), (DoseUnit.MG.value, "mg")]
    )
    weight_kg = models.DecimalField(_("weight (kg)"), max_digits=5, decimal_places=1, null=True, blank=True)
    unusual_dose_confirmed = models.BooleanField(_("unusual dose confirmed"), default=False)
    sessions = models.PositiveSmallIntegerField(_("number of infusions"))
    taken = models.PositiveSmallIntegerField(
        _("used and booked"), default=0, help_text=_("Kept by the services; never above the number.")
    )
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by", verbose_name=_("replaces")
    )
    seen_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    seen_at = models.DateTimeField(
        _("changed dose seen at"),
        null=True,
        blank=True,
        help_text=_("Until then the board says “dose changed”."),
    )
    drafted_by = models.ForeignKey(StaffMember, models.PROTECT, related_name="drafted_orders")
    drafted_at = models.DateTimeField(_("drafted at"))
    signed_by = models.ForeignKey(
        StaffMember, models.PROTECT, null=True, blank=True, related_name="signed_orders"
    )
    signed_at = models.DateTimeField(_("signed at"), null=True, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ("-drafted_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("patient", "regimen", "stage"),
                condition=Q(state__in=OPEN_ORDER),
                name="order_one_open",
            ),
            models.CheckConstraint(
                condition=Q(signed_by__isnull=False, signed_at__isnull=False)
                | Q(signed_by__isnull=True, signed_at__isnull=True),
                name="order_signature",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=(OrderState.SIGNED, OrderState.USED_UP)) | Q(signed_by__isnull=False),
                name="order_signed_by",
            ),
            models.CheckConstraint(
                condition=Q(seen_by__isnull=True, seen_at__isnull=True)
                | Q(seen_by__isnull=False, seen_at__isnull=False),
                name="order_seen",
            ),
            models.CheckConstraint(condition=Q(sessions__gte=1, sessions__lte=100), name="order_sessions"),
            models.CheckConstraint(condition=Q(taken__lte=F("sessions")), name="order_not_overbooked"),
            models.CheckConstraint(condition=Q(valid_from__lte=F("valid_until")), name="order_validity"),
            models.CheckConstraint(condition=Q(dose_amount__gt=0), name="order_dose"),
            models.CheckConstraint(
                condition=Q(dose_unit=DoseUnit.MG) | Q(weight_kg__isnull=False, weight_kg__gt=0),
                name="order_weight",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_stage_display()}: {self.protocol.name}, {self.sessions}"

    @property
    def dose(self) -> str:
        """The dose as written."""
        return f"{self.dose_amount.normalize():f} {self.get_dose_unit_display()}"

    @property
    def left(self) -> int:
        """Infusions not yet used or booked."""
        return self.sessions - self.taken
