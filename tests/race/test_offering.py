"""Several workers and several answers at once: a place is offered to one patient, and an offer answered once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.race

ROOT = Path(__file__).resolve().parents[2]


def test_a_place_is_offered_to_one_and_an_offer_is_answered_once(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.race.offering", "--workers", "4", "--patients", "6"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    offers = outcome["offers"]
    assert offers >= 4
    assert (outcome["places"], outcome["patients"], sum(outcome["offered"])) == (offers, offers, offers)
    for ends in outcome["ends"]:
        assert ends[0] == "done"
        assert set(ends[1:]) in ({"offer_accepted"}, {"offer_declined"})
    assert "open" not in outcome["states"]
    assert outcome["overlaps"] == 0
