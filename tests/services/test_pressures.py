"""A wrong blood pressure is taken away once."""

import pytest

from scheduling.core.words import VitalMoment
from scheduling.models import BloodPressure
from scheduling.services.faults import Refused
from scheduling.services.pressures import record_pressure, remove_pressure
from tests.days.one_day import NINE, at, brought, nurse_of
from tests.services.clinics import Clinic

pytestmark = pytest.mark.django_db


def test_an_entry_is_removed_once() -> None:
    clinic = Clinic()
    nurse = nurse_of(clinic)
    ada = brought(clinic.book(clinic.order(), [NINE]).appointments.get(), nurse, "started_at")
    row = record_pressure(
        by=nurse, now=at(45), appointment=ada, moment=VitalMoment.DURING, systolic=120, diastolic=80
    )
    remove_pressure(by=nurse, now=at(46), pressure=BloodPressure(pk=row.pk), reason="Cuff slipped")
    with pytest.raises(Refused) as refused:
        remove_pressure(by=nurse, now=at(46), pressure=BloodPressure(pk=row.pk), reason="Cuff slipped")
    assert refused.value.code == "entry_gone"
