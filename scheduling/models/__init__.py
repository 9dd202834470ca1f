"""Fields, constraints and querysets. What must never be false is a constraint here."""

from .alerts import Alert, AlertQuerySet, OnCallShift
from .appointments import Appointment
from .audit import AuditEntry
from .check_ins import EFFECT_LABELS, FAULT_WORDS, GRADE_LABELS, SAFETY_LABELS, CheckIn, SideEffectReport
from .links import AccessLink
from .messages import KIND_LABELS, Attempt, CourseChange, Heartbeat, Message
from .orders import Order
from .patients import Consent, MedicationTrial, Patient, PrerequisiteRecord
from .places import Chair, Closure, Location, OpeningHours
from .plans import FollowUpPlan, PlanReview, PlanStep, TaperStep
from .protocols import Phase, Prerequisite, Protocol, ProtocolInstruction
from .seats import Claim, Hold, Seat
from .series import BookingRequest, Series
from .staff import Shift, ShiftException, StaffMember

__all__ = [
    "EFFECT_LABELS",
    "FAULT_WORDS",
    "GRADE_LABELS",
    "KIND_LABELS",
    "SAFETY_LABELS",
    "AccessLink",
    "Alert",
    "AlertQuerySet",
    "Appointment",
    "Attempt",
    "AuditEntry",
    "BookingRequest",
    "Chair",
    "CheckIn",
    "Claim",
    "Closure",
    "Consent",
    "CourseChange",
    "FollowUpPlan",
    "Heartbeat",
    "Hold",
    "Location",
    "MedicationTrial",
    "Message",
    "OnCallShift",
    "OpeningHours",
    "Order",
    "Patient",
    "Phase",
    "PlanReview",
    "PlanStep",
    "Prerequisite",
    "PrerequisiteRecord",
    "Protocol",
    "ProtocolInstruction",
    "Seat",
    "Series",
    "Shift",
    "ShiftException",
    "SideEffectReport",
    "StaffMember",
    "TaperStep",
]
