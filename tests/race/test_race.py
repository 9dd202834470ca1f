"""32 processes race for the same places: nobody is booked twice, everybody gets a clear answer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.race

ROOT = Path(__file__).resolve().parents[2]
CLEAR_ANSWERS = {
    "booked",
    "places_taken",
    "claim_no_overlap",
    "appointment_one_a_day",
    "rules_broken",
    "order_not_overbooked",
}


def run_arena(database_url: str, *options: str) -> dict[str, Any]:
    """What the race printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.race.arena", *options],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result | {"stderr": done.stderr}


def test_racing_bookings_never_overlap_and_every_loser_gets_a_clear_answer(database_url: str) -> None:
    outcome = run_arena(database_url, "--processes", "32", "--attempts", "30")
    assert set(outcome["results"]) <= CLEAR_ANSWERS, outcome["stderr"]
    assert outcome["overlaps"] == 0
    assert outcome["broken"] == 0
    assert sum(outcome["results"].values()) == 32 * 30
    assert outcome["results"]["booked"] >= 30
    assert outcome["results"]["places_taken"] > 0


def test_without_guard_and_locks_the_same_race_overlaps(database_url: str) -> None:
    outcome = run_arena(database_url, "--processes", "16", "--attempts", "30", "--unguarded")
    assert outcome["overlaps"] > 0
