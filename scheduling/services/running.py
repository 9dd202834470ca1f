"""How every entrance runs a service: retried where the database asks for it, faults turned into words."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, IntegrityError, OperationalError

from .faults import refusal

P = ParamSpec("P")
R = TypeVar("R")

TRIES = 3
RETRY_STATES = {"40001", "40P01", "23503"}
"""PostgreSQL: serialization failure, deadlock detected, and a row that somebody deleted while we referred to it."""


def _worth_another_try(error: DatabaseError) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    return state in RETRY_STATES or "locked" in str(error)


def run(service: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call ``service`` outside any transaction, with at most three tries; the service opens its own.

    Raises Refused for every broken rule, also one that only a constraint of the database noticed.
    """
    for left in reversed(range(TRIES)):
        try:
            return service(*args, **kwargs)
        except IntegrityError as error:
            words = refusal(error)
            if words is not None:
                raise words from error
            if not left or not _worth_another_try(error):
                raise
        except OperationalError as error:
            if not left or not _worth_another_try(error):
                raise
    raise AssertionError("the last try returns or raises")
