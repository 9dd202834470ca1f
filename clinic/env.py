"""Reads the settings that differ between installations from environment variables."""

import hashlib
import hmac
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

#: In WAL mode, SQLite before this release can corrupt a file that several processes write.
WAL_SAFE_SINCE = (3, 51, 3)

POSTGRES_SCHEMES = {"postgres", "postgresql"}
#: The port on which a mail server expects a client to log in after STARTTLS (RFC 6409).
SUBMISSION_PORT = 587


def text(name: str, default: str = "") -> str:
    """Return the variable without surrounding blanks; empty counts as unset."""
    return os.environ.get(name, "").strip() or default


def flag(name: str) -> bool:
    """Return True for 1, true, yes or on; False when unset, 0, false, no or off; refuse the rest."""
    value = text(name, "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def listing(name: str, default: str = "") -> list[str]:
    """Return the comma-separated parts of a variable, blanks and empty parts dropped."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def number(name: str, default: int) -> int:
    """Return a whole number that is not negative."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.")
    return int(value)


def base_url(default: str) -> str:
    """Return BASE_URL without a trailing slash. Every link in a mail or a calendar file begins with it."""
    value = text("BASE_URL", default).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"BASE_URL must look like https://clinic.example, not {value!r}.")
    return value


def secret_key(keep_in: Path, *, may_be_made: bool) -> str:
    """Return SECRET_KEY; where there is none, make one and keep it (demo, debug), or refuse (for real)."""
    if key := text("SECRET_KEY"):
        return key
    if not may_be_made:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Make one and keep it secret and unchanged: "
            'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    return _kept_key(keep_in)


def _kept_key(path: Path) -> str:
    """Return the key in `path`, written on first use and readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # O_EXCL: of two processes that start together one writes and the other reads.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text().strip()


def derived_key(secret: str, purpose: str) -> str:
    """Return a key of its own for one purpose, so that two uses of `secret` never share bytes."""
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def journal_mode(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    """Return the journal mode that is safe with this SQLite: WAL or DELETE (the rollback journal)."""
    return "WAL" if version >= WAL_SAFE_SINCE else "DELETE"


def database(url: str, base_dir: Path) -> dict[str, Any]:
    """Turn a DATABASE_URL into Django's settings of one database.

    `sqlite:///relative.sqlite3`, `sqlite:////absolute.sqlite3` and `sqlite:///:memory:`;
    `postgres://user:password@host:5432/name?sslmode=require`, where the host may be a directory of a
    unix socket, percent-encoded (`postgres://user@%2Frun%2Fpostgresql/name`) or in `?host=`.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return _sqlite(url, base_dir)
    if scheme in POSTGRES_SCHEMES:
        return _postgres(url)
    raise ImproperlyConfigured(f"DATABASE_URL must begin with sqlite:// or postgres://, not {scheme!r}.")


def _sqlite(url: str, base_dir: Path) -> dict[str, Any]:
    path = unquote(urlsplit(url).path).removeprefix("/")
    if not path:
        raise ImproperlyConfigured("DATABASE_URL names no SQLite file: sqlite:///var/clinic.sqlite3")
    name = path if path == ":memory:" else str(base_dir / path)
    if name != ":memory:":
        Path(name).parent.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "OPTIONS": {
            # A transaction takes the write lock at its start: one that asks for it halfway fails at once
            # when another has written in between, however long the timeout is.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                f"PRAGMA journal_mode={journal_mode()};PRAGMA synchronous=FULL;"
                "PRAGMA foreign_keys=ON;PRAGMA mmap_size=0;"
            ),
        },
    }


def _postgres(url: str) -> dict[str, Any]:
    # urlsplit().hostname lowers the case, and paths of sockets are case-sensitive: read the netloc itself.
    parts = urlsplit(url)
    login, _, place = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    host, port = _host_and_port(place)
    options = dict(parse_qsl(parts.query))
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database: postgres://user:password@host/name")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(user),
        "PASSWORD": unquote(password),
        "HOST": options.pop("host", host),
        "PORT": options.pop("port", port),
        "OPTIONS": options,
        # A connection is kept and looked at before each request: opening one costs more than most pages.
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _host_and_port(place: str) -> tuple[str, str]:
    """Split `host:5432`, `[::1]:5432` or `%2Frun%2Fpostgresql:5432`."""
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = place.partition(":")
    return unquote(host), port


def email(url: str, base_dir: Path) -> dict[str, Any]:
    """Turn an EMAIL_URL into Django's e-mail settings.

    `consolemail:`, `filemail:///directory`, `smtp://user:password@host:port/` (port 587 means STARTTLS)
    or `smtps://user:password@host:port/` (TLS from the first byte, port 465 by default).
    """
    parts = urlsplit(url)
    if parts.scheme == "consolemail":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme == "filemail":
        return {
            "EMAIL_BACKEND": "clinic.mail.EmlBackend",
            "EMAIL_FILE_PATH": str(base_dir / unquote(parts.path)),
        }
    if parts.scheme in {"smtp", "smtps"} and parts.hostname:
        port = parts.port or (465 if parts.scheme == "smtps" else 25)
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": parts.hostname,
            "EMAIL_PORT": port,
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_SSL": parts.scheme == "smtps",
            "EMAIL_USE_TLS": parts.scheme == "smtp" and port == SUBMISSION_PORT,
        }
    raise ImproperlyConfigured(
        "EMAIL_URL must be consolemail:, filemail:///directory, smtp://host:port/ or smtps://host:port/."
    )
