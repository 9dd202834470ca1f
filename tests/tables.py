"""Tables made once and copied: the migrations take six seconds, a copy takes none.

A file under var/tables/ for SQLite, a database of the server for PostgreSQL; its name says what it was made from.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql

from clinic import env

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "var" / "tables"


def made_from() -> str:
    """A short name of all that decides how tables look: migrations, constraints, settings, Django."""
    files = [*ROOT.glob("scheduling/migrations/*.py"), *ROOT.glob("scheduling/models/*.py")]
    text = b"".join(path.read_bytes() for path in sorted([*files, ROOT / "clinic" / "settings.py"]))
    versions = f"{version('django')} {version('django-allauth')}"
    return hashlib.sha256(text + versions.encode()).hexdigest()[:16]


def migrate(database_url: str) -> None:
    """Make the tables by the migrations."""
    settings = {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=True)


def file_with_tables() -> Path:
    """An SQLite database with tables and nothing in them, to be copied."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{made_from()}.sqlite3"
    with _one_at_a_time():
        if not path.exists():
            for older in KEPT.glob("*.sqlite3*"):
                older.unlink()
            unfinished = path.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            migrate(f"sqlite:///{unfinished}")
            unfinished.rename(path)
    return path


def database_with_tables() -> str:
    """The name of a database of the PostgreSQL in DATABASE_URL with tables and nothing in them, a template."""
    name = f"tables_{made_from()}"
    with _one_at_a_time(), admin() as server:
        found = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not found:
            unfinished = f"{name}_unfinished"
            quoted = sql.Identifier(unfinished)
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(quoted))
            server.execute(sql.SQL("CREATE DATABASE {}").format(quoted))
            migrate(url_of(unfinished))
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(quoted, sql.Identifier(name))
            server.execute(rename)
    return name


def admin() -> "psycopg.Connection[tuple[object, ...]]":
    """A connection to the server that may make databases."""
    settings = env.database(os.environ["DATABASE_URL"], ROOT)
    return psycopg.connect(
        host=settings["HOST"], user=settings["USER"], dbname=settings["NAME"], autocommit=True
    )


def url_of(name: str) -> str:
    """Where another database of the server is."""
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """The workers of pytest wait for the first of them."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
