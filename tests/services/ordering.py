"""What the tests of orders say often."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from scheduling.core.words import Stage
from scheduling.models import AuditEntry, Order, Patient, Protocol
from scheduling.services.faults import Refused
from scheduling.services.running import run
from tests.factories import NOW

TODAY = NOW.date()


def written(patient: Patient, protocol: Protocol, **fields: Any) -> Order:
    defaults: dict[str, Any] = {
        "stage": Stage.INDUCTION,
        "dose_amount": Decimal("0.5"),
        "dose_unit": protocol.dose_unit,
        "weight_kg": Decimal("70"),
        "sessions": 6,
        "valid_from": TODAY,
        "valid_until": TODAY + timedelta(days=90),
    }
    return Order(patient=patient, protocol=protocol, **(defaults | fields))


def refusal(service: Any, **arguments: Any) -> Refused:
    before = AuditEntry.objects.count()
    with pytest.raises(Refused) as refused:
        run(service, now=arguments.pop("now", NOW), **arguments)
    assert AuditEntry.objects.count() == before
    return refused.value


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
