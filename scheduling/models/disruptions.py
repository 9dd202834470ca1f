"""Disruptions: a nurse, prescriber, chair or location that is missing for a while, and who is on site."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import CallState, DisruptionKind, Resolution

from .appointments import Appointment
from .places import Chair, Location
from .seats import Hold
from .staff import StaffMember

DISRUPTION_LABELS = [
    (DisruptionKind.NURSE.value, _("nurse")),
    (DisruptionKind.PRESCRIBER.value, _("prescriber")),
    (DisruptionKind.CHAIR.value, _("chair")),
    (DisruptionKind.LOCATION.value, _("location")),
]


class DisruptionQuerySet(models.QuerySet["Disruption"]):
    """Which disruptions?"""

    def in_force(self) -> "DisruptionQuerySet":
        """Those that take something away: declared ones that were not lifted."""
        return self.filter(blocks=True, lifted_at=None)


class Disruption(models.Model):
    """Something is missing in ``[starts_at, ends_at)`` (UTC) at a location.

    ``blocks``: the planner offers nothing there while it is not lifted. A disruption that a change of the
    configuration opened does not block: the configuration itself says what is left.
    """

    kind = models.CharField(_("kind"), max_length=10, choices=DISRUPTION_LABELS)
    location = models.ForeignKey(Location, models.PROTECT, related_name="disruptions")
    staff = models.ForeignKey(
        StaffMember, models.PROTECT, null=True, blank=True, related_name="disruptions", verbose_name=_("who")
    )
    chair = models.ForeignKey(
        Chair, models.PROTECT, null=True, blank=True, related_name="disruptions", verbose_name=_("chair")
    )
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    blocks = models.BooleanField(_("takes places away"), default=True)
    made_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField(_("made at"))
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)

    objects = DisruptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("disruption")
        verbose_name_plural = _("disruptions")
        ordering = ("-starts_at", "-pk")
        indexes = (models.Index(fields=("ends_at",), name="disruption_end"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")),
                name="disruption_order",
                violation_error_message=_("A disruption ends after it starts."),
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=(DisruptionKind.NURSE, DisruptionKind.PRESCRIBER),
                    staff__isnull=False,
                    chair__isnull=True,
                )
                | Q(kind=DisruptionKind.CHAIR, chair__isnull=False, staff__isnull=True)
                | Q(kind=DisruptionKind.LOCATION, chair__isnull=True, staff__isnull=True),
                name="disruption_about",
            ),
        )

    def __str__(self) -> str:
        return f"{self.staff or self.chair or self.location}: {self.reason or self.get_kind_display()}"


class DisruptedVisitQuerySet(models.QuerySet["DisruptedVisit"]):
    """Which disrupted visits?"""

    def open(self) -> "DisruptedVisitQuerySet":
        """Those for which nothing was found yet."""
        return self.filter(resolution=Resolution.OPEN)


class DisruptedVisit(models.Model):
    """One visit that a disruption leaves uncovered, what became of it, and the call to its patient.

    ``was_at`` is the start (UTC) it lost its place at. ``hold`` keeps another place until the patient agreed to it.
    ``told_at`` (UTC): the patient knows.
    """

    disruption = models.ForeignKey(Disruption, models.CASCADE, related_name="visits")
    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="disruptions")
    was_at = models.DateTimeField(_("was booked for"))
    resolution = models.CharField(
        _("what became of it"),
        max_length=10,
        default=Resolution.OPEN,
        choices=[
            (Resolution.OPEN.value, _("open")),
            (Resolution.COVERED.value, _("covered")),
            (Resolution.MOVED.value, _("moved")),
            (Resolution.CANCELLED.value, _("cancelled")),
            (Resolution.KEPT.value, _("goes on as it is")),
        ],
    )
    resolved_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    call = models.CharField(
        _("call"),
        max_length=12,
        default=CallState.NONE,
        choices=[
            (CallState.NONE.value, _("no call needed")),
            (CallState.TO_CALL.value, _("to call")),
            (CallState.AGREED.value, _("agreed")),
            (CallState.OTHER_TIME.value, _("wants another time")),
            (CallState.NOT_REACHED.value, _("not reached")),
        ],
    )
    calls = models.PositiveSmallIntegerField(_("calls made"), default=0)
    called_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    called_at = models.DateTimeField(_("last call at"), null=True, blank=True)
    told_at = models.DateTimeField(_("told at"), null=True, blank=True)
    told_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    hold = models.OneToOneField(Hold, models.SET_NULL, null=True, blank=True, related_name="offered_to")

    objects = DisruptedVisitQuerySet.as_manager()

    class Meta:
        verbose_name = _("disrupted visit")
        verbose_name_plural = _("disrupted visits")
        ordering = ("was_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("disruption", "appointment"), name="disruptedvisit_once"),
            models.CheckConstraint(
                condition=Q(resolution=Resolution.OPEN, resolved_at__isnull=True)
                | (~Q(resolution=Resolution.OPEN) & Q(resolved_at__isnull=False)),
                name="disruptedvisit_resolved",
            ),
        )

    def __str__(self) -> str:
        return f"{self.appointment}: {self.get_resolution_display()}"


class CapacityRaise(models.Model):
    """A nurse looks after more patients than usual in ``[starts_at, ends_at)`` (UTC), with a reason."""

    nurse = models.ForeignKey(StaffMember, models.PROTECT, related_name="capacity_raises")
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    capacity = models.PositiveSmallIntegerField(_("patients at one time"))
    reason = models.CharField(_("reason"), max_length=200)
    made_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("raised capacity")
        verbose_name_plural = _("raised capacities")
        ordering = ("-starts_at", "-pk")
        constraints = (
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="capacityraise_order"),
            models.CheckConstraint(
                condition=Q(capacity__gte=1, capacity__lte=12), name="capacityraise_capacity"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="capacityraise_reason"),
        )

    def __str__(self) -> str:
        return f"{self.nurse}: {self.capacity}"


class Presence(models.Model):
    """A prescriber is on site from ``arrived_at`` until ``left_at`` (UTC), as somebody noted."""

    staff = models.ForeignKey(StaffMember, models.PROTECT, related_name="presences")
    location = models.ForeignKey(Location, models.PROTECT, related_name="presences")
    arrived_at = models.DateTimeField(_("on site from"))
    left_at = models.DateTimeField(_("left at"), null=True, blank=True)
    recorded_by = models.ForeignKey(StaffMember, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("presence")
        verbose_name_plural = _("presences")
        ordering = ("-arrived_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("staff",), condition=Q(left_at__isnull=True), name="presence_one_place"
            ),
            models.CheckConstraint(
                condition=Q(left_at__isnull=True) | Q(arrived_at__lte=F("left_at")), name="presence_order"
            ),
        )

    def __str__(self) -> str:
        return f"{self.staff}, {self.location}"
