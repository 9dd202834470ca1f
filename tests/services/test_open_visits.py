from datetime import timedelta

import pytest

from scheduling.core.words import (
    AlertKind,
    Role,
)
from scheduling.models import (
    Alert,
    Appointment,
    AuditEntry,
)
from scheduling.services.check_ins import (
    mark_asked,
)
from scheduling.services.open_visits import close_open_visits
from scheduling.services.undoing import undo_step
from scheduling.services.visits import discharge, record_step
from tests.factories import actor, make_staff, treat
from tests.services.treated import check_ins, hours, states

pytestmark = pytest.mark.django_db


def test_a_visit_open_an_hour_past_its_plan_raises_one_alert(visit: Appointment) -> None:
    treat(visit, is_open=True)
    assert close_open_visits(hours(1) - timedelta(minutes=1)) == 0
    assert close_open_visits(hours(1)) == 1
    assert close_open_visits(hours(1)) == 0
    alert = Alert.objects.get()
    assert (alert.kind, alert.key, alert.raised_at) == (
        AlertKind.VISIT_OPEN,
        f"visit_open:{visit.pk}",
        hours(1),
    )
    assert AuditEntry.objects.filter(action="notice_open_visit").count() == 1


def test_discharge_settles_it_and_undoing_the_discharge_opens_it_again(visit: Appointment) -> None:
    treat(visit, is_open=True)
    close_open_visits(hours(1))
    by = actor(make_staff(Role.NURSE))
    record_step(by=by, now=hours(1), appointment=visit, field="treatment_ended_at")
    discharge(by=by, now=hours(2), appointment=visit, escort="Sam")
    assert Alert.objects.get().settled_at == hours(2)
    undo_step(by=by, now=hours(3), appointment=visit)
    assert close_open_visits(hours(3)) == 1
    alert = Alert.objects.get()
    assert (alert.settled_at, alert.raised_at) == (None, hours(3))


def test_at_closing_time_a_started_visit_gets_check_ins_from_its_planned_end(visit: Appointment) -> None:
    treat(visit, is_open=True)
    close_open_visits(hours(7) - timedelta(minutes=1))
    assert check_ins(visit) == []
    close_open_visits(hours(7))
    assert [(row.due_at, row.from_plan) for row in check_ins(visit)] == [
        (hours(4), True),
        (hours(24), True),
        (hours(72), True),
        (hours(168), True),
    ]
    assert close_open_visits(hours(8)) == 0
    assert AuditEntry.objects.filter(action="check_ins_from_plan").count() == 1


def test_a_visit_without_treatment_gets_none_at_closing_time(visit: Appointment) -> None:
    record_step(by=actor(make_staff(Role.NURSE)), now=visit.starts_at, appointment=visit, field="arrived_at")
    close_open_visits(hours(7))
    assert check_ins(visit) == []


def test_recording_the_end_later_moves_what_was_not_sent(visit: Appointment) -> None:
    treat(visit, is_open=True)
    close_open_visits(hours(7))
    mark_asked(check_ins(visit)[0].pk, hours(7))
    by = actor(make_staff(Role.NURSE))
    record_step(by=by, now=hours(22), appointment=visit, field="treatment_ended_at", at=hours(0))
    discharge(by=by, now=hours(22), appointment=visit, escort="Sam", at=hours(1))
    assert [(row.due_at, row.from_plan) for row in check_ins(visit)] == [
        (hours(4), True),
        (hours(25), False),
        (hours(73), False),
        (hours(169), False),
    ]


def test_undoing_a_discharge_after_closing_time_leaves_no_started_visit_without_them(
    visit: Appointment,
) -> None:
    treat(visit)
    mark_asked(check_ins(visit)[0].pk, hours(4))
    undo_step(by=actor(make_staff(Role.NURSE)), now=hours(8), appointment=visit)
    close_open_visits(hours(8))
    assert states(visit) == ["asked", "planned", "planned", "planned"]
    assert [row.from_plan for row in check_ins(visit)] == [False, True, True, True]
    assert close_open_visits(hours(8)) == 0
