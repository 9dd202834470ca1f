"""Links that let a patient in without an account. Nothing secret is stored: the token is an HMAC of the row."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import LinkPurpose

from .patients import Patient


class AccessLink(models.Model):
    """A revocable key to one patient's pages or feed. Raising ``version`` makes older tokens worthless."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="links")
    purpose = models.CharField(
        _("opens"),
        max_length=8,
        choices=[
            (LinkPurpose.VISITS.value, _("My visits")),
            (LinkPurpose.FEED.value, _("calendar feed")),
            (LinkPurpose.ADDRESS.value, _("check of a new address")),
            (LinkPurpose.OFFER.value, _("offered places")),
        ],
    )
    version = models.PositiveIntegerField(_("version"), default=1)
    issued_at = models.DateTimeField(_("issued at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("access link")
        verbose_name_plural = _("access links")
        constraints = (
            models.UniqueConstraint(
                fields=("patient", "purpose"), condition=Q(revoked_at__isnull=True), name="accesslink_one"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}: {self.patient}"
