"""Browsers for tests of pages: who is logged in, what a page asks for and what it says."""

from typing import Any

from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from scheduling.core.words import Role
from tests.factories import make_staff

LONG = "x" * 10_000
NUL = "a\x00b"
HUGE = 10**30


def logged_in(*roles: Role) -> Client:
    """A browser of a new member of staff with these roles."""
    client = Client()
    client.force_login(make_staff(*roles).user)
    return client


def said(answer: Any) -> list[str]:
    """The messages that the next page will show."""
    return [str(message) for message in get_messages(answer.wsgi_request)]


def queries(client: Client, address: str) -> int:
    """How many of our tables' rows a page asks for, apart from who is logged in."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    ours = [query["sql"] for query in captured if '"scheduling_' in query["sql"]]
    return len([sql for sql in ours if 'FROM "scheduling_staffmember"' not in sql])
