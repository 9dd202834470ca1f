"""Patients, what they agreed to, what they tried before and what is on record for them."""

import re
from contextlib import suppress
from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

from scheduling.core.words import CalendarWay, Channel, Standing, TrialOutcome

from .places import CALENDAR_WAY_LABELS, Location
from .protocols import Prerequisite
from .staff import StaffMember

STANDING_LABELS = [
    (Standing.ACTIVE.value, _("active")),
    (Standing.PAUSED.value, _("paused")),
    (Standing.FINISHED.value, _("treatment finished")),
    (Standing.STOPPED.value, _("treatment stopped")),
    (Standing.MOVED.value, _("moved away")),
    (Standing.DIED.value, _("died")),
]
US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def _typed_date(word: str) -> date | None:
    """The day that ``YYYY-MM-DD`` or the American ``m/d/YYYY`` names; None for any other word."""
    american = US_DATE.fullmatch(word)
    with suppress(ValueError):
        if american:
            month, day, year = map(int, american.groups())
            return date(year, month, day)
        return date.fromisoformat(word)
    return None


class PatientQuerySet(models.QuerySet["Patient"]):
    """Which patients?"""

    def matching(self, text: str) -> "PatientQuerySet":
        """By name, record number or birth date (``1980-02-29`` or ``2/29/1980``); every word must match.

        Nothing typed finds all. Words beyond the eighth are not looked at.
        """
        found = self
        for word in text.replace("\x00", "").replace(",", " ").split()[:8]:
            by_word = Q(mrn__istartswith=word)
            # SQLite folds the case of ASCII only: "álvarez" has to find "Álvarez" as well.
            for form in {word} if word.isascii() else {word, word.lower(), word.upper(), word.title()}:
                by_word |= (
                    Q(first_name__icontains=form)
                    | Q(last_name__icontains=form)
                    | Q(preferred_name__icontains=form)
                )
            birth_date = _typed_date(word)
            if birth_date:
                by_word |= Q(birth_date=birth_date)
            found = found.filter(by_word)
        return found

    def by_name(self) -> "PatientQuerySet":
        """Last name first, whatever the case; read from the index, however many there are."""
        return self.order_by(Lower("last_name"), Lower("first_name"), "pk")

    def like(self, last_name: str, birth_date: date) -> "PatientQuerySet":
        """Who may be the same person: the same last name, whatever the case, and the same birth date."""
        return self.filter(last_name__iexact=last_name, birth_date=birth_date)


