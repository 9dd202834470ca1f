"""The command behind `make demo`: everything starts together and ends together."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.conf import settings

from .tables import file_with_tables
from .test_logs import free_port


def variables(database: Path) -> dict[str, str]:
    """The environment of a demo with this database."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "clinic.settings",
        "DATABASE_URL": f"sqlite:///{database}",
        "DEMO": "1",
    }


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A demo with an empty, migrated database of its own."""
    return variables(Path(shutil.copy(file_with_tables(), tmp_path / "demo.sqlite3")))


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "manage.py", "serve", f"--port={port}"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        yield process
        process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> None:
    """Read what the command prints until a line contains the text."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return
    pytest.fail(f"never printed {text!r}: {''.join(seen)}")


def is_served(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_it_prints_its_address_when_it_serves_and_leaves_nothing_running(
    server: subprocess.Popen[str], port: int, number: signal.Signals
) -> None:
    read_until(server, f"http://127.0.0.1:{port}/")
    assert is_served(port)
    server.send_signal(number)
    assert server.wait(timeout=20) == 0
    assert not is_served(port)


def test_when_one_process_ends_the_command_ends_and_says_which(
    server: subprocess.Popen[str], port: int
) -> None:
    read_until(server, f"http://127.0.0.1:{port}/")
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    web = next(child for child in children if b"gunicorn" in Path(f"/proc/{child}/cmdline").read_bytes())
    os.kill(int(web), signal.SIGKILL)
    output, _ = server.communicate(timeout=10)
    assert server.returncode == 1
    assert "gunicorn" in output
    assert "ended (-9)" in output
    time.sleep(0.5)
    assert not is_served(port)
