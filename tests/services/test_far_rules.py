"""Rules that reach further than a week or two: the order's first day, and gaps of a month."""

from datetime import timedelta
from typing import Any

import pytest

from scheduling.core.words import Role, Stage
from scheduling.services.booking import BookedPlace, book_series
from scheduling.services.faults import Refused
from tests.factories import (
    NOW,
    actor,
    book,
    make_chair,
    make_location,
    make_nurse,
    make_order,
    make_patient,
    make_protocol,
    make_staff,
)

pytestmark = pytest.mark.django_db

MONTHLY: dict[str, Any] = {
    "per_week": 1,
    "max_per_7_days": 1,
    "min_gap_days": 21,
    "floor_hours": 0,
    "ideal_low": 28,
    "ideal_high": 28,
    "max_gap_days": 35,
}


def test_not_even_a_prescribers_reason_opens_an_order_before_its_first_day() -> None:
    location = make_location()
    chair, nurse = make_chair(location), make_nurse(location)
    first_day = NOW.date() + timedelta(days=10)
    order = make_order(make_patient(location), make_protocol(), valid_from=first_day)
    with pytest.raises(Refused) as caught:
        book_series(
            by=actor(make_staff(Role.PRESCRIBER)),
            now=NOW,
            order=order,
            location=location,
            places=[BookedPlace(NOW + timedelta(days=3, hours=2), chair.pk, nurse.pk)],
            request_key="early",
            override_reason="the patient asks for it",
        )
    assert (caught.value.code, str(caught.value.words)) == (
        "order_not_yet",
        f"This order begins on {first_day.isoformat()}.",
    )


@pytest.mark.parametrize(("days", "codes"), [(18, {"rules_broken"}), (21, set())])
def test_a_gap_of_three_weeks_binds_a_later_course(days: int, codes: set[str]) -> None:
    location = make_location()
    chair, nurse = make_chair(location), make_nurse(location)
    patient, protocol = make_patient(location), make_protocol(**MONTHLY)
    start = NOW + timedelta(days=1, hours=2)
    book(make_order(patient, protocol, sessions=1), location, chair, nurse, [start])
    later = make_order(patient, protocol, sessions=1, stage=Stage.FOLLOW_UP)
    met = set()
    try:
        book(later, location, chair, nurse, [start + timedelta(days=days)])
    except Refused as refused:
        met = {refused.code}
    assert met == codes
