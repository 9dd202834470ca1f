"""The environment variables an installation is set up with."""

import os
import subprocess
import sys
import zoneinfo
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from clinic import checks, env

HERE = Path("/srv/clinic")


def run_check(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py check` in a process of its own, with these variables and no others of ours."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=settings.BASE_DIR,
        env=clean | {"DATABASE_URL": "sqlite:///:memory:"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_secret_key_it_refuses_to_start_and_says_how_to_make_one() -> None:
    result = run_check()
    assert result.returncode == 1
    assert "SECRET_KEY is not set" in result.stderr
    assert "secrets.token_urlsafe(50)" in result.stderr


@pytest.mark.parametrize("mode", ["DEBUG", "DEMO"])
def test_debug_and_demo_start_without_a_secret_key(mode: str) -> None:
    assert run_check(**{mode: "1"}).returncode == 0


def test_a_real_installation_passes_the_deployment_checks() -> None:
    result = run_check(
        *("--deploy", "--database", "default", "--fail-level", "WARNING"),
        SECRET_KEY="x7" * 12 + "kQ9_-aZ" * 5,
        ALLOWED_HOSTS="clinic.example",
        BASE_URL="https://clinic.example",
    )
    assert result.returncode == 0, result.stderr


def test_a_real_installation_without_an_https_address_is_warned() -> None:
    result = run_check("--deploy", SECRET_KEY="x7" * 12 + "kQ9_-aZ" * 5, ALLOWED_HOSTS="clinic.example")
    assert "clinic.W002" in result.stderr


def test_a_made_key_is_kept_and_readable_by_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET_KEY")
    path = tmp_path / "var" / "secret-key"
    key = env.secret_key(path, may_be_made=True)
    assert len(key) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert env.secret_key(path, may_be_made=True) == key


def test_the_key_of_links_is_not_the_secret_key() -> None:
    assert env.derived_key(settings.SECRET_KEY, "patient links") == settings.LINK_KEY
    assert settings.LINK_KEY not in {
        settings.SECRET_KEY,
        env.derived_key(settings.SECRET_KEY, "something else"),
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("true", True), ("On", True), ("0", False), ("no", False), ("", False)],
)
def test_a_flag_is_yes_or_no(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO", value)
    assert env.flag("DEMO") is expected


def test_a_flag_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "maybe")
    with pytest.raises(ImproperlyConfigured, match="DEBUG must be 1 or 0"):
        env.flag("DEBUG")


@pytest.mark.parametrize(
    "value", ["clinic.example", "ftp://clinic.example", "https://", "https://clinic.example/?a=1"]
)
def test_a_base_url_that_links_cannot_begin_with_is_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASE_URL", value)
    with pytest.raises(ImproperlyConfigured, match="BASE_URL"):
        env.base_url("http://127.0.0.1:8000")


def test_a_base_url_loses_its_trailing_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_URL", "https://clinic.example/app/")
    assert env.base_url("") == "https://clinic.example/app"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///var/a.sqlite3", "{here}/var/a.sqlite3"),
        ("sqlite:////{here}/b.sqlite3", "/{here}/b.sqlite3"),
        ("sqlite:///:memory:", ":memory:"),
    ],
)
def test_sqlite_urls(url: str, name: str, tmp_path: Path) -> None:
    here = str(tmp_path)
    found = env.database(url.format(here=here.lstrip("/")), tmp_path)
    assert found["NAME"] == name.format(here=here if name.startswith("{") else here.lstrip("/"))
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://ann:p%40ss@db.example:5433/clinic", ("ann", "p@ss", "db.example", "5433", "clinic", {})),
        ("postgresql://ann@db.example/clinic", ("ann", "", "db.example", "", "clinic", {})),
        ("postgres://ann@%2FRun%2Fpostgresql/clinic", ("ann", "", "/Run/postgresql", "", "clinic", {})),
        ("postgres:///clinic?host=/run/postgresql", ("", "", "/run/postgresql", "", "clinic", {})),
        ("postgres://ann@/clinic?host=%2Frun%2Fpg&port=6000", ("ann", "", "/run/pg", "6000", "clinic", {})),
        ("postgres://ann@[::1]:5432/clinic", ("ann", "", "::1", "5432", "clinic", {})),
        ("postgres://h/c?sslmode=verify-full", ("", "", "h", "", "c", {"sslmode": "verify-full"})),
    ],
)
def test_postgres_urls(url: str, expected: tuple[object, ...]) -> None:
    found = env.database(url, HERE)
    assert tuple(found[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME", "OPTIONS")) == expected


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "postgres://host/", "clinic.sqlite3"])
def test_other_database_urls_are_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        env.database(url, HERE)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example/", ("mail.example", 25, "", "", False, False)),
        ("smtp://ann:p%2Fw@mail.example:587/", ("mail.example", 587, "ann", "p/w", False, True)),
        ("smtps://ann:pw@mail.example/", ("mail.example", 465, "ann", "pw", True, False)),
    ],
)
def test_mail_server_urls(url: str, expected: tuple[object, ...]) -> None:
    found = env.email(url, HERE)
    parts = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_SSL", "USE_TLS")
    assert tuple(found[f"EMAIL_{part}"] for part in parts) == expected


def test_mail_to_the_console_or_to_files() -> None:
    assert env.email("consolemail:", HERE)["EMAIL_BACKEND"].endswith("console.EmailBackend")
    assert env.email("filemail:///var/mail", HERE)["EMAIL_FILE_PATH"] == "/var/mail"


@pytest.mark.parametrize("url", ["", "mail.example", "http://mail.example/", "smtp:///"])
def test_other_mail_urls_are_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL"):
        env.email(url, HERE)


@pytest.mark.parametrize(
    ("version", "mode"),
    [((3, 40, 1), "DELETE"), ((3, 51, 2), "DELETE"), ((3, 51, 3), "WAL"), ((3, 52, 0), "WAL")],
)
def test_wal_only_where_sqlite_no_longer_corrupts_it(version: tuple[int, ...], mode: str) -> None:
    assert env.journal_mode(version) == mode


@pytest.mark.django_db
def test_the_connection_is_set_up_as_the_settings_say() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            found = {}
            for name in ("journal_mode", "synchronous", "foreign_keys", "mmap_size"):
                cursor.execute(f"PRAGMA {name}")
                found[name] = (cursor.fetchone() or ("",))[0]
            expected_mode = env.journal_mode().lower()
            assert found == {
                "journal_mode": expected_mode,
                "synchronous": 2,
                "foreign_keys": 1,
                "mmap_size": 0,
            }
        else:
            cursor.execute("SHOW TimeZone")
            assert cursor.fetchone() == ("UTC",)


@pytest.mark.django_db
def test_a_check_says_which_journal_is_in_force() -> None:
    messages = checks.journal(None, databases=["default"])
    expected = ["clinic.I001"] if connection.vendor == "sqlite" else []
    assert [message.id for message in messages] == expected


def test_zone_data_is_that_of_the_package() -> None:
    assert zoneinfo.TZPATH == ()
    assert checks.zone_data(None) == []
    # Debian's zone data of the time of writing still says 17:00: British Columbia stays on summer time.
    local = datetime(2026, 12, 7, 9, tzinfo=zoneinfo.ZoneInfo("America/Vancouver"))
    assert local.astimezone(UTC) == datetime(2026, 12, 7, 16, tzinfo=UTC)


def test_other_zone_data_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoneinfo, "TZPATH", ("/usr/share/zoneinfo",))
    assert [message.id for message in checks.zone_data(None)] == ["clinic.E002"]
