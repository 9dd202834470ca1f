"""The morning a nurse is ill: her visits are listed, covered by a colleague where that is possible, nobody is moved."""

from datetime import timedelta
from typing import Any

import pytest

from scheduling.access import Actor
from scheduling.core.words import AlertKind, CallState, DisruptionKind, Resolution, Role, Severity, Status
from scheduling.models import Alert, Appointment, AuditEntry, DisruptedVisit, Disruption, Message
from scheduling.services.covering import cover_all
from scheduling.services.disruptions import lift_disruption, open_disruption
from scheduling.services.faults import Refused
from scheduling.services.uncovering import settle_covered
from tests import factories
from tests.days.one_day import NINE, SIX, is_missing
from tests.factories import actor
from tests.services.clinics import Clinic

pytestmark = pytest.mark.django_db


class Day:
    """Ana looks after two patients at a time, at nine and at half past nine, and is ill at six."""

    def __init__(self) -> None:
        self.clinic = Clinic(capacity=2)
        self.first = self.clinic.book(self.clinic.order(), [NINE]).appointments.get()
        second = factories.make_chair(self.clinic.location, "Chair 2")
        half_past = NINE + timedelta(minutes=30)
        self.second = self.clinic.book(self.clinic.order(), [half_past], chair=second).appointments.get()
        self.manager: Actor = actor(factories.make_staff(Role.MANAGER))

    def ana_is_ill(self) -> Disruption:
        return is_missing(self.clinic, self.manager, self.clinic.nurse, reason="ill")


@pytest.fixture
def day() -> Day:
    return Day()


def rows(disruption: Disruption) -> list[tuple[int, str, str]]:
    return list(disruption.visits.values_list("appointment", "resolution", "call"))


def test_her_visits_are_listed_by_start_and_to_be_called_and_nobody_is_told_yet(day: Day) -> None:
    messages = Message.objects.count()
    disruption = day.ana_is_ill()

    assert rows(disruption) == [
        (day.first.pk, Resolution.OPEN, CallState.TO_CALL),
        (day.second.pk, Resolution.OPEN, CallState.TO_CALL),
    ]
    assert Alert.objects.open().filter(kind=AlertKind.UNCOVERED).count() == 2
    assert Message.objects.count() == messages
    assert AuditEntry.objects.filter(action="open_disruption").count() == 1


def test_a_visit_beyond_a_day_is_listed_without_a_call(day: Day) -> None:
    disruption = is_missing(
        day.clinic, day.manager, day.clinic.nurse, now=NINE - timedelta(hours=24, minutes=15)
    )

    assert [call for _visit, _what, call in rows(disruption)] == [CallState.NONE, CallState.NONE]


def test_a_patient_who_is_here_already_is_left_alone(day: Day) -> None:
    Appointment.objects.filter(pk=day.first.pk).update(status=Status.ARRIVED, arrived_at=SIX)

    assert [visit for visit, _what, _call in rows(day.ana_is_ill())] == [day.second.pk]


def test_a_colleague_covers_both_and_neither_time_nor_calendar_changes(day: Day) -> None:
    ben = factories.make_nurse(day.clinic.location, capacity=2, name="Ben")
    disruption, messages = day.ana_is_ill(), Message.objects.count()

    assert cover_all(by=day.manager, now=SIX, disruption=disruption) == (2, 0)
    for before in (day.first, day.second):
        after = Appointment.objects.get(pk=before.pk)
        assert after.nurse == ben
        assert (after.starts_at, after.sequence) == (before.starts_at, before.sequence)
    assert {what for _visit, what, _call in rows(disruption)} == {Resolution.COVERED}
    assert not Alert.objects.open().filter(kind=AlertKind.UNCOVERED).exists()
    assert Message.objects.count() == messages


def test_a_colleague_with_one_place_covers_one_and_the_other_stays_on_the_list(day: Day) -> None:
    factories.make_nurse(day.clinic.location, capacity=1, name="Ben")
    disruption = day.ana_is_ill()

    assert cover_all(by=day.manager, now=SIX, disruption=disruption) == (1, 1)
    assert [what for _visit, what, _call in rows(disruption)] == [Resolution.COVERED, Resolution.OPEN]
    assert Alert.objects.open().get(kind=AlertKind.UNCOVERED).appointment == day.second


def test_when_she_is_back_after_all_her_visits_go_on_and_nobody_is_called(day: Day) -> None:
    disruption = day.ana_is_ill()
    lift_disruption(by=day.manager, now=SIX, disruption=disruption)

    assert {(what, call) for _visit, what, call in rows(disruption)} == {(Resolution.KEPT, CallState.NONE)}
    assert not Alert.objects.open().filter(kind=AlertKind.UNCOVERED).exists()
    with pytest.raises(Refused, match="lifted before"):
        lift_disruption(by=day.manager, now=SIX, disruption=disruption)


def test_a_disruption_that_is_over_or_about_the_wrong_thing_is_refused(day: Day) -> None:
    clinic = day.clinic
    given: dict[str, Any] = {"by": day.manager, "now": SIX, "location": clinic.location, "starts_at": SIX}
    until = NINE + timedelta(hours=3)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"kind": DisruptionKind.NURSE, "ends_at": SIX, "staff": clinic.nurse}, "ends after it starts"),
        ({"kind": DisruptionKind.NURSE, "ends_at": until}, "Say who"),
        ({"kind": DisruptionKind.PRESCRIBER, "ends_at": until, "staff": clinic.nurse}, "does not work as"),
        ({"kind": DisruptionKind.CHAIR, "ends_at": until}, "Say which chair"),
        ({"kind": DisruptionKind.LOCATION, "ends_at": until, "staff": clinic.nurse}, "Say who"),
        (
            {
                "kind": DisruptionKind.CHAIR,
                "ends_at": until,
                "chair": factories.make_chair(factories.make_location("Hill"), "Chair 9"),
            },
            "at another location",
        ),
        ({"now": until, "kind": DisruptionKind.LOCATION, "ends_at": until}, "over already"),
    ]
    for values, words in wrong:
        with pytest.raises(Refused, match=words):
            open_disruption(**(given | values))
    assert not DisruptedVisit.objects.exists()


def test_an_acknowledged_alert_leaves_the_visit_on_the_list_until_it_is_covered(day: Day) -> None:
    disruption = day.ana_is_ill()
    Alert.objects.update(acknowledged_by=day.manager.staff_id, acknowledged_at=SIX, note="Seen")
    assert settle_covered(SIX) == 0
    ben = factories.make_nurse(day.clinic.location, capacity=2, name="Ben")
    cover_all(by=day.manager, now=SIX, disruption=disruption)

    assert {what for _visit, what, _call in rows(disruption)} == {Resolution.COVERED}
    assert Appointment.objects.filter(nurse=ben).count() == 2


def test_uncovered_visits_come_first_in_the_list_once_their_day_has_come(day: Day) -> None:
    the_day_before = SIX - timedelta(hours=9)
    is_missing(day.clinic, day.manager, day.clinic.nurse, now=the_day_before)
    alerts = Alert.objects.open().filter(kind=AlertKind.UNCOVERED)
    assert {alert.severity for alert in alerts} == {Severity.PATIENT_WAITING}
    settle_covered(SIX)
    assert {alert.severity for alert in alerts.all()} == {Severity.SAME_DAY_VISIT}
