"""No link that is a key reaches a log."""

import io
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from clinic.logs import mask

TOKEN = "17.s3cr3t-Tok_en"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that reaches the root logger, as a handler with a plain formatter prints it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"GET /v/{TOKEN}/ HTTP/1.1", "GET /v/***/ HTTP/1.1"),
        (f"GET /v/{TOKEN}/check-ins/5/ HTTP/1.1", "GET /v/***/check-ins/5/ HTTP/1.1"),
        (f"/feed/{TOKEN}.ics?x=1", "/feed/***?x=1"),
        (f"https://clinic.example/v/{TOKEN}", "https://clinic.example/v/***"),
        (f"next=%2Fv%2F{TOKEN}%2F&a=b", "next=%2Fv%2F***&a=b"),
        (f"{{'path': 'v/{TOKEN}/'}}", "{'path': 'v/***/'}"),
        ("/accounts/password/reset/key/2-abc-def/", "/accounts/password/reset/key/***/"),
        ("/static/csv/file.txt /dev/null", "/static/csv/file.txt /dev/null"),
    ],
)
def test_masking(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_a_token_in_arguments_is_masked(log: io.StringIO) -> None:
    logging.getLogger("anything").warning("%s by %d%%", f"/v/{TOKEN}/", 100)
    assert log.getvalue() == "/v/***/ by 100%\n"


def test_a_token_in_an_object_or_a_mapping_is_masked(log: io.StringIO) -> None:
    logging.getLogger("anything").warning("%(path)s", {"path": Path(f"/feed/{TOKEN}")})
    assert log.getvalue() == "/feed/***\n"


def test_a_token_in_a_traceback_is_masked(log: io.StringIO) -> None:
    try:
        raise ValueError(f"/v/{TOKEN}/")
    except ValueError:
        logging.getLogger("anything").exception("failed")
    assert "ValueError: /v/***/" in log.getvalue()
    assert TOKEN not in log.getvalue()


def test_arguments_that_do_not_fit_are_still_masked(log: io.StringIO) -> None:
    logging.getLogger("anything").warning("%d", f"/v/{TOKEN}/")
    assert log.getvalue() == "%d ('/v/***/',)\n"


def test_other_records_keep_their_arguments(log: io.StringIO) -> None:
    logging.getLogger("anything").warning("%s %s", "plain", 3)
    assert log.getvalue() == "plain 3\n"


@pytest.mark.django_db
@pytest.mark.parametrize("path", [f"/nothing/v/{TOKEN}/", f"/nothing/feed/{TOKEN}.ics"])
def test_djangos_own_not_found_is_masked(client: Client, log: io.StringIO, path: str) -> None:
    client.get(path)
    assert "Not Found: /nothing/" in log.getvalue()
    assert TOKEN not in log.getvalue()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_web_servers_access_log_is_masked() -> None:
    port = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--no-control-socket", f"--bind=127.0.0.1:{port}"),
            *("--access-logfile=-", "clinic.wsgi"),
        ],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        get(port, f"/nothing/v/{TOKEN}/?next=/feed/{TOKEN}.ics", referer=f"http://127.0.0.1/v/{TOKEN}/")
    finally:
        server.terminate()
        output, _ = server.communicate(timeout=20)
    assert '"GET /nothing/v/***/?next=/feed/*** HTTP/1.1" 404' in output
    assert TOKEN not in output


def get(port: int, path: str, *, referer: str) -> None:
    """Ask until the server answers."""
    for _ in range(100):
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path, headers={"Referer": referer})
            connection.getresponse().read()
            return
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    pytest.fail("gunicorn did not start")
