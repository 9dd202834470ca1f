"""Workers killed at random points lose no message, and double at most one a kill."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.race
ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 20


def run_kills(database_url: str, *options: str) -> dict[str, Any]:
    """What the program printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.race.kills", "--rounds", str(ROUNDS), *options],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_killed_workers_lose_nothing_and_every_calendar_ends_as_the_book(database_url: str) -> None:
    outcome = run_kills(database_url)
    assert outcome["kills"] == ROUNDS + 1
    assert outcome["messages"] > 60
    assert (outcome["lost"], outcome["unmarked"], outcome["waiting"]) == (0, 0, 0)
    assert outcome["duplicates"] <= outcome["kills"]
    assert outcome["wrong_calendars"] == 0
    # One attempt stands for every message that arrived: a second delivery is the server's, not ours.
    assert outcome["attempts"] == outcome["messages"]


@pytest.mark.control
def test_marking_before_sending_would_lose_messages(database_url: str) -> None:
    assert run_kills(database_url, "--careless")["lost"] > 0
