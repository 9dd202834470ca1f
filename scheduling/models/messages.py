"""The ledger: every message to a patient or about an alert, written in the transaction of what it tells."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import PENDING, AttemptOutcome, MessageKind, MessageState, MessageWay

from .alerts import Alert
from .appointments import Appointment
from .check_ins import CheckIn
from .patients import Patient
from .seats import Hold
from .series import Series
from .staff import StaffMember
from .waitlist import Offer

KIND_LABELS = [
    (MessageKind.CONFIRMATION.value, _("booking confirmation")),
    (MessageKind.CHANGE.value, _("change of the course")),
    (MessageKind.CANCELLATION.value, _("cancellation")),
    (MessageKind.INVITATION.value, _("calendar invitation")),
    (MessageKind.REMINDER.value, _("reminder")),
    (MessageKind.CHECK_IN.value, _("check-in")),
    (MessageKind.CHECK_IN_AGAIN.value, _("second check-in")),
    (MessageKind.NEW_LINK.value, _("new link")),
    (MessageKind.ADDRESS.value, _("check of a new address")),
    (MessageKind.CLOSING.value, _("end of treatment")),
    (MessageKind.RED_FLAG.value, _("red flag (to staff)")),
    (MessageKind.OFFER.value, _("offered place")),
]
WAY_LABELS = [
    (MessageWay.EMAIL.value, _("e-mail")),
    (MessageWay.CALL.value, _("call")),
    (MessageWay.PRINT.value, _("print")),
]
STATE_LABELS = [
    (MessageState.WAITING.value, _("waiting")),
    (MessageState.TO_DO.value, _("to do by hand")),
    (MessageState.SENT.value, _("sent")),
    (MessageState.DONE.value, _("done by hand")),
    (MessageState.DROPPED.value, _("not sent: no longer true")),
    (MessageState.FAILED.value, _("failed")),
]


def new_message_uid() -> str:
    """The random part of a Message-ID (RFC 5322 3.6.4)."""
    return uuid.uuid4().hex


class CourseChange(models.Model):
    """One change of a course that can be taken back until its messages leave at ``leaves_at`` (UTC).

    ``before`` holds the visits as they were; ``hold`` keeps the places they had, for nobody else. Without
    ``made_by`` the patient made it.
    """

    series = models.ForeignKey(Series, models.CASCADE, related_name="changes")
    revision = models.PositiveIntegerField(_("revision"))
    made_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField(_("made at"))
    leaves_at = models.DateTimeField(_("messages leave at"))
    hold = models.OneToOneField(Hold, models.SET_NULL, null=True, blank=True, related_name="change")
    before = models.JSONField(_("visits as they were"))
    undone_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    class Meta:
        verbose_name = _("change of a course")
        verbose_name_plural = _("changes of courses")
        ordering = ("-made_at", "-pk")
        constraints = (
            models.UniqueConstraint(fields=("series", "revision"), name="coursechange_revision"),
            models.CheckConstraint(condition=Q(made_at__lt=F("leaves_at")), name="coursechange_order"),
        )

    def __str__(self) -> str:
        return f"{self.series}, {self.made_at:%Y-%m-%d %H:%M} UTC"


class MessageQuerySet(models.QuerySet["Message"]):
    """Which messages?"""

    def pending(self) -> "MessageQuerySet":
        """Waiting for the worker, or for a person."""
        return self.filter(state__in=PENDING)

    def unclaimed(self, now: datetime) -> "MessageQuerySet":
        """In no worker's hands at ``now``: their lease is over or was never taken."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lte=now))

    def maybe_sent(self) -> "MessageQuerySet":
        """Sent, or in the hands of a worker that may have sent it."""
        return self.filter(Q(state=MessageState.SENT) | Q(in_doubt=True) | ~Q(lease_token=""))

    def due(self, now: datetime) -> "MessageQuerySet":
        """To be sent by a worker at ``now``."""
        return self.unclaimed(now).filter(state=MessageState.WAITING, due_at__lte=now)


