"""Parts of a visit's page: blood pressures, the dose given, and what comes next after a miss or a stop."""

from typing import Any

from scheduling.core.words import UNDER_WAY, USED, Status
from scheduling.forms.visit_records import DoseForm, PressureForm, PressureRemovalForm
from scheduling.models import Appointment, BloodPressure
from scheduling.services.amending import is_news
from scheduling.services.doses import GIVEN_IN, differs, given_words
from scheduling.services.pressures import TAKEN_IN, beyond_limits

TO_BOOK_AGAIN = (Status.MISSED, Status.NOT_GIVEN)


def records_of(
    visit: Appointment,
    pressure_form: PressureForm | None,
    removal: tuple[int, PressureRemovalForm] | None,
    dose_form: DoseForm | None,
) -> dict[str, Any]:
    """What is on record of a visit beside its times, with forms that were refused in their places; one query."""
    takes_pressure = visit.status in TAKEN_IN
    takes_dose = visit.status in GIVEN_IN
    return {
        "pressures": [
            _entry(row, visit, removal) for row in visit.blood_pressures.select_related("recorded_by")
        ],
        "pressure_form": pressure_form or (PressureForm(visit=visit) if takes_pressure else None),
        "dose_form": dose_form or (DoseForm(visit=visit) if takes_dose else None),
        "dose_given": given_words(visit),
        "dose_differs": differs(visit),
        "dose_is_news": visit.status in (Status.BOOKED, *UNDER_WAY) and is_news(visit.order),
        "is_treated": visit.status in USED,
        "can_stop": visit.status in (Status.ARRIVED, Status.IN_TREATMENT),
        "can_book_again": visit.status in TO_BOOK_AGAIN,
    }


def _entry(
    row: BloodPressure, visit: Appointment, removal: tuple[int, PressureRemovalForm] | None
) -> tuple[BloodPressure, bool, PressureRemovalForm]:
    """One entry, whether it is beyond the limits, and the form that takes it away."""
    form = removal[1] if removal and removal[0] == row.pk else PressureRemovalForm(pressure=row)
    return row, beyond_limits(row, visit.protocol), form
