"""Follow-up plans: the weekly treatment after the first stage, in steps, with dates to review it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from scheduling.core.plan_steps import Step
from scheduling.core.words import PlanState

from .orders import Order
from .patients import Patient
from .places import Location
from .protocols import Protocol
from .series import Series
from .staff import StaffMember

FREQUENCY = Q(per_week__isnull=False, per_week__gte=1, per_week__lte=7, every_weeks__isnull=True) | Q(
    per_week__isnull=True, every_weeks__isnull=False, every_weeks__gte=1, every_weeks__lte=26
)
WEEKS = Q(weeks__isnull=True) | Q(weeks__gte=1, weeks__lte=104)
STEP_WORDS = {
    "no_steps": _("Give at least one step."),
    "open_not_last": _("Only the last step may be open. Say for how many weeks this one lasts."),
    "step_too_often": _("The protocol's spacing does not allow that many infusions a week."),
    "step_too_near": _("The protocol's shortest gap is longer than that."),
    "step_frequency": _("Give 1 to 7 infusions a week, or one every 1 to 26 weeks, not both."),
    "step_weeks": _("A step lasts 1 to 104 weeks."),
    "step_too_short": _("The step is over before its first visit."),
}
"""What is wrong with steps, by the code of a StepError."""


class FollowUpPlan(models.Model):
    """What a prescriber set for one patient after the first stage, under one signed follow-up order.

    ``starts_after`` is the local date of the last infusion given, from which the first step counts. ``series``
    is the course once its first visits are booked. ``booked_until``: the local date up to which visits were
    planned; the worker extends it. ``stuck`` says in a stable code why the last extension, tried at ``tried_at``
    (UTC), booked nothing.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="plans")
    order = models.ForeignKey(Order, models.PROTECT, related_name="plans")
    location = models.ForeignKey(Location, models.PROTECT, related_name="plans")
    series = models.OneToOneField(Series, models.PROTECT, null=True, blank=True, related_name="plan")
    state = models.CharField(
        _("state"),
        max_length=8,
        default=PlanState.ACTIVE,
        choices=[
            (PlanState.ACTIVE.value, _("active")),
            (PlanState.ENDED.value, _("ended")),
            (PlanState.REPLACED.value, _("replaced")),
        ],
    )
    starts_after = models.DateField(_("counted from"))
    wishes = models.JSONField(_("days and times wished for"), default=dict, blank=True)
    set_by = models.ForeignKey(StaffMember, models.PROTECT, related_name="plans_set")
    set_at = models.DateTimeField(_("set at"))
    booked_until = models.DateField(_("planned up to"), null=True, blank=True)
    stuck = models.CharField(_("why nothing is booked"), max_length=40, blank=True)
    tried_at = models.DateTimeField(_("last extended or tried at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    end_reason = models.CharField(_("ended because"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("follow-up plan")
        verbose_name_plural = _("follow-up plans")
        ordering = ("-set_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("patient",), condition=Q(state=PlanState.ACTIVE), name="followupplan_one_active"
            ),
            models.CheckConstraint(
                condition=Q(state=PlanState.ACTIVE, ended_at__isnull=True)
                | (~Q(state=PlanState.ACTIVE) & Q(ended_at__isnull=False)),
                name="followupplan_end",
            ),
        )

    def __str__(self) -> str:
        return f"{self.patient}, {self.set_at:%Y-%m-%d}"


def step_text(step: "Step | PlanStep | TaperStep") -> str:
    """A step in words: ``2 a week for 4 weeks``, ``one every 2 weeks until a review``."""
    if step.per_week:
        often = ngettext("%(count)d a week", "%(count)d a week", step.per_week) % {"count": step.per_week}
    else:
        every = step.every_weeks or 1
        often = ngettext("one every week", "one every %(count)d weeks", every) % {"count": every}
    if step.weeks is None:
        return gettext("%(often)s until a review") % {"often": often}
    weeks = ngettext("%(count)d week", "%(count)d weeks", step.weeks) % {"count": step.weeks}
    return gettext("%(often)s for %(weeks)s") % {"often": often, "weeks": weeks}


class PlanStep(models.Model):
    """A stretch of a plan: ``per_week`` infusions a week or one ``every_weeks`` weeks, for ``weeks`` weeks.

    The last step may be open (``weeks`` empty): until a review.
    """

    plan = models.ForeignKey(FollowUpPlan, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(_("position"))
    per_week = models.PositiveSmallIntegerField(_("infusions a week"), null=True, blank=True)
    every_weeks = models.PositiveSmallIntegerField(_("one every … weeks"), null=True, blank=True)
    weeks = models.PositiveSmallIntegerField(_("for weeks"), null=True, blank=True)

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=("plan", "position"), name="planstep_position"),
            models.CheckConstraint(condition=FREQUENCY, name="planstep_frequency"),
            models.CheckConstraint(condition=WEEKS, name="planstep_weeks"),
        )

    def __str__(self) -> str:
        return step_text(self)


class TaperStep(models.Model):
    """A step that a protocol proposes for the follow-up; the prescriber may change it."""

    protocol = models.ForeignKey(Protocol, models.CASCADE, related_name="taper")
    position = models.PositiveSmallIntegerField(_("position"))
    per_week = models.PositiveSmallIntegerField(_("infusions a week"), null=True, blank=True)
    every_weeks = models.PositiveSmallIntegerField(_("one every … weeks"), null=True, blank=True)
    weeks = models.PositiveSmallIntegerField(_("for weeks"), null=True, blank=True)

    class Meta:
        verbose_name = _("step of the follow-up")
        verbose_name_plural = _("steps of the follow-up")
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=("protocol", "position"), name="taperstep_position"),
            models.CheckConstraint(
                condition=FREQUENCY,
                name="taperstep_frequency",
                violation_error_message=_("Give infusions a week, or one every so many weeks, not both."),
            ),
            models.CheckConstraint(
                condition=WEEKS,
                name="taperstep_weeks",
                violation_error_message=_("A step lasts 1 to 104 weeks."),
            ),
        )

    def __str__(self) -> str:
        return step_text(self)


class PlanReview(models.Model):
    """A local date on which the prescriber looks at the reaction and decides how the plan goes on."""

    plan = models.ForeignKey(FollowUpPlan, models.CASCADE, related_name="reviews")
    due_on = models.DateField(_("review on"))
    done_by = models.ForeignKey(StaffMember, models.PROTECT, null=True, blank=True, related_name="+")
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ("due_on",)
        constraints = (
            models.UniqueConstraint(fields=("plan", "due_on"), name="planreview_once"),
            models.CheckConstraint(
                condition=Q(done_by__isnull=True, done_at__isnull=True)
                | Q(done_by__isnull=False, done_at__isnull=False),
                name="planreview_done",
            ),
        )

    def __str__(self) -> str:
        return f"{self.due_on}"
