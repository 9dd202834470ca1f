"""Several workers extend the same plans at once: every plan gets its block once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.race

ROOT = Path(__file__).resolve().parents[2]


def test_workers_that_extend_the_same_plans_book_each_block_once(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.race.extending", "--workers", "4", "--plans", "8"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["visits"] == [6] * 8
    assert sum(outcome["booked"]) == 16
    assert outcome["overlaps"] == 0
