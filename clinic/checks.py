"""System checks: is this installation fit to hold appointments?"""

import importlib.util
import zoneinfo
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import connections

from clinic.env import WAL_SAFE_SINCE, journal_mode


@register()
def zone_data(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to start on any zone data but PyPI's tzdata."""
    if importlib.util.find_spec("tzdata") is None:
        return [
            Error("The package tzdata is missing.", hint="pip install -r requirements.lock", id="clinic.E001")
        ]
    if zoneinfo.TZPATH:
        return [
            Error(
                f"Time zones are read from {', '.join(zoneinfo.TZPATH)} instead of the package tzdata.",
                hint="Nothing may call zoneinfo.reset_tzpath() after the settings.",
                id="clinic.E002",
            )
        ]
    return []


@register(Tags.database)
def journal(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Say which SQLite journal is in force, and warn when it is not the safe one."""
    return [_journal_of(alias) for alias in databases or [] if connections[alias].vendor == "sqlite"]


def _journal_of(alias: str) -> CheckMessage:
    # Imported here: a machine with PostgreSQL may lack SQLite.
    from sqlite3 import sqlite_version  # noqa: PLC0415

    with connections[alias].cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        found = str(cursor.fetchone()[0]).upper()
    if found not in {journal_mode(), "MEMORY"}:
        return Warning(
            f"SQLite {sqlite_version} uses the journal mode {found}; {journal_mode()} is the safe one here.",
            hint="Stop every process that has the file open and start again.",
            id="clinic.W001",
        )
    safe_since = ".".join(map(str, WAL_SAFE_SINCE))
    return Info(
        f"SQLite {sqlite_version} uses the journal mode {found} (WAL is used from SQLite {safe_since} on).",
        id="clinic.I001",
    )


@register(Tags.security, deploy=True)
def addresses(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Warn when links would point at this machine or travel unencrypted."""
    if settings.BASE_URL.startswith("https://"):
        return []
    return [
        Warning(
            f"BASE_URL is {settings.BASE_URL}: the links in messages to patients begin with it.",
            hint="Set BASE_URL to the https:// address of this installation.",
            id="clinic.W002",
        )
    ]
