"""Refuses requests that no page of this project can mean."""

import codecs
from collections.abc import Callable, Iterable
from itertools import chain

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase

FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data"}
#: How much of a refused body is still read, so that the browser shows the answer and not "connection reset".
DRAIN_BYTES = 32 * 1024 * 1024


class RequestLimitsMiddleware:
    """Answers 413 to a body that is too large, and 400 to NUL characters anywhere or text that is not UTF-8.

    PostgreSQL refuses NUL in any text, so one that reaches a query is a server error; SQLite stores it
    and shows half the word.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Check, then pass the request on."""
        _refuse_large_body(request)
        _refuse_other_charset(request)
        if any("\x00" in text for text in _texts(request)):
            raise BadRequest("The request contains a NUL character.")
        return self.get_response(request)


def _refuse_large_body(request: HttpRequest) -> None:
    size = _length_of_body(request)
    with_files = request.content_type == "multipart/form-data"
    if size <= (settings.UPLOAD_MAX_BYTES if with_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE):
        return
    left = min(size, DRAIN_BYTES)
    while left > 0 and (chunk := request.read(min(left, 64 * 1024))):
        left -= len(chunk)
    raise RequestDataTooBig(f"The body has {size} bytes.")


def _length_of_body(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as error:
        raise BadRequest("The length of the body is no number.") from error


def _refuse_other_charset(request: HttpRequest) -> None:
    # Django decodes query and parts with whatever codec the header names: some are none for text, some make
    # lone surrogates, which no database takes.
    if request.encoding and codecs.lookup(request.encoding).name != "utf-8":
        request.encoding = "utf-8"  # so that the page saying so can read the request
        raise BadRequest("The request is not in UTF-8.")


def _texts(request: HttpRequest) -> Iterable[str]:
    """Yield every text of the request that could reach a query."""
    yield request.path_info
    # Cookies too: a quoted value may hold \\000, which the parser turns into NUL.
    yield from chain.from_iterable(request.COOKIES.items())
    fields = [request.GET]
    if request.method == "POST" and request.content_type in FORM_TYPES:
        fields.append(request.POST)
    for field in fields:
        for name, values in field.lists():
            yield name
            yield from (str(value) for value in values)
