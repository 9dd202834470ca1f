"""Appointments: the visits of a series, planned and as they really went."""

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import CANCELLED, COUNTED, OPEN, USED, DoseUnit, Status, StopReason, VitalMoment

from .orders import Order
from .patients import Patient
from .places import Chair, Location
from .protocols import Protocol
from .series import Series
from .staff import StaffMember

STATUS_LABELS = [
    (Status.BOOKED.value, _("booked")),
    (Status.ARRIVED.value, _("arrived")),
    (Status.IN_TREATMENT.value, _("in treatment")),
    (Status.RECOVERING.value, _("recovering")),
    (Status.DONE.value, _("done")),
    (Status.STOPPED_EARLY.value, _("stopped early")),
    (Status.NOT_GIVEN.value, _("not given")),
    (Status.MISSED.value, _("missed")),
    (Status.CANCELLED_IN_TIME.value, _("cancelled by the patient in time")),
    (Status.CANCELLED_LATE.value, _("cancelled by the patient late")),
    (Status.CANCELLED_BY_CLINIC.value, _("cancelled by the clinic")),
]

STOP_LABELS = [
    (StopReason.BLOOD_PRESSURE.value, _("blood pressure")),
    (StopReason.NOT_FASTED.value, _("not fasted")),
    (StopReason.NO_ESCORT.value, _("no escort")),
    (StopReason.UNWELL.value, _("unwell")),
    (StopReason.PATIENT_WISH.value, _("the patient's wish")),
    (StopReason.EQUIPMENT.value, _("equipment")),
    (StopReason.OTHER.value, _("other")),
]
MOMENT_LABELS = [
    (VitalMoment.BEFORE.value, _("before")),
    (VitalMoment.DURING.value, _("during")),
    (VitalMoment.LEAVING.value, _("before leaving")),
]


def new_uid() -> str:
    """A random UID (RFC 7986 5.3: no patient data, no host)."""
    return str(uuid.uuid4())


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    """Which visits?"""

    def open(self) -> "AppointmentQuerySet":
        """Booked or under way."""
        return self.filter(status__in=OPEN)

    def counted(self) -> "AppointmentQuerySet":
        """Those that stand against the order's number."""
        return self.filter(status__in=COUNTED)

    def not_cancelled(self) -> "AppointmentQuerySet":
        """All that have or had a place."""
        return self.exclude(status__in=CANCELLED)

    def upcoming(self, now: datetime) -> "AppointmentQuerySet":
        """Booked and not yet over at ``now``."""
        return self.filter(status__in=OPEN, ends_at__gt=now).order_by("starts_at")

    def with_places(self) -> "AppointmentQuerySet":
        """With everything a list shows, in one query."""
        return self.select_related(
            "location", "chair", "nurse", "patient", "series__order", "order__replaces", "protocol"
        )


