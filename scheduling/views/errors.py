"""Answers to requests that failed outside a view.

They are rendered without the request: it may be the very thing that cannot be read, and a page that
asks who is logged in would ask the database that has just failed.
"""

from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


@login_not_required
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 413 to a body that is too large and 400 to anything else that cannot be read."""
    if isinstance(exception, RequestDataTooBig):
        return _page("413.html", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return _page("400.html", HTTPStatus.BAD_REQUEST)


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 after an exception that nothing caught."""
    return _page("500.html", HTTPStatus.INTERNAL_SERVER_ERROR)


def _page(template: str, status: HTTPStatus) -> HttpResponse:
    return HttpResponse(render_to_string(template, {"clinic_name": settings.CLINIC_NAME}), status=status)