class Patient(models.Model):
    """One person, one row and one seat in the whole installation."""

    mrn = models.CharField(
        _("record number"),
        max_length=20,
        help_text=_("The medical record number (MRN) at the home location."),
    )
    first_name = models.CharField(_("first name"), max_length=60)
    last_name = models.CharField(_("last name"), max_length=60)
    preferred_name = models.CharField(_("preferred name"), max_length=60, blank=True)
    birth_date = models.DateField(_("birth date"))
    email = models.EmailField(_("e-mail"), blank=True)
    phone = PhoneNumberField(_("phone"), blank=True)
    language = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES, default="en")
    calendar_way = models.CharField(
        _("calendar way"),
        max_length=12,
        choices=CALENDAR_WAY_LABELS,
        blank=True,
        help_text=_("Empty: the way of the home location."),
    )
    needs_interpreter = models.BooleanField(_("needs an interpreter"), default=False)
    home_location = models.ForeignKey(
        Location, models.PROTECT, related_name="patients", verbose_name=_("home location")
    )
    escort_name = models.CharField(_("escort"), max_length=80, blank=True)
    escort_phone = PhoneNumberField(_("escort's phone"), blank=True)
    note = models.TextField(_("note for the front desk"), max_length=1000, blank=True)
    standing = models.CharField(_("standing"), max_length=8, choices=STANDING_LABELS, default=Standing.ACTIVE)
    standing_since = models.DateTimeField(_("standing since"), null=True, blank=True)
    paused_until = models.DateField(_("paused until"), null=True, blank=True)
    email_unproven_since = models.DateTimeField(
        _("e-mail not proven since"),
        null=True,
        blank=True,
        help_text=_("A changed address gets nothing but a test link until that is opened."),
    )

    objects = PatientQuerySet.as_manager()

    class Meta:
        verbose_name = _("patient")
        verbose_name_plural = _("patients")
        ordering = ("last_name", "first_name", "pk")
        indexes = (models.Index(Lower("last_name"), Lower("first_name"), name="patient_name"),)
        constraints = (
            models.UniqueConstraint(
                fields=("home_location", "mrn"),
                name="patient_mrn",
                violation_error_message=_("Another patient has this record number at this location."),
            ),
            models.CheckConstraint(condition=~Q(mrn=""), name="patient_mrn_present"),
            models.CheckConstraint(
                condition=Q(standing=Standing.PAUSED, paused_until__isnull=False)
                | (~Q(standing=Standing.PAUSED) & Q(paused_until__isnull=True)),
                name="patient_pause_has_end",
            ),
        )

    def __str__(self) -> str:
        return f"{self.last_name}, {self.first_name}"

    @property
    def is_active(self) -> bool:
        """Whether this patient is treated here at present: neither paused nor ended."""
        return self.standing == Standing.ACTIVE

    @property
    def called(self) -> str:
        """How the patient wishes to be addressed."""
        return self.preferred_name or self.first_name

    @property
    def way_of_calendar(self) -> CalendarWay:
        """The one way by which visits reach this patient's calendar."""
        return CalendarWay(self.calendar_way or self.home_location.calendar_way)

    def age_on(self, day: date) -> int:
        """Full years on the local date ``day``; born on 29 February means a year older on 1 March."""
        had_birthday = (day.month, day.day) >= (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - (not had_birthday)


class Consent(models.Model):
    """The patient agreed to be reached by one channel, after being warned; a revoked one stays on record."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="consents")
    channel = models.CharField(
        _("channel"),
        max_length=8,
        choices=[(Channel.EMAIL.value, _("e-mail")), (Channel.SMS.value, _("text message"))],
    )
    wording_version = models.CharField(_("version of the wording"), max_length=20)
    given_at = models.DateTimeField(_("given at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    recorded_by = models.ForeignKey(StaffMember, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ("-given_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("patient", "channel"),
                condition=Q(revoked_at__isnull=True),
                name="consent_one_in_force",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | Q(revoked_at__gte=F("given_at")), name="consent_order"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {self.given_at:%Y-%m-%d}"


class MedicationTrial(models.Model):
    """A medicine tried before and how it went: the reason for treatment."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="medication_trials")
    medicine = models.CharField(_("medicine"), max_length=80)
    dose = models.CharField(_("dose as taken"), max_length=60, blank=True)
    started = models.DateField(_("from"), null=True, blank=True)
    stopped = models.DateField(_("until"), null=True, blank=True)
    outcome = models.CharField(
        _("how it went"),
        max_length=14,
        choices=[
            (TrialOutcome.NO_EFFECT.value, _("no effect")),
            (TrialOutcome.PARTIAL.value, _("helped in part")),
            (TrialOutcome.NOT_TOLERATED.value, _("not tolerated")),
            (TrialOutcome.HELPED.value, _("helped")),
            (TrialOutcome.UNKNOWN.value, _("not known")),
        ],
    )
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("medicine tried before")
        verbose_name_plural = _("medicines tried before")
        ordering = ("started", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(started__isnull=True) | Q(stopped__isnull=True) | Q(started__lte=F("stopped")),
                name="medicationtrial_order",
                violation_error_message=_("It ends before it starts."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.medicine}: {self.get_outcome_display()}"


class PrerequisiteRecord(models.Model):
    """A prerequisite was met: by whom recorded, when, and where the paper is.

    One that is required before every visit is met for one ``appointment``.
    """

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="prerequisite_records")
    prerequisite = models.ForeignKey(Prerequisite, models.PROTECT, related_name="records")
    appointment = models.ForeignKey(
        "scheduling.Appointment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="prerequisite_records",
        verbose_name=_("visit"),
    )
    recorded_by = models.ForeignKey(StaffMember, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(_("recorded at"))
    reference = models.CharField(_("reference"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("prerequisite on record")
        verbose_name_plural = _("prerequisites on record")
        ordering = ("-recorded_at",)

    def __str__(self) -> str:
        return f"{self.prerequisite}: {self.recorded_at:%Y-%m-%d}"
