"""What goes on beside the visits: mail leaves, patients answer check-ins, staff see to tasks and alerts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from smtplib import SMTPRecipientsRefused

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Q

from scheduling.access import Actor
from scheduling.core.check_ins import Answer, EffectAnswer
from scheduling.core.words import (
    ActorKind,
    AlertKind,
    CheckInState,
    Effect,
    LinkPurpose,
    MessageKind,
    MessageState,
    PlanState,
    SafetyQuestion,
)
from scheduling.models import Alert, CheckIn, Message, PlanReview
from scheduling.services.acknowledging import WANTS_DECISION, acknowledge
from scheduling.services.answers import answer_check_in
from scheduling.services.delivery import deliver
from scheduling.services.duties import DUTIES
from scheduling.services.faults import Refused
from scheduling.services.links import link_in_force
from scheduling.services.message_handling import finish_task
from scheduling.services.plans import mark_reviewed

from .clinic import DemoClinic
from .simulation import Life

HOURS = (9, 13, 17, 20)
"""Local hours of the first site at which somebody, or the worker, sees to things."""
EVENING = (20,)
ONCE_A_DAY = ("extend plans", "find overdue patients", "drop tasks that are no longer true")
NEVER = ("notice uncovered visits",)
"""Nobody changes hours or shifts in the demo's past."""
SILENT, RED = 0.12, 0.03
"""How often a check-in is not answered, and how often an answer has a red flag."""
RARE = 0.004
LEFT_OPEN = timedelta(hours=20)
"""What is younger stays for whoever tries the demo."""
REVIEWED_WITHIN = timedelta(days=2)
AT_ONCE = timedelta(minutes=90)
"""Nobody leaves a red flag longer."""
FULL_MAILBOX = 11
"""Number of the patient whose mailbox refuses everything."""
COMMON = (Effect.DROWSINESS, Effect.DIZZINESS, Effect.BLURRED_VISION, Effect.NAUSEA, Effect.HEADACHE)
NOTES = {
    AlertKind.RED_FLAG: "Called at once; better by now, the prescriber knows.",
    AlertKind.NO_ANSWER_CALL: "Reached by phone: feels well.",
    AlertKind.NO_ANSWER_ASK: "Asked at the visit: nothing to report.",
    AlertKind.MESSAGE_FAILED: "Told by phone.",
    AlertKind.VISIT_OPEN: "Closed.",
    AlertKind.OVERDUE: "Spoke to the patient.",
    AlertKind.CALL_MISSED: "Reached by phone; was unwell.",
    AlertKind.REPLAN: "Agreed on the next visits by phone.",
}
SEEN_TO = "Seen to."


