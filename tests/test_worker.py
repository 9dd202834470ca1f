"""The worker as a command: one round, its rhythm, a fault in one duty, and a clean stop."""

import threading
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command

from scheduling.core.words import MessageKind, MessageState
from scheduling.management.commands import worker
from scheduling.models import Heartbeat, Message
from scheduling.services.duties import DUTIES, Duty, beat
from tests.factories import NOW, book_one_course

MINUTE = timedelta(minutes=1)


class Noted:
    """A duty that notes when it was done."""

    def __init__(self) -> None:
        self.at: list[datetime] = []

    def __call__(self, now: datetime) -> int:
        self.at.append(now)
        return 0


def make_worker() -> worker.Command:
    """A worker as `handle` prepares it, without its signals."""
    command = worker.Command()
    command.stop, command.done_at = threading.Event(), {}
    command.name, command.started_at = "here:1", NOW
    return command


@pytest.mark.django_db
def test_once_does_all_that_is_due_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    book_one_course(1)
    Message.objects.update(way="email", state=MessageState.WAITING)
    with time_machine.travel(NOW, tick=False):
        call_command("worker", "--once")
    # Nobody agreed to e-mail: what waited becomes a task.
    assert Message.objects.get(kind=MessageKind.CONFIRMATION).state == MessageState.TO_DO
    assert mail.outbox == []
    assert "1 messages handled." in capsys.readouterr().out


@pytest.mark.django_db
def test_every_duty_has_its_own_rhythm(monkeypatch: pytest.MonkeyPatch) -> None:
    often, seldom = Noted(), Noted()
    duties = (Duty("often", often, MINUTE), Duty("seldom", seldom, 5 * MINUTE))
    monkeypatch.setattr(worker, "DUTIES", duties)
    command = make_worker()
    for minutes in range(7):
        command._round(NOW + minutes * MINUTE)
    assert len(often.at) == 7
    assert seldom.at == [NOW, NOW + 5 * MINUTE]


@pytest.mark.django_db
def test_a_clock_that_was_set_back_stops_no_duty(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = Noted()
    monkeypatch.setattr(worker, "DUTIES", (Duty("one", noted, MINUTE),))
    command = make_worker()
    command._round(NOW)
    command._round(NOW - timedelta(days=365))
    assert len(noted.at) == 2


@pytest.mark.django_db
def test_a_duty_that_fails_keeps_no_other_from_being_done(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    good = Noted()

    def fail(now: datetime) -> int:
        raise ValueError("out of order")

    monkeypatch.setattr(worker, "DUTIES", (Duty("bad", fail, MINUTE), Duty("good", good, MINUTE)))
    make_worker()._round(NOW)
    assert good.at == [NOW]
    assert "The duty “bad” failed." in caplog.text


@pytest.mark.django_db
def test_a_heartbeat_shows_who_is_at_work_and_forgets_the_dead() -> None:
    beat("here:1", NOW, NOW)
    beat("there:2", NOW, NOW + timedelta(hours=23))
    beat("here:1", NOW, NOW + MINUTE)
    assert Heartbeat.objects.get(worker="here:1").beat_at == NOW + MINUTE
    beat("there:2", NOW, NOW + timedelta(days=2))
    assert list(Heartbeat.objects.values_list("worker", flat=True)) == ["there:2"]


def test_the_names_of_duties_are_their_own() -> None:
    assert len({duty.name for duty in DUTIES}) == len(DUTIES)
