"""Whoever comes, leaves, starts and ends at the same moment: no patient is left without a prescriber unnoticed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.race

ROOT = Path(__file__).resolve().parents[2]


def run_races(database_url: str, *options: str) -> dict[str, Any]:
    """What the races printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.race.presence", "--rounds", "3", *options],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_start_is_refused_or_whoever_leaves_raises_the_alert(database_url: str) -> None:
    outcome = run_races(database_url)
    assert outcome["wrong"] == []
    ends = outcome["ends"]
    for kind, leave in (("start", 3), ("start_with_two", 6)):
        assert set(ends[kind]) <= {"record_step: done", "record_step: no_prescriber_here", "mark_left: done"}
        assert ends[kind]["mark_left: done"] == leave
    assert {kind: ends[kind] for kind in ("both_leave", "relieve", "end", "take_back")} == {
        "both_leave": {"mark_left: done": 6},
        "relieve": {"mark_present: done": 3, "mark_left: done": 3},
        "end": {"discharge: done": 3, "mark_left: done": 3},
        "take_back": {"undo_step: done": 3, "mark_left: done": 6},
    }


def test_without_locks_the_same_races_leave_patients_alone(database_url: str) -> None:
    assert {"start", "start_with_two"} <= set(run_races(database_url, "--unguarded")["wrong"])
