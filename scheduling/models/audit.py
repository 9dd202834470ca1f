"""Who did or read what, when and from where: written by every service in its own transaction."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from scheduling.core.words import ActorKind

from .links import AccessLink
from .patients import Patient
from .staff import StaffMember


class AuditEntry(models.Model):
    """One act. Append-only: nothing in the program changes or deletes an entry."""

    at = models.DateTimeField(_("at"), db_index=True)
    actor_kind = models.CharField(
        _("actor"),
        max_length=12,
        choices=[
            (ActorKind.STAFF.value, _("staff")),
            (ActorKind.LINK.value, _("patient's link")),
            (ActorKind.INTEGRATION.value, _("another system")),
            (ActorKind.SYSTEM.value, _("this program")),
        ],
    )
    staff = models.ForeignKey(StaffMember, models.PROTECT, null=True, related_name="audit_entries")
    link = models.ForeignKey(AccessLink, models.PROTECT, null=True, related_name="audit_entries")
    address = models.GenericIPAddressField(_("network address"), null=True)
    action = models.CharField(_("action"), max_length=40)
    subject = models.CharField(_("subject"), max_length=40)
    subject_id = models.BigIntegerField(_("subject's id"), null=True)
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, related_name="audit_entries")
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering = ("-at", "-pk")
        constraints = (
            models.CheckConstraint(
                condition=(
                    models.Q(actor_kind=ActorKind.STAFF, staff__isnull=False, link__isnull=True)
                    | models.Q(actor_kind=ActorKind.LINK, link__isnull=False, staff__isnull=True)
                    | models.Q(
                        actor_kind__in=(ActorKind.INTEGRATION, ActorKind.SYSTEM),
                        staff__isnull=True,
                        link__isnull=True,
                    )
                ),
                name="auditentry_actor",
            ),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} UTC {self.action}"
