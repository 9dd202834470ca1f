"""The waiting list: patients who would come earlier or at a better time, and the places offered to them."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import OfferState, OfferWay, OrderState, Standing, Status, WaitEnd, WaitKind

from .appointments import Appointment
from .orders import Order
from .patients import Patient
from .places import Chair, Location
from .seats import Hold
from .staff import StaffMember


class WaitlistEntryQuerySet(models.QuerySet["WaitlistEntry"]):
    """Who waits?"""

    def open(self) -> "WaitlistEntryQuerySet":
        """Those that have not ended."""
        return self.filter(ended_at=None)

    def live(self, now: datetime) -> "WaitlistEntryQuerySet":
        """Open ones of patients treated here, whose visit is booked and ahead, or whose order can be booked."""
        visit = Q(appointment__status=Status.BOOKED, appointment__starts_at__gt=now)
        session = Q(appointment=None, order__state=OrderState.SIGNED, order__taken__lt=F("order__sessions"))
        return self.open().filter(visit | session, patient__standing=Standing.ACTIVE)


class WaitlistEntry(models.Model):
    """One patient who waits since ``since`` (UTC) for a better place than their booked ``appointment``.

    Without one they wait for a session of ``order`` that is not booked yet. ``wishes`` as those of a series; empty
    ones are the course's. Without ``made_by`` the patient joined by their link.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="waits")
    order = models.ForeignKey(Order, models.PROTECT, related_name="waits")
    appointment = models.ForeignKey(
        Appointment, models.PROTECT, null=True, blank=True, related_name="waits", verbose_name=_("visit")
    )
    location = models.ForeignKey(Location, models.PROTECT, related_name="waits")
    kind = models.CharField(
        _("waits for"),
        max_length=12,
        choices=[
            (WaitKind.EARLIER.value, _("an earlier time")),
            (WaitKind.BETTER_TIME.value, _("a better day or time")),
        ],
    )
    wishes = models.JSONField(_("days and times wished for"), default=dict, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    since = models.DateTimeField(_("waits since"))
    made_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    why = models.CharField(
        _("why it ended"),
        max_length=12,
        blank=True,
        choices=[
            (WaitEnd.PLACED.value, _("found a place")),
            (WaitEnd.WITHDRAWN.value, _("no longer wished")),
            (WaitEnd.VISIT_OVER.value, _("the visit is over or off")),
            (WaitEnd.ORDER_CLOSED.value, _("the order is closed")),
        ],
    )

    objects = WaitlistEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("waiting patient")
        verbose_name_plural = _("waiting list")
        ordering = ("since", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("appointment",),
                condition=Q(ended_at__isnull=True),
                name="waitlistentry_one_a_visit",
                violation_error_message=_("This visit is already on the waiting list."),
            ),
            models.UniqueConstraint(
                fields=("order",),
                condition=Q(ended_at__isnull=True, appointment__isnull=True),
                name="waitlistentry_one_an_order",
                violation_error_message=_("A session of this order is already on the waiting list."),
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, why="") | (Q(ended_at__isnull=False) & ~Q(why="")),
                name="waitlistentry_ended",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(since__lte=F("ended_at")), name="waitlistentry_order"
            ),
        )

    def __str__(self) -> str:
        return f"{self.patient}: {self.get_kind_display()}"


class Offer(models.Model):
    """One freed place offered to one waiting patient until ``expires_at`` (UTC), kept for them by ``hold``.

    The place is ``starts_at`` (UTC), chair and nurse. Of one that is open, ``calls`` above
    zero means: called, not reached. Without ``answered_by`` the patient answered by their link.
    """

    entry = models.ForeignKey(WaitlistEntry, models.PROTECT, related_name="offers")
    hold = models.OneToOneField(Hold, models.SET_NULL, null=True, blank=True, related_name="waitlist_offer")
    starts_at = models.DateTimeField(_("starts at"))
    chair = models.ForeignKey(Chair, models.PROTECT, related_name="+")
    nurse = models.ForeignKey(StaffMember, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("made at"))
    expires_at = models.DateTimeField(_("expires at"))
    way = models.CharField(
        _("way"),
        max_length=4,
        choices=[(OfferWay.LINK.value, _("message")), (OfferWay.CALL.value, _("call"))],
    )
    state = models.CharField(
        _("state"),
        max_length=10,
        default=OfferState.OPEN,
        choices=[
            (OfferState.OPEN.value, _("open")),
            (OfferState.ACCEPTED.value, _("accepted")),
            (OfferState.DECLINED.value, _("declined")),
            (OfferState.EXPIRED.value, _("expired")),
            (OfferState.WITHDRAWN.value, _("withdrawn")),
        ],
    )
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    answered_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    calls = models.PositiveSmallIntegerField(_("calls made"), default=0)
    called_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    called_at = models.DateTimeField(_("last call at"), null=True, blank=True)

    class Meta:
        verbose_name = _("offered place")
        verbose_name_plural = _("offered places")
        ordering = ("-made_at", "-pk")
        indexes = (models.Index(fields=("entry", "state"), name="offer_entry"),)
        constraints = (
            models.UniqueConstraint(
                fields=("entry",), condition=Q(state=OfferState.OPEN), name="offer_one_an_entry"
            ),
            models.UniqueConstraint(
                fields=("chair", "starts_at"), condition=Q(state=OfferState.OPEN), name="offer_one_a_place"
            ),
            models.CheckConstraint(condition=Q(made_at__lt=F("expires_at")), name="offer_order"),
            models.CheckConstraint(
                condition=~Q(state__in=(OfferState.ACCEPTED, OfferState.DECLINED))
                | Q(answered_at__isnull=False),
                name="offer_answered",
            ),
        )

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} UTC: {self.entry.patient}"
