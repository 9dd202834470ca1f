"""What prescribers decide: weekly plans, amendments, answers, pauses and ends."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st

from scheduling.core.plan_steps import Step
from scheduling.core.words import AlertKind, OrderState, PlanState, Stage, Standing
from scheduling.models import Alert, FollowUpPlan, Order, Patient
from scheduling.services.amending import amend_order, open_infusions
from scheduling.services.deciding import ANSWERS, decide
from scheduling.services.plans import end_plan, set_plan
from scheduling.services.standing import end_patient, pause_patient, reopen_patient
from tests.factories import make_order

from .world import Draw, World, one_of

STEPS = ([Step(per_week=1)], [Step(per_week=2, weeks=2), Step(every_weeks=2)], [Step(every_weeks=2)])


def set_a_weekly_plan(world: World, draw: Draw) -> None:
    """Under the patient's signed follow-up order, or a new one for ten infusions."""
    patient = one_of(draw, world.active())
    if patient is None:
        return
    mine = Order.objects.filter(patient=patient, stage=Stage.FOLLOW_UP)
    order = mine.filter(state=OrderState.SIGNED).first()
    if order is None:
        day = world.now.date() - timedelta(days=1)
        until = day + timedelta(days=300)
        order = make_order(
            patient, world.protocol, stage=Stage.FOLLOW_UP, sessions=10, valid_from=day, valid_until=until
        )
    world.do(
        set_plan,
        by=world.doctors[0],
        order=order,
        location=world.sites[0],
        steps=draw(st.sampled_from(STEPS)),
        starts_after=world.today(world.sites[0]),
    )


def end_a_weekly_plan(world: World, draw: Draw) -> None:
    """One that is in force."""
    plan = one_of(draw, list(FollowUpPlan.objects.filter(state=PlanState.ACTIVE).order_by("pk")))
    if plan:
        world.do(end_plan, by=world.doctors[0], plan=plan, reason="Goes on elsewhere")


def amend(world: World, draw: Draw) -> None:
    """Another dose, another number: what is booked goes on under the replacement."""
    order = one_of(draw, list(Order.objects.filter(state=OrderState.SIGNED).order_by("pk")))
    if order is None:
        return
    wanted = Order.objects.get(pk=order.pk)
    wanted.pk, wanted.dose_amount = None, draw(st.sampled_from([Decimal("0.5"), Decimal("0.7")]))
    wanted.sessions = max(1, open_infusions(order) + draw(st.integers(-2, 2)))
    world.do(amend_order, by=world.doctors[0], old=order, order=wanted)


def answer_a_question(world: World, draw: Draw) -> None:
    """An alert that asks a prescriber."""
    asking = Alert.objects.open().filter(kind__in=ANSWERS).order_by("pk")
    alert = one_of(draw, list(asking))
    if alert:
        answer = draw(st.sampled_from(ANSWERS[AlertKind(alert.kind)]))
        until = world.now.date() + timedelta(days=20)
        world.do(decide, by=world.doctors[0], alert=alert, decision=answer, note="Spoke to her", until=until)


def pause(world: World, draw: Draw) -> None:
    """For some weeks."""
    patient = one_of(draw, world.active())
    if patient:
        until = world.today(patient.home_location) + timedelta(days=draw(st.integers(1, 40)))
        world.do(pause_patient, by=world.clerk, patient=patient, until=until)


def end(world: World, draw: Draw) -> None:
    """In one of the four ways."""
    patient = one_of(draw, world.active())
    ends = [Standing.FINISHED, Standing.STOPPED, Standing.MOVED, Standing.DIED]
    if patient:
        world.do(end_patient, by=world.clerk, patient=patient, standing=draw(st.sampled_from(ends)))


def reopen(world: World, draw: Draw) -> None:
    """A patient comes back; the dead do not."""
    gone = Patient.objects.exclude(standing__in=(Standing.ACTIVE, Standing.DIED)).order_by("pk")
    patient = one_of(draw, list(gone))
    if patient:
        world.do(reopen_patient, by=world.clerk, patient=patient)
