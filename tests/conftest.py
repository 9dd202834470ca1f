"""Rules of the whole suite: no silent skips, and no cache carried from one test to the next."""

import gc
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction

from . import tables

# Looking for garbage after every 700 new objects costs a twentieth of the suite.
gc.set_threshold(100_000, 50, 100)

#: The tests that may skip or fail as expected: node id -> why. Any other fails the session.
ALLOWED_SKIPS: dict[str, str] = {}

#: Files of few tests that take long. They start first: no worker ends alone with one of them. Browser tests stay
#: last: the event loop of their driver gives later tests a second connection, which keeps PostgreSQL from dropping
#: the database.
LONG_FILES = (
    "machine/test_all_services.py",
    "services/demo/test_loading.py",
    "services/demo/test_loaded.py",
    "test_fuzz.py",
    "core/planner/test_exactness.py",
    "services/messages/test_calendar_stays_true.py",
    "test_serve.py",
    "test_suite.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; see `--no-loadscope-reorder` in the Makefile."""
    turn = {Path(__file__).parent / name: number for number, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: turn.get(item.path, len(turn)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip or an expected failure that nobody allowed into a failure that says so."""
    report = yield
    if (report.skipped or hasattr(report, "wasxfail")) and item.nodeid not in ALLOWED_SKIPS:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skips and expected failures must be named in ALLOWED_SKIPS."
        vars(report).pop("wasxfail", None)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself while it is collected (`importorskip`)."""
    report = yield
    if report.outcome == "skipped" and collector.nodeid not in ALLOWED_SKIPS:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: skips must be named in ALLOWED_SKIPS."
    return report


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """Begin with a copy of the tables; migrating it then finds nothing to do."""
    test = connection.settings_dict["TEST"]
    if connection.vendor != "sqlite":
        test["TEMPLATE"] = tables.database_with_tables()
        yield
        return
    path = Path(shutil.copy(tables.file_with_tables(), test["NAME"]))
    yield
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Whether Django finds the database made: the file is, and removed above."""
    return connection.vendor == "sqlite"


@pytest.fixture(scope="module")
def kept_for_the_file(django_db_setup: None, django_db_blocker: Any) -> Callable[[], Any]:
    """For fixtures of a whole file: ``with kept_for_the_file():`` make rows that all its tests find, then yield.

    They stand in a transaction around those of the tests, each of which is rolled back to them.
    """

    @contextmanager
    def kept() -> Iterator[None]:
        with django_db_blocker.unblock():
            around = transaction.atomic()
            around.__enter__()
            try:
                yield
            finally:
                transaction.set_rollback(True)
                around.__exit__(None, None, None)

    return kept


@pytest.fixture(autouse=True)
def _no_search_in_the_background(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that outlives its test would meet the next one's tables; only browser tests look for a real repair."""
    if not request.node.get_closest_marker("browser"):
        monkeypatch.setattr("scheduling.views.repairs.start_search", lambda _asked, _now: None)


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Log-in attempts of one test must not lock the next one out."""
    cache.clear()
