"""A protocol is never changed: an edit makes the next version, and booked visits keep theirs."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from scheduling.access import SYSTEM
from scheduling.core.pattern import Phase, PhaseKind
from scheduling.models import AuditEntry, Prerequisite, Protocol, ProtocolInstruction, StaffMember
from scheduling.services.faults import Refused
from scheduling.services.protocols import ProtocolContent, require_sound_phases, revise_protocol
from tests import factories
from tests.admin.pages import errors, said, send
from tests.admin.test_setting_up import ADMIN


@pytest.fixture
def protocol(db: None) -> Protocol:
    protocol = factories.make_protocol("iv")
    ProtocolInstruction.objects.create(protocol=protocol, language="en", text="Come rested.\nBring a friend.")
    protocol.prerequisites.add(
        Prerequisite.objects.create(code="consent", name="Consent", required_before="first")
    )
    return protocol


def change(manager: Client, protocol: Protocol, **typed: Any) -> Any:
    return send(manager, f"{ADMIN}/protocol/{protocol.pk}/change/", **typed)


def test_an_edit_makes_version_two(manager: Client, protocol: Protocol, boss: StaffMember) -> None:
    page = change(manager, protocol, minutes_treatment=60, text_es="Venga descansado.", _continue="1")
    old, new = Protocol.objects.order_by("version")

    assert (old.pk, old.version, old.is_current) == (protocol.pk, 1, False)
    assert (new.code, new.version, new.is_current, new.made_at) == ("iv", 2, True, factories.NOW)
    assert [phase.minutes for phase in old.phases.all()] == [15, 15, 40, 45, 5, 15]
    assert [phase.minutes for phase in new.phases.all()] == [15, 15, 60, 45, 5, 15]
    assert old.instructions.count() == 1
    assert {row.language: row.text for row in new.instructions.all()} == {
        "en": "Come rested.\nBring a friend.",
        "es": "Venga descansado.",
    }
    assert [row.code for row in new.prerequisites.all()] == ["consent"]
    assert page.url == f"{ADMIN}/protocol/{new.pk}/change/"
    assert said(manager.get(page.url)) == [
        "IV infusion (v2) was made. Visits that are already booked keep their version."
    ]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject_id, entry.staff) == ("revise_protocol", new.pk, boss)
    assert entry.facts == {"code": "iv", "version": 2, "replaces": old.pk}


def test_limits_observation_and_locations_are_typed_and_kept_by_later_versions(
    manager: Client, protocol: Protocol
) -> None:
    here, there = factories.make_location("Here"), factories.make_location("There")
    change(
        manager,
        protocol,
        observation_minutes=90,
        may_override_prerequisites="on",
        systolic_low=95,
        systolic_high=150,
        diastolic_low=55,
        diastolic_high=95,
        locations=[here.pk],
    )
    second = Protocol.objects.get(is_current=True)
    change(manager, second, minutes_treatment=60)
    third = Protocol.objects.get(is_current=True)

    assert [version.version for version in (second, third)] == [2, 3]
    for version in (second, third):
        assert (version.observation_minutes, version.may_override_prerequisites) == (90, True)
        assert (version.systolic_low, version.systolic_high) == (95, 150)
        assert (version.diastolic_low, version.diastolic_high) == (55, 95)
        assert list(version.locations.all()) == [here]
    assert list(protocol.locations.all()) == []

    change(manager, third, locations=[here.pk, there.pk])
    assert set(Protocol.objects.get(is_current=True).locations.all()) == {here, there}
    shown = manager.get(f"{ADMIN}/protocol/{third.pk}/change/").content.decode()
    assert '<div class="readonly">Here</div>' in shown
    shown = manager.get(f"{ADMIN}/protocol/{protocol.pk}/change/").content.decode()
    assert '<div class="readonly">everywhere</div>' in shown


def test_the_page_says_when_a_prerequisite_is_asked_for(manager: Client, protocol: Protocol) -> None:
    page = manager.get(f"{ADMIN}/prerequisite/{protocol.prerequisites.get().pk}/change/")

    assert "recorded anew for each visit by a nurse" in page.content.decode()


def test_booked_visits_keep_their_version(manager: Client, protocol: Protocol) -> None:
    protocol.prerequisites.clear()
    location = factories.make_location()
    order = factories.make_order(factories.make_patient(location), protocol)
    nurse, chair = factories.make_nurse(location), factories.make_chair(location)
    series = factories.book(order, location, chair, nurse, [datetime(2026, 1, 6, 14, tzinfo=UTC)])
    change(manager, protocol, minutes_treatment=60)

    assert series.appointments.get().protocol == protocol
    assert Protocol.objects.get(is_current=True).version == 2


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_saving_without_a_change_makes_none(manager: Client, protocol: Protocol, line_end: str) -> None:
    page = change(manager, protocol, text_en=line_end.join(["Come rested.", "Bring a friend."]))

    assert Protocol.objects.get() == protocol
    assert said(manager.get(page.url)) == ["Saved. IV infusion (v1) stays the current version."]
    assert AuditEntry.objects.count() == 0


def test_taking_it_out_of_use_makes_none_either(manager: Client, protocol: Protocol) -> None:
    change(manager, protocol, is_active=None)

    assert Protocol.objects.get().is_active is False
    assert [entry.action for entry in AuditEntry.objects.all()] == ["configure"]


def test_an_earlier_version_is_only_looked_at(manager: Client, protocol: Protocol) -> None:
    change(manager, protocol, minutes_treatment=60)
    page = manager.get(f"{ADMIN}/protocol/{protocol.pk}/change/")

    assert "treatment: 40 min" in page.content.decode()
    assert "Bring a friend." in page.content.decode()
    assert 'name="_save"' not in page.content.decode()
    assert manager.post(f"{ADMIN}/protocol/{protocol.pk}/change/", {"name": "Changed"}).status_code == 403


def test_two_managers_at_once_make_one_version(manager: Client, protocol: Protocol) -> None:
    stale = Protocol.objects.get()
    change(manager, protocol, minutes_treatment=60)
    content = ProtocolContent(phases=stale.pattern_phases(), instructions={}, prerequisites=())
    with pytest.raises(Refused) as refused:
        revise_protocol(by=SYSTEM, now=factories.NOW, protocol=stale, content=content)

    assert refused.value.code == "protocol_one_current"
    assert Protocol.objects.count() == 2


@pytest.mark.parametrize(
    "phases", [factories.IV_PHASES[::-1], factories.IV_PHASES[:3], factories.IV_PHASES * 2]
)
def test_phases_out_of_order_missing_or_twice_are_refused(phases: tuple[tuple[PhaseKind, int], ...]) -> None:
    with pytest.raises(Refused) as refused:
        require_sound_phases([Phase(kind, minutes) for kind, minutes in phases])

    assert refused.value.code == "phases"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (
            {"minutes_treatment": "42"},
            "Ensure this value is a multiple of step size 5, starting from 5, e.g. 5, 10, 15, and so on.",
        ),
        ({"minutes_treatment": "0"}, "Ensure this value is greater than or equal to 5."),
        ({"minutes_discharge": None}, "This field is required."),
        ({"minutes_preparation": "soon"}, "Enter a whole number."),
        ({"dose_low": "2"}, "Give both ends of the usual dose, the lower first."),
        ({"dose_choices": "56, 84"}, "A dose in mg needs its list of doses; one in mg/kg has none."),
        ({"per_week": "4"}, "Infusions a week are 1 to the most in any 7 days, which is at most 7."),
        ({"induction_count": "0"}, "Ensure this value is greater than or equal to 1."),
        ({"systolic_low": "170"}, "The lower limit of a blood pressure is below the upper one."),
        ({"diastolic_high": "50"}, "The lower limit of a blood pressure is below the upper one."),
        ({"observation_minutes": "721"}, "An observation lasts at most 720 minutes."),
        ({"observation_minutes": "-1"}, "Ensure this value is greater than or equal to 0."),
        ({"ideal_low": "9"}, "Gaps rise: shortest, ideal from, ideal to, longest; at least one day."),
        ({"check_in_hours": "4; 24"}, "Whole numbers parted by commas."),
        ({"check_in_hours": "4, 2161"}, "A check-in is at most 2160 hours after the visit."),
    ],
)
def test_what_makes_no_regimen_is_refused(
    manager: Client, protocol: Protocol, typed: dict[str, Any], words: str
) -> None:
    page = change(manager, protocol, **typed)

    assert words in errors(page)
    assert Protocol.objects.count() == 1


def test_phases_of_more_than_a_day_are_refused(manager: Client, protocol: Protocol) -> None:
    page = change(manager, protocol, minutes_treatment=720, minutes_recovery=720)

    assert errors(page)[0].startswith("A visit is check-in, preparation, treatment")


def test_a_code_in_use_is_refused(manager: Client, protocol: Protocol) -> None:
    page = send(manager, f"{ADMIN}/protocol/add/", code="iv", name="Other", route="iv", dose_unit="mg_per_kg")

    assert errors(page) == ["This code is taken. Open that protocol to make its next version."]


def test_deleting_an_unused_version_brings_the_one_before_back(manager: Client, protocol: Protocol) -> None:
    change(manager, protocol, minutes_treatment=60)
    new = Protocol.objects.get(is_current=True)
    manager.post(f"{ADMIN}/protocol/{new.pk}/delete/", {"post": "yes"})

    protocol.refresh_from_db()
    assert (Protocol.objects.count(), protocol.is_current) == (1, True)
    assert [entry.action for entry in AuditEntry.objects.all()] == ["delete_protocol", "revise_protocol"]
