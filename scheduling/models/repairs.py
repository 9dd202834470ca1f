"""Searches for a repair of a disruption: what was found so far, and what became of it."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import RepairState

from .disruptions import Disruption
from .staff import StaffMember


class RepairRun(models.Model):
    """One search for a repair of ``disruption``.

    ``found``: the best so far in JSON, as ``repair_values`` writes it; empty until there is one. ``until`` (UTC): when
    the search ends by itself; one that is still running well after that was cut off.
    """

    disruption = models.ForeignKey(Disruption, models.CASCADE, related_name="repairs")
    state = models.CharField(
        _("state"),
        max_length=10,
        default=RepairState.RUNNING,
        choices=[
            (RepairState.RUNNING.value, _("searching")),
            (RepairState.DONE.value, _("found")),
            (RepairState.FAILED.value, _("cut off")),
            (RepairState.ACCEPTED.value, _("accepted")),
            (RepairState.DISCARDED.value, _("discarded")),
        ],
    )
    asked_by = models.ForeignKey(StaffMember, models.PROTECT, related_name="+", verbose_name=_("asked by"))
    asked_at = models.DateTimeField(_("asked at"))
    until = models.DateTimeField(_("searches until"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    stop_asked = models.BooleanField(_("is to stop"), default=False)
    found = models.JSONField(_("found"), default=dict, blank=True)

    class Meta:
        verbose_name = _("repair")
        verbose_name_plural = _("repairs")
        ordering = ("-asked_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("disruption",),
                condition=Q(state=RepairState.RUNNING),
                name="repairrun_one_at_a_time",
            ),
            models.CheckConstraint(condition=Q(asked_at__lt=F("until")), name="repairrun_order"),
        )

    def __str__(self) -> str:
        return f"{self.disruption}, {self.asked_at:%Y-%m-%d %H:%M} UTC"
