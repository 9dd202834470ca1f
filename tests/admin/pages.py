"""Fills in the admin's forms the way a browser does: what the page offers, with some fields typed over."""

from datetime import UTC, datetime
from typing import Any

from django.forms import BaseForm
from django.test import Client

from scheduling.models import Chair, Location, StaffMember
from tests import factories

START = datetime(2026, 1, 6, 14, tzinfo=UTC)
"""A Tuesday, 09:00 in New York."""


def filled(page: Any) -> dict[str, Any]:
    """Every field of the page's form and inlines with the value the page shows."""
    data: dict[str, Any] = {}
    data |= _fields(page.context["adminform"].form)
    for inline in page.context["inline_admin_formsets"]:
        formset = inline.formset
        data |= _fields(formset.management_form)
        for form in formset.forms:
            data |= _fields(form)
    return data


def _fields(form: BaseForm) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if value is None or value is False:
            continue
        if isinstance(value, list):
            data[bound.html_name] = [getattr(one, "pk", one) for one in value]
        else:
            data[bound.html_name] = "on" if value is True else str(bound.field.prepare_value(value))
    return data


def send(client: Client, address: str, /, **typed: Any) -> Any:
    """Open the page, type, and press Save; `None` unticks or empties; two underscores stand for a dash.."""
    data = filled(client.get(address))
    data |= {name.replace("__", "-"): value for name, value in typed.items()}
    return client.post(address, {name: value for name, value in data.items() if value is not None})


def errors(page: Any) -> list[str]:
    """Everything the page says is wrong, form first, then inlines."""
    assert page.status_code == 200, f"answered {page.status_code}: nothing was refused"
    found = [text for texts in page.context["adminform"].form.errors.values() for text in texts]
    for inline in page.context["inline_admin_formsets"]:
        found += list(inline.formset.non_form_errors())
        found += [text for form in inline.formset.forms for texts in form.errors.values() for text in texts]
    return found


def said(page: Any) -> list[str]:
    """The messages of the page a redirect leads to."""
    return [str(message) for message in page.context["messages"]]


def row(prefix: str, number: int, **fields: object) -> dict[str, object]:
    """One row of an inline, as fields to type."""
    fields |= {"role": "nurse"} if prefix.startswith("shift") else {}
    return {f"{prefix}__{number}__{name}": value for name, value in fields.items()}


def book(location: Location, nurse: StaffMember, start: datetime = START) -> Chair:
    """One visit of a new patient in a chair of its own."""
    chair = factories.make_chair(location)
    order = factories.make_order(factories.make_patient(location), factories.make_protocol())
    factories.book(order, location, chair, nurse, [start])
    return chair
