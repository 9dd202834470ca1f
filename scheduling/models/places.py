"""Where treatment happens: locations, their hours and closures, and the chairs."""

from datetime import date
from zoneinfo import ZoneInfo, available_timezones

import holidays
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField

from scheduling.core.words import CalendarWay

WEEKDAYS = [
    (0, _("Monday")),
    (1, _("Tuesday")),
    (2, _("Wednesday")),
    (3, _("Thursday")),
    (4, _("Friday")),
    (5, _("Saturday")),
    (6, _("Sunday")),
]


CALENDAR_WAY_LABELS = [
    (CalendarWay.INVITATIONS.value, _("invitations by e-mail, one a visit")),
    (CalendarWay.FEED.value, _("a calendar to subscribe to")),
    (CalendarWay.FILES.value, _("files to download")),
]


def validate_zone(name: str) -> None:
    """Refuse a name that the time-zone data does not know."""
    if name not in available_timezones():
        raise ValidationError(_("“%(name)s” is not a known time zone."), params={"name": name}, code="zone")


def require_near(**days: date | None) -> None:
    """Raise ValidationError by field for a date no clinic plans with: a slip such as the year 0205."""
    far = [name for name, day in days.items() if day and not 2000 <= day.year <= 2100]
    if far:
        raise ValidationError(dict.fromkeys(far, _("Choose a date between 2000 and 2100.")))


class Location(models.Model):
    """A clinic site. All its wall times are in ``zone``."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    address = models.TextField(_("address"), max_length=300)
    zone = models.CharField(
        _("time zone"),
        max_length=64,
        validators=[validate_zone],
        help_text=_("An IANA name such as America/New_York."),
    )
    calendar_label = models.CharField(
        _("calendar label"),
        max_length=60,
        help_text=_("What calendars show; neutral: no treatment, no diagnosis."),
    )
    phone = PhoneNumberField(_("phone"))
    emergency_phone = models.CharField(_("emergency number"), max_length=32, default="911")
    crisis_phone = models.CharField(_("crisis number"), max_length=32, default="988")
    after_hours_phone = PhoneNumberField(_("after-hours phone"), blank=True)
    holiday_country = models.CharField(
        _("holiday calendar: country"),
        max_length=2,
        blank=True,
        help_text=_("ISO code such as US; public holidays then count as closures."),
    )
    holiday_subdivision = models.CharField(
        _("holiday calendar: state or province"), max_length=10, blank=True
    )
    lead_minutes = models.PositiveSmallIntegerField(
        _("lead time (minutes)"), default=60, help_text=_("A visit may not be booked nearer than this.")
    )
    horizon_days = models.PositiveSmallIntegerField(
        _("horizon (days)"), default=120, help_text=_("How far ahead visits may be booked.")
    )
    grid_minutes = models.PositiveSmallIntegerField(
        _("start grid (minutes)"), default=15, help_text=_("Proposed visits start on this grid.")
    )
    hold_minutes = models.PositiveSmallIntegerField(
        _("proposals are held for (minutes)"),
        default=10,
        help_text=_("Nobody else can take the places of a proposal while somebody looks at it."),
    )
    late_minutes = models.PositiveSmallIntegerField(_("late after (minutes)"), default=15)
    notice_hours = models.PositiveSmallIntegerField(_("cancellation notice (hours)"), default=24)
    calendar_way = models.CharField(
        _("calendar way"),
        max_length=12,
        choices=CALENDAR_WAY_LABELS,
        default=CalendarWay.INVITATIONS,
        help_text=_("For patients who have not chosen one."),
    )
    escalation_minutes = models.PositiveSmallIntegerField(
        _("next contact after (minutes)"),
        default=15,
        help_text=_("A red flag that nobody acknowledged then goes to the next contact."),
    )
    offer_minutes = models.PositiveSmallIntegerField(
        _("offered places are kept (minutes)"),
        default=120,
        help_text=_("How long a patient on the waiting list has to answer, nights left out."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("location")
        verbose_name_plural = _("locations")
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(grid_minutes__in=(5, 10, 15, 20, 30, 60)), name="location_grid"
            ),
            models.CheckConstraint(
                condition=Q(horizon_days__gte=7, horizon_days__lte=730), name="location_horizon"
            ),
            models.CheckConstraint(
                condition=Q(hold_minutes__gte=1, hold_minutes__lte=60),
                name="location_hold_minutes",
                violation_error_message=_("Proposals are held for 1 to 60 minutes."),
            ),
            models.CheckConstraint(
                condition=Q(escalation_minutes__gte=1, escalation_minutes__lte=240),
                name="location_escalation",
                violation_error_message=_("The next contact is called after 1 to 240 minutes."),
            ),
            models.CheckConstraint(
                condition=Q(offer_minutes__gte=30, offer_minutes__lte=1440),
                name="location_offer",
                violation_error_message=_("An offered place is kept for 30 to 1440 minutes."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a holiday calendar that nobody publishes."""
        country, part = self.holiday_country, self.holiday_subdivision
        known = holidays.list_supported_countries()
        if country and country not in known:
            raise ValidationError({"holiday_country": _("No holiday calendar is known for this code.")})
        if part and part not in known.get(country, ()):
            raise ValidationError({"holiday_subdivision": _("This country has no such state or province.")})

    @property
    def tz(self) -> ZoneInfo:
        """The zone of every wall time of this location."""
        return ZoneInfo(self.zone)

    @cached_property
    def labels_by_language(self) -> dict[str, str]:
        """The calendar labels in further languages, by language code."""
        return {label.language: label.calendar_label for label in self.labels.all()}

    def label_in(self, language: str | None) -> str:
        """The neutral label in ``language``, or else the location's own."""
        return self.labels_by_language.get(language or "", self.calendar_label)


