"""Runs the web server and, where there is one, the worker together, as in a demo."""

import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from types import FrameType
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import get_commands
from django.core.management.base import BaseCommand, CommandError

START_SECONDS = 30
STOP_SECONDS = 10


class Command(BaseCommand):
    help = "Runs the web server (gunicorn) and the worker, if there is one, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
        parser.add_argument("--web-workers", type=int, default=2, help="web processes (default: %(default)s)")

    def handle(self, *args: Any, host: str, port: int, web_workers: int, **options: Any) -> None:
        processes: list[subprocess.Popen[bytes]] = []
        # SIGINT too: in the background of a shell it would be ignored.
        signal.signal(signal.SIGINT, _stop)
        signal.signal(signal.SIGTERM, _stop)
        try:
            processes.append(_start("-m", "gunicorn", *_gunicorn_options(host, port, web_workers)))
            if "worker" in get_commands():
                processes.append(_start("manage.py", "worker"))
            self._wait_until_up(host, port, processes)
            self.stdout.write(self.style.SUCCESS(f"\n  http://{host}:{port}/\n\n  Ctrl-C stops it."))
            self.stdout.flush()
            _watch(processes)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping ...")
        finally:
            _end(processes)

    def _wait_until_up(self, host: str, port: int, processes: list[subprocess.Popen[bytes]]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            _refuse_ended(processes)
            if _answers(host, port):
                return
            time.sleep(0.1)
        raise CommandError(f"{host}:{port} did not answer within {START_SECONDS} s.")


def _answers(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _gunicorn_options(host: str, port: int, workers: int) -> list[str]:
    """No access log: the demo's terminal is for its log-ins. No control socket: nothing here uses it."""
    return [
        f"--bind={host}:{port}",
        f"--workers={workers}",
        "--no-control-socket",
        "--log-level=warning",
        "clinic.wsgi",
    ]


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    # In its own group: Ctrl-C reaches this command alone, which then ends the others in order.
    return subprocess.Popen([sys.executable, *arguments], cwd=settings.BASE_DIR, start_new_session=True)  # noqa: S603


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _refuse_ended(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is not None:
            raise CommandError(f"{' '.join(map(str, process.args))} ended ({process.returncode}).")  # type: ignore[arg-type]


def _watch(processes: list[subprocess.Popen[bytes]]) -> NoReturn:
    """Wait for a signal; if one process ends by itself, end all: half a demo helps nobody."""
    while True:
        _refuse_ended(processes)
        time.sleep(0.5)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask all to end at once, and make sure that they do, with what they started."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # Each leads a group of its own. Web workers notice only after 15 s that nobody leads them any more.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
