"""Whether an act left everything as it was; for tests/test_bad_input.py, test_attacks.py and test_fuzz.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps

from scheduling.models import AuditEntry


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of the project; of the audit trail only acts, since looking at a patient is recorded too."""
    rows = {}
    for model in apps.get_app_config("scheduling").get_models():
        found = model._default_manager.order_by("pk")
        if model is AuditEntry:
            found = found.exclude(action="read_patient")
        rows[model.__name__] = list(found.values())
    return rows


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Fail unless every row is the same afterwards."""
    before = everything()
    yield
    assert everything() == before
