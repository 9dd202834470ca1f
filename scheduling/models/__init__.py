"""Fields, constraints and querysets. What must never be false is a constraint here."""

from .appointments import Appointment
from .audit import AuditEntry
from .links import AccessLink
from .orders import Order
from .patients import Consent, MedicationTrial, Patient, PrerequisiteRecord
from .places import Chair, Closure, Location, OpeningHours
from .protocols import Phase, Prerequisite, Protocol, ProtocolInstruction
from .seats import Claim, Hold, Seat
from .series import BookingRequest, Series
from .staff import Shift, ShiftException, StaffMember

__all__ = [
    "AccessLink",
    "Appointment",
    "AuditEntry",
    "BookingRequest",
    "Chair",
    "Claim",
    "Closure",
    "Consent",
    "Hold",
    "Location",
    "MedicationTrial",
    "OpeningHours",
    "Order",
    "Patient",
    "Phase",
    "Prerequisite",
    "PrerequisiteRecord",
    "Protocol",
    "ProtocolInstruction",
    "Seat",
    "Series",
    "Shift",
    "ShiftException",
    "StaffMember",
]