class Appointment(models.Model):
    """One visit. Local date, wall time and zone are the truth; ``starts_at`` and ``ends_at`` (UTC) derive from it.

    ``ends_at`` is the planned end of discharge: the patient's time, without the chair's turnover. ``order`` is the
    one it is or was given under: visits to come follow the course to a replacement, past ones keep theirs.
    """

    series = models.ForeignKey(Series, models.PROTECT, related_name="appointments")
    order = models.ForeignKey(Order, models.PROTECT, related_name="appointments")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="appointments")
    protocol = models.ForeignKey(Protocol, models.PROTECT, related_name="appointments")
    location = models.ForeignKey(Location, models.PROTECT, related_name="appointments")
    chair = models.ForeignKey(Chair, models.PROTECT, related_name="appointments")
    nurse = models.ForeignKey(StaffMember, models.PROTECT, related_name="appointments")
    number = models.PositiveSmallIntegerField(_("number"))
    local_date = models.DateField(_("date"))
    local_time = models.TimeField(_("time"))
    zone = models.CharField(_("time zone"), max_length=64)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    status = models.CharField(_("status"), max_length=20, choices=STATUS_LABELS, default=Status.BOOKED)
    is_confirmed = models.BooleanField(_("confirmed"), default=False)
    uid = models.CharField(_("calendar UID"), max_length=64, unique=True, default=new_uid)
    sequence = models.PositiveIntegerField(_("calendar SEQUENCE"), default=0)
    changed_at = models.DateTimeField(_("changed at"))
    override_reason = models.CharField(_("rules overridden because"), max_length=200, blank=True)
    reason = models.CharField(_("reason for its outcome"), max_length=200, blank=True)

    arrived_at = models.DateTimeField(_("arrived at"), null=True, blank=True)
    started_at = models.DateTimeField(_("treatment started at"), null=True, blank=True)
    treatment_ended_at = models.DateTimeField(_("treatment ended at"), null=True, blank=True)
    discharged_at = models.DateTimeField(_("discharged at"), null=True, blank=True)
    escort = models.CharField(_("left with"), max_length=80, blank=True)
    no_escort_reason = models.CharField(_("left alone because"), max_length=200, blank=True)
    stop_reason = models.CharField(_("stopped because of"), max_length=16, choices=STOP_LABELS, blank=True)
    prescriber = models.ForeignKey(
        StaffMember,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("prescriber on site"),
    )
    start_override_reason = models.CharField(_("started nevertheless because"), max_length=200, blank=True)
    observation_override_reason = models.CharField(_("left sooner because"), max_length=200, blank=True)
    dose_given = models.DecimalField(_("dose given"), max_digits=6, decimal_places=2, null=True, blank=True)
    dose_given_unit = models.CharField(
        _("unit of the dose given"),
        max_length=10,
        choices=[(DoseUnit.MG_PER_KG.value, "mg/kg"), (DoseUnit.MG.value, "mg")],
        blank=True,
    )

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")
        ordering = ("starts_at", "pk")
        indexes = (
            models.Index(fields=("location", "local_date"), name="appointment_board"),
            models.Index(fields=("patient", "starts_at"), name="appointment_patient"),
        )
        constraints = (
            models.UniqueConstraint(fields=("series", "number"), name="appointment_number"),
            models.UniqueConstraint(
                fields=("patient", "local_date"),
                condition=Q(status__in=COUNTED),
                name="appointment_one_a_day",
                violation_error_message=_("This patient already has a visit on that day."),
            ),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="appointment_order"),
            models.CheckConstraint(
                condition=~Q(status__in=USED) | Q(started_at__isnull=False, discharged_at__isnull=False),
                name="appointment_given_has_times",
            ),
            models.CheckConstraint(
                # Each later step needs the one before: a comparison with NULL alone would let it pass.
                condition=(
                    Q(started_at__isnull=True) | Q(arrived_at__isnull=False, arrived_at__lte=F("started_at"))
                )
                & (
                    Q(treatment_ended_at__isnull=True)
                    | Q(started_at__isnull=False, started_at__lte=F("treatment_ended_at"))
                )
                & (
                    Q(discharged_at__isnull=True)
                    | Q(treatment_ended_at__isnull=False, treatment_ended_at__lte=F("discharged_at"))
                ),
                name="appointment_steps_in_order",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=USED) | ~Q(escort="", no_escort_reason=""),
                name="appointment_escort_recorded",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=(Status.STOPPED_EARLY, Status.NOT_GIVEN)) | ~Q(stop_reason=""),
                name="appointment_stop_has_reason",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.DONE) | Q(stop_reason=""), name="appointment_done_was_not_stopped"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.NOT_GIVEN) | Q(started_at__isnull=True),
                name="appointment_not_given_never_started",
            ),
            models.CheckConstraint(
                condition=Q(dose_given__isnull=True, dose_given_unit="")
                | (Q(dose_given__isnull=False, dose_given__gt=0) & ~Q(dose_given_unit="")),
                name="appointment_dose_given",
            ),
        )

    def __str__(self) -> str:
        return f"{self.local_date} {self.local_time:%H:%M}, {self.patient}"

    @property
    def tz(self) -> ZoneInfo:
        """The zone of the wall time."""
        return ZoneInfo(self.zone)

    @property
    def local_start(self) -> datetime:
        """The planned start, aware, in the visit's zone."""
        return self.starts_at.astimezone(self.tz)

    @property
    def local_end(self) -> datetime:
        """The planned end of discharge, aware, in the visit's zone."""
        return self.ends_at.astimezone(self.tz)

    @property
    def is_open(self) -> bool:
        """Booked or under way."""
        return self.status in OPEN


class BloodPressure(models.Model):
    """One blood pressure in mmHg, taken at ``at`` (UTC); ``pulse`` in beats a minute."""

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="blood_pressures")
    moment = models.CharField(_("when"), max_length=8, choices=MOMENT_LABELS)
    systolic = models.PositiveSmallIntegerField(_("systolic (mmHg)"))
    diastolic = models.PositiveSmallIntegerField(_("diastolic (mmHg)"))
    pulse = models.PositiveSmallIntegerField(_("pulse (a minute)"), null=True, blank=True)
    at = models.DateTimeField(_("taken at"))
    recorded_by = models.ForeignKey(StaffMember, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("blood pressure")
        verbose_name_plural = _("blood pressures")
        ordering = ("at", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(
                    systolic__gte=40, systolic__lte=300, diastolic__gte=20, diastolic__lt=F("systolic")
                ),
                name="bloodpressure_values",
                violation_error_message=_("Look at the numbers again: systolic is the higher one."),
            ),
            models.CheckConstraint(
                condition=Q(pulse__isnull=True) | Q(pulse__gte=20, pulse__lte=300),
                name="bloodpressure_pulse",
                violation_error_message=_("A pulse is 20 to 300 a minute."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.systolic}/{self.diastolic} mmHg"
