"""Alerts: what a named person must acknowledge, and who is called for a red flag outside shifts."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import AlertKind, Decision, Severity

from .appointments import Appointment
from .check_ins import CheckIn
from .patients import Patient
from .places import WEEKDAYS, Location
from .plans import FollowUpPlan
from .staff import ROLE_LABELS, StaffMember

ALERT_LABELS = [
    (AlertKind.RED_FLAG.value, _("red flag")),
    (AlertKind.NO_ANSWER_CALL.value, _("no answer: call")),
    (AlertKind.NO_ANSWER_ASK.value, _("no answer: ask at the next visit")),
    (AlertKind.VISIT_OPEN.value, _("visit not closed")),
    (AlertKind.MESSAGE_FAILED.value, _("message failed")),
    (AlertKind.OVERDUE.value, _("overdue for treatment")),
    (AlertKind.REVIEW_DUE.value, _("review due")),
    (AlertKind.RENEW_ORDER.value, _("renew order")),
    (AlertKind.PLAN_STUCK.value, _("plan cannot be booked")),
    (AlertKind.OVERRUN.value, _("a visit runs into the next")),
    (AlertKind.CALL_MISSED.value, _("missed: call today")),
    (AlertKind.MISSES.value, _("second miss: how to go on?")),
    (AlertKind.MAKE_UP.value, _("stopped early: make it up?")),
    (AlertKind.BOOK_MAKE_UP.value, _("book a make-up visit")),
    (AlertKind.NO_PRESCRIBER.value, _("no prescriber on site")),
    (AlertKind.DOSE_DIFFERS.value, _("dose given differs")),
    (AlertKind.COUNTERSIGN.value, _("countersign the order")),
    (AlertKind.PAUSE_OVER.value, _("pause is over")),
    (AlertKind.OTHER_TIME.value, _("patient asks for another time")),
    (AlertKind.REPLAN.value, _("cancelled by the patient: re-plan")),
    (AlertKind.UNCOVERED.value, _("visit not covered")),
]
DECISION_LABELS = [
    (Decision.YES.value, _("yes")),
    (Decision.NO.value, _("no")),
    (Decision.CONTINUE.value, _("continue")),
    (Decision.PAUSE.value, _("pause")),
    (Decision.END.value, _("end")),
]
SEVERITY_LABELS = [
    (Severity.RED_FLAG.value, _("red flag")),
    (Severity.SAME_DAY_VISIT.value, _("visit today")),
    (Severity.PATIENT_WAITING.value, _("patient waiting")),
    (Severity.PAPERWORK.value, _("paperwork")),
]


class AlertQuerySet(models.QuerySet["Alert"]):
    """Which alerts?"""

    def open(self) -> "AlertQuerySet":
        """Neither acknowledged by a person nor settled by what happened since."""
        return self.filter(acknowledged_at=None, settled_at=None)

    def in_order(self) -> "AlertQuerySet":
        """As the attention list shows them: by severity, then the oldest first."""
        return self.order_by("severity", "raised_at", "pk")

    def to_call(self, now: datetime) -> "AlertQuerySet":
        """Open ones whose next contact is to be called at ``now``."""
        return self.open().filter(next_call_at__lte=now)


class Alert(models.Model):
    """One thing somebody must see. ``key`` makes each cause raise one alert, however often it is looked at.

    ``facts`` are JSON for the words on the page. ``settled_at``: the cause went away by itself; a red flag is
    never settled, only acknowledged. ``next_call_at`` (UTC): when the next contact is told. ``not_seen_until``:
    nobody was on call, so nobody can have seen it before then. ``due_at`` (UTC): by when it has to be dealt with.
    ``decision``: what the prescriber answered, where the alert asks.
    """

    key = models.CharField(_("key"), max_length=80)
    kind = models.CharField(_("kind"), max_length=16, choices=ALERT_LABELS)
    severity = models.PositiveSmallIntegerField(_("severity"), choices=SEVERITY_LABELS)
    owner = models.CharField(_("for"), max_length=12, choices=ROLE_LABELS)
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="alerts")
    location = models.ForeignKey(Location, models.PROTECT, related_name="alerts")
    appointment = models.ForeignKey(Appointment, models.PROTECT, null=True, blank=True, related_name="alerts")
    check_in = models.ForeignKey(CheckIn, models.PROTECT, null=True, blank=True, related_name="alerts")
    plan = models.ForeignKey(FollowUpPlan, models.PROTECT, null=True, blank=True, related_name="alerts")
    facts = models.JSONField(_("facts"), default=dict, blank=True)
    raised_at = models.DateTimeField(_("raised at"))
    next_call_at = models.DateTimeField(_("next contact at"), null=True, blank=True)
    calls = models.PositiveSmallIntegerField(_("contacts told"), default=0)
    not_seen_until = models.DateTimeField(_("not seen until"), null=True, blank=True)
    due_at = models.DateTimeField(_("to be done by"), null=True, blank=True)
    decision = models.CharField(_("decision"), max_length=8, choices=DECISION_LABELS, blank=True)
    acknowledged_by = models.ForeignKey(
        StaffMember, models.PROTECT, null=True, blank=True, related_name="acknowledged_alerts"
    )
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    note = models.CharField(_("what was done"), max_length=500, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ("severity", "raised_at", "pk")
        indexes = (
            models.Index(
                fields=("severity", "raised_at"),
                condition=Q(acknowledged_at__isnull=True, settled_at__isnull=True),
                name="alert_open",
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=("key",), name="alert_key"),
            models.CheckConstraint(
                condition=Q(severity__gte=Severity.RED_FLAG, severity__lte=Severity.PAPERWORK),
                name="alert_severity",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_by__isnull=True, acknowledged_at__isnull=True, note="")
                | (Q(acknowledged_by__isnull=False, acknowledged_at__isnull=False) & ~Q(note="")),
                name="alert_acknowledged",
            ),
            models.CheckConstraint(
                condition=Q(decision="") | Q(acknowledged_at__isnull=False), name="alert_decided"
            ),
            models.CheckConstraint(
                condition=~Q(kind=AlertKind.RED_FLAG) | Q(settled_at__isnull=True),
                name="alert_red_flag_needs_a_person",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.patient}"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to see it."""
        return self.acknowledged_at is None and self.settled_at is None


class OnCallShift(models.Model):
    """Who is told of a red flag outside shifts, by weekday and hour in the location's wall time.

    An ``ends`` at or before ``starts`` means the next day; ``position`` 1 is told first.
    """

    location = models.ForeignKey(Location, models.CASCADE, related_name="on_call")
    staff = models.ForeignKey(StaffMember, models.PROTECT, related_name="on_call", verbose_name=_("contact"))
    position = models.PositiveSmallIntegerField(_("told as number"), default=1)
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=WEEKDAYS)
    starts = models.TimeField(_("from"))
    ends = models.TimeField(_("to"), help_text=_("At or before the start: on the next day."))

    class Meta:
        verbose_name = _("on-call hours")
        verbose_name_plural = _("on-call hours")
        ordering = ("weekday", "starts", "position")
        constraints = (
            models.CheckConstraint(condition=Q(weekday__lte=6), name="oncallshift_weekday"),
            models.UniqueConstraint(
                fields=("location", "staff", "weekday", "starts"),
                name="oncallshift_once",
                violation_error_message=_("This contact is already on call from that time."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.starts:%H:%M}-{self.ends:%H:%M}: {self.staff}"
