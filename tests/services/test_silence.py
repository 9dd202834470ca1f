from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from scheduling.core.words import (
    AlertKind,
    CheckInState,
    MessageKind,
    MessageState,
    OrderState,
)
from scheduling.models import (
    Alert,
    Appointment,
    AuditEntry,
    CheckIn,
    Message,
    Order,
)
from scheduling.services import silence
from scheduling.services.check_ins import (
    mark_asked,
)
from scheduling.services.silence import ask_again_and_escalate, infusion_at_dose
from tests.factories import treat
from tests.services.treated import hours, states

pytestmark = pytest.mark.django_db


def asked(visit: Appointment, offset: int = 24) -> CheckIn:
    """The check-in at ``offset``, sent when it was due."""
    row = CheckIn.objects.get(appointment=visit, offset_hours=offset)
    mark_asked(row.pk, row.due_at)
    row.refresh_from_db()
    return row


def again(row: CheckIn) -> Message:
    return Message.objects.get(check_in=row, kind=MessageKind.CHECK_IN_AGAIN)


def test_four_waking_hours_later_it_is_asked_again_once(visit: Appointment) -> None:
    treat(visit)
    row = asked(visit)
    assert ask_again_and_escalate(hours(28) - timedelta(minutes=1)) == 0
    assert ask_again_and_escalate(hours(28)) == 1
    assert (again(row).due_at, again(row).state) == (hours(28), MessageState.WAITING)
    assert ask_again_and_escalate(hours(40)) == 0


def test_the_night_does_not_count(visit: Appointment) -> None:
    treat(visit, left=hours(3))
    asked(visit, 4)  # 18:00 in New York: three waking hours are left of that day.
    assert ask_again_and_escalate(hours(22) - timedelta(minutes=1)) == 0
    assert ask_again_and_escalate(hours(22)) == 1


def test_four_waking_hours_after_the_second_message_silence_is_a_call(visit: Appointment) -> None:
    treat(visit)
    row = asked(visit)
    ask_again_and_escalate(hours(28))
    mark_asked(row.pk, hours(28))
    assert ask_again_and_escalate(hours(32) - timedelta(minutes=1)) == 0
    assert ask_again_and_escalate(hours(32)) == 1
    row.refresh_from_db()
    alert = Alert.objects.get()
    assert (row.state, row.asked_again_at) == (CheckInState.SILENT, hours(28))
    assert (alert.kind, alert.check_in_id) == (AlertKind.NO_ANSWER_CALL, row.pk)
    assert ask_again_and_escalate(hours(33)) == 0


def test_silence_at_another_offset_is_asked_about_at_the_next_visit(visit: Appointment) -> None:
    treat(visit)
    row = asked(visit, 72)
    ask_again_and_escalate(hours(76))
    mark_asked(row.pk, hours(76))
    ask_again_and_escalate(hours(80))
    assert Alert.objects.get().kind == AlertKind.NO_ANSWER_ASK


def test_what_was_never_sent_is_never_silent(visit: Appointment) -> None:
    treat(visit)
    assert ask_again_and_escalate(hours(500)) == 0
    assert states(visit) == ["planned"] * 4


def test_a_second_message_that_never_left_makes_nobody_silent(visit: Appointment) -> None:
    treat(visit)
    asked(visit)
    ask_again_and_escalate(hours(28))
    assert ask_again_and_escalate(hours(200)) == 0
    assert not Alert.objects.exists()


def test_a_resend_of_the_first_message_is_no_second_asking(visit: Appointment) -> None:
    treat(visit)
    row = asked(visit)
    mark_asked(row.pk, hours(25))
    row.refresh_from_db()
    assert (row.asked_at, row.asked_again_at) == (hours(24), None)


def test_a_closed_check_in_is_not_asked_again(visit: Appointment) -> None:
    treat(visit)
    row = asked(visit, 4)
    assert ask_again_and_escalate(row.closes_at) == 0
    assert not Message.objects.filter(kind=MessageKind.CHECK_IN_AGAIN).exists()


def test_infusions_are_counted_anew_after_a_change_of_dose(visits: list[Appointment]) -> None:
    for visit in visits[:3]:
        treat(visit)
    assert [infusion_at_dose(visit) for visit in visits[:3]] == [1, 2, 3]
    amended = Order.objects.get(pk=visits[0].order_id)
    amended.pk, amended.state, amended.dose_amount = None, OrderState.REPLACED, Decimal("0.6")
    amended.save()
    Appointment.objects.filter(pk=visits[2].pk).update(order=amended)
    third = Appointment.objects.get(pk=visits[2].pk)
    assert infusion_at_dose(third) == 1
    assert infusion_at_dose(Appointment.objects.get(pk=visits[1].pk)) == 2
    Order.objects.filter(pk=amended.pk).update(dose_amount="0.5")
    assert infusion_at_dose(Appointment.objects.get(pk=third.pk)) == 3


def test_two_workers_at_once_ask_again_once_and_raise_one_alert(
    visit: Appointment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has chosen the same check-in before the first was done with it."""

    def twice(service: Any, **given: Any) -> bool:
        done, again = service(**given), service(**given)
        assert not again
        return bool(done)

    monkeypatch.setattr(silence, "run", twice)
    treat(visit)
    row = asked(visit)
    assert ask_again_and_escalate(hours(28)) == 1
    mark_asked(row.pk, hours(28))
    assert ask_again_and_escalate(hours(32)) == 1
    assert AuditEntry.objects.filter(subject="checkin").count() == 2