class LocationLabel(models.Model):
    """The neutral calendar label in one more language; a missing one falls back to the location's own."""

    location = models.ForeignKey(Location, models.CASCADE, related_name="labels")
    language = models.CharField(_("language"), max_length=5, choices=settings.LANGUAGES)
    calendar_label = models.CharField(_("calendar label"), max_length=60)

    class Meta:
        verbose_name = _("calendar label in another language")
        verbose_name_plural = _("calendar labels in other languages")
        ordering = ("language",)
        constraints = (
            models.UniqueConstraint(
                fields=("location", "language"),
                name="locationlabel_language",
                violation_error_message=_("There is one label per language."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_language_display()}: {self.calendar_label}"


class OpeningHours(models.Model):
    """One stretch of a weekday on which the location is open; several a day are allowed."""

    location = models.ForeignKey(Location, models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=WEEKDAYS)
    opens = models.TimeField(_("opens"))
    closes = models.TimeField(_("closes"))

    class Meta:
        verbose_name = _("opening hours")
        verbose_name_plural = _("opening hours")
        ordering = ("weekday", "opens")
        constraints = (
            models.CheckConstraint(condition=Q(opens__lt=F("closes")), name="opening_hours_order"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="opening_hours_weekday"),
            models.UniqueConstraint(fields=("location", "weekday", "opens"), name="opening_hours_once"),
        )

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M}-{self.closes:%H:%M}"

    def clean(self) -> None:
        """Say what the constraint says, next to the field."""
        if None not in (self.opens, self.closes) and self.opens >= self.closes:
            raise ValidationError({"closes": _("Opening hours end after they start.")})


class Closure(models.Model):
    """Whole local days, both included, on which the location is closed."""

    location = models.ForeignKey(Location, models.CASCADE, related_name="closures")
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    reason = models.CharField(_("reason"), max_length=80)

    class Meta:
        verbose_name = _("closure")
        verbose_name_plural = _("closures")
        ordering = ("first_day",)
        constraints = (
            models.CheckConstraint(condition=Q(first_day__lte=F("last_day")), name="closure_order"),
        )

    def __str__(self) -> str:
        return f"{self.reason} ({self.first_day} – {self.last_day})"

    def clean(self) -> None:
        """Say what the constraint says, next to the field."""
        require_near(first_day=self.first_day, last_day=self.last_day)
        if None not in (self.first_day, self.last_day) and self.last_day < self.first_day:
            raise ValidationError({"last_day": _("A closure ends before it starts.")})


class Chair(models.Model):
    """One treatment place."""

    location = models.ForeignKey(Location, models.PROTECT, related_name="chairs")
    name = models.CharField(_("name"), max_length=40)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("chair")
        verbose_name_plural = _("chairs")
        ordering = ("location", "name")
        constraints = (models.UniqueConstraint(fields=("location", "name"), name="chair_name"),)

    def __str__(self) -> str:
        return self.name
