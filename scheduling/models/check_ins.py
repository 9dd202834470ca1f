"""Check-ins: how the patient felt at set hours after a visit."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from scheduling.core.check_ins import Fault
from scheduling.core.words import AnswerWay, CheckInState, Effect, SafetyQuestion

from .appointments import Appointment
from .patients import Patient
from .staff import StaffMember

EFFECT_LABELS = [
    (Effect.DROWSINESS.value, _("Drowsiness")),
    (Effect.BLURRED_VISION.value, _("Blurred vision")),
    (Effect.DOUBLE_VISION.value, _("Double vision")),
    (Effect.DIZZINESS.value, _("Dizziness")),
    (Effect.APPETITE_LOSS.value, _("Loss of appetite")),
    (Effect.NAUSEA.value, _("Nausea")),
    (Effect.HEADACHE.value, _("Headache")),
    (Effect.DETACHED.value, _("Feeling detached from yourself or what is around you")),
    (Effect.RAISED_HEARTBEAT.value, _("Fast or pounding heartbeat")),
    (Effect.URINARY_TROUBLE.value, _("Pain or blood when passing urine, or having to go more often")),
]
GRADE_LABELS = [
    (0, _("None")),
    (1, _("Mild")),
    (2, _("Limits what I do in a day")),
    (3, _("Limits washing, dressing or eating")),
    (4, _("Emergency")),
]
"""After CTCAE (facts: clinical, severity)."""
SAFETY_LABELS = [
    (SafetyQuestion.SELF_HARM.value, _("Do you have thoughts of harming yourself?")),
    (SafetyQuestion.CHEST_PAIN.value, _("Do you have chest pain?")),
    (SafetyQuestion.BREATHING.value, _("Do you have trouble breathing?")),
    (SafetyQuestion.WORST_HEADACHE.value, _("Do you have a severe headache, or the worst of your life?")),
]
FAULT_WORDS = {
    Fault.UNANSWERED: _("Please choose an answer."),
    Fault.GRADE: _("Please choose one of the answers."),
    Fault.ABSENT_HAS_TIMES: _("What was not there has no times."),
    Fault.BEFORE_VISIT: _("This is before your visit. Please check the date and the time."),
    Fault.IN_FUTURE: _("This time is still to come. Please check the date and the time."),
    Fault.STOPPED_FIRST: _("This is before it began. Please check the date and the time."),
    Fault.BEGAN_MISSING: _("Please say when it began."),
    Fault.NOTE_TOO_LONG: _("Please use at most 500 characters."),
}
"""What is wrong with a part of an answer, for the page, the API and the services."""


class CheckInQuerySet(models.QuerySet["CheckIn"]):
    """Which check-ins?"""

    def asked(self) -> "CheckInQuerySet":
        """Sent to the patient or called about, and not answered."""
        return self.filter(state=CheckInState.ASKED)


class CheckIn(models.Model):
    """Questions about one visit, ``offset_hours`` after its actual end, due at ``due_at`` (UTC).

    Amendable until ``closes_at``; a first answer after it is kept and ``is_late``. ``from_plan`` marks one
    reckoned from the planned end, since the actual end was not recorded. A safety answer of None was not given.
    """

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="check_ins")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="check_ins")
    offset_hours = models.PositiveSmallIntegerField(_("hours after the visit"))
    state = models.CharField(
        _("state"),
        max_length=8,
        default=CheckInState.PLANNED,
        choices=[
            (CheckInState.PLANNED.value, _("planned")),
            (CheckInState.ASKED.value, _("asked")),
            (CheckInState.ANSWERED.value, _("answered")),
            (CheckInState.SILENT.value, _("no answer")),
            (CheckInState.DROPPED.value, _("dropped")),
        ],
    )
    due_at = models.DateTimeField(_("due at"))
    closes_at = models.DateTimeField(_("closes at"))
    from_plan = models.BooleanField(_("end not recorded"), default=False)
    asked_at = models.DateTimeField(_("asked at"), null=True, blank=True)
    asked_again_at = models.DateTimeField(_("asked again at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("first answered at"), null=True, blank=True)
    amended_at = models.DateTimeField(_("last amended at"), null=True, blank=True)
    is_late = models.BooleanField(_("answered late"), default=False)
    way = models.CharField(
        _("answered"),
        max_length=10,
        blank=True,
        choices=[
            (AnswerWay.PATIENT.value, _("by the patient")),
            (AnswerWay.PHONE.value, _("by phone")),
            (AnswerWay.IN_PERSON.value, _("in person")),
        ],
    )
    answered_by = models.ForeignKey(
        StaffMember, models.PROTECT, null=True, blank=True, related_name="answered_check_ins"
    )
    self_harm = models.BooleanField(_("thoughts of harming yourself"), null=True, blank=True)
    chest_pain = models.BooleanField(_("chest pain"), null=True, blank=True)
    breathing = models.BooleanField(_("trouble breathing"), null=True, blank=True)
    worst_headache = models.BooleanField(_("a severe or the worst headache"), null=True, blank=True)
    note = models.CharField(_("in your own words"), max_length=500, blank=True)

    objects = CheckInQuerySet.as_manager()

    class Meta:
        verbose_name = _("check-in")
        verbose_name_plural = _("check-ins")
        ordering = ("-due_at", "-pk")
        indexes = (
            models.Index(fields=("patient", "due_at"), name="checkin_patient"),
            models.Index(
                fields=("asked_at",), condition=Q(state=CheckInState.ASKED), name="checkin_unanswered"
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=("appointment", "offset_hours"), name="checkin_once"),
            models.CheckConstraint(condition=Q(due_at__lt=F("closes_at")), name="checkin_order"),
            models.CheckConstraint(
                condition=(
                    Q(state=CheckInState.ANSWERED, answered_at__isnull=False)
                    & ~Q(way="")
                    & Q(**{f"{question.value}__isnull": False for question in SafetyQuestion})
                )
                | (~Q(state=CheckInState.ANSWERED) & Q(answered_at__isnull=True, way="")),
                name="checkin_answer",
            ),
            models.CheckConstraint(
                condition=Q(way__in=("", AnswerWay.PATIENT), answered_by__isnull=True)
                | Q(way__in=(AnswerWay.PHONE, AnswerWay.IN_PERSON), answered_by__isnull=False),
                name="checkin_answered_by",
            ),
        )

    def __str__(self) -> str:
        return f"{self.offset_hours} h: {self.appointment}"


class SideEffectReport(models.Model):
    """One effect as answered in a check-in. Times are UTC; ``stopped_at`` without a time means still there.

    An effect that was asked and is absent has grade 0.
    """

    check_in = models.ForeignKey(CheckIn, models.CASCADE, related_name="reports")
    effect = models.CharField(_("effect"), max_length=20, choices=EFFECT_LABELS)
    grade = models.PositiveSmallIntegerField(
        _("how strong"), choices=GRADE_LABELS, validators=[MaxValueValidator(4)]
    )
    began_at = models.DateTimeField(_("began at"), null=True, blank=True)
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True)

    class Meta:
        verbose_name = _("side effect")
        verbose_name_plural = _("side effects")
        constraints = (
            models.UniqueConstraint(fields=("check_in", "effect"), name="sideeffectreport_once"),
            models.CheckConstraint(condition=Q(grade__lte=4), name="sideeffectreport_grade"),
            models.CheckConstraint(
                condition=Q(stopped_at__isnull=True)
                | Q(began_at__isnull=False, began_at__lte=F("stopped_at")),
                name="sideeffectreport_order",
            ),
            models.CheckConstraint(
                condition=~Q(grade=0) | Q(began_at__isnull=True, stopped_at__isnull=True),
                name="sideeffectreport_absent",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_effect_display()}: {self.grade}"
