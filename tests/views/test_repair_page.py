"""The page of a repair: asked for, watched, accepted all, some or none, and refused beside what happened."""

from datetime import timedelta

import pytest
from django.test import Client

from scheduling.core.words import RepairState, Role
from scheduling.models import Appointment, RepairRun
from scheduling.services import repair_runs
from scheduling.services.appointments import move_appointment
from scheduling.services.booking import BookedPlace
from scheduling.services.disruptions import lift_disruption
from tests.factories import NOW
from tests.services.test_repairs import Ill
from tests.views.clients import logged_in, said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


@pytest.fixture
def ill() -> Ill:
    return Ill()


@pytest.fixture
def nurse() -> Client:
    return logged_in(Role.NURSE)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search is over before the page answers."""
    monkeypatch.setattr("scheduling.views.repairs.start_search", repair_runs.search)


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search goes on and on."""
    monkeypatch.setattr("scheduling.views.repairs.start_search", lambda _asked, _now: None)


def url(ill: Ill) -> str:
    return f"/disruptions/{ill.disruption.pk}/repair/"


def accept(client: Client, ill: Ill, **given: object) -> object:
    run = RepairRun.objects.latest("pk")
    return client.post(url(ill), {"action": "accept", "repair": run.pk, "which": "chosen", **given})


def test_the_disruption_leads_to_one_proposal_for_all(ill: Ill, nurse: Client) -> None:
    assert url(ill) in nurse.get(f"/disruptions/{ill.disruption.pk}/").content.decode()
    assert "Find a repair for 2 visits" in " ".join(nurse.get(url(ill)).content.decode().split())


@pytest.mark.usefixtures("at_once")
def test_what_is_found_is_shown_before_and_after_with_how_sure_it_is(ill: Ill, nurse: Client) -> None:
    assert nurse.post(url(ill), {"action": "ask"})["Location"] == url(ill)
    page = nurse.get(url(ill))
    html = " ".join(page.content.decode().split())
    assert "1 patient moved, 0 without a place" in html
    assert "Proven: no other proposal leaves or moves fewer patients." in html
    assert "same time with Ben" in html
    assert "moved, the patient is told at once" in html
    assert "4 h 45 min later" in html
    assert "in place of Ana, Chair 1" in html
    shown = page.context["shown"]
    rows = {row.visit.pk: row for group in shown.groups for row in group.rows}
    assert rows[ill.cy.pk].keeps_time
    assert f"{rows[ill.ada.pk].after:%H:%M}" == "13:45"


@pytest.mark.usefixtures("at_once")
def test_all_of_it_is_accepted_at_once(ill: Ill, nurse: Client) -> None:
    nurse.post(url(ill), {"action": "ask"})
    answer = accept(nurse, ill, which="all")
    assert said(answer) == ["1 visit is moved and told. 1 visit has another nurse or chair."]
    assert Appointment.objects.get(pk=ill.cy.pk).nurse_id == ill.ben.pk
    html = nurse.get(url(ill)).content.decode()
    assert "there is nothing to repair" in html


@pytest.mark.usefixtures("at_once")
def test_a_manager_is_offered_nothing_that_moves_a_patient(ill: Ill, nurse: Client) -> None:
    nurse.post(url(ill), {"action": "ask"})
    manager = logged_in(Role.MANAGER)
    html = manager.get(url(ill)).content.decode()
    assert "what moves somebody cannot be ticked" in html
    assert "Accept all" not in html
    assert accept(manager, ill, which="all").status_code == 403  # type: ignore[attr-defined]


@pytest.mark.usefixtures("at_once")
def test_nothing_ticked_is_said_beside_the_boxes(ill: Ill, nurse: Client) -> None:
    nurse.post(url(ill), {"action": "ask"})
    page = accept(nurse, ill)
    assert page.status_code == 409  # type: ignore[attr-defined]
    assert 'id="groups-error">Choose at least one change.' in page.content.decode()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("text", ["x", "-1", "9" * 30, "²"])
