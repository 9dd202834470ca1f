"""The steps a protocol proposes for the follow-up are part of its version."""

import pytest
from django.test import Client

from scheduling.access import SYSTEM
from scheduling.core.plan_steps import Step
from scheduling.models import Protocol, TaperStep
from scheduling.services.faults import Refused
from scheduling.services.protocols import ProtocolContent, revise_protocol
from tests import factories
from tests.admin.pages import errors, send
from tests.admin.test_setting_up import ADMIN


@pytest.fixture
def protocol(db: None) -> Protocol:
    return factories.make_protocol("iv")


def steps(protocol: Protocol) -> list[tuple[int | None, ...]]:
    return list(protocol.taper.values_list("position", "per_week", "every_weeks", "weeks"))


def test_steps_are_saved_with_the_next_version_and_carried_on(manager: Client, protocol: Protocol) -> None:
    typed = {"step_1_per_week": 1, "step_1_weeks": 4, "step_2_every_weeks": 2}
    send(manager, f"{ADMIN}/protocol/{protocol.pk}/change/", **typed)
    second = Protocol.objects.get(is_current=True)
    assert steps(protocol) == []
    assert steps(second) == [(1, 1, None, 4), (2, None, 2, None)]

    send(manager, f"{ADMIN}/protocol/{second.pk}/change/", minutes_treatment=60)
    assert steps(Protocol.objects.get(is_current=True, version=3)) == [(1, 1, None, 4), (2, None, 2, None)]


def test_an_earlier_version_shows_its_steps_in_words(manager: Client, protocol: Protocol) -> None:
    TaperStep.objects.create(protocol=protocol, position=1, per_week=2, weeks=4)
    TaperStep.objects.create(protocol=protocol, position=2, every_weeks=2)
    Protocol.objects.update(is_current=False)
    page = manager.get(f"{ADMIN}/protocol/{protocol.pk}/change/").content.decode()
    assert "2 a week for 4 weeks; one every 2 weeks until a review" in page


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (
            {"step_1_per_week": 1, "step_1_every_weeks": 2},
            "Give 1 to 7 infusions a week, or one every 1 to 26 weeks, not both.",
        ),
        (
            {"step_1_per_week": 1, "step_2_every_weeks": 2},
            "Step 1: Only the last step may be open. Say for how many weeks this one lasts.",
        ),
        (
            {"step_1_per_week": 4, "step_1_weeks": 2},
            "Step 1: The protocol's spacing does not allow that many infusions a week.",
        ),
        ({"step_1_every_weeks": 4, "step_1_weeks": 2}, "The step is over before its first visit."),
    ],
)
def test_steps_that_make_no_plan_are_refused(
    manager: Client, protocol: Protocol, typed: dict[str, int], words: str
) -> None:
    page = send(manager, f"{ADMIN}/protocol/{protocol.pk}/change/", **typed)
    assert words in str(errors(page))
    assert Protocol.objects.get() == protocol


def test_the_service_refuses_them_too(protocol: Protocol) -> None:
    content = ProtocolContent(protocol.pattern_phases(), {}, (), (Step(per_week=1), Step(per_week=1)))
    with pytest.raises(Refused) as refused:
        revise_protocol(by=SYSTEM, now=factories.NOW, protocol=protocol, content=content)
    assert (refused.value.code, refused.value.field) == ("open_not_last", "taper")
