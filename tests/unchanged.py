"""Whether an act left everything as it was; for tests/test_bad_input.py, test_attacks.py and test_fuzz.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps

from scheduling.models import AuditEntry, Claim, Hold


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of the project but what looking leaves: patients that were read, places of proposals on screen."""
    rows = {}
    for model in apps.get_app_config("scheduling").get_models():
        found = model._default_manager.order_by("pk")
        if model is AuditEntry:
            found = found.exclude(action__in=("read_patient", "hold_proposals"))
        elif model is Hold:
            found = found.filter(proposal_key="")
        elif model is Claim:
            found = found.exclude(hold__in=Hold.objects.exclude(proposal_key=""))
        rows[model.__name__] = list(found.values())
    return rows


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Fail unless every row is the same afterwards."""
    before = everything()
    yield
    assert everything() == before
