"""A worker that is asked to stop ends by itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.race
def test_asked_to_stop_it_ends_by_itself(database_url: str) -> None:
    environment = os.environ | {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    manage: Any = {"cwd": ROOT, "env": environment}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True, **manage)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "worker", "--pause", "0.1"], stderr=subprocess.PIPE, text=True, **manage
    )
    wait_for_a_heartbeat(database_url, manage)
    process.send_signal(signal.SIGTERM)
    _out, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def wait_for_a_heartbeat(database_url: str, manage: Any) -> None:
    """Until the worker has gone its first round; it is asked through a process of its own."""
    script = (
        "import django, time; django.setup()\n"
        "from scheduling.models import Heartbeat\n"
        "for _ in range(200):\n"
        "    if Heartbeat.objects.exists(): break\n"
        "    time.sleep(0.1)\n"
        "else: raise SystemExit('no heartbeat')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, **manage)
