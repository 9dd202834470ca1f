"""The closed lists of the domain, as stored values; models add the labels that people read."""

from enum import StrEnum


class Role(StrEnum):
    """What a staff member may act as; one person may have several."""

    FRONT_DESK = "front_desk"
    NURSE = "nurse"
    PRESCRIBER = "prescriber"
    MANAGER = "manager"


class Route(StrEnum):
    """How the medicine is given."""

    IV = "iv"
    INTRANASAL = "intranasal"


class DoseUnit(StrEnum):
    """The unit a prescriber wrote; the program never converts one into the other."""

    MG_PER_KG = "mg_per_kg"
    MG = "mg"


class Stage(StrEnum):
    """The first series of infusions, or the weekly treatment that may follow it."""

    INDUCTION = "induction"
    FOLLOW_UP = "follow_up"


class OrderState(StrEnum):
    """Life of an order: only a signed one lets anybody book."""

    DRAFT = "draft"
    SIGNED = "signed"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    USED_UP = "used_up"


OPEN_ORDER = (OrderState.DRAFT, OrderState.SIGNED)


class Status(StrEnum):
    """Where a visit stands; the last seven are outcomes."""

    BOOKED = "booked"
    ARRIVED = "arrived"
    IN_TREATMENT = "in_treatment"
    RECOVERING = "recovering"
    DONE = "done"
    STOPPED_EARLY = "stopped_early"
    NOT_GIVEN = "not_given"
    MISSED = "missed"
    CANCELLED_IN_TIME = "cancelled_in_time"
    CANCELLED_LATE = "cancelled_late"
    CANCELLED_BY_CLINIC = "cancelled_by_clinic"


UNDER_WAY = (Status.ARRIVED, Status.IN_TREATMENT, Status.RECOVERING)
OPEN = (Status.BOOKED, *UNDER_WAY)
USED = (Status.DONE, Status.STOPPED_EARLY)
"""Only these use up one infusion of the order (facts: place freed and visit counted by outcome)."""
CANCELLED = (Status.CANCELLED_IN_TIME, Status.CANCELLED_LATE, Status.CANCELLED_BY_CLINIC)
COUNTED = (*OPEN, *USED)
"""Visits that stand against the order's number and against "one visit a day"."""


class SeatKind(StrEnum):
    """What a seat belongs to; a nurse has one hands-on seat and several monitoring seats."""

    CHAIR = "chair"
    PATIENT = "patient"
    HANDS_ON = "hands_on"
    MONITORING = "monitoring"


class LinkPurpose(StrEnum):
    """What an access link opens."""

    VISITS = "visits"
    FEED = "feed"


class RequiredBefore(StrEnum):
    """When a prerequisite has to be on record."""

    BOOKING = "booking"
    FIRST = "first"
    EVERY = "every"


class TrialOutcome(StrEnum):
    """How a medicine tried before went."""

    NO_EFFECT = "no_effect"
    PARTIAL = "partial"
    NOT_TOLERATED = "not_tolerated"
    HELPED = "helped"
    UNKNOWN = "unknown"


class Channel(StrEnum):
    """A way to reach a patient that needs their consent."""

    EMAIL = "email"
    SMS = "sms"


class ActorKind(StrEnum):
    """Who did something: a person of the staff, a patient's link, another system, or this program."""

    STAFF = "staff"
    LINK = "link"
    INTEGRATION = "integration"
    SYSTEM = "system"
