"""Thousands of acts of everybody in any order: what must be true stays true after each.

``MACHINE_EXAMPLES`` asks for more lives than the usual number.
"""

import os
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from . import booking, disrupting, patients, transferring, treating, visiting, waiting
from .truths import everything_is_true, nothing_is_silently_uncovered
from .world import Draw, World


def time_passes(world: World, draw: Draw) -> None:
    """Minutes, hours or days; the worker does its round."""
    world.go_to(world.now + timedelta(minutes=draw(st.sampled_from([1, 5, 45, 300, 1440, 5760]))))
    world.work()
    nothing_is_silently_uncovered(world.now)


ACTS: dict[Callable[[World, Draw], None], int] = {
    booking.book: 4,
    booking.look_at_proposals: 3,
    booking.book_at_any_hour: 2,
    booking.move: 3,
    booking.cancel: 2,
    booking.cancel_all_that_is_left: 1,
    booking.take_a_change_back: 2,
    visiting.treat: 8,
    visiting.go_on: 3,
    visiting.miss: 2,
    visiting.take_a_step_back: 3,
    visiting.correct: 3,
    visiting.stop: 2,
    visiting.put_off: 2,
    treating.set_a_weekly_plan: 1,
    treating.end_a_weekly_plan: 1,
    treating.amend: 2,
    treating.answer_a_question: 2,
    transferring.transfer: 1,
    transferring.sign_a_second_time: 1,
    treating.pause: 1,
    treating.end: 1,
    treating.reopen: 2,
    patients.ask_for_another_time: 1,
    patients.cancel_by_link: 1,
    patients.agree_or_withdraw: 1,
    patients.get_another_address: 1,
    disrupting.something_is_missing: 3,
    disrupting.it_is_back: 1,
    disrupting.cover_what_can_be: 1,
    disrupting.look_after_one_more: 1,
    disrupting.come_in: 1,
    disrupting.hold_a_place: 3,
    disrupting.call: 5,
    disrupting.let_go: 1,
    disrupting.close: 1,
    disrupting.repair: 2,
    booking.change_with_the_rest: 3,
    waiting.join: 3,
    waiting.join_for_a_session: 1,
    waiting.wish_otherwise_or_leave: 1,
    waiting.answer: 4,
    time_passes: 4,
}
"""Everything anybody can do, and how often it is tried beside the others."""
WEIGHTED = [act for act, weight in ACTS.items() for _turn in range(weight)]
EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "20"))


class Machine(RuleBasedStateMachine):
    """One life of a clinic, rolled back at its end. A refusal is an answer; an exception is a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.world = World()
        for patient in self.world.patients[:2]:
            booking.book_best(self.world, patient, sessions=4, days=1)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    # One rule for all: by rules of their own most lives would lack what the others need.
    @rule(act=st.sampled_from(WEIGHTED), data=st.data())
    def act(self, act: Callable[[World, Draw], None], data: st.DataObject) -> None:
        act(self.world, data.draw)

    @invariant()
    def all_is_true(self) -> None:
        everything_is_true(self.world.now)


@pytest.mark.django_db
def test_what_must_be_true_stays_true_whatever_anybody_does() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=50,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
