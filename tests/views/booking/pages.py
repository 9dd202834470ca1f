"""What the tests of booking ask the pages for."""

from typing import Any
from uuid import uuid4

from django.test import Client

from scheduling.models import (
    Order,
    Patient,
)


def address(patient: Patient) -> str:
    """Where a patient's course is booked."""
    return f"/patients/{patient.pk}/book/"


def asked(booked: Order, **fields: Any) -> dict[str, Any]:
    """A valid question about an order, with what the test is about."""
    return {
        "action": "propose",
        "order": booked.pk,
        "location": booked.patient.home_location_id,
        "sessions": "6",
        "earliest": "2026-01-05",
        "request_key": str(uuid4()),
        **fields,
    }


def propose(client: Client, order: Order, **fields: Any) -> list[str]:
    """The signed proposals that the page offers."""
    page = client.post(address(order.patient), asked(order, **fields))
    assert page.status_code == 200
    return [card.text for card in page.context["cards"]]


def book(client: Client, patient: Patient, proposal: str, **fields: str) -> Any:
    """Press Book."""
    return client.post(address(patient), {"action": "book", "proposal": proposal, **fields})


def check(client: Client, patient: Patient, proposal: str, day: str, wall: str, session: str = "1") -> Any:
    """Check a typed time for the second session; what the page then shows of it."""
    data = {"action": "check", "session": session, "proposal": proposal, "day": day, "wall": wall}
    return client.post(address(patient), data).context["sessions"][1].opened
