"""Series: the sessions of one stage of treatment, booked and kept as one thing."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .orders import STAGE_LABELS, Order
from .patients import Patient
from .places import Location
from .staff import StaffMember


class Series(models.Model):
    """One stage of treatment of one patient under one order at a time."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="series")
    order = models.ForeignKey(Order, models.PROTECT, related_name="series")
    location = models.ForeignKey(Location, models.PROTECT, related_name="series")
    stage = models.CharField(_("stage"), max_length=10, choices=STAGE_LABELS)
    revision = models.PositiveIntegerField(
        _("revision"), default=1, help_text=_("Rises once with every change of the course.")
    )
    wishes = models.JSONField(_("days and times wished for"), default=dict, blank=True)
    review_asked_at = models.DateTimeField(
        _("under review since"),
        null=True,
        blank=True,
        help_text=_("A prescriber was asked whether the course goes on; nothing more is booked until then."),
    )
    booked_by = models.ForeignKey(StaffMember, models.PROTECT, related_name="booked_series")
    booked_at = models.DateTimeField(_("booked at"))

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")
        ordering = ("-booked_at",)
        constraints = (
            models.CheckConstraint(condition=Q(revision__gte=1), name="series_revision"),
            models.UniqueConstraint(fields=("order",), name="series_one_per_order"),
        )

    def __str__(self) -> str:
        return f"{self.get_stage_display()}: {self.patient}"


class SeriesTransfer(models.Model):
    """A course that went on at another location; a prescriber there signs the order a second time.

    Without that countersignature no treatment starts at the new location.
    """

    series = models.ForeignKey(Series, models.PROTECT, related_name="transfers")
    order = models.ForeignKey(Order, models.PROTECT, related_name="transfers")
    from_location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    to_location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    made_by = models.ForeignKey(StaffMember, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("made at"))
    countersigned_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    countersigned_at = models.DateTimeField(_("countersigned at"), null=True, blank=True)

    class Meta:
        verbose_name = _("transfer of a course")
        verbose_name_plural = _("transfers of courses")
        ordering = ("-made_at", "-pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(countersigned_by__isnull=True, countersigned_at__isnull=True)
                | Q(countersigned_by__isnull=False, countersigned_at__isnull=False),
                name="seriestransfer_countersigned",
            ),
            models.CheckConstraint(
                condition=~Q(from_location=models.F("to_location")), name="seriestransfer_elsewhere"
            ),
        )

    def __str__(self) -> str:
        return f"{self.series}: {self.to_location}"


class BookingRequest(models.Model):
    """One press of "Book": the same key with the same body gives the same series, however often it comes."""

    key = models.CharField(_("key"), max_length=64)
    digest = models.CharField(_("digest of the body"), max_length=64)
    series = models.ForeignKey(Series, models.CASCADE, related_name="booking_requests")
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("booking request")
        verbose_name_plural = _("booking requests")
        constraints = (
            models.UniqueConstraint(fields=("key",), name="bookingrequest_key"),
            models.CheckConstraint(condition=~Q(key=""), name="bookingrequest_key_present"),
        )

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d %H:%M} UTC"
