"""A database of its own for every race: real processes write it. Its tables are copied."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection

from tests import tables


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A fresh database of the kind under test, dropped afterwards."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{shutil.copy(tables.file_with_tables(), tmp_path / 'race.sqlite3')}"
        return
    name, template = f"race_{uuid4().hex}", tables.database_with_tables()
    with tables.admin() as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield tables.url_of(name)
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
