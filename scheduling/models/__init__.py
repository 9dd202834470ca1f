"""Fields, constraints and querysets. What must never be false is a constraint here."""

from .alerts import Alert, AlertQuerySet, OnCallShift
from .appointments import STOP_LABELS, Appointment, BloodPressure
from .audit import AuditEntry
from .check_ins import EFFECT_LABELS, FAULT_WORDS, GRADE_LABELS, SAFETY_LABELS, CheckIn, SideEffectReport
from .disruptions import CapacityRaise, DisruptedVisit, Disruption, Presence
from .links import AccessLink
from .messages import KIND_LABELS, Attempt, CourseChange, Heartbeat, Message, MessageQuerySet
from .orders import Order
from .patients import Consent, MedicationTrial, Patient, PrerequisiteRecord
from .places import Chair, Closure, Location, LocationLabel, OpeningHours
from .plans import FollowUpPlan, PlanReview, PlanStep, TaperStep
from .protocols import Phase, Prerequisite, Protocol, ProtocolInstruction
from .repairs import RepairRun
from .seats import Claim, Hold, Seat
from .series import BookingRequest, Series, SeriesTransfer
from .staff import Shift, ShiftException, StaffMember
from .waitlist import Offer, WaitlistEntry, WaitlistEntryQuerySet

__all__ = [
    "EFFECT_LABELS",
    "FAULT_WORDS",
    "GRADE_LABELS",
    "KIND_LABELS",
    "SAFETY_LABELS",
    "STOP_LABELS",
    "AccessLink",
    "Alert",
    "AlertQuerySet",
    "Appointment",
    "Attempt",
    "AuditEntry",
    "BloodPressure",
    "BookingRequest",
    "CapacityRaise",
    "Chair",
    "CheckIn",
    "Claim",
    "Closure",
    "Consent",
    "CourseChange",
    "DisruptedVisit",
    "Disruption",
    "FollowUpPlan",
    "Heartbeat",
    "Hold",
    "Location",
    "LocationLabel",
    "MedicationTrial",
    "Message",
    "MessageQuerySet",
    "Offer",
    "OnCallShift",
    "OpeningHours",
    "Order",
    "Patient",
    "Phase",
    "PlanReview",
    "PlanStep",
    "Prerequisite",
    "PrerequisiteRecord",
    "Presence",
    "Protocol",
    "ProtocolInstruction",
    "RepairRun",
    "Seat",
    "Series",
    "SeriesTransfer",
    "Shift",
    "ShiftException",
    "SideEffectReport",
    "StaffMember",
    "TaperStep",
    "WaitlistEntry",
    "WaitlistEntryQuerySet",
]
