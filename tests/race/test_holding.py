"""Clerks with the same question at the same moment: what one has on screen nobody else can hold or book."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.race

ROOT = Path(__file__).resolve().parents[2]


def run_clerks(database_url: str, *options: str) -> dict[str, Any]:
    """How their holding and booking ended."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.race.holding", "--clerks", "4", "--rounds", "3", *options],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_whoever_holds_a_proposal_books_it_however_many_ask_at_once(database_url: str) -> None:
    outcome = run_clerks(database_url)
    assert outcome["overlaps"] == 0
    assert set(outcome["ends"]) == {"hold: done", "hold: places_taken", "book: done"}
    assert (outcome["ends"]["hold: done"], outcome["ends"]["book: done"]) == (12, 12)


def test_without_holding_the_same_clerks_lose_what_they_look_at(database_url: str) -> None:
    ends = run_clerks(database_url, "--unheld")["ends"]
    assert ends["book: places_taken"] > 0
