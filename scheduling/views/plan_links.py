"""What other pages say about the weekly plan: when the patient comes next, and where the plan is."""

from datetime import datetime
from typing import Any

from scheduling.models import Patient
from scheduling.services.plan_next import next_visit, wants_plan


def plan_words(patient: Patient, now: datetime) -> dict[str, Any]:
    """The context of ``staff/patient_plan.html``: the next visit, the plan's steps in words, whether one is wanted.

    ``planned_order``: the key of the order that a plan in force books by itself.
    """
    found = next_visit(patient, now)
    steps = list(found.plan.steps.all()) if found.plan else []
    return {
        "next": found,
        "planned_order": found.plan.order_id if found.plan and found.is_planned else None,
        "plan_steps": "; ".join(map(str, steps)),
        "wants_plan": patient.is_active and wants_plan(patient, found),
    }
