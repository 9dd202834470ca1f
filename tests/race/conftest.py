"""A database of its own for every race: real processes write it. The tables are made once and copied."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from clinic import env

ROOT = Path(__file__).resolve().parents[2]


def migrate(database_url: str) -> None:
    """Make the tables."""
    settings = {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=True)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with tables and nothing in them: the path of its file, or its name on the server."""
    if connection.vendor == "sqlite":
        path = tmp_path_factory.mktemp("race") / "template.sqlite3"
        migrate(f"sqlite:///{path}")
        yield str(path)
        return
    with admin() as server:
        name = f"race_{uuid4().hex}"
        server.execute(f'CREATE DATABASE "{name}"')
        migrate(url_of(name))
        yield name
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def admin() -> "psycopg.Connection[tuple[object, ...]]":
    """A connection to the server that may make databases."""
    settings = env.database(os.environ["DATABASE_URL"], ROOT)
    return psycopg.connect(
        host=settings["HOST"], user=settings["USER"], dbname=settings["NAME"], autocommit=True
    )


def url_of(name: str) -> str:
    """Where another database of the server is."""
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


@pytest.fixture
def database_url(tmp_path: Path, template: str) -> Iterator[str]:
    """A fresh database of the kind under test, dropped afterwards."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{shutil.copy(template, tmp_path / 'race.sqlite3')}"
        return
    name = f"race_{uuid4().hex}"
    with admin() as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield url_of(name)
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
