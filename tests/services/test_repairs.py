"""The repair of a disruption: searched for, accepted in one transaction, refused once the day has changed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from scheduling.access import Actor, NotAllowed
from scheduling.core.repair import RepairCost
from scheduling.core.timeline import from_step
from scheduling.core.words import (
    AlertKind,
    CallState,
    Channel,
    DisruptionKind,
    MessageKind,
    RepairState,
    Resolution,
    Role,
    Status,
)
from scheduling.models import (
    Alert,
    Appointment,
    AuditEntry,
    Claim,
    DisruptedVisit,
    Disruption,
    Message,
    RepairRun,
    StaffMember,
)
from scheduling.services.appointments import Canceller, cancel_appointment, move_appointment
from scheduling.services.booking import BookedPlace
from scheduling.services.disruptions import lift_disruption, open_disruption
from scheduling.services.faults import Refused
from scheduling.services.patients import give_consent
from scheduling.services.repair_acceptance import accept_repair
from scheduling.services.repair_runs import (
    ask_repair,
    discard_repair,
    is_cut_off,
    repair_of,
    search,
    stop_repair,
)
from scheduling.services.repair_search import load_repair
from scheduling.services.visit_history import acts
from tests import factories
from tests.factories import NOW, actor
from tests.services.clinics import COURSE, Clinic

pytestmark = pytest.mark.django_db

WEEK_ON = COURSE[2]
"""Tuesday in a week at nine: more than a day ahead."""


class Ill:
    """Ana has Ada and Cy at nine and at noon; Ben has Bo at nine and looks after two. Ana is away all day."""

    def __init__(self, nine: datetime = WEEK_ON) -> None:
        self.nine = nine
        self.clinic = Clinic(capacity=2)
        self.second = factories.make_chair(self.clinic.location, "Chair 2")
        self.ben = factories.make_nurse(self.clinic.location, capacity=1, name="Ben")
        self.ada = self.visit(nine)
        self.bo = self.visit(nine, nurse=self.ben, chair=self.second)
        self.cy = self.visit(nine + timedelta(hours=3))
        self.desk: Actor = actor(factories.make_staff(Role.FRONT_DESK))
        self.disruption = self.away(self.clinic.nurse)
        self.messages = set(Message.objects.values_list("pk", flat=True))

    def visit(self, start: datetime, **seats: Any) -> Appointment:
        order = self.clinic.order()
        give_consent(by=self.clinic.clerk, now=NOW, patient=order.patient, channel=Channel.EMAIL)
        return self.clinic.book(order, [start], **seats).appointments.get()

    def away(self, nurse: StaffMember) -> Disruption:
        return open_disruption(
            by=self.desk,
            now=NOW,
            location=self.clinic.location,
            kind=DisruptionKind.NURSE,
            staff=nurse,
            starts_at=self.nine - timedelta(hours=3),
            ends_at=self.nine + timedelta(hours=12),
            reason="",
        )

    def found(self) -> RepairRun:
        asked = ask_repair(by=self.desk, now=NOW, disruption=self.disruption)
        search(asked, NOW)
        return RepairRun.objects.get(pk=asked.pk)

    def accept(self, run: RepairRun, *groups: int) -> dict[str, int]:
        return accept_repair(by=self.desk, now=NOW, run=run, groups=groups or self.groups(run))

    @staticmethod
    def groups(run: RepairRun) -> list[int]:
        repair = repair_of(run.found)
        assert repair is not None
        return [change.group for change in repair.changes]

    def news(self) -> list[str]:
        new = Message.objects.exclude(pk__in=self.messages).exclude(kind=MessageKind.REMINDER)
        return sorted(new.values_list("kind", flat=True))


@pytest.fixture
def ill() -> Ill:
    return Ill()


def again(visit: Appointment) -> Appointment:
    return Appointment.objects.get(pk=visit.pk)


def test_one_stays_with_the_other_nurse_and_one_moves_by_the_fewest_minutes(ill: Ill) -> None:
    run = ill.found()
    repair = repair_of(run.found)
    assert repair is not None
    # Cy stays at noon with Ben. Between Bo and Cy he has no two hours left: Ada moves behind Cy, to 13:45.
    assert repair.cost == RepairCost(0, 1, 0, 285, 2)
    assert (run.state, repair.proven, repair.by_solver) == (RepairState.DONE, True, True)
    assert {change.visit for change in repair.changes} == {ill.ada.pk, ill.cy.pk}


def test_accepting_all_moves_covers_and_tells_in_one_act(ill: Ill) -> None:
    run = ill.found()
    assert ill.accept(run) == {"covered": 1, "moved": 1, "held": 0}
    ada, bo, cy = map(again, (ill.ada, ill.bo, ill.cy))
    assert (cy.starts_at, cy.nurse_id, cy.sequence) == (ill.cy.starts_at, ill.ben.pk, 0)
    assert (ada.nurse_id, ada.sequence, ada.status) == (ill.ben.pk, 1, Status.BOOKED)
    assert ada.starts_at != ill.ada.starts_at
    assert (bo.starts_at, bo.nurse_id, bo.sequence) == (ill.bo.starts_at, ill.ben.pk, 0)
    outcomes = DisruptedVisit.objects.order_by("was_at").values_list("resolution", flat=True)
    assert list(outcomes) == [Resolution.MOVED, Resolution.COVERED]
    assert not Alert.objects.open().filter(kind=AlertKind.UNCOVERED).exists()
    # Ada alone hears of it, once, and her calendar with it.
    assert ill.news() == [MessageKind.CONFIRMATION, MessageKind.INVITATION]
    assert AuditEntry.objects.filter(action="accept_repair").count() == 1
    # Each visit's own history says it as well.
    assert [(act.action, act.before, act.after) for act in acts(ada)] == [
        ("move_appointment", ill.ada.starts_at, ada.starts_at)
    ]
    assert [act.action for act in acts(cy)] == ["reassign"]
    assert RepairRun.objects.get().state == RepairState.ACCEPTED


def test_a_near_visit_is_held_for_the_call_and_nobody_is_told() -> None:
    ill = Ill(NOW + timedelta(hours=1))
    run = ill.found()
    before = Claim.objects.filter(appointment=ill.ada).count()
    done = ill.accept(run)
    assert (done["covered"], done["moved"]) == (1, 0)
    assert done["held"] == 1
    row = DisruptedVisit.objects.get(appointment=ill.ada)
    assert (row.call, row.resolution) == (CallState.TO_CALL, Resolution.OPEN)
    assert row.hold is not None
    assert again(ill.ada).starts_at == ill.ada.starts_at
    assert Claim.objects.filter(appointment=ill.ada).count() == before
    assert ill.news() == []


def test_some_groups_can_be_accepted_without_the_others(ill: Ill) -> None:
    run = ill.found()
    repair = repair_of(run.found)
    assert repair is not None
    group = next(change.group for change in repair.changes if change.visit == ill.cy.pk)
    others = {change.group for change in repair.changes} - {group}
    assert ill.accept(run, group)["covered"] == 1
    assert again(ill.cy).nurse_id == ill.ben.pk
    if others:
        assert again(ill.ada).starts_at == ill.ada.starts_at


def test_accepting_nothing_says_so(ill: Ill) -> None:
    run = ill.found()
    with pytest.raises(Refused) as refused:
        accept_repair(by=ill.desk, now=NOW, run=run, groups=[])
    assert (refused.value.code, refused.value.field) == ("nothing_chosen", "groups")


def test_a_day_that_somebody_else_changed_is_refused_with_nothing_half_applied(ill: Ill) -> None:
    run = ill.found()
    place = BookedPlace(ill.cy.starts_at + timedelta(hours=2), ill.second.pk, ill.ben.pk)
    move_appointment(by=ill.desk, now=NOW, appointment=ill.cy, place=place)
    with pytest.raises(Refused) as refused:
        ill.accept(run)
    assert refused.value.code == "day_changed"
    assert "Nothing was changed" in str(refused.value)
    assert f"{again(ill.cy)}: moved meanwhile." in str(refused.value)
    assert again(ill.ada).starts_at == ill.ada.starts_at


def test_a_place_taken_meanwhile_is_named_with_nothing_half_applied(ill: Ill) -> None:
    run = ill.found()
    repair = repair_of(run.found)
    assert repair is not None
    place = next(change.place for change in repair.changes if change.visit == ill.ada.pk)
    assert place is not None
    chair = ill.clinic.chair if place.chair == ill.clinic.chair.pk else ill.second
    ill.visit(from_step(place.start), chair=chair, nurse=ill.ben)
    with pytest.raises(Refused) as refused:
        ill.accept(run)
    assert refused.value.code in ("places_taken", "rules_broken")
    assert (again(ill.ada).starts_at, again(ill.cy).nurse_id) == (ill.ada.starts_at, ill.clinic.nurse.pk)


def test_a_rule_that_no_longer_holds_says_whose_visit_breaks_it(ill: Ill) -> None:
    run = ill.found()
    ill.away(ill.ben)
    with pytest.raises(Refused) as refused:
        ill.accept(run)
    assert refused.value.code == "rules_broken"
    assert str(refused.value).startswith("The day changed since this was found. Nothing was changed")
    assert f"{ill.ada.patient}: " in str(refused.value)
    assert again(ill.cy).nurse_id == ill.clinic.nurse.pk


def test_a_manager_covers_by_a_repair_and_moves_nobody(ill: Ill) -> None:
    run, manager = ill.found(), actor(factories.make_staff(Role.MANAGER))
    found = repair_of(run.found)
    assert found is not None
    with pytest.raises(NotAllowed):
        accept_repair(by=manager, now=NOW, run=run, groups=ill.groups(run))
    assert again(ill.ada).starts_at == ill.ada.starts_at


def test_a_proposal_is_accepted_once(ill: Ill) -> None:
    run = ill.found()
    ill.accept(run)
    with pytest.raises(Refused) as refused:
        ill.accept(run)
    assert refused.value.code == "repair_over"


def test_a_discarded_proposal_cannot_be_accepted(ill: Ill) -> None:
    run = ill.found()
    discard_repair(by=ill.desk, now=NOW, run=run)
    for attempt in (
        lambda: ill.accept(run),
        lambda: discard_repair(by=ill.desk, now=NOW, run=run),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.code == "repair_over"


def test_once_the_nurse_is_back_there_is_nothing_to_repair(ill: Ill) -> None:
    run = ill.found()
    lift_disruption(by=ill.desk, now=NOW, disruption=ill.disruption)
    for attempt in (
        lambda: ill.accept(run),
        lambda: ask_repair(by=ill.desk, now=NOW, disruption=Disruption.objects.get()),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.code == "disruption_lifted"


def test_with_every_visit_settled_there_is_nothing_to_repair(ill: Ill) -> None:
    for visit in (ill.ada, ill.cy):
        cancel_appointment(by=ill.desk, now=NOW, appointment=visit, canceller=Canceller.CLINIC)
    with pytest.raises(Refused) as refused:
        ask_repair(by=ill.desk, now=NOW, disruption=ill.disruption)
    assert refused.value.code == "nothing_to_repair"


def test_a_second_disruption_counts_the_first(ill: Ill) -> None:
    second = ill.away(ill.ben)
    problem = load_repair(disruption=second, now=NOW)
    # Of Ben's own visit alone; with both nurses away nobody is on shift that day.
    assert [lost.id for lost in problem.lost] == [ill.bo.pk]
    assert problem.others == ()
    day = problem.horizon.days_mask(lambda one: one == ill.bo.local_date)
    assert all(not nurse.shift & day for nurse in problem.nurses)


def test_one_search_runs_at_a_time_and_a_cut_off_one_is_replaced(ill: Ill) -> None:
    asked = ask_repair(by=ill.desk, now=NOW, disruption=ill.disruption)
    assert ask_repair(by=ill.desk, now=NOW, disruption=ill.disruption) == asked
    later = asked.until + timedelta(seconds=16)
    assert not is_cut_off(asked, later - timedelta(seconds=2))
    assert is_cut_off(asked, later)
    replaced = ask_repair(by=ill.desk, now=later, disruption=ill.disruption)
    assert replaced != asked
    assert RepairRun.objects.get(pk=asked.pk).state == RepairState.FAILED
    search(asked, later)
    assert RepairRun.objects.get(pk=asked.pk).found == {}


def test_a_search_that_is_stopped_keeps_the_best_so_far(ill: Ill) -> None:
    asked = ask_repair(by=ill.desk, now=NOW, disruption=ill.disruption)
    stop_repair(by=ill.desk, now=NOW, run=asked)
    search(asked, NOW)
    run = RepairRun.objects.get(pk=asked.pk)
    repair = repair_of(run.found)
    assert repair is not None
    assert (run.state, repair.by_solver, repair.proven) == (RepairState.DONE, False, False)


def test_a_search_that_fails_is_noted(ill: Ill, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_given: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("scheduling.services.repair_runs.load_repair", broken)
    asked = ask_repair(by=ill.desk, now=NOW, disruption=ill.disruption)
    with pytest.raises(RuntimeError):
        search(asked, NOW)
    assert RepairRun.objects.get(pk=asked.pk).state == RepairState.FAILED


def test_a_disruption_in_the_past_is_refused(ill: Ill) -> None:
    with pytest.raises(Refused) as refused:
        open_disruption(
            by=ill.desk,
            now=NOW,
            location=ill.clinic.location,
            kind=DisruptionKind.NURSE,
            staff=ill.ben,
            starts_at=NOW - timedelta(hours=5),
            ends_at=NOW - timedelta(hours=1),
            reason="",
        )
    assert refused.value.code == "disruption_over"