class MadeUpPost(BaseEmailBackend):
    """Takes every mail and keeps none, but for one mailbox that refuses."""

    def __init__(self, refused: str) -> None:
        """Remember the address that refuses."""
        super().__init__()
        self.refused = refused

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Raise SMTPRecipientsRefused for the refused address."""
        for mail in email_messages:
            if self.refused in mail.to:
                raise SMTPRecipientsRefused({self.refused: (552, b"mailbox full")})
        return len(email_messages)


@dataclass(frozen=True, slots=True)
class Aftercare:
    """Everything that is not a visit, several times a day; ``post`` takes the mail."""

    clinic: DemoClinic
    post: BaseEmailBackend
    seed: str

    def life(self, since: date, busy_since: date) -> Life:
        """One round after another, for ever; before ``busy_since`` one a day."""
        day = since
        while True:
            for hour in HOURS if day >= busy_since else EVENING:
                at = datetime.combine(day, time(hour), self.clinic.sites[0].tz)
                yield at
                if not Message.objects.exists():
                    continue
                self.round(at, is_first=hour in (HOURS[0], *EVENING))
            day += timedelta(days=1)

    def round(self, now: datetime, *, is_first: bool = False) -> None:
        """All that is due at ``now``: what a worker does, then what people do."""
        for duty in DUTIES:
            if duty.name not in NEVER and (is_first or duty.name not in ONCE_A_DAY):
                duty.run(now)
        while deliver(now, connection=self.post):
            pass
        self._answers(now)
        self._tasks(now)
        self._alerts(now)
        self._reviews(now)

    def leave_a_red_flag(self, now: datetime) -> None:
        """One patient writes just now that it is bad: for whoever looks at the attention list next."""
        asked = CheckIn.objects.filter(state=CheckInState.ASKED, due_at__lte=now).order_by("-due_at", "pk")
        row = asked.select_related("patient", "appointment").first()
        link = link_in_force(row.patient, LinkPurpose.VISITS) if row else None
        if row and link:
            by = Actor(ActorKind.LINK, link_id=link.pk)
            answer_check_in(by=by, now=now, check_in=row, values=bad_answer(row))

    def _answers(self, now: datetime) -> None:
        asked = CheckIn.objects.filter(state__in=(CheckInState.ASKED, CheckInState.SILENT))
        for row in asked.select_related("patient", "appointment").order_by("pk"):
            chance = Random(f"{self.seed} {row.patient.mrn} {row.due_at} {row.offset_hours}")  # noqa: S311
            if chance.random() < SILENT or row.asked_at is None:
                continue
            if now < row.asked_at + timedelta(minutes=chance.randrange(5, 230)):
                continue
            link = link_in_force(row.patient, LinkPurpose.VISITS)
            if link:
                by = Actor(ActorKind.LINK, link_id=link.pk)
                answer_check_in(by=by, now=now, check_in=row, values=made_up_answer(row, chance))

    def _tasks(self, now: datetime) -> None:
        """Calls and prints, done within the day that follows."""
        to_do = Message.objects.filter(state=MessageState.TO_DO, due_at__lte=now - LEFT_OPEN)
        for message in to_do.select_related("patient").order_by("pk"):
            is_check_in = message.kind in (MessageKind.CHECK_IN, MessageKind.CHECK_IN_AGAIN)
            note = "Reached by phone." if is_check_in else "Told by phone."
            try:
                finish_task(by=self.clinic.front_desk, now=now, message=message, note=note)
            except Refused:
                # What it told is no longer true; the worker drops such tasks.
                continue

    def _alerts(self, now: datetime) -> None:
        nurses = [actor for actor in self.clinic.actors.values() if "nurse" in actor.roles]
        settled = {AlertKind.RENEW_ORDER, AlertKind.REVIEW_DUE, AlertKind.PLAN_STUCK, *WANTS_DECISION}
        urgent = Q(kind=AlertKind.RED_FLAG, raised_at__lte=now - AT_ONCE)
        old = (
            Alert.objects.open().filter(urgent | Q(raised_at__lte=now - LEFT_OPEN)).exclude(kind__in=settled)
        )
        for alert in old.order_by("pk"):
            by = nurses[alert.pk % len(nurses)]
            acknowledge(by=by, now=now, alert=alert, note=NOTES.get(AlertKind(alert.kind), SEEN_TO))

    def _reviews(self, now: datetime) -> None:
        """The prescriber's reviews, within two days."""
        due = PlanReview.objects.filter(done_at=None, due_on__lt=(now - REVIEWED_WITHIN).date())
        for review in due.filter(plan__state=PlanState.ACTIVE).order_by("pk"):
            mark_reviewed(
                by=self.clinic.prescribers[0],
                now=now,
                review=review,
                note="Mood better and steady; goes on as planned.",
                next_due=now.date() + timedelta(weeks=8),
            )


def made_up_answer(check_in: CheckIn, chance: Random) -> Answer:
    """What one patient says: less and less with every infusion and every hour since; now and then a red flag."""
    visit = check_in.appointment
    ended = visit.discharged_at or visit.ends_at
    weight = max(0.05, 0.9 - 0.1 * visit.number) if check_in.offset_hours < 24 else 0.12
    is_red = chance.random() < RED
    effects = []
    for effect in Effect:
        likely = weight if effect in COMMON else weight / 5
        if effect is Effect.URINARY_TROUBLE:
            likely = RARE
        grade = chance.choice((1, 1, 1, 2)) if chance.random() < likely else 0
        if is_red and effect is Effect.NAUSEA:
            grade = 3
        has_stopped = grade and (check_in.offset_hours >= 24 or chance.random() < 0.5)
        began = ended - timedelta(minutes=chance.randrange(5, 45)) if grade else None
        stopped = ended + timedelta(minutes=chance.randrange(20, 200)) if has_stopped else None
        effects.append(EffectAnswer(effect, grade, began, stopped))
    safety = dict.fromkeys(SafetyQuestion, False)
    if is_red and chance.random() < 0.3:
        safety[SafetyQuestion.WORST_HEADACHE] = True
    return Answer(safety, tuple(effects))


def bad_answer(check_in: CheckIn) -> Answer:
    """A severe headache and drowsiness that does not end."""
    visit = check_in.appointment
    began = visit.discharged_at or visit.ends_at
    bad = {Effect.HEADACHE: 3, Effect.DROWSINESS: 2}
    effects = tuple(
        EffectAnswer(effect, bad[effect], began) if effect in bad else EffectAnswer(effect, 0)
        for effect in Effect
    )
    safety = dict.fromkeys(SafetyQuestion, False) | {SafetyQuestion.WORST_HEADACHE: True}
    return Answer(safety, effects, "It has not stopped since I came home.")
