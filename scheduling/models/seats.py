"""The guard: seats that hold one patient at a time, and the claims that take them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connections, models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import SeatKind

from .constraints import NoOverlap, SqlCheck
from .orders import Order
from .patients import Patient
from .places import Chair
from .staff import StaffMember

CLAIM_LIMIT = timedelta(hours=24)
"""No claim is longer (a CHECK), so nothing that starts a day before a window can reach into it."""

EPOCH_SQL = {
    "sqlite": "CAST(strftime('%%s', {0}) AS INTEGER)",
    "postgresql": "EXTRACT(EPOCH FROM {0})::bigint",
}
"""Seconds since the Unix epoch of a column with whole minutes."""


class Seat(models.Model):
    """What can hold one patient at a time: a chair, a patient, a nurse's hands, one of her monitoring places."""

    kind = models.CharField(
        _("kind"), max_length=12, choices=[(kind.value, kind.value.replace("_", " ")) for kind in SeatKind]
    )
    chair = models.OneToOneField(Chair, models.CASCADE, null=True, blank=True, related_name="seat")
    patient = models.OneToOneField(Patient, models.CASCADE, null=True, blank=True, related_name="seat")
    nurse = models.ForeignKey(StaffMember, models.CASCADE, null=True, blank=True, related_name="seats")
    number = models.PositiveSmallIntegerField(_("number"), default=1)
    retired_at = models.DateTimeField(_("retired at"), null=True, blank=True)

    class Meta:
        verbose_name = _("seat")
        verbose_name_plural = _("seats")
        constraints = (
            models.CheckConstraint(
                condition=Q(
                    kind=SeatKind.CHAIR, chair__isnull=False, patient__isnull=True, nurse__isnull=True
                )
                | Q(kind=SeatKind.PATIENT, chair__isnull=True, patient__isnull=False, nurse__isnull=True)
                | Q(
                    kind__in=(SeatKind.HANDS_ON, SeatKind.MONITORING),
                    chair__isnull=True,
                    patient__isnull=True,
                    nurse__isnull=False,
                ),
                name="seat_owner",
            ),
            models.UniqueConstraint(fields=("nurse", "kind", "number"), name="seat_number"),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.chair or self.nurse or self.patient}"


class HoldQuerySet(models.QuerySet["Hold"]):
    """Which holds?"""

    def in_force(self, now: datetime) -> "HoldQuerySet":
        """Those whose places nobody else may take at ``now`` (UTC)."""
        return self.filter(expires_at__gt=now)

    def of_proposal(self, key: str) -> "HoldQuerySet":
        """That of the proposals with this request key; none without a key."""
        return self.filter(proposal_key=key) if key else self.none()


class Hold(models.Model):
    """Places kept for somebody until ``expires_at``; an expired one binds nobody.

    ``order`` is the draft whose places these are; once it is over such a hold stays without claims, to say so.
    ``places``: what is kept, each as start (UTC, ISO 8601), chair and nurse by primary key, where it is to be booked
    as it stands; for an order in an object with its ``location`` and the patient's ``wishes``.
    ``proposal_key``: the request key of the proposals on somebody's screen, which are for ``proposed_for``; empty for
    every other hold.
    """

    expires_at = models.DateTimeField(_("expires at"), db_index=True)
    made_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="holds")
    order = models.OneToOneField(Order, models.CASCADE, null=True, blank=True, related_name="hold")
    places = models.JSONField(_("places"), default=list, blank=True)
    made_at = models.DateTimeField(_("made at"))
    proposal_key = models.CharField(_("proposal key"), max_length=64, blank=True)
    proposed_for = models.ForeignKey(
        Order, models.CASCADE, null=True, blank=True, related_name="proposal_holds"
    )

    objects = HoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = (
            models.CheckConstraint(condition=Q(made_at__lt=F("expires_at")), name="hold_order"),
            models.UniqueConstraint(
                fields=("proposal_key",), condition=~Q(proposal_key=""), name="hold_proposal_key"
            ),
            models.CheckConstraint(
                condition=Q(proposed_for__isnull=True) | ~Q(proposal_key=""), name="hold_proposed_for"
            ),
        )

    def __str__(self) -> str:
        return f"hold until {self.expires_at:%Y-%m-%d %H:%M} UTC"


class ClaimQuerySet(models.QuerySet["Claim"]):
    """Which claims?"""

    def overlapping(self, starts_at: datetime, ends_at: datetime) -> "ClaimQuerySet":
        """Claims that share time with ``[starts_at, ends_at)``, found by index."""
        return self.filter(
            starts_at__lt=ends_at, ends_at__gt=starts_at, starts_at__gt=starts_at - CLAIM_LIMIT
        )

    def steps(self, seats: Iterable[int], since: datetime, until: datetime) -> list[tuple[int, int, int]]:
        """``(seat id, first step, last step)`` of the claims on ``seats`` overlapping ``[since, until)``.

        Steps are whole 5 minutes since the Unix epoch, counted in SQL and rounded outwards; the end is
        exclusive. The index by seat and the 24 h limit bound the search: its cost grows neither with the past
        nor with other locations.
        """
        connection = connections[self.db]
        epoch = EPOCH_SQL[connection.vendor]
        wanted = list(seats)
        if not wanted:
            return []
        marks = ", ".join(["%s"] * len(wanted))
        sql = (
            f"SELECT seat_id, {epoch.format('starts_at')} / 300, ({epoch.format('ends_at')} + 299) / 300 "
            "FROM scheduling_claim "
            f"WHERE seat_id IN ({marks}) AND starts_at > %s AND starts_at < %s AND ends_at > %s"
        )
        adapt = connection.ops.adapt_datetimefield_value
        bounds = [adapt(since - CLAIM_LIMIT), adapt(until), adapt(since)]
        with connection.cursor() as cursor:
            cursor.execute(sql, [*wanted, *bounds])
            rows: list[tuple[int, int, int]] = cursor.fetchall()
        return rows


class Claim(models.Model):
    """One seat taken for ``[starts_at, ends_at)`` (UTC, whole minutes) by one appointment or one hold.

    Holds the plan, never what really happened. Replaced, never updated.
    """

    seat = models.ForeignKey(Seat, models.PROTECT, related_name="claims", db_index=False)
    appointment = models.ForeignKey(
        "scheduling.Appointment", models.CASCADE, null=True, blank=True, related_name="claims"
    )
    hold = models.ForeignKey(Hold, models.CASCADE, null=True, blank=True, related_name="claims")
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))

    objects = ClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        indexes = (models.Index(fields=("seat", "starts_at"), name="claim_seat_start"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(appointment__isnull=False, hold__isnull=True)
                | Q(appointment__isnull=True, hold__isnull=False),
                name="claim_one_owner",
            ),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="claim_order"),
            SqlCheck(
                sqlite=(
                    "starts_at IS strftime('%Y-%m-%d %H:%M:00', starts_at) "
                    "AND ends_at IS strftime('%Y-%m-%d %H:%M:00', ends_at) "
                    "AND ends_at <= datetime(starts_at, '+24 hours')"
                ),
                postgresql=(
                    "EXTRACT(SECOND FROM starts_at) = 0 AND EXTRACT(SECOND FROM ends_at) = 0 "
                    "AND ends_at - starts_at <= interval '24 hours'"
                ),
                name="claim_whole_minutes",
            ),
            NoOverlap(key="seat", start="starts_at", end="ends_at", name="claim_no_overlap"),
        )

    def __str__(self) -> str:
        return f"{self.seat} {self.starts_at:%Y-%m-%d %H:%M}-{self.ends_at:%H:%M} UTC"