class Message(models.Model):
    """One thing to tell one recipient by one way. Rendered when it is sent, from what is true then.

    ``key`` is ``kind:subject:revision:recipient:way``. ``due_at``: not before. ``told`` keeps what a sent
    message about a course said: visit id to its start (UTC, ISO 8601), for marking the next change.
    ``change`` is what can still be taken back while this waits. A worker holds a message by ``lease_token``
    until ``lease_until``. ``round`` counts wanted resends.
    """

    key = models.CharField(_("key"), max_length=120)
    kind = models.CharField(_("kind"), max_length=16, choices=KIND_LABELS)
    way = models.CharField(_("way"), max_length=8, choices=WAY_LABELS)
    state = models.CharField(_("state"), max_length=8, choices=STATE_LABELS, default=MessageState.WAITING)
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="messages")
    staff = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="messages")
    series = models.ForeignKey(Series, models.PROTECT, null=True, blank=True, related_name="messages")
    appointment = models.ForeignKey(
        Appointment, models.PROTECT, null=True, blank=True, related_name="messages"
    )
    check_in = models.ForeignKey(CheckIn, models.PROTECT, null=True, blank=True, related_name="messages")
    alert = models.ForeignKey(Alert, models.PROTECT, null=True, blank=True, related_name="messages")
    offer = models.ForeignKey(Offer, models.PROTECT, null=True, blank=True, related_name="messages")
    change = models.ForeignKey(CourseChange, models.SET_NULL, null=True, blank=True, related_name="messages")
    revision = models.PositiveIntegerField(_("revision"), default=0)
    uid = models.CharField(_("Message-ID"), max_length=32, default=new_message_uid, unique=True)
    round = models.PositiveSmallIntegerField(_("round"), default=1)
    made_at = models.DateTimeField(_("made at"))
    due_at = models.DateTimeField(_("due at"))
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    reason = models.CharField(_("why not sent"), max_length=200, blank=True)
    told = models.JSONField(_("told"), default=dict, blank=True)
    in_doubt = models.BooleanField(
        _("may have arrived"), default=False, help_text=_("A worker died with it in its hands.")
    )
    done_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    lease_token = models.CharField(_("lease"), max_length=32, blank=True)
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("-made_at", "-pk")
        indexes = (
            models.Index(fields=("due_at",), condition=Q(state=MessageState.WAITING), name="message_due"),
            models.Index(fields=("patient", "lease_until"), name="message_patient"),
        )
        constraints = (
            models.UniqueConstraint(fields=("key",), name="message_key"),
            models.CheckConstraint(condition=~Q(key=""), name="message_key_present"),
            models.CheckConstraint(
                condition=Q(state__in=(MessageState.SENT, MessageState.DONE), sent_at__isnull=False)
                | (~Q(state__in=(MessageState.SENT, MessageState.DONE)) & Q(sent_at__isnull=True)),
                name="message_sent_at",
            ),
            models.CheckConstraint(
                condition=Q(lease_token="", lease_until__isnull=True)
                | (~Q(lease_token="") & Q(lease_until__isnull=False)),
                name="message_lease",
            ),
            models.CheckConstraint(
                condition=Q(kind=MessageKind.RED_FLAG, staff__isnull=False)
                | (~Q(kind=MessageKind.RED_FLAG) & Q(staff__isnull=True)),
                name="message_recipient",
            ),
            models.CheckConstraint(
                condition=~Q(state=MessageState.WAITING) | Q(way=MessageWay.EMAIL),
                name="message_worker_sends_mail",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.patient}"


class Attempt(models.Model):
    """One try to deliver a message, or a person who did it by hand; the ledger's proof."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="attempts")
    at = models.DateTimeField(_("at"))
    outcome = models.CharField(
        _("outcome"),
        max_length=8,
        choices=[
            (AttemptOutcome.SENT.value, _("sent")),
            (AttemptOutcome.DELAYED.value, _("delayed, tried again later")),
            (AttemptOutcome.REFUSED.value, _("refused for good")),
            (AttemptOutcome.DONE.value, _("done by hand")),
        ],
    )
    code = models.PositiveSmallIntegerField(_("server's code"), null=True, blank=True)
    detail = models.CharField(_("detail"), max_length=200, blank=True)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    text = models.TextField(_("text as sent"), blank=True, help_text=_("Without the patient's link."))

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} UTC: {self.get_outcome_display()}"


class Heartbeat(models.Model):
    """When a worker last went its round: the sign that messages leave."""

    worker = models.CharField(_("worker"), max_length=80, unique=True, help_text=_("Host and process."))
    started_at = models.DateTimeField(_("started at"))
    beat_at = models.DateTimeField(_("last round at"))

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        ordering = ("-beat_at",)

    def __str__(self) -> str:
        return self.worker