def test_a_group_that_is_none_counts_as_none(ill: Ill, nurse: Client, text: str) -> None:
    nurse.post(url(ill), {"action": "ask"})
    assert accept(nurse, ill, groups=text).status_code == 409  # type: ignore[attr-defined]


@pytest.mark.usefixtures("at_once")
def test_a_day_changed_meanwhile_is_told_beside_a_button_for_a_fresh_search(ill: Ill, nurse: Client) -> None:
    nurse.post(url(ill), {"action": "ask"})
    place = BookedPlace(ill.cy.starts_at + timedelta(hours=2), ill.second.pk, ill.ben.pk)
    move_appointment(by=ill.desk, now=NOW, appointment=ill.cy, place=place)
    page = accept(nurse, ill, which="all")
    html = page.content.decode()  # type: ignore[attr-defined]
    assert "The day changed since this was found. Nothing was changed; search again." in html
    assert "Search again" in html
    nurse.post(url(ill), {"action": "ask"})
    assert accept(nurse, ill, which="all").status_code == 302  # type: ignore[attr-defined]


@pytest.mark.usefixtures("at_once")
def test_two_who_accept_are_told_apart(ill: Ill, nurse: Client) -> None:
    nurse.post(url(ill), {"action": "ask"})
    accept(nurse, ill, which="all")
    page = accept(logged_in(Role.NURSE), ill, which="all")
    assert "used or thrown away meanwhile" in page.content.decode()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("at_once")
def test_none_of_it_is_accepted(ill: Ill, nurse: Client) -> None:
    nurse.post(url(ill), {"action": "ask"})
    run = RepairRun.objects.get()
    answer = nurse.post(url(ill), {"action": "discard", "repair": run.pk})
    assert said(answer) == ["The proposal is thrown away. Nothing was changed."]
    assert RepairRun.objects.get().state == RepairState.DISCARDED
    for sent in ({"repair": run.pk}, {}):
        twice = nurse.post(url(ill), {"action": "discard", **sent})
        assert "used or thrown away meanwhile" in twice.content.decode()


@pytest.mark.usefixtures("never")
def test_a_search_is_watched_and_stopped(ill: Ill, nurse: Client) -> None:
    nurse.post(url(ill), {"action": "ask"})
    assert "Searching: 0 of at most 20 s" in nurse.get(url(ill)).content.decode()
    piece = nurse.get(url(ill), headers={"HX-Request": "true"}).content.decode()
    assert piece.lstrip().startswith('<div class="repair-progress"')
    nurse.post(url(ill), {"action": "ask"})
    assert RepairRun.objects.count() == 1
    nurse.post(url(ill), {"action": "stop"})
    asked = RepairRun.objects.get()
    assert asked.stop_asked
    repair_runs.search(asked, NOW)
    assert nurse.get(url(ill), headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


@pytest.mark.usefixtures("never")
def test_a_search_that_was_cut_off_says_so_and_starts_again(ill: Ill, nurse: Client) -> None:
    nurse.post(url(ill), {"action": "ask"})
    RepairRun.objects.update(asked_at=NOW - timedelta(minutes=2), until=NOW - timedelta(minutes=1))
    assert "was cut off before it ended" in nurse.get(url(ill)).content.decode()
    nurse.post(url(ill), {"action": "ask"})
    assert list(RepairRun.objects.order_by("pk").values_list("state", flat=True)) == ["failed", "running"]


def test_once_the_nurse_is_back_the_page_says_why_nothing_is_searched(ill: Ill, nurse: Client) -> None:
    lift_disruption(by=ill.desk, now=NOW, disruption=ill.disruption)
    page = nurse.post(url(ill), {"action": "ask"})
    assert page.status_code == 409
    assert "This was lifted: everything is back." in page.content.decode()


@pytest.mark.usefixtures("at_once")
def test_without_the_optimizer_the_page_says_so(
    ill: Ill, nurse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduling.core.repair.search.HAS_SOLVER", False)
    nurse.post(url(ill), {"action": "ask"})
    assert "Made by the simple method" in nurse.get(url(ill)).content.decode()
